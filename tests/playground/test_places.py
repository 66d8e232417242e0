"""The same command in every kind of channel, with a real discord.py client."""

import discord
import pytest

from playground import default_world

from .conftest import Stage

PLACES = [
    # who, where, context, type of channel, who installed the app
    ("Ada", "general", "guild", discord.TextChannel, {0: default_world.WORKSHOP, 1: default_world.ADA}),
    ("Grace", "Sketches", "guild", discord.Thread, {0: default_world.WORKSHOP}),
    ("Grace", "Post your favourites", "guild", discord.Thread, {0: default_world.WORKSHOP}),
    ("Grace", "dm", "dm_channel", discord.DMChannel, {0: "0"}),
    ("Kai", "dm", "dm_channel", discord.DMChannel, {1: default_world.KAI}),
    ("Kai", "tea-table", "guild", None, {1: default_world.KAI}),
    ("Grace", "lounge", "guild", discord.VoiceChannel, {0: default_world.WORKSHOP}),
    ("Kai", "Painters", "private_channel", discord.GroupChannel, {1: default_world.KAI}),
    ("Kai", default_world.ADA_AND_KAI, "private_channel", discord.DMChannel, {1: default_world.KAI}),
]


@pytest.mark.parametrize(("who", "where", "context", "kind", "owners"), PLACES, ids=[f"{p[0]} {p[1]}" for p in PLACES])
async def test_answers_follow_ups_and_buttons(
    stage: Stage, who: str, where: str, context: str, kind: type | None, owners: dict[int, str]
) -> None:
    got: list[discord.Interaction] = []

    class Buttons(discord.ui.View):
        @discord.ui.button(label="Press")
        async def press(self, interaction: discord.Interaction, button: discord.ui.Button["Buttons"]) -> None:
            got.append(interaction)
            await interaction.response.edit_message(content="pressed")

    async def answer(interaction: discord.Interaction) -> None:
        got.append(interaction)
        await interaction.response.defer()
        await interaction.edit_original_response(content="hello", view=Buttons())
        await interaction.followup.send("more")

    await stage.answering(answer)
    person = stage.control.person(who)
    sent = await person.slash("do", in_=where)
    _, more = await sent.messages(2)
    pressed = await (await person.press(await sent.reply(), "Press")).reply()
    assert (pressed.content, more.content) == ("pressed", "more")
    first, second = got
    assert getattr(first.context, context) and getattr(second.context, context)
    assert first._integration_owners == {key: int(value) for key, value in owners.items()}
    assert kind is None or isinstance(first.channel, kind)
    assert (first.guild is None) == (context != "guild")
    assert first.filesize_limit == 10 * 1024 * 1024


async def test_a_user_installed_bot_cannot_post_in_the_channel(stage: Stage) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("here")
        await interaction.channel.send("and here")

    await stage.answering(answer)
    await stage.kai.slash("do", in_="tea-table")
    refused = await stage.control.wait_exchange(lambda one: one["status"] == 403)
    assert refused["answer"]["code"] == 50001
