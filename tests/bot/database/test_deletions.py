"""Deletions: what is still to go is kept, also when a takedown and its owner's deletion meet."""

from __future__ import annotations

from collections.abc import Sequence

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.history import Wanted, history_page, numbered_page
from bot.database.jobs.jobs import FIND_JOB, START_JOB, create_job
from bot.database.pictures.inputs import IS_INPUT_OF_JOB
from bot.database.pictures.pictures import PICTURES_OF_JOB, NewPicture
from bot.database.privacy.deletions import (
    DUE_JOBS,
    END_DELETION,
    FIND_HIDDEN_JOB,
    HIDE_JOB,
    NEXT_DUE_AT,
    PENDING_DELETIONS,
    UNDO_DELETION,
    begin_deletion,
)
from bot.database.privacy.retention import forget_pictures
from inference.messages.request import SourceImage
from tests.bot.database.conftest import finish, request_for, sha

CHANNEL, MESSAGE, PATH = 5, 6, "0/a.png"


async def painted(
    db: Database, *, prompt: str = "a fox", image: str | None = None, paths: Sequence[str] = (PATH,)
) -> int:
    request = request_for(prompt=prompt)
    if image:
        request = request.model_copy(update={"image": SourceImage(sha256=image, strength=0.5)})
    job = await create_job(db, request, person_id=1, channel_id=CHANNEL)
    await db.one(START_JOB, now=now_ms(), id=job.id)
    new = [NewPicture(path=path, width=64, height=64, seed=7) for path in paths]
    await finish(db, job.id, 1, new, seconds=1, peak_memory=0)
    return job.id


async def test_an_owner_deletes_what_is_being_taken_down(db: Database) -> None:
    job = await painted(db)
    message_alone = await begin_deletion(db, job, CHANNEL, MESSAGE, message_alone=True)
    assert message_alone is not None and message_alone.paths == () and len(await db.all(PICTURES_OF_JOB, job)) == 1
    whole = await begin_deletion(db, job, CHANNEL, MESSAGE)
    assert whole is not None and whole.paths == (PATH,) and await db.all(PICTURES_OF_JOB, job) == []
    await db.run(END_DELETION, job=message_alone.job_id, paths=message_alone.paths, input=message_alone.input)
    assert await db.all(PENDING_DELETIONS) == [whole], "its files are still to go"
    await db.run(END_DELETION, job=whole.job_id, paths=whole.paths, input=whole.input)
    assert await db.all(PENDING_DELETIONS) == []


async def test_a_takedown_of_what_is_being_deleted_keeps_its_files_to_go(db: Database) -> None:
    job = await painted(db)
    whole = await begin_deletion(db, job, CHANNEL, MESSAGE)
    for message_alone in (True, False):
        assert await begin_deletion(db, job, CHANNEL, MESSAGE, message_alone=message_alone) == whole


async def test_a_deletion_of_several_old_pictures_ends(db: Database) -> None:
    """SQLite writes the list of paths with other spaces than Python."""
    await forget_pictures(db, [await painted(db, paths=(PATH, "0/b.png"))])
    (old,) = await db.all(PENDING_DELETIONS)
    await db.run(END_DELETION, job=old.job_id, paths=old.paths, input=old.input)
    assert await db.all(PENDING_DELETIONS) == []


async def found(db: Database, search: str = "") -> int:
    by_page = await history_page(db, 1, Wanted(search), limit=5)
    assert by_page == await numbered_page(db, 1, Wanted(search), limit=5, page=9)
    return len(by_page.jobs)


async def test_what_is_deleted_is_out_of_sight_and_can_be_brought_back(db: Database) -> None:
    job, other = await painted(db), await painted(db)
    assert await db.run(HIDE_JOB, delete_at=now_ms() + 60_000, id=job) and not await db.run(
        HIDE_JOB, delete_at=1, id=job
    )
    assert await db.one(FIND_JOB, job) is None and await db.one(FIND_HIDDEN_JOB, job) is not None
    assert await found(db) == await found(db, "fox") == 1 and await db.one(FIND_JOB, other)
    assert await db.all(DUE_JOBS, now=now_ms(), held_since=0) == [] and len(await db.all(PICTURES_OF_JOB, job)) == 1, (
        "nothing is gone"
    )
    brought_back = await db.one(UNDO_DELETION, id=job, now=now_ms())
    assert brought_back is not None and brought_back == await db.one(FIND_JOB, job)
    assert await found(db) == await found(db, "fox") == 2
    assert await db.one(UNDO_DELETION, id=job, now=now_ms()) is None and await db.one(FIND_HIDDEN_JOB, job) is None


async def test_after_its_time_nothing_brings_it_back(db: Database) -> None:
    job, later = await painted(db), await painted(db)
    await db.run(HIDE_JOB, delete_at=now_ms() - 1, id=job)
    await db.run(HIDE_JOB, delete_at=now_ms() + 60_000, id=later)
    assert await db.one(UNDO_DELETION, id=job, now=now_ms()) is None
    assert [due.id for due in await db.all(DUE_JOBS, now=now_ms(), held_since=0)] == [job]
    assert (await db.one(NEXT_DUE_AT, now_ms()) or 0) > now_ms()


async def test_the_prompt_goes_with_the_pictures_and_the_quota_stays(db: Database) -> None:
    job = await painted(db, prompt="a zebrafinch", image=sha("given"))
    used = [tuple(row) for row in await db.fetch("SELECT * FROM daily_usage")]
    deletion = await begin_deletion(db, job, CHANNEL, MESSAGE)
    assert deletion is not None and [file.path for file in deletion.files] == [PATH, sha("given")]
    for table in ("job", "picture", "delivery", "job_order"):
        assert await db.fetch(f"SELECT * FROM {table}") == [], table
    assert not await db.fetch("SELECT 1 FROM job_text_data WHERE instr(block, CAST('zebrafinch' AS BLOB))")
    assert [tuple(row) for row in await db.fetch("SELECT * FROM daily_usage")] == used != []
    assert not await db.get(IS_INPUT_OF_JOB, sha("given"))


async def test_what_is_being_painted_stays(db: Database) -> None:
    """A press of a forged button, for no message of such a job has one."""
    job = await create_job(db, request_for(), person_id=1, channel_id=CHANNEL)
    for _ in range(2):
        assert not await db.run(HIDE_JOB, delete_at=1, id=job.id)
        assert await begin_deletion(db, job.id, CHANNEL, MESSAGE) is None
        assert await db.one(FIND_JOB, job.id) is not None
        await db.one(START_JOB, now=now_ms(), id=job.id)
    await db.write("DELETE FROM job")
    assert await begin_deletion(db, job.id, CHANNEL, MESSAGE) is None, "nor is there one that is gone"
