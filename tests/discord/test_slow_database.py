"""While another program locks the database, interactions are still acknowledged, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sqlite3
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.discord.conftest import PATIENCE, PROMPT, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOON = 1.3  # seconds until an interaction is acknowledged; well over the time that it takes


@pytest.fixture(scope="module", autouse=True)
def time_to_spare() -> Iterator[None]:
    """Extend Discord's time limit alone: a reply while the database is locked did not wait for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("playground.interactions.ANSWER_SECONDS", PATIENCE)
        yield


@asynccontextmanager
async def held(scene: Scene) -> AsyncGenerator[None]:
    """Lock the database for writing while the context is open."""
    other = sqlite3.connect(scene.settings.storage.database, timeout=0, isolation_level=None)
    while not other.in_transaction:  # the bot, which shares our event loop, may just be writing
        with contextlib.suppress(sqlite3.OperationalError):
            other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(0)
    try:
        yield
    finally:
        other.close()


async def test_a_job_is_ordered_while_the_database_is_locked(scene: Scene) -> None:
    async with held(scene):
        sent = await scene.ada.slash("imagine", prompt=PROMPT)
        await sent.answered()
    assert (await scene.painted(sent)).attachments


async def test_interactions_are_acknowledged_soon(scene: Scene) -> None:
    fastest = math.inf
    for _time in range(10):  # of a busy machine the fastest counts
        async with held(scene):
            began = time.monotonic()
            sent = await scene.ada.slash("imagine", prompt=PROMPT)
            await sent.answered()
            fastest = min(fastest, time.monotonic() - began)
        await scene.painted(sent)
        if fastest < SOON:
            return
    raise AssertionError(f"heard after {fastest:.1f} s at best")


async def test_a_modal_opens_while_the_database_is_locked(scene: Scene) -> None:
    page = await (await scene.grace.slash("lora info", name="Bat")).reply()
    async with held(scene):
        order = await scene.ada.slash("imagine", prompt=PROMPT)
        await order.answered()  # it waits for the database, but whoever only reads does not wait behind it
        opener = await scene.grace.press(page, "Use now")
        await opener.modal()
    await scene.painted(order)


async def test_a_late_refusal_is_ephemeral(scene: Scene) -> None:
    before = len(await scene.grace.messages())
    async with held(scene):
        older = {message.id for message in await scene.control.messages("general")}
        await (await scene.ada.slash("imagine", prompt=PROMPT, lora1="Wash")).answered()
    reply = await scene.control.wait_in_channel(
        "general", lambda seen: seen.id not in older and "Wash" in seen.text, PATIENCE
    )
    assert reply.ephemeral
    assert len(await scene.grace.messages()) == before


async def test_a_late_button_reply_arrives(scene: Scene) -> None:
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Cape"))
    async with held(scene):
        again = await scene.ada.press(picture, "Again")
        await again.answered()
    await scene.painted(again)
    async with held(scene):
        kept = await scene.grace.press(picture, "Bookmark LoRAs")
        await kept.answered()
    # not Bat, which she has bookmarked where test_buttons.py ran before
    await scene.control.wait_in_channel("general", lambda seen: "Bookmarked Cape" in seen.text, PATIENCE)


async def test_a_late_page_edit_arrives(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    page = await (await margaret.slash("bookmarks", add="Bat")).reply()
    await margaret.press(page, "Open")
    page = await scene.control.wait_message(page.id, lambda seen: "Remove" in seen.buttons, PATIENCE)
    async with held(scene):
        await (await margaret.press(page, "Remove")).answered()
    await scene.control.wait_message(page.id, lambda seen: "Removed **Bat**" in seen.text, PATIENCE)
    async with held(scene):
        sent = await margaret.slash("bookmarks", add="Bat")
        await sent.answered()
    reply = await sent.reply(PATIENCE)
    assert reply.ephemeral and "Bat" in reply.text


async def test_two_people_can_have_the_same_modal_open(scene: Scene) -> None:
    openers = []
    for person in (scene.ada, scene.grace):
        page = await (await person.slash("lora info", name="Bat")).reply()
        openers.append(await person.press(page, "Use now"))
        await openers[-1].modal()
    for person, opener in zip((scene.ada, scene.grace), openers, strict=True):
        await scene.painted(await person.submit(opener, {"prompt": PROMPT}))
