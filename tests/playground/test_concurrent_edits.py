"""Two concurrent presses on one message: the later edit shows its own pictures."""

from __future__ import annotations

import io
from typing import Any

import discord
from discord import ui

from bot.ui.interactions.acknowledge import replace
from tests.playground.conftest import Stage
from tests.playground.pictures import picture


def page(*names: str) -> tuple[ui.LayoutView, list[discord.File]]:
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay[Any](" and ".join(names) or "nothing"))
    if names:
        view.add_item(ui.MediaGallery[Any](*(discord.MediaGalleryItem(f"attachment://{name}") for name in names)))
    view.add_item(ui.ActionRow[Any](ui.Button(label="Press", custom_id="press")))
    return view, [discord.File(io.BytesIO(picture()), name) for name in names]


async def test_pictures_replaced_by_a_concurrent_edit_are_uploaded_again(stage: Stage) -> None:
    async def show(interaction: discord.Interaction) -> None:
        view, files = page("owl.png")
        await interaction.response.send_message(view=view, files=files)

    await stage.answering(show)
    shown = await (await stage.ada.slash("do")).reply()
    presses: list[Any] = []
    for count in (2, 3):  # the command itself was the first
        await stage.ada.press(shown, "Press")
        presses += await stage.bot.until("interaction", count)
        await presses[-1].response.defer()
    first, second = presses
    await replace(second, *page())
    assert "owl.png" not in str(await stage.control.message(shown.id))
    await replace(first, *page("owl.png", "bat.png"))
    seen = await stage.control.message(shown.id)
    assert seen and seen.text == "owl.png and bat.png"
    edits = [each for each in stage.playground.exchanges if each.method == "PATCH" and each.status == 200]
    assert [each.files for each in edits] == [[], ["owl.png", "bat.png"]]
