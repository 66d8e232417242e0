"""The queue: limits, pauses, who sees what; and the delivery of results when a route is closed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import psutil
import pytest
import pytest_asyncio

from bot.config import Settings
from playground import default_world
from playground.component_shapes import walk
from playground.control import Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, open_scene, told
from tests.house import House
from tests.log import Log

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINE, ALL = 2, 4  # pictures that may wait
QUARTER = 16 * 60  # seconds after which the answer to an interaction can be edited no more


class SmallHouse(House):
    """A house with low queue limits."""

    @property
    def settings(self) -> Settings:
        """The house's settings with low limits."""
        limits = {"waiting_per_person": MINE, "waiting_in_all": ALL, "max_age_hours": 1}
        settings = super().settings
        return settings.model_copy(update={"limits": settings.limits.model_validate(limits)})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with open_scene(SmallHouse(tmp_path_factory.mktemp("queue") / "house")) as scene:
        yield scene


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def bot(scene: Scene) -> AsyncIterator[AsyncExitStack]:
    """The bot runs until this is closed."""
    async with AsyncExitStack() as running:
        await running.enter_async_context(scene.bot())
        yield running


async def everybodys(person: Person) -> VisibleMessage:
    """The queue, as staff see it."""
    own = await told(person, "queue")
    await person.press(own, "All jobs")
    return await person.control.wait_message(own.id, lambda seen: "All jobs" not in seen.buttons, PATIENCE)


@asynccontextmanager
async def paused(scene: Scene) -> AsyncIterator[None]:
    """Pause the queue as an operator while the context is open."""
    margaret = scene.control.person("Margaret")
    for before, after in (("Pause queue", "Resume queue"), ("Resume queue", "Pause queue")):
        queue = await everybodys(margaret)
        await margaret.press(queue, before)
        await scene.control.wait_message(queue.id, lambda seen, label=after: label in seen.buttons, PATIENCE)
        if after == "Resume queue":
            yield


async def test_a_pause_lets_running_jobs_finish_and_starts_no_new_one(scene: Scene) -> None:
    runs = await told(scene.ada, "imagine", prompt=PROMPT, steps=150)
    await scene.until_painting(runs)
    async with paused(scene):
        waits = await told(scene.grace, "imagine", prompt=PROMPT)
        assert "the queue is paused" in waits.text
        assert (await scene.ended(runs)).attachments
        assert "paused" in (await told(scene.grace, "queue")).text
    assert (await scene.ended(waits)).attachments


async def test_queue_limits_are_reported_at_once(scene: Scene) -> None:
    async with paused(scene):
        orders = [await told(scene.ada, "imagine", prompt=PROMPT) for _ in range(MINE)]
        refused = await told(scene.ada, "imagine", prompt=PROMPT)
        assert refused.ephemeral and f"your limit for queued requests ({MINE})" in refused.text
        assert " in " in refused.text and "/cancel" in refused.text
        orders += [await told(scene.grace, "imagine", prompt=PROMPT) for _ in range(ALL - MINE)]
        full = await told(scene.control.person("Linus"), "imagine", prompt=PROMPT)
        assert full.ephemeral and f"The queue is full (requests: {ALL})" in full.text
        await scene.ada.press(orders[0], "Cancel")
        assert "Cancelled" in (await scene.ended(orders[0])).text
        orders[0] = await told(scene.control.person("Linus"), "imagine", prompt=PROMPT)
    for order in orders:
        assert (await scene.ended(order)).attachments


async def test_staff_see_and_cancel_all_jobs_and_others_their_own(scene: Scene) -> None:
    margaret, linus = scene.control.person("Margaret"), scene.control.person("Linus")
    async with paused(scene):
        secret = await told(scene.ada, "imagine", prompt="my secret idea")
        own = await told(linus, "queue")
        assert "nothing in the queue" in own.text and not own.buttons
        queue = await everybodys(margaret)
        assert f"<@{default_world.ADA}>" in queue.text and "my secret idea" not in queue.text and queue.pinged == []
        await margaret.press(queue, "Cancel")
        assert "Cancelled" in (await scene.ended(secret)).text
        await scene.control.wait_message(
            queue.id, lambda seen: "No one here has a request in the queue" in seen.text, PATIENCE
        )


