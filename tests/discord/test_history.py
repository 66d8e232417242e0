"""`/history`: a person's own pictures, found and opened again, also after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, Scene, open_scene
from tests.discord.test_results import pictures_of
from tests.house import PASTEL, VIVID, House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def paint(scene: Scene, prompt: str, **options: object) -> VisibleMessage:
    return await scene.painted(await scene.ada.slash("imagine", prompt=prompt, steps=1, **options))


async def history(scene: Scene, **options: str) -> VisibleMessage:
    return await (await scene.ada.slash("history", **options)).reply()


async def turned(scene: Scene, page: VisibleMessage, button: str) -> VisibleMessage:
    await (await scene.ada.press(page, button)).answered()
    return await scene.control.wait_message(page.id, lambda seen: seen.text != page.text)


async def jumped(scene: Scene, page: VisibleMessage, number: str) -> str:
    """The text of the page with that number, which is another one."""
    form = await scene.ada.press(page, "Go to page")
    await form.modal()
    await scene.ada.submit(form, {"page": number})
    return (await scene.control.wait_message(page.id, lambda seen: seen.text != page.text)).text


@pytest.mark.asyncio(loop_scope="function")
async def test_history_finds_and_opens_own_pictures(tmp_path: Path) -> None:
    async with open_scene(House(tmp_path / "house")) as scene:
        async with scene.bot():
            assert "No pictures yet" in (await history(scene)).text
            for number in range(6):
                await paint(scene, f"a red star number{number}", **({"lora1": "Bat"} if number == 3 else {}))
            await paint(scene, "a moon", checkpoint=PASTEL, count=2)
            first = await history(scene)
            assert first.ephemeral and "a moon" in first.text and "2 pictures" in first.text
            assert len(first.attachments) == 5
            assert "number3" in (await history(scene, lora="Bat")).text
            found = await history(scene, search="numb star")
            assert "number5" in found.text and "moon" not in found.text
            found = await history(scene, checkpoint=PASTEL)
            assert "moon" in found.text and "number" not in found.text
            assert "None of your pictures match" in (await history(scene, search="zebra")).text
            stranger = await (await scene.grace.slash("history")).reply()
            assert "No pictures yet" in stranger.text
        scene.house.bat.unlink()
        async with scene.bot():  # pages, and what is gone, are as one would expect after a restart
            older = await turned(scene, first, "Next")
            assert "number0" in older.text and "number5" not in older.text
            again = await turned(scene, older, "Back")
            assert "a moon" in again.text and "no longer available: Bat" in again.text
            assert await jumped(scene, again, "2") == older.text and await jumped(scene, older, "1") == again.text
            found = await history(scene, search="numb star", checkpoint=VIVID)
            assert "number0" in await jumped(scene, found, "9")
            opened = await (await scene.ada.press(again, "Open")).reply()
            assert opened.ephemeral and len(opened.attachments) == 2 and "a moon" in opened.text
            assert "a moon" in (await pictures_of(opened))[0].text["parameters"]  # type: ignore[attr-defined]
            lost = await history(scene, search="number3")
            refused = await (await scene.ada.press(lost, "Again")).reply()
            assert refused.ephemeral and "no longer available here: Bat" in refused.text
            panel = await (await scene.ada.press(lost, "Edit")).reply()
            assert "number3" in panel.text and "Bat" in panel.text
            details = await (await scene.ada.press(opened, "Details")).reply()
            assert PASTEL in details.text and VIVID not in details.text


async def test_history_shows_undelivered_pictures(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "bot.ui.interactions.acknowledge.DEFER_SECONDS", PATIENCE
    )  # Discord would refuse a late reply too
    linus = scene.control.person("Linus")
    await scene.control.fault(r"/(webhooks|channels|users)/", status=403, count=1000)
    await linus.slash("imagine", prompt="a lost moon", steps=1)
    async with asyncio.timeout(PATIENCE):
        while "could not deliver this picture" not in (page := await (await linus.slash("history")).reply()).text:
            pass
    await scene.control.clear_faults()
    opened = await (await linus.press(page, "Open")).reply()
    assert opened.attachments and "a lost moon" in opened.text
