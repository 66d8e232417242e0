"""Responses to interactions with discord.py: every way that Easel uses."""

import io

import discord
import pytest
from discord import app_commands

from playground import default_world
from playground.control import ControlError, File

from .conftest import Stage
from .pictures import picture

Interaction = discord.Interaction


async def test_options_arrive_typed_and_resolved(stage: Stage) -> None:
    got: dict[str, object] = {}

    @app_commands.command()
    async def take(
        interaction: Interaction,
        text: str,
        whole: int,
        real: float,
        yes: bool,
        user: discord.Member,
        channel: discord.TextChannel,
        role: discord.Role,
        file: discord.Attachment,
    ) -> None:
        """Takes everything"""
        got.update(interaction.namespace.__dict__, bytes=await file.read())
        await interaction.response.send_message("taken")

    stage.bot.tree.add_command(take)
    await stage.start()
    sent = await stage.ada.slash(
        "take",
        text="hi",
        whole=3,
        real=0.5,
        yes=True,
        user="Grace",
        channel="art",
        role="Staff",
        file=File("a b.png", picture()),
    )
    assert (await sent.reply()).content == "taken"
    assert (got["text"], got["whole"], got["real"], got["yes"]) == ("hi", 3, 0.5, True)
    assert got["user"].id == int(default_world.GRACE)
    assert got["user"].resolved_permissions.administrator
    assert (got["channel"].name, got["role"].name) == ("art", "Staff")
    assert (got["file"].content_type, got["file"].width, got["file"].height) == ("image/png", 8, 6)
    assert got["bytes"] == picture()