async def test_a_job_cancelled_in_the_queue_leaves_its_list(scene: Scene) -> None:
    async with paused(scene):
        first, second = [
            await told(scene.ada, "imagine", prompt=prompt) for prompt in ("a first star", "a second star")
        ]
        queue = await told(scene.ada, "queue")
        assert "a first star" in queue.text and "a second star" in queue.text
        number = str(first.buttons["Cancel"]["custom_id"]).rpartition(":")[2]
        listed = [str(part.get("custom_id")) for part in walk(queue.components)]
        await scene.ada.press(queue, next(one for one in listed if f":{number}:" in one))
        left = await scene.control.wait_message(queue.id, lambda seen: "a first star" not in seen.text, PATIENCE)
        assert "a second star" in left.text
        assert "Cancelled" in (await scene.ended(first)).text
        await scene.ada.press(second, "Cancel")
        assert "Cancelled" in (await scene.ended(second)).text
        await scene.ada.press(left, "Cancel")
        await scene.control.wait_message(queue.id, lambda seen: "nothing in the queue" in seen.text, PATIENCE)
        await scene.control.wait_in_channel("general", lambda seen: "too late to cancel" in seen.text, PATIENCE)


async def test_a_long_queue_has_pages(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.ui.views.jobs.queue.MAX_SHOWN", 1)
    async with paused(scene):
        orders = [await told(scene.ada, "imagine", prompt=prompt) for prompt in ("a first star", "a second star")]
        queue = await told(scene.ada, "queue")
        assert "a first star" in queue.text and "a second star" not in queue.text
        await scene.ada.press(queue, "Next")
        last = await scene.control.wait_message(queue.id, lambda seen: "a second star" in seen.text, PATIENCE)
        assert "Page 2 of 2" in last.buttons and "a first star" not in last.text
        await scene.ada.press(last, "Cancel")
        left = await scene.control.wait_message(queue.id, lambda seen: "a first star" in seen.text, PATIENCE)
        assert "Next" not in left.buttons, "the page that was shown is no more"
        all_jobs = await everybodys(scene.control.person("Margaret"))
        assert f"<@{default_world.ADA}>" in all_jobs.text and "Next" not in all_jobs.buttons
        await scene.ada.press(left, "Cancel")
        for order in orders:
            assert "Cancelled" in (await scene.ended(order)).text


async def test_all_of_ones_own_jobs_are_cancelled_at_once(scene: Scene) -> None:
    async with paused(scene):
        orders = [await told(scene.ada, "imagine", prompt=PROMPT)]
        assert "Cancel all" not in (await told(scene.ada, "queue")).buttons
        orders.append(await told(scene.ada, "imagine", prompt=PROMPT))
        others = await told(scene.grace, "imagine", prompt=PROMPT)
        queue = await told(scene.ada, "queue")
        await scene.ada.press(queue, "Cancel all")
        left = await scene.control.wait_message(queue.id, lambda seen: "nothing in the queue" in seen.text, PATIENCE)
        assert "Cancelled 2 pictures." in left.text and not left.buttons
        for order in orders:
            assert "Cancelled" in (await scene.ended(order)).text
    assert (await scene.ended(others)).attachments


async def test_a_double_press_orders_one_picture(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.ui.delivery.orders.DOUBLE_PRESS_SECONDS", PATIENCE)  # a busy machine is slow
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
    async with paused(scene):
        presses = await asyncio.gather(*(scene.ada.press(picture, "Again") for _ in range(2)))
        shown = [await press.reply(PATIENCE) for press in presses]
        replies = sorted(shown, key=lambda seen: "within a second" in seen.text)
        assert "within a second" in replies[1].text and replies[1].ephemeral
        assert (await told(scene.ada, "queue")).text.count("-# ") == 1
    assert (await scene.ended(replies[0])).attachments


async def test_a_user_installed_app_delivers_late_results_by_direct_message_or_history(scene: Scene) -> None:
    kai = scene.control.person("Kai")
    async with paused(scene):
        order = await told(kai, "imagine", prompt=PROMPT, in_="tea-table")
        assert "has not been added to this server or chat" in order.text and "/history" in order.text
        await scene.control.advance_clock(QUARTER)
    assert (await scene.letter("Kai")).attachments
    await scene.control.set_person("Kai", closed_dms=True)
    with Log.listening() as log:
        async with paused(scene):
            await told(kai, "imagine", prompt="a picture for the drawer", in_="tea-table")
            await scene.control.advance_clock(QUARTER)
        await log.heard("cannot deliver the result by any route")
    drawer = await told(kai, "history", in_="tea-table")
    assert "a picture for the drawer" in drawer.text


async def test_a_private_result_is_never_posted_in_a_channel(scene: Scene) -> None:
    await told(scene.grace, "settings", results="only I see them")
    before = {seen.id for seen in await scene.ada.messages()}
    async with paused(scene):
        order = await told(scene.grace, "imagine", prompt=PROMPT)
        assert order.ephemeral
        await scene.control.advance_clock(QUARTER)
    assert (await scene.letter("Grace")).attachments
    await scene.control.set_person("Grace", closed_dms=True)
    with Log.listening() as log:
        async with paused(scene):
            await told(scene.grace, "imagine", prompt="for my eyes only")
            await scene.control.advance_clock(QUARTER)
        await log.heard("cannot deliver the result by any route")
    assert "for my eyes only" in (await told(scene.grace, "history")).text
    assert {seen.id for seen in await scene.ada.messages()} == before
    await scene.control.set_person("Grace", closed_dms=False)
    await told(scene.grace, "settings", reset=True)


async def test_a_private_answer_says_how_the_result_comes_before_it_can_no_longer_be_edited(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.ui.delivery.job_follower.LAST_EDIT_SECONDS", 0.0)
    before = {seen.id for seen in await scene.control.messages("dm", "Grace")}
    await told(scene.grace, "settings", results="only I see them")
    async with paused(scene):
        public = await told(scene.ada, "imagine", prompt=PROMPT)
        private = await told(scene.grace, "imagine", prompt=PROMPT)
        await scene.control.wait_message(private.id, lambda seen: "as a direct message" in seen.text, PATIENCE)
        await scene.control.advance_clock(QUARTER)
    assert (await scene.letter("Grace", before)).attachments
    assert (await scene.ended(public)).attachments
    await told(scene.grace, "settings", reset=True)


async def test_after_fifteen_minutes_the_message_is_edited_by_the_bots_own_token(scene: Scene) -> None:
    before = len(await scene.pictures())
    async with paused(scene):
        order = await told(scene.ada, "imagine", prompt=PROMPT)
        await scene.control.advance_clock(QUARTER)
    assert (await scene.ended(order)).attachments
    assert len(await scene.pictures()) == before + 1


async def test_users_see_that_the_worker_of_their_picture_is_silent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await scene.begun()
    workers = [each for each in psutil.Process().children() if "inference.engine" in each.cmdline()]
    worker = max(workers, key=psutil.Process.create_time)  # older ones are of tests of other files
    monkeypatch.setattr("bot.jobs.worker_slots.NOTED_SILENCE_SECONDS", 0.5)
    monkeypatch.setattr("bot.jobs.worker_slots.NOTED_SILENT_STEPS", 0)
    worker.suspend()
    try:
        told = await scene.control.wait_message(order.id, lambda seen: "not responding" in seen.text, PATIENCE)
        assert "step" in told.text, "the last step stays"
    finally:
        worker.resume()
    await scene.control.wait_message(
        order.id, lambda seen: "step" in seen.text and "not responding" not in seen.text, PATIENCE
    )
    await scene.ada.press(told, "Cancel")
    await scene.ended(order)


async def test_the_result_of_a_deleted_message_is_posted_again_once(scene: Scene) -> None:
    before = {seen.id for seen in await scene.pictures()}
    order = await told(scene.ada, "imagine", prompt=PROMPT, steps=150, count=2)
    await scene.until_painting(order)
    last = max(one["number"] for one in await scene.control.exchanges())
    await scene.control.person("Margaret").delete(order)
    found = await scene.control.wait_in_channel(
        "general", lambda seen: bool(seen.attachments) and seen.id not in before and seen.id != order.id, PATIENCE
    )
    assert len(found.attachments) == 2 and "Again" in found.buttons
    after = await scene.control.exchanges(last)
    assert len([one for one in after if "step" in str(one["request"])]) <= 1, "the one that found out"
    (posted,) = (one for one in after if one["method"] == "POST" and one["files"])
    assert posted["path"].endswith("/messages") and posted["request"]["enforce_nonce"] is True
    assert len(posted["request"]["nonce"]) == 24
    assert {seen.id for seen in await scene.pictures()} == before | {found.id}


async def test_an_expired_job_is_given_up_with_a_message(scene: Scene, bot: AsyncExitStack) -> None:
    queue = await everybodys(scene.control.person("Margaret"))
    await scene.control.person("Margaret").press(queue, "Pause queue")
    old, young = [await told(scene.ada, "imagine", prompt=PROMPT) for _ in range(2)]
    await bot.aclose()
    with closing(sqlite3.connect(scene.settings.storage.database)) as database, database:
        database.execute("UPDATE job SET created_at = created_at - 3600000 WHERE id = (SELECT max(id) - 1 FROM job)")
    async with scene.bot():
        given_up = await scene.control.wait_message(old.id, lambda seen: "Easel cancelled it" in seen.text, PATIENCE)
        assert "more than 1 h " in given_up.text and "Again" in given_up.buttons
        queue = await everybodys(scene.control.person("Margaret"))  # which is still paused
        await scene.control.person("Margaret").press(queue, "Resume queue")
        assert (await scene.ended(young)).attachments
