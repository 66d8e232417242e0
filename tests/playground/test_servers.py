"""Servers that the bot is added to and removed from, and their own age restriction."""

import discord
import pytest

from playground import default_world
from playground.control import Control, ControlError
from playground.models import NsfwLevel

from .conftest import Rest, Stage

WORKSHOP, TEA_ROOM = default_world.WORKSHOP, default_world.TEA_ROOM


async def test_the_bot_joins_a_new_server_and_is_removed_again(stage: Stage) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        button = discord.ui.Button[discord.ui.View](label="Press", custom_id="x")
        await interaction.response.send_message("hello", view=discord.ui.View().add_item(button))

    await stage.answering(answer)
    made = await stage.control.new_server("Harbour", "Ada", "pier")
    await stage.control.set_member("Linus", guild="Harbour")
    await stage.control.add_bot("Harbour")
    (guild,) = await stage.bot.until("guild_join")
    assert (guild.id, guild.name, guild.owner_id) == (int(made), "Harbour", int(default_world.ADA))
    assert [channel.name for channel in guild.text_channels] == ["pier"]
    linus, ada = stage.control.person("Linus"), stage.ada
    message = await (await linus.slash("do", in_="pier")).reply()
    assert (await stage.bot.until("interaction"))[0]._integration_owners == {0: int(made)}

    await stage.control.remove_bot("Harbour")
    (left,) = await stage.bot.until("guild_remove")
    assert left == guild and stage.bot.get_guild(guild.id) is None
    with pytest.raises(discord.NotFound) as unknown:
        await stage.bot.fetch_guild(guild.id)
    assert unknown.value.code == 10004
    with pytest.raises(discord.Forbidden) as refused:
        await guild.fetch_member(int(default_world.ADA))
    assert refused.value.code == 50001
    with pytest.raises(discord.Forbidden):
        await guild.text_channels[0].send("anybody?")

    with pytest.raises(ControlError, match="installed neither here nor for this person"):
        await linus.slash("do", in_="pier")
    with pytest.raises(ControlError, match="Unknown integration"):
        await linus.press(message, "Press")
    await ada.slash("do", in_="pier")
    await ada.press(message, "Press")
    for count in (2, 3):
        (by_ada,) = await stage.bot.until("interaction", count)
        assert by_ada._integration_owners == {1: int(default_world.ADA)}
        assert by_ada.is_user_integration() and not by_ada.is_guild_integration()


async def test_the_bot_is_in_a_server_once(control: Control) -> None:
    with pytest.raises(ControlError, match="Workshop has the bot already"):
        await control.add_bot("Workshop")
    with pytest.raises(ControlError, match="Easel is not in Tea Room"):
        await control.remove_bot("Tea Room")


async def test_a_server_tells_its_age_restriction(stage: Stage) -> None:
    await stage.start()
    guild = stage.bot.get_guild(int(WORKSHOP))
    assert guild.nsfw_level is discord.NSFWLevel.default
    await stage.control.set_age_restriction(NsfwLevel.AGE_RESTRICTED)
    (_, updated) = await stage.bot.until("guild_update")
    assert updated.nsfw_level is discord.NSFWLevel.age_restricted
    assert (await stage.bot.fetch_guild(guild.id)).nsfw_level is discord.NSFWLevel.age_restricted
    await stage.control.set_age_restriction(NsfwLevel.EXPLICIT, guild="Tea Room")
    await stage.control.add_bot("Tea Room")
    (joined,) = await stage.bot.until("guild_join")
    assert joined.nsfw_level is discord.NSFWLevel.explicit
    assert len([name for name, _ in stage.bot.seen if name == "guild_update"]) == 1, "not of a server without it"
    with pytest.raises(ControlError, match="no level of age restriction 4"):
        await stage.control.set_age_restriction(4)


async def test_all_of_an_age_restricted_server_is(rest: Rest, control: Control) -> None:
    await rest("PUT", "/applications/{app}/commands", [{"name": "do", "description": "Does it", "nsfw": True}])
    places = ("general", "Sketches", "after-dark", "tea-table", "dm")

    async def offering() -> set[str]:
        return {place for place in places if await control.person("Ada").commands(place)}

    for level in (NsfwLevel.DEFAULT, NsfwLevel.SAFE):
        await control.set_age_restriction(level)
        assert await offering() == {"after-dark"}
    for level in (NsfwLevel.EXPLICIT, NsfwLevel.AGE_RESTRICTED):
        await control.set_age_restriction(level)
        assert (await rest("GET", f"/guilds/{WORKSHOP}"))[1]["nsfw"]
        assert await offering() == {"general", "Sketches", "after-dark"}
    await control.set_age_restriction(NsfwLevel.EXPLICIT, guild="Tea Room")
    assert "tea-table" in await offering(), "also without the bot"
