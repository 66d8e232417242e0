"""*Delete*: one's own pictures after a question, and those that staff take down in their server."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from playground import default_world
from playground.control import Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, asked, confirmed, remove, use_picture
from tests.discord.test_server import chosen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def paint(scene: Scene, person: Person | None = None, **options: Any) -> VisibleMessage:
    return await scene.painted(await (person or scene.ada).slash("imagine", prompt=PROMPT, **options))


def files_of(scene: Scene, picture: VisibleMessage) -> list[Path]:
    names = [attachment["filename"] for attachment in picture.attachments]
    return [next(scene.settings.storage.pictures.rglob(name)) for name in names]


async def delete(scene: Scene, person: Person, picture: VisibleMessage) -> None:
    """Take a picture down as staff."""
    await remove(person, picture)
    await scene.gone(picture)


async def hidden(scene: Scene, message: VisibleMessage) -> VisibleMessage:
    """Wait until a message shows no picture any more, but *Undo*."""
    seen = await scene.control.wait_message(message.id, lambda seen: "Undo" in seen.buttons, PATIENCE)
    assert not seen.attachments and set(seen.buttons) == {"Undo"} and PROMPT not in seen.text
    return seen


async def rows(scene: Scene, sql: str) -> list[tuple[object, ...]]:
    """Run a statement beside the bot, in a thread: the bot may be in a transaction, which this loop has to end."""

    def run() -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(scene.settings.storage.database)) as connection, connection:
            return connection.execute(sql).fetchall()

    return await asyncio.to_thread(run)


async def undo_in_vain(scene: Scene, message: VisibleMessage) -> None:
    """Let the time for *Undo* be over, and press it in a client that shows it all the same."""
    await rows(scene, "UPDATE job SET delete_at = 1 WHERE delete_at IS NOT NULL")
    assert "permanently deleted" in (await scene.forged(scene.ada, message.buttons["Undo"]["custom_id"])).text


async def test_nothing_is_gone_before_the_time_for_undo_is_over(scene: Scene) -> None:
    picture = await paint(scene, count=2)
    files, number = files_of(scene, picture), str(picture.buttons["Delete"]["custom_id"]).partition(":")[2]
    page = await (await scene.ada.slash("history")).reply()  # makes a thumbnail
    copy = await (await scene.ada.press(page, "Open")).reply()
    thumbnails = {path for path in scene.settings.storage.folder.rglob("*.webp") if path.parent.parent.name != "guide"}
    question = await asked(scene.ada, picture)
    assert "You can restore the picture for 10 minutes" in question.text
    assert (await scene.control.wait_message(picture.id, lambda seen: True)).attachments
    await confirmed(scene.ada, question)
    shown = await hidden(scene, picture)
    assert all(file.exists() for file in files)
    listed = await (await scene.ada.slash("history")).reply()
    assert f"edit:{number}" not in str(listed.json) and f"edit:{number}" in str(page.json)
    for message, button in ((copy, "Again"), (copy, "Delete"), (page, "Edit"), (copy, "Details")):
        refused = await (await scene.ada.press(message, button)).reply()
        assert refused.ephemeral and "no longer in the database" in refused.text, button
    await undo_in_vain(scene, shown)
    await scene.gone(picture)
    assert not any(file.exists() for file in files)
    assert any(not path.exists() for path in thumbnails), "its thumbnail is gone too"
    assert await rows(scene, f"SELECT * FROM job WHERE id = {number}") == []


async def test_undo_brings_everything_back(scene: Scene) -> None:
    picture = await paint(scene)
    before = (await scene.control.wait_message(picture.id, lambda seen: True)).text
    await confirmed(scene.ada, await asked(scene.ada, picture))
    shown = await hidden(scene, picture)
    refused = await (await scene.grace.press(shown, "Undo")).reply()
    assert refused.ephemeral and "Only the picture's author can restore it" in refused.text
    await scene.ada.press(shown, "Undo")
    back = await scene.control.wait_message(picture.id, lambda seen: "Delete" in seen.buttons, PATIENCE)
    assert back.attachments and back.text == before and back.buttons.keys() == picture.buttons.keys()
    listed = await (await scene.ada.slash("history")).reply()
    assert str(picture.buttons["Edit"]["custom_id"]) in str(listed.json)


async def test_a_copy_from_the_history_hides_the_message_too(scene: Scene) -> None:
    picture = await paint(scene)
    copy = await (await scene.ada.press(await (await scene.ada.slash("history")).reply(), "Open")).reply()
    await confirmed(scene.ada, await asked(scene.ada, copy))
    await hidden(scene, picture)
    copy = await hidden(scene, copy)
    await scene.ada.press(await hidden(scene, picture), "Undo")
    assert (await scene.control.wait_message(picture.id, lambda seen: "Delete" in seen.buttons, PATIENCE)).attachments
    assert "has not been deleted" in (await (await scene.ada.press(copy, "Undo")).reply()).text


async def test_undo_from_a_copy_shows_the_message_again(scene: Scene) -> None:
    picture = await paint(scene)
    copy = await (await scene.ada.press(await (await scene.ada.slash("history")).reply(), "Open")).reply()
    await confirmed(scene.ada, await asked(scene.ada, copy))
    await hidden(scene, picture)
    await scene.ada.press(await hidden(scene, copy), "Undo")
    assert (await scene.control.wait_message(picture.id, lambda seen: "Delete" in seen.buttons, PATIENCE)).attachments
    assert (
        "You restored the picture"
        in (await scene.control.wait_message(copy.id, lambda seen: not seen.buttons, PATIENCE)).text
    )


async def test_a_private_picture_is_hidden_and_brought_back(scene: Scene) -> None:
    ingrid = await scene.control.new_person("Ingrid")
    await (await ingrid.slash("settings", results="only I see them")).reply()
    picture = await paint(scene, ingrid)
    assert picture.ephemeral
    await confirmed(ingrid, await asked(ingrid, picture))
    await ingrid.press(await hidden(scene, picture), "Undo")
    assert (
        "You restored the picture"
        in (await scene.control.wait_message(picture.id, lambda seen: not seen.buttons, PATIENCE)).text
    )
    assert (await (await ingrid.press(await (await ingrid.slash("history")).reply(), "Open")).reply()).attachments


async def test_delete_may_be_answered_twice(scene: Scene) -> None:
    picture = await paint(scene)
    seen = len(await scene.ada.messages())
    for question in [await asked(scene.ada, picture) for _ in range(2)]:
        await (await confirmed(scene.ada, question)).answered()
    await undo_in_vain(scene, await hidden(scene, picture))
    await scene.gone(picture)
    await (await scene.ada.slash("queue")).reply()
    assert not [m for m in (await scene.ada.messages())[seen - 1 :] if "went wrong" in m.text]


async def test_a_picture_that_staff_took_down_is_not_painted_again_in_that_server(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    caroline = await scene.control.new_person("Caroline")  # has no letter yet in which this picture could be listed
    picture = await paint(scene, caroline, lora1="Bat", seed=77)
    files = files_of(scene, picture)
    page = await (await caroline.slash("history")).reply()
    copy = await (await caroline.press(page, "Open")).reply()
    await delete(scene, margaret, picture)
    assert all(file.exists() for file in files), "it stays its owner's"
    pressed = [(copy, button) for button in ("Again", "Vary", "Upscale", "Edit", "Try weights")]
    for message, button in ((page, "Again"), (page, "Edit"), *pressed):
        refused = await (await caroline.press(message, button)).reply()
        assert refused.ephemeral and "removed this picture" in refused.text and "/history" in refused.text, button
    async with asyncio.timeout(PATIENCE):
        while not (letters := await caroline.messages("dm")):
            await (await caroline.slash("queue")).reply()
    assert ["Workshop" in one.text and "Bat" in one.text and "/history" in one.text for one in letters] == [True]
    assert "Margaret" not in letters[0].text and f"<@{default_world.MARGARET}>" not in letters[0].text
    elsewhere = await (await caroline.slash("history", in_="dm")).reply()
    assert "## Studio" in (await (await caroline.press(elsewhere, "Edit")).reply()).text


async def test_nobody_else_takes_up_what_staff_took_down_in_that_server(scene: Scene) -> None:
    """Neither from a message that was open before, nor from another one that shows the picture."""
    grace = scene.grace
    picture, other = await paint(scene, lora1="Bat"), await paint(scene)
    sheet = await scene.painted(await scene.ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0.3 0.6 0.9"))
    details, offer = [await (await grace.press(picture, button)).reply() for button in ("Details", "Try weights")]
    assert "Remix" in offer.buttons and "press *Try weights* under a LoRA" in offer.text
    still_there = scene.playground.world.messages[other.id]
    for shown, buttons in (
        (picture, ("Again", "Vary", "Upscale", "Edit", "Try weights")),
        (sheet, ("Again", "Bat at 0.6")),
    ):
        await delete(scene, scene.control.person("Margaret"), shown)
        still_there.components = shown.components
        sent = [await grace.press(other, button) for button in buttons]
        sent += [await use_picture(grace, other, name) for name in ("Remix", "Start from it")]
        sent += [await grace.press(message, "Remix") for message in (details, offer)]
        for reply in [await one.reply() for one in sent]:
            assert reply.ephemeral and "removed this picture" in reply.text and "/history" not in reply.text


async def test_the_author_reads_why_staff_took_a_picture_down(scene: Scene) -> None:
    """Also when and where it was generated, and its prompt. The audit log has the reason."""
    margaret = scene.control.person("Margaret")
    emmy = await scene.control.new_person("Emmy")
    picture = await paint(scene, emmy, seed=905)
    refused = await (await remove(margaret, picture, reason="   ")).reply(PATIENCE)
    assert refused.ephemeral and "Please give a reason" in refused.text
    assert (await scene.control.wait_message(picture.id, lambda seen: True)).attachments
    await remove(margaret, picture, reason="Too  *gory* for this channel")
    await scene.gone(picture)
    async with asyncio.timeout(PATIENCE):
        while not (letters := await emmy.messages("dm")):
            await (await scene.ada.slash("queue")).reply()
    (letter,) = letters
    assert "> Reason: Too \\*gory\\* for this channel" in letter.text and f"> {PROMPT}" in letter.text
    assert "> generated on <t:" in letter.text and f"in <#{default_world.GENERAL}>" in letter.text
    assert "Margaret" not in letter.text and default_world.MARGARET not in letter.text
    log = await chosen(margaret, await (await margaret.slash("server")).reply(PATIENCE), "svsection", "audit")
    assert "reason: — → Too \\*gory\\* for this channel" in log.text


async def test_many_takedowns_ping_their_owner_once(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    mary = await scene.control.new_person("Mary")
    pictures = [await paint(scene, mary, seed=seed) for seed in (901, 902, 903)]
    for picture in pictures:
        await delete(scene, margaret, picture)
    async with asyncio.timeout(PATIENCE):
        while not await mary.messages("dm"):
            await (await scene.ada.slash("queue")).reply()
    (letter,) = await mary.messages("dm")
    letter = await scene.control.wait_message(letter.id, lambda seen: "3 of your pictures" in seen.text)
    assert all(f"seed {seed}" in letter.text for seed in (901, 902, 903))
    logged = "SELECT actor_id FROM audit WHERE action = 'remove_picture' ORDER BY id DESC LIMIT 3"
    assert await rows(scene, logged) == [(int(default_world.MARGARET),)] * 3


@pytest.mark.parametrize(("name", "seconds"), [("Hertha", PATIENCE), ("Lise", 0.0)], ids=["at once", "deferred"])
async def test_who_gets_no_direct_messages_is_told_after_the_next_command(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, seconds: float
) -> None:
    """In a message of its own, also when the answer to the command was announced before it came."""
    monkeypatch.setattr("bot.ui.interactions.acknowledge.DEFER_SECONDS", seconds)
    margaret = scene.control.person("Margaret")
    hertha = await scene.control.new_person(name)
    await scene.control.set_person(name, closed_dms=True)
    picture = await paint(scene, hertha)
    before = max(exchange["number"] for exchange in await scene.control.exchanges())
    await delete(scene, margaret, picture)
    await scene.control.wait_exchange(
        lambda exchange: exchange["number"] > before and exchange["method"] == "POST" and exchange["status"] == 403
    )
    seen = {message.id for message in await hertha.messages()}
    reply = await (await hertha.slash("queue")).reply()

    def told(messages: list[VisibleMessage]) -> list[VisibleMessage]:
        return [one for one in messages if one.id not in seen | {reply.id} and "one of your pictures" in one.text]

    (notice,) = await scene.control.wait(
        lambda since: scene.control.get("messages", channel="general", as_=name, since=since, timeout=PATIENCE),
        lambda answer: told([VisibleMessage(one) for one in answer["messages"]]) or None,
        PATIENCE,
    )
    answer = await scene.control.message(reply.id)
    assert notice.ephemeral and answer is not None and answer.text == reply.text, "it is not written over the answer"
    await (await hertha.slash("queue")).reply()
    await (await hertha.slash("history")).reply()
    assert len(told(await hertha.messages())) == 1
