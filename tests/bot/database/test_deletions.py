"""Deletions: what is still to go is kept, also when a takedown and its owner's deletion meet."""

from __future__ import annotations

import aiosqlite

from bot.database.clock import now_ms
from bot.database.connection import fetch, write
from bot.database.deletions import (
    begin_deletion,
    due_jobs,
    end_deletion,
    find_hidden_job,
    hide_job,
    next_due,
    pending_deletions,
    undo_deletion,
)
from bot.database.history import Wanted, history_page, numbered_page
from bot.database.inputs import is_named
from bot.database.jobs import create_job, find_job, start_job
from bot.database.pictures import NewPicture, pictures_of_job
from inference.messages.request import SourceImage
from tests.bot.database.conftest import finish, request_for, sha

CHANNEL, MESSAGE, PATH = 5, 6, "0/a.png"


async def painted(connection: aiosqlite.Connection, *, prompt: str = "a fox", image: str | None = None) -> int:
    request = request_for(prompt=prompt)
    if image:
        request = request.model_copy(update={"image": SourceImage(sha256=image, strength=0.5)})
    job = await create_job(connection, request, person_id=1, channel_id=CHANNEL)
    await start_job(connection, job.id)
    new = [NewPicture(path=PATH, width=64, height=64, seed=7)]
    await finish(connection, job.id, 1, new, seconds=1, peak_memory=0)
    return job.id


async def test_an_owner_deletes_what_is_being_taken_down(connection: aiosqlite.Connection) -> None:
    job = await painted(connection)
    message_alone = await begin_deletion(connection, job, CHANNEL, MESSAGE, message_alone=True)
    assert message_alone is not None and message_alone.paths == () and len(await pictures_of_job(connection, job)) == 1
    whole = await begin_deletion(connection, job, CHANNEL, MESSAGE)
    assert whole is not None and whole.paths == (PATH,) and await pictures_of_job(connection, job) == ()
    await end_deletion(connection, message_alone)
    assert await pending_deletions(connection) == (whole,), "its files are still to go"
    await end_deletion(connection, whole)
    assert await pending_deletions(connection) == ()


async def test_a_takedown_of_what_is_being_deleted_keeps_its_files_to_go(connection: aiosqlite.Connection) -> None:
    job = await painted(connection)
    whole = await begin_deletion(connection, job, CHANNEL, MESSAGE)
    for message_alone in (True, False):
        assert await begin_deletion(connection, job, CHANNEL, MESSAGE, message_alone=message_alone) == whole


async def found(connection: aiosqlite.Connection, search: str = "") -> int:
    by_page = await history_page(connection, 1, Wanted(search), limit=5)
    assert by_page == await numbered_page(connection, 1, Wanted(search), limit=5, page=9)
    return len(by_page.jobs)


async def test_what_is_deleted_is_out_of_sight_and_can_be_brought_back(connection: aiosqlite.Connection) -> None:
    job, other = await painted(connection), await painted(connection)
    assert await hide_job(connection, job, now_ms() + 60_000) and not await hide_job(connection, job, 1)
    assert await find_job(connection, job) is None and await find_hidden_job(connection, job) is not None
    assert await found(connection) == await found(connection, "fox") == 1 and await find_job(connection, other)
    assert await due_jobs(connection, held_since=0) == () and len(await pictures_of_job(connection, job)) == 1, (
        "nothing is gone"
    )
    brought_back = await undo_deletion(connection, job)
    assert brought_back is not None and brought_back == await find_job(connection, job)
    assert await found(connection) == await found(connection, "fox") == 2
    assert await undo_deletion(connection, job) is None and await find_hidden_job(connection, job) is None


async def test_after_its_time_nothing_brings_it_back(connection: aiosqlite.Connection) -> None:
    job, later = await painted(connection), await painted(connection)
    await hide_job(connection, job, now_ms() - 1)
    await hide_job(connection, later, now_ms() + 60_000)
    assert await undo_deletion(connection, job) is None
    assert [due.id for due in await due_jobs(connection, held_since=0)] == [job]
    assert (await next_due(connection) or 0) > now_ms()


async def test_the_prompt_goes_with_the_pictures_and_the_quota_stays(connection: aiosqlite.Connection) -> None:
    job = await painted(connection, prompt="a zebrafinch", image=sha("given"))
    used = [tuple(row) for row in await fetch(connection, "SELECT * FROM daily_usage")]
    deletion = await begin_deletion(connection, job, CHANNEL, MESSAGE)
    assert deletion is not None and [file.path for file in deletion.files] == [PATH, sha("given")]
    for table in ("job", "picture", "delivery", "job_order"):
        assert await fetch(connection, f"SELECT * FROM {table}") == [], table
    assert not await fetch(connection, "SELECT 1 FROM job_text_data WHERE instr(block, CAST('zebrafinch' AS BLOB))")
    assert [tuple(row) for row in await fetch(connection, "SELECT * FROM daily_usage")] == used != []
    assert not await is_named(connection, sha("given"))


async def test_what_is_being_painted_stays(connection: aiosqlite.Connection) -> None:
    """A press of a forged button, for no message of such a job has one."""
    job = await create_job(connection, request_for(), person_id=1, channel_id=CHANNEL)
    for _ in range(2):
        assert not await hide_job(connection, job.id, 1)
        assert await begin_deletion(connection, job.id, CHANNEL, MESSAGE) is None
        assert await find_job(connection, job.id) is not None
        await start_job(connection, job.id)
    await write(connection, "DELETE FROM job")
    assert await begin_deletion(connection, job.id, CHANNEL, MESSAGE) is None, "nor is there one that is gone"
