"""*Delete*: one's own pictures after a question, and those that staff take down in their server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from playground import default_world
from playground.control import Person, SentInteraction
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def paint(scene: Scene, person: Person | None = None, **options: Any) -> VisibleMessage:
    return await scene.painted(await (person or scene.ada).slash("imagine", prompt=PROMPT, **options))


def files_of(scene: Scene, picture: VisibleMessage) -> list[Path]:
    names = [attachment["filename"] for attachment in picture.attachments]
    return [next(scene.settings.storage.pictures.rglob(name)) for name in names]


async def asked(person: Person, picture: VisibleMessage) -> SentInteraction:
    """Press *Delete*, which asks."""
    question = await person.press(picture, "Delete")
    await question.modal()
    return question


async def delete(scene: Scene, person: Person, picture: VisibleMessage) -> None:
    await person.submit(await asked(person, picture))
    await scene.gone(picture)


async def test_nothing_is_gone_before_the_question_is_answered(scene: Scene) -> None:
    picture = await paint(scene, count=2)
    files = files_of(scene, picture)
    await (await scene.ada.slash("history")).reply()  # makes a thumbnail
    thumbnails = {path for path in scene.settings.storage.folder.rglob("*.webp") if path.parent.parent.name != "guide"}
    question = await asked(scene.ada, picture)
    assert "Nobody can bring it back" in str(await question.modal())
    assert await scene.control.message(picture.id) is not None and all(file.exists() for file in files)
    await scene.ada.submit(question)
    await scene.gone(picture)
    assert not any(file.exists() for file in files)
    assert any(not path.exists() for path in thumbnails), "its thumbnail is gone too"


async def test_a_copy_from_the_history_deletes_the_message_too(scene: Scene) -> None:
    picture = await paint(scene)
    copy = await (await scene.ada.press(await (await scene.ada.slash("history")).reply(), "Open")).reply()
    await scene.ada.submit(await asked(scene.ada, copy))
    await scene.gone(picture)


async def test_delete_may_be_answered_twice(scene: Scene) -> None:
    picture = await paint(scene)
    seen = len(await scene.ada.messages())
    for question in [await asked(scene.ada, picture) for _ in range(2)]:
        await (await scene.ada.submit(question)).answered()
    await scene.gone(picture)
    await (await scene.ada.slash("queue")).reply()
    assert not [m for m in (await scene.ada.messages())[seen - 1 :] if "broke" in m.text]


async def test_a_picture_that_staff_took_down_is_not_painted_again_in_that_server(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    picture = await paint(scene, lora1="Bat", seed=77)
    files = files_of(scene, picture)
    page = await (await scene.ada.slash("history")).reply()
    copy = await (await scene.ada.press(page, "Open")).reply()
    before = len(await scene.ada.messages("dm"))
    await delete(scene, margaret, picture)
    assert all(file.exists() for file in files), "it stays its owner's"
    pressed = [(copy, button) for button in ("Again", "Vary", "Upscale", "Edit", "Try weights")]
    for message, button in ((page, "Again"), (page, "Edit"), *pressed):
        refused = await (await scene.ada.press(message, button)).reply()
        assert refused.ephemeral and "took this picture down" in refused.text and "/history" in refused.text, button
    letters = (await scene.ada.messages("dm"))[before:]
    assert ["Workshop" in one.text and "Bat" in one.text and "/history" in one.text for one in letters] == [True]
    assert "Margaret" not in letters[0].text and f"<@{default_world.MARGARET}>" not in letters[0].text
    elsewhere = await (await scene.ada.slash("history", in_="dm")).reply()
    assert "## Studio" in (await (await scene.ada.press(elsewhere, "Edit")).reply()).text


async def test_nobody_else_takes_up_what_staff_took_down_in_that_server(scene: Scene) -> None:
    """Neither from a message that was open before, nor from another one that shows the picture."""
    grace = scene.grace
    picture, other = await paint(scene, lora1="Bat"), await paint(scene)
    sheet = await scene.painted(await scene.ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0.3 0.6 0.9"))
    details, offer = [await (await grace.press(picture, button)).reply() for button in ("Details", "Try weights")]
    assert "Remix" in offer.buttons and "*Try weights* is there" in offer.text
    still_there = scene.playground.world.messages[other.id]
    for shown, buttons in (
        (picture, ("Again", "Vary", "Upscale", "Edit", "Try weights")),
        (sheet, ("Again", "Bat at 0.6")),
    ):
        await delete(scene, scene.control.person("Margaret"), shown)
        still_there.components = shown.components
        sent = [await grace.press(other, button) for button in buttons]
        sent += [await grace.message_command(name, other) for name in ("Remix", "Start from picture")]
        sent += [await grace.press(message, "Remix") for message in (details, offer)]
        for reply in [await one.reply() for one in sent]:
            assert reply.ephemeral and "took this picture down" in reply.text and "/history" not in reply.text


async def test_many_takedowns_ping_their_owner_once(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    mary = await scene.control.new_person("Mary")
    pictures = [await paint(scene, mary, seed=seed) for seed in (901, 902, 903)]
    for picture in pictures:
        await delete(scene, margaret, picture)
    (letter,) = await mary.messages("dm")
    letter = await scene.control.wait_message(letter.id, lambda seen: "3 pictures of yours" in seen.text)
    assert all(f"seed {seed}" in letter.text for seed in (901, 902, 903))


async def test_who_gets_no_direct_messages_is_told_after_the_next_command(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    hertha = await scene.control.new_person("Hertha")
    await scene.control.set_person("Hertha", closed_dms=True)
    picture = await paint(scene, hertha)
    await delete(scene, margaret, picture)
    await scene.control.wait_exchange(lambda exchange: exchange["method"] == "POST" and exchange["status"] == 403)
    seen = {message.id for message in await hertha.messages()}
    reply = await (await hertha.slash("queue")).reply()

    def told(messages: list[VisibleMessage]) -> list[VisibleMessage]:
        return [one for one in messages if one.id not in seen | {reply.id} and "took down a picture" in one.text]

    await scene.control.wait_exchange(
        lambda exchange: "webhooks" in exchange["path"] and "took down a picture" in str(exchange["request"])
    )
    (notice,) = told(await hertha.messages())
    assert notice.ephemeral
    await (await hertha.slash("queue")).reply()
    await (await hertha.slash("history")).reply()
    assert len(told(await hertha.messages())) == 1
