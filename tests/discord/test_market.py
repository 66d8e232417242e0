"""The market, with a restart of the bot in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.visible_message import VisibleMessage
from tests.discord.conftest import Scene, menu, open_scene
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar


def stocked(folder: Path) -> House:
    """Eight LoRAs for one checkpoint, three of them about light."""
    house = House(folder)
    for number in range(7):
        path = house.add_lora(f"Thing{number}", None, seed=30 + number)
        tags = ["lighting"] if number < 3 else ["camera"]
        write_sidecar(path, name=f"Thing{number}", base_model=BASES[VIVID], tags=tags)
    return house


def chosen(seen: VisibleMessage, name: str) -> str:
    options = seen.selects[menu(seen, name)]["options"]
    return next(option["value"] for option in options if option.get("default"))


async def choose(scene: Scene, page: VisibleMessage, name: str, value: str) -> VisibleMessage:
    await scene.ada.select(page, menu(page, name), value)
    return await scene.control.wait_message(page.id, lambda seen: chosen(seen, name) == value)


async def press(scene: Scene, page: VisibleMessage, button: str, then: str) -> VisibleMessage:
    await scene.ada.press(page, button)
    return await scene.control.wait_message(page.id, lambda seen: then in seen.text or then in seen.buttons)


async def filtered(scene: Scene, page: VisibleMessage, then: str, **values: str) -> VisibleMessage:
    form = await scene.ada.press(page, "Filter")
    await form.modal()
    await scene.ada.submit(form, values)
    return await scene.control.wait_message(page.id, lambda seen: then in seen.text)


async def test_the_market_works_across_a_restart(tmp_path: Path) -> None:
    async with open_scene(stocked(tmp_path / "house")) as scene:
        async with scene.bot():
            nothing = await (await scene.ada.slash("bookmarks")).reply()
            page = await (await scene.ada.press(nothing, "Market")).reply()
            assert page.ephemeral and "8 LoRAs" in page.text and "New here?" in page.text
            assert chosen(page, "so") == "top_rated" and "For Vivid" in page.text
            page = await choose(scene, page, "so", "name")
            assert "Bat" in page.text and "Wash" not in page.text, "it is for another base model"
            page = await press(scene, page, "Bookmark", then="Remove bookmark")
            page = await press(scene, page, "Next", then="page 2 of 2")
        async with scene.bot():
            page = await press(scene, page, "Back", then="page 1 of 2")
            page = await filtered(scene, page, then="other · lighting", tag="lighting")
            assert "3 LoRAs" in page.text and "Thing3" not in page.text
            page = await choose(scene, page, "ca", "-")
            page = await filtered(scene, page, then="10 LoRAs", base="-")
            form = await scene.ada.press(page, "Search")
            assert (await form.modal())["title"] == "Search the market"
            await scene.ada.submit(form, {"words": "  wsah "})
            page = await scene.control.wait_message(page.id, lambda seen: "“wsah”" in seen.text)
            assert "1 LoRA " in page.text and "Wash" in page.text
            details = await (await scene.ada.press(page, "Details")).reply()
            assert "## Wash" in details.text and f"Fits {PASTEL}" in details.text
            page = await press(scene, page, "Clear search", then="10 LoRAs")
            found = await (await scene.ada.slash("lora browse", search="thing", sort="oldest", tag="camera")).reply()
            assert "4 LoRAs" in found.text and found.text.index("Thing3") < found.text.index("Thing6")
            assert "no base model" in (await (await scene.ada.slash("lora browse", base="sdxl/nonsense")).reply()).text


@pytest.mark.asyncio(loop_scope="session")
async def test_autocomplete_filters_the_market(scene: Scene) -> None:
    bases = await scene.ada.autocomplete("lora browse", "base", "viv")
    assert [choice["value"] for choice in bases] == [BASES[VIVID]]
    assert await scene.ada.autocomplete("lora browse", "tag", "light") == []


@pytest.mark.asyncio(loop_scope="session")
async def test_the_guide_links_to_the_market(scene: Scene) -> None:
    guide = await (await scene.ada.slash("guide", chapter="goal")).reply()
    answer = await (await scene.ada.select(guide, "guide:ask:goal", "style")).reply()
    page = await (await scene.ada.press(answer, "Market")).reply()
    assert "## Market" in page.text and chosen(page, "ca") == "style"