async def test_defer_then_edit_with_a_file(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.defer()
        file = discord.File(io.BytesIO(picture()), "p.png", description="a square")
        await interaction.edit_original_response(content="done", attachments=[file])

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    assert reply.content == "done"
    assert reply.json["type"] == 20
    assert reply.json["edited_timestamp"] is None
    (file,) = reply.attachments
    assert (file["filename"], file["width"], file["description"]) == ("p.png", 8, "a square")


async def test_reply_follows_a_deleted_public_thinking(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.defer()
        await interaction.delete_original_response()
        await interaction.followup.send("for you alone", ephemeral=True)

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    assert reply.ephemeral and reply.content == "for you alone"


async def test_thinking_is_seen_before_the_answer(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)

    await stage.answering(answer)
    sent = await stage.ada.slash("do")
    await sent.answered()
    (message,) = await sent.messages(1)
    assert message.loading and message.ephemeral


async def test_ephemeral_is_seen_by_one_person_only(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("psst", ephemeral=True)

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    assert reply.visible_to == default_world.ADA
    assert [one.content for one in await stage.ada.messages()] == ["psst"]
    assert await stage.grace.messages() == []
    general = stage.bot.get_channel(int(default_world.GENERAL))
    assert [one async for one in general.history()] == []
    with pytest.raises(discord.NotFound):
        await general.fetch_message(int(reply.id))
    with pytest.raises(ControlError, match="sees no message"):
        await stage.grace.delete(reply)
    await stage.ada.delete(reply)
    assert await stage.ada.messages() == []


async def test_dismissing_is_invisible_to_the_bot(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("psst", ephemeral=True)
        await stage.ada.delete((await stage.ada.messages())[0])
        await interaction.edit_original_response(content="edited")

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    await stage.control.wait_message(reply.id, lambda seen: seen.content == "edited" and seen.dismissed)
    assert await stage.ada.messages() == []


async def test_follow_up_edit_and_delete(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("first")
        more = await interaction.followup.send("second", wait=True)
        await more.edit(content="second, mended")
        gone = await interaction.followup.send("third", wait=True)
        await gone.delete()
        await interaction.edit_original_response(content="first, mended")

    await stage.answering(answer)
    sent = await stage.ada.slash("do")
    await stage.control.wait_in_channel("general", lambda seen: seen.content == "first, mended")
    first, second = await sent.messages(3)
    assert second.content == "second, mended"
    assert second.json["message_reference"]["message_id"] == first.id


async def test_follow_up_after_deferring_takes_its_place(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send("here")

    await stage.answering(answer)
    sent = await stage.ada.slash("do")
    reply = await sent.reply()
    assert (reply.content, reply.ephemeral) == ("here", True)
    assert len(await stage.ada.messages()) == 1


async def test_original_deleted(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("soon gone")
        await interaction.delete_original_response()

    await stage.answering(answer)
    await stage.ada.slash("do")
    await stage.bot.until("raw_message_delete")
    assert await stage.ada.messages() == []


async def test_autocomplete(stage: Stage) -> None:
    seen: list[object] = []

    @app_commands.command()
    async def pick(interaction: Interaction, base: str, name: str) -> None:
        """Pick"""
        await interaction.response.send_message(name)

    @pick.autocomplete("name")
    async def suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        seen.append((interaction.namespace.base, typed))
        return [app_commands.Choice(name=f"{typed} {number}", value=str(number)) for number in range(3)]

    stage.bot.tree.add_command(pick)
    await stage.start()
    choices = await stage.ada.autocomplete("pick", "name", "ko", base="sdxl")
    assert [one["name"] for one in choices] == ["ko 0", "ko 1", "ko 2"]
    assert seen == [("sdxl", "ko")]
    free_text = await stage.ada.slash("pick", base="sdxl", name="anything else")
    assert (await free_text.reply()).content == "anything else"


async def test_subcommands(stage: Stage) -> None:
    group = app_commands.Group(name="stack", description="Sets")

    @group.command()
    async def save(interaction: Interaction, name: str) -> None:
        """Save"""
        await interaction.response.send_message(f"saved {name}")

    stage.bot.tree.add_command(group)
    await stage.start()
    reply = await (await stage.ada.slash("stack save", name="cosy")).reply()
    assert reply.content == "saved cosy"
    assert reply.json["interaction"]["name"] == "stack save"
    with pytest.raises(ControlError, match="needs a subcommand"):
        await stage.ada.slash("stack")
    with pytest.raises(ControlError, match="no subcommand 'drop'"):
        await stage.ada.slash("stack drop")
    with pytest.raises(ControlError, match="'name' is required"):
        await stage.ada.slash("stack save")


async def test_menu_commands(stage: Stage) -> None:
    @app_commands.context_menu(name="Remix this")
    async def remix(interaction: Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"remixing {message.content}", ephemeral=True)

    @app_commands.context_menu(name="Greet")
    async def greet(interaction: Interaction, user: discord.Member) -> None:
        await interaction.response.send_message(f"hello {user.display_name}")

    stage.bot.tree.add_command(remix)
    stage.bot.tree.add_command(greet)
    await stage.start()
    message = await stage.grace.say("a picture")
    reply = await (await stage.ada.message_command("Remix this", message)).reply()
    assert (reply.content, reply.json["type"]) == ("remixing a picture", 23)
    greeting = await (await stage.ada.user_command("Greet", "Grace")).reply()
    assert greeting.content == "hello Grace"


async def test_edit_keeps_and_replaces_files(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        files = [discord.File(io.BytesIO(picture()), f"{name}.png") for name in "ab"]
        await interaction.response.send_message("two", files=files)
        message = await interaction.original_response()
        new = discord.File(io.BytesIO(picture()), "c.png")
        await interaction.edit_original_response(content="three", attachments=[message.attachments[1], new])
        await interaction.edit_original_response(content="still three")

    await stage.answering(answer)
    sent = await stage.ada.slash("do")
    first = (await sent.reply()).id
    reply = await stage.control.wait_message(first, lambda seen: seen.content == "still three")
    assert [file["filename"] for file in reply.attachments] == ["b.png", "c.png"]


async def test_embed_pictures_are_not_listed_beside_it(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        embed = discord.Embed(title="T", description="D").set_image(url="attachment://p.png")
        embed.add_field(name="N", value="V")
        await interaction.response.send_message(embed=embed, file=discord.File(io.BytesIO(picture()), "p.png"))

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    assert reply.attachments == []
    assert reply.json["embeds"][0]["image"]["width"] == 8
    assert reply.text == "T\nD\nN V"


async def test_callback_response_contains_the_message(stage: Stage) -> None:
    ids: list[int] = []

    async def answer(interaction: Interaction) -> None:
        made = await interaction.response.send_message("hello")
        ids.append(made.message_id)

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    assert ids == [int(reply.id)]
