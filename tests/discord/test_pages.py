"""Pictures of pages are uploaded once: attachments that a message already has are kept."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from playground.visible_message import VisibleMessage
from tests.discord.conftest import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


def newest(scene: Scene) -> int:
    """The number of the bot's newest request."""
    return max(exchange.number for exchange in scene.playground.exchanges)


def uploads(scene: Scene, seen: VisibleMessage, after: int = 0) -> set[str]:
    """Names of those pictures of a page that the bot has sent after a request; a file's name identifies its content."""
    sent = {name for exchange in scene.playground.exchanges if exchange.number > after for name in exchange.files}
    return sent & {attachment["filename"] for attachment in seen.attachments}


def pictures(seen: VisibleMessage) -> list[str]:
    return [attachment["id"] for attachment in seen.attachments]


async def test_an_unchanged_picture_is_not_uploaded_again(scene: Scene) -> None:
    Image.effect_noise((640, 480), 60).save(scene.house.library / "wash.preview.png")
    page = await (await scene.ada.slash("lora info", name="Wash")).reply()
    before = newest(scene)
    (picture,) = page.attachments
    assert uploads(scene, page) == {picture["filename"]} and picture["size"] <= 200_000
    now = page
    for _ in range(2):
        button = next(label for label in ("Bookmark", "Remove bookmark") if label in now.buttons)
        await scene.ada.press(page, button)
        now = await scene.control.wait_message(page.id, lambda seen, was=button: was not in seen.buttons)
        assert pictures(now) == pictures(page), "it is still there"
    assert uploads(scene, page, before) == set()


async def test_removed_pictures_are_detached_and_others_kept(scene: Scene) -> None:
    Image.new("RGB", (90, 90), (40, 90, 0)).save(scene.house.library / "bat.png")
    Image.new("RGB", (90, 90), (90, 40, 0)).save(scene.house.library / "wash.preview.png")
    for name in ("Wash", "Bat"):
        page = await (await scene.grace.slash("bookmarks", add=name, sort="name", base="any")).reply()
    shown = dict(zip(re.findall(r"\*\*(Bat|Wash)\*\*", page.text), pictures(page), strict=True))
    before = newest(scene)
    await scene.grace.press(page, page.buttons["Open"]["custom_id"])  # the last one
    card = await scene.control.wait_message(page.id, lambda seen: "## Wash" in seen.text)
    assert pictures(card) == [shown["Wash"]] and uploads(scene, page, before) == set()
    await scene.grace.press(card, "Remove")
    rest = await scene.control.wait_message(page.id, lambda seen: "Removed **Wash**" in seen.text)
    assert "**Bat**" in rest.text and len(rest.attachments) == 1
