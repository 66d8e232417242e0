"""Bookmarks and LoRA pages."""

from __future__ import annotations

import pytest

from bot.playground.seen import Seen
from tests.discord.conftest import Scene
from tests.house import BASES, PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def bookmarks(scene: Scene, who: str, **options: object) -> Seen:
    reply = await (await scene.control.person(who).slash("bookmarks", **options)).reply()
    assert reply.ephemeral
    return reply


async def test_they_are_added_found_filtered_and_removed(scene: Scene) -> None:
    assert "None yet" in (await bookmarks(scene, "Linus")).text
    await bookmarks(scene, "Linus", add="Bat", note="for the cave")
    both = await bookmarks(scene, "Linus", add="Wash")
    assert both.text.index("Wash") < both.text.index("Bat"), "newest first"
    oldest = await bookmarks(scene, "Linus", sort="oldest")
    assert oldest.text.index("Bat") < oldest.text.index("Wash")
    assert "Bat" in (await bookmarks(scene, "Linus", search="cave")).text
    assert "matches" in (await bookmarks(scene, "Linus", search="nowhere")).text
    assert "Bat" not in (await bookmarks(scene, "Linus", base=f"demo/{PASTEL}")).text
    assert "matches" in (await bookmarks(scene, "Linus", category="pose")).text
    person = scene.control.person("Linus")
    await (await person.press(oldest, "Remove")).answered()
    shown = await scene.control.wait_message(oldest.id, lambda seen: "Bat" not in seen.text)
    assert "Wash" in shown.text


async def test_a_bookmark_is_used_from_its_page(scene: Scene) -> None:
    page = await bookmarks(scene, "Ada", add="Bat", search="bat")
    opener = await scene.ada.press(page, "Use now")
    assert "Bat" in (await opener.modal())["title"]
    message = await scene.painted(await scene.ada.submit(opener, {"prompt": "a bat"}))
    assert "Bat" in message.text


async def test_private_answers_are_seen_by_nobody_else(scene: Scene) -> None:
    page = await bookmarks(scene, "Ada")
    assert page.id not in {message.id for message in await scene.grace.messages()}
    assert page.id in {message.id for message in await scene.ada.messages()}


async def test_an_operator_declares_a_base_model_and_nobody_else_can(scene: Scene) -> None:
    assert "Declare base model" not in (await (await scene.ada.slash("lora info", name="riddle")).reply()).buttons
    margaret = scene.control.person("Margaret")
    page = await (await margaret.slash("lora info", name="riddle")).reply()
    opener = await margaret.press(page, "Declare base model")
    modal = await opener.modal()
    base = next(part["component"] for part in modal["components"] if part["component"]["custom_id"] == "base")
    assert [option["value"] for option in base["options"]][:2] == [BASES[VIVID], BASES[PASTEL]]
    version = next(part["component"] for part in modal["components"] if part["component"]["custom_id"] == "version")
    values = {"version": [version["options"][0]["value"]], "base": [BASES[VIVID]], "reason": "I trained it myself"}
    reply = await (await margaret.submit(opener, values)).reply()
    assert "is now Vivid" in reply.text and reply.ephemeral
    message = await scene.painted(await scene.ada.slash("imagine", prompt="a bat", lora1="riddle"))
    assert "riddle" in message.text
