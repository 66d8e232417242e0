"""Pictures of pages are sent once: what a message shows already stays there."""

from __future__ import annotations

import pytest
from PIL import Image

from bot.playground.seen import Seen
from tests.discord.conftest import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


def uploads(scene: Scene) -> list[str]:
    """Names of all files that the bot has sent so far."""
    return [name for exchange in scene.playground.exchanges for name in exchange.files]


def pictures(seen: Seen) -> list[str]:
    return [attachment["id"] for attachment in seen.attachments]


async def test_a_picture_that_stays_is_not_sent_again(scene: Scene) -> None:
    Image.effect_noise((640, 480), 60).save(scene.house.library / "wash.preview.png")
    page = await (await scene.ada.slash("lora info", name="Wash")).reply()
    sent = uploads(scene)
    (picture,) = page.attachments
    assert picture["filename"] in sent and picture["size"] <= 200_000
    for button in ("Bookmark", "Remove bookmark"):
        await scene.ada.press(page, button)
        now = await scene.control.wait_message(page.id, lambda seen, was=button: was not in seen.buttons)
        assert pictures(now) == pictures(page), "it is still there"
    assert uploads(scene) == sent


async def test_what_the_message_shows_no_more_goes_and_the_rest_stays(scene: Scene) -> None:
    Image.new("RGB", (90, 90), (40, 90, 0)).save(scene.house.library / "bat.png")
    Image.new("RGB", (90, 90), (90, 40, 0)).save(scene.house.library / "wash.preview.png")
    for name in ("Bat", "Wash"):
        page = await (await scene.control.person("Margaret").slash("bookmarks", add=name)).reply()
    assert len(page.attachments) == 2
    sent = uploads(scene)
    await scene.control.person("Margaret").press(page, "Remove")  # the upper one: Wash
    rest = await scene.control.wait_message(page.id, lambda seen: "**Wash**" not in seen.text)
    assert pictures(rest) == pictures(page)[1:] and uploads(scene) == sent
