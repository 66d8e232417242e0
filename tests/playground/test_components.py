"""Buttons, selects, modals and components V2, with discord.py."""

import io
from typing import Any

import discord
import pytest
from discord import ui

from playground.control import ControlError, File

from .conftest import Stage
from .pictures import picture

Interaction = discord.Interaction


async def test_button_updates_its_message(stage: Stage) -> None:
    class Buttons(ui.View):
        @ui.button(label="Press", emoji="🎨")
        async def press(self, interaction: Interaction, button: ui.Button["Buttons"]) -> None:
            await interaction.response.edit_message(content=f"pressed by {interaction.user.name}", view=None)

    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("press", view=Buttons())

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    pressed = await (await stage.grace.press(reply, "Press")).reply()
    assert (pressed.id, pressed.content, pressed.components) == (reply.id, "pressed by grace", [])
    assert pressed.json["edited_timestamp"] is not None


async def test_button_defers_and_edits_later(stage: Stage) -> None:
    class Buttons(ui.View):
        @ui.button(label="Press")
        async def press(self, interaction: Interaction, button: ui.Button["Buttons"]) -> None:
            await interaction.response.defer()
            await interaction.edit_original_response(content="later")
            await interaction.followup.send("and more", ephemeral=True)

    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("press", view=Buttons(), ephemeral=True)

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    sent = await stage.ada.press(reply, "Press")
    assert (await sent.messages(1))[0].content == "and more"
    assert (await stage.control.message(reply.id)).content == "later"


async def test_a_message_may_follow_a_deferred_update(stage: Stage) -> None:
    """It is the reply then; the message with the button stays as it is."""

    class Buttons(ui.View):
        @ui.button(label="Press")
        async def press(self, interaction: Interaction, button: ui.Button["Buttons"]) -> None:
            await interaction.response.defer()
            await interaction.followup.send("late", ephemeral=True)

    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("press", view=Buttons())

    await stage.answering(answer)
    shown = await (await stage.ada.slash("do")).reply()
    assert (await (await stage.ada.press(shown, "Press")).reply()).content == "late"


async def test_select_menus(stage: Stage) -> None:
    got: list[object] = []

    class Menus(ui.View):
        @ui.select(options=[discord.SelectOption(label=one, value=one) for one in "abc"], max_values=2)
        async def letters(self, interaction: Interaction, select: ui.Select["Menus"]) -> None:
            got.append(select.values)
            await interaction.response.send_message("letters", ephemeral=True)

        @ui.select(cls=ui.UserSelect)
        async def people(self, interaction: Interaction, select: ui.UserSelect["Menus"]) -> None:
            got.append(select.values[0].display_name)
            await interaction.response.send_message("people", ephemeral=True)

    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("choose", view=Menus())

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    letters, people = reply.selects
    await (await stage.ada.select(reply, letters, "a", "c")).reply()
    await (await stage.ada.select(reply, people, "Grace")).reply()
    assert got == [["a", "c"], "Grace"]
    with pytest.raises(ControlError, match="1 to 2 choices"):
        await stage.ada.select(reply, letters, "a", "b", "c")
    with pytest.raises(ControlError, match="none of the choices"):
        await stage.ada.select(reply, letters, "z")


class Form(ui.Modal, title="A form"):
    words = ui.Label(text="Words", component=ui.TextInput(default="as before", max_length=20))
    kind = ui.Label(
        text="Kind", component=ui.Select(options=[discord.SelectOption(label=one) for one in ("Character", "Style")])
    )
    note = ui.TextDisplay("Just so you know")
    file = ui.Label(text="File", component=ui.FileUpload(required=False))

    async def on_submit(self, interaction: Interaction) -> None:
        files = [file.filename for file in self.file.component.values]
        text = f"{self.words.component.value} {self.kind.component.values} {files}"
        await interaction.response.send_message(text, ephemeral=True)


