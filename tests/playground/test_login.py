"""Logging in, registering commands, and the servers that a bot sees."""

import asyncio

import discord
import pytest
from discord import app_commands

from playground import default_world
from playground.shapes import HIDDEN_NAME

from .conftest import Bot, Rest, Stage, pointed_at


async def test_bot_logs_in_and_finds_its_server(stage: Stage) -> None:
    await stage.start()
    (guild,) = stage.bot.guilds
    assert guild.name == "Workshop"
    assert {channel.name for channel in guild.text_channels} == {"general", "art", "after-dark", HIDDEN_NAME}
    assert [forum.name for forum in guild.forums] == ["showcase", "gallery"]
    assert {thread.name for thread in guild.threads} == {"Sketches", "Post your favourites"}
    assert guild.me.id == int(default_world.APPLICATION_ID)
    assert discord.utils.get(guild.text_channels, name="after-dark").is_nsfw()


async def test_wrong_token_is_refused(stage: Stage) -> None:
    with pytest.raises(discord.LoginFailure):
        await stage.bot.start("not.the.token")


async def test_privileged_intents_are_refused(stage: Stage) -> None:
    async with pointed_at(stage.playground):
        curious = discord.Client(intents=discord.Intents.all())
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await curious.start(stage.playground.token)
        await curious.close()


async def test_commands_are_registered_and_read_back(stage: Stage) -> None:
    @app_commands.command()
    @app_commands.describe(prompt="Describe the picture", steps="How often")
    @app_commands.choices(size=[app_commands.Choice(name="Large", value="l")])
    @app_commands.default_permissions(manage_guild=True)
    async def imagine(
        interaction: discord.Interaction, prompt: str, steps: app_commands.Range[int, 1, 50], size: str = "l"
    ) -> None:
        """Paint"""

    stage.bot.tree.add_command(imagine)
    await stage.start()
    (found,) = await stage.bot.tree.fetch_commands()
    assert (found.name, found.description) == ("imagine", "Paint")
    assert [option.name for option in found.options] == ["prompt", "steps", "size"]
    assert found.default_member_permissions == discord.Permissions(manage_guild=True)


async def test_syncing_again_keeps_ids_and_creates_nothing(stage: Stage) -> None:
    async def answer(interaction: discord.Interaction) -> None: ...

    await stage.answering(answer)
    first = await stage.bot.tree.sync()
    second = await stage.bot.tree.sync()
    assert [one.id for one in first] == [one.id for one in second]


async def test_guild_commands_hide_global_ones_of_the_same_name(stage: Stage) -> None:
    async def answer(interaction: discord.Interaction) -> None: ...

    stage.bot.command(answer)
    await stage.start()
    guild = stage.bot.guilds[0]
    stage.bot.tree.copy_global_to(guild=guild)
    (own,) = await stage.bot.tree.sync(guild=guild)
    assert [one["id"] for one in await stage.ada.commands()] == [str(own.id)]
    assert [one["id"] for one in await stage.ada.commands("dm")] != [str(own.id)]


async def test_application_and_servers_over_rest(stage: Stage) -> None:
    await stage.start()
    application = await stage.bot.application_info()
    assert application.owner.name == "grace"
    guild = await stage.bot.fetch_guild(stage.bot.guilds[0].id)
    assert [role.name for role in guild.roles] == ["@everyone", "Artists", "Easel", "Staff"]
    member = await guild.fetch_member(int(default_world.MARGARET))
    assert member.guild_permissions.manage_guild
    with pytest.raises(discord.NotFound, match="Unknown Member"):
        await guild.fetch_member(int(default_world.KAI))
    assert len(await guild.fetch_channels()) == 6
    assert [one.name async for one in stage.bot.fetch_guilds()] == ["Workshop"]


async def test_unknown_things(rest: Rest) -> None:
    for path, code in {
        "/channels/1": 10003,
        "/guilds/1": 10004,
        "/users/1": 10013,
        f"/channels/{default_world.GENERAL}/messages/1": 10008,
        f"/guilds/{default_world.WORKSHOP}/roles/1": 10011,
        "/applications/{app}/commands/1": 10063,
        "/no/such/route": 0,
    }.items():
        status, answer = await rest("GET", path)
        assert (status, answer["code"]) == (404, code), path


async def test_two_logins_are_two_sessions(stage: Stage) -> None:
    await stage.start()
    second = Bot()
    task = asyncio.create_task(second.start(stage.playground.token))
    await second.until("ready")
    await stage.ada.say("hello")
    await stage.bot.until("message")
    await second.until("message")
    await second.close()
    await task