async def test_what_a_menu_shows_as_chosen_has_ids_that_javascript_reads_exactly(stage: Stage) -> None:
    kinds = discord.SelectDefaultValueType
    role = discord.SelectDefaultValue(id=1174109840998400102, type=kinds.role)  # beyond 2 ** 53
    channel = discord.SelectDefaultValue(id=1174109840998400103, type=kinds.channel)

    def menus() -> list[ui.Item[Any]]:
        return [ui.RoleSelect(default_values=[role]), ui.ChannelSelect(default_values=[channel])]

    async def answer(interaction: Interaction) -> None:
        view = ui.View()
        for menu in menus():
            view.add_item(menu)
        await interaction.response.send_message("choose", view=view)

    async def ask(interaction: Interaction) -> None:
        modal = ui.Modal(title="Choose")
        for menu in menus():
            modal.add_item(ui.Label(text="Choose", component=menu))
        await interaction.response.send_modal(modal)

    stage.bot.command(ask, "ask")
    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    modal = await (await stage.ada.slash("ask")).modal()
    expected = [[{"id": str(role.id), "type": "role"}], [{"id": str(channel.id), "type": "channel"}]]
    assert [row["components"][0]["default_values"] for row in reply.json["components"]] == expected
    assert [label["component"]["default_values"] for label in modal["components"]] == expected


async def test_modal_from_a_command(stage: Stage) -> None:
    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_modal(Form())

    await stage.answering(answer)
    opener = await stage.ada.slash("do")
    modal = await opener.modal()
    assert modal["title"] == "A form"
    words, kind, file = [part["component"]["custom_id"] for part in modal["components"] if part["type"] == 18]
    with pytest.raises(ControlError, match="1 to 20 characters"):
        await stage.ada.submit(opener, {words: "x" * 21, kind: "Style"})
    with pytest.raises(ControlError, match="1 to 1 choices"):
        await stage.ada.submit(opener, {words: "x"})
    sent = await stage.ada.submit(opener, {kind: "Style", file: [File("a.txt", b"hello")]})
    assert (await sent.reply()).content == "as before ['Style'] ['a.txt']"


async def test_modal_from_a_button_updates_the_panel(stage: Stage) -> None:
    class Rename(ui.Modal, title="Rename"):
        name = ui.TextInput(label="Name")

        async def on_submit(self, interaction: Interaction) -> None:
            await interaction.response.edit_message(content=f"now {self.name.value}")

    class Panel(ui.View):
        @ui.button(label="Rename")
        async def rename(self, interaction: Interaction, button: ui.Button["Panel"]) -> None:
            await interaction.response.send_modal(Rename())

    async def answer(interaction: Interaction) -> None:
        await interaction.response.send_message("before", view=Panel(), ephemeral=True)

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    opener = await stage.ada.press(reply, "Rename")
    field = (await opener.modal())["components"][0]["components"][0]["custom_id"]
    renamed = await (await stage.ada.submit(opener, {field: "after"})).reply()
    assert (renamed.id, renamed.content) == (reply.id, "now after")


async def test_components_v2_with_pictures(stage: Stage) -> None:
    def panel() -> ui.LayoutView:
        view = ui.LayoutView()
        section = ui.Section(ui.TextDisplay("Komori"), accessory=ui.Thumbnail("attachment://a.png"))
        gallery = ui.MediaGallery(discord.MediaGalleryItem("attachment://b.png"))
        file = ui.File("attachment://notes.txt")
        row = ui.ActionRow(ui.Button(label="Go", custom_id="go"))
        view.add_item(ui.Container(section, ui.Separator(), gallery, file, row, accent_colour=0x123456))
        return view

    async def answer(interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        files = [discord.File(io.BytesIO(picture()), name) for name in ("a.png", "b.png")]
        files.append(discord.File(io.BytesIO(b"hello"), "notes.txt"))
        await interaction.edit_original_response(view=panel(), attachments=files)

    await stage.answering(answer)
    reply = await (await stage.ada.slash("do")).reply()
    assert reply.json["flags"] & 32768 and reply.ephemeral
    assert reply.text == "Komori" and list(reply.buttons) == ["Go"]
    (container,) = reply.components
    media = container["components"][2]["items"][0]["media"]
    assert (media["width"], media["height"], media["content_type"]) == (8, 6, "image/png")
    assert container["components"][3]["name"] == "notes.txt"
    async with stage.control._session.get(media["url"]) as response:
        assert (await response.read(), response.content_type) == (picture(), "image/png")
