"""A job's states: every move happens once, for the attempt that makes it, and survives the program."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.jobs import jobs
from bot.database.jobs.jobs import Job, JobState
from bot.database.pictures.pictures import PICTURES_OF_JOB, RECORDED_PICTURE, NewPicture
from inference.errors import WorkerCrashed, WorkerFailed
from inference.messages.request import LoraUse

from .conftest import erase, finish, request_for, sha

KOMORI = LoraUse(sha256=sha("komori"), weight=0.8, name="Komori")
WATER = LoraUse(sha256=sha("water"), weight=-0.5, name="Watercolour")


async def queued(db: Database, person: int = 1, *loras: LoraUse) -> Job:
    return await jobs.create_job(db, request_for(*loras), person_id=person, channel_id=5)


async def finished(db: Database, person: int, *paths: str) -> int:
    job = await queued(db, person, KOMORI, WATER)
    await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    pictures = [NewPicture(path, 64, 48, seed) for seed, path in enumerate(paths)]
    done = await finish(db, job.id, 1, pictures, seconds=1.5, peak_memory=2**40)
    assert done is not None
    return job.id


async def test_a_job_is_what_was_asked_for(db: Database) -> None:
    request = request_for(KOMORI, prompt="🙂 \" ' ; DROP TABLE job")
    made = await jobs.create_job(db, request, person_id=2**62, channel_id=2**61, server_id=2**60)
    assert (made.request, made.person_id, made.server_id) == (request, 2**62, 2**60)
    assert (made.state, made.attempt, made.started_at, made.failure) == (JobState.QUEUED, 0, None, None)
    assert await db.one(jobs.FIND_JOB, made.id) == made
    assert await db.one(jobs.FIND_JOB, made.id + 1) is None


async def test_a_job_runs_and_succeeds_together_with_its_pictures(db: Database) -> None:
    job = await queued(db, 1, KOMORI, WATER)
    started = await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    assert started is not None
    assert (started.state, started.attempt) == (JobState.RUNNING, 1)
    two = [NewPicture("a/1.png", 64, 48, 7), NewPicture("a/2.png", 64, 48, 8)]
    done = await finish(db, job.id, 1, two, seconds=1.5, peak_memory=2**40)
    assert done is not None
    assert (done.job.state, done.job.seconds, done.job.peak_memory) == (JobState.SUCCEEDED, 1.5, 2**40)
    assert [picture.path for picture in done.pictures] == ["a/1.png", "a/2.png"]
    assert [picture.seed for picture in done.pictures] == [7, 8]
    assert all(picture.loras == (KOMORI, WATER) for picture in done.pictures)
    assert await db.all(PICTURES_OF_JOB, job.id) == done.pictures


async def test_a_picture_of_a_job_without_a_delivery_is_described(db: Database) -> None:
    job_id = await finished(db, 1, "1.png")
    (picture,) = await db.all(PICTURES_OF_JOB, job_id)
    found = await db.one(RECORDED_PICTURE, picture.id)
    assert found is not None
    assert (found.job_id, found.private, found.published, found.removed) == (job_id, False, False, False)


async def test_a_picture_that_cannot_be_recorded_leaves_the_job_running(db: Database) -> None:
    job = await queued(db)
    await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    wrong = [NewPicture("1.png", 64, 64, 1), NewPicture("2.png", 0, 64, 2)]
    with pytest.raises(Exception, match="CHECK"):
        await finish(db, job.id, 1, wrong, seconds=1, peak_memory=0)
    still = await db.one(jobs.FIND_JOB, job.id)
    assert still is not None
    assert still.state is JobState.RUNNING
    assert await db.all(PICTURES_OF_JOB, job.id) == []


async def test_of_two_claims_one_wins(db: Database) -> None:
    job = await queued(db)
    claims = await asyncio.gather(*(db.one(jobs.START_JOB, now=now_ms(), id=job.id) for _ in range(5)))
    assert [claim.attempt for claim in claims if claim] == [1]


async def test_of_two_claims_over_two_connections_one_wins(db: Database, path: Path) -> None:
    job = await queued(db)
    async with open_database(path) as other:
        claims = await asyncio.gather(
            db.one(jobs.START_JOB, now=now_ms(), id=job.id), other.one(jobs.START_JOB, now=now_ms(), id=job.id)
        )
    assert sorted(claim is None for claim in claims) == [False, True]


async def test_an_attempt_that_is_no_longer_current_moves_nothing(db: Database) -> None:
    job = await queued(db)
    await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    again = await db.one(jobs.REQUEUE_JOB, died=True, job=job.id, attempt=1)
    assert again is not None
    assert (again.state, again.attempt, again.started_at) == (JobState.QUEUED, 1, None)
    late = [NewPicture("late.png", 64, 64, 1)]
    assert await finish(db, job.id, 1, late, seconds=1, peak_memory=0) is None
    assert await jobs.fail_job(db, job.id, 1, "worker_failed", {"reason": "late"}) is None
    second = await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    assert second is not None
    assert second.attempt == 2
    assert await finish(db, job.id, 1, late, seconds=1, peak_memory=0) is None
    assert await db.one(jobs.REQUEUE_JOB, died=True, job=job.id, attempt=1) is None
    assert await finish(db, job.id, 2, late, seconds=1, peak_memory=0) is not None


async def test_at_the_next_start_only_jobs_that_a_worker_had_begun_count_a_death(
    db: Database,
) -> None:
    made = [await queued(db) for _ in range(3)]
    for job in made[:2]:
        await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    await db.run(jobs.NOTE_BEGUN, now=now_ms(), id=made[0].id, attempt=1)
    await db.run(jobs.NOTE_BEGUN, now=now_ms(), id=made[2].id, attempt=0)  # it is not at a worker
    assert [(job.id, job.deaths, job.begun_at) for job in await jobs.requeue_orphans(db)] == [
        (made[0].id, 1, None),
        (made[1].id, 0, None),
    ]
    for job in made:
        await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    again = await jobs.requeue_orphans(db)
    assert [job.deaths for job in again] == [2, 1, 1], "when none was begun, any of them may be to blame"


async def test_a_failure_comes_back_as_the_error_that_it_was(db: Database) -> None:
    job = await queued(db)
    await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    failed = await jobs.fail_job(db, job.id, 1, WorkerCrashed.code, {"attempts": 3})
    assert failed is not None
    assert isinstance(failed.failure, WorkerCrashed)
    assert failed.failure.attempts == 3
    assert failed.state.final


async def test_a_failure_of_another_version_is_still_readable(db: Database) -> None:
    job = await queued(db)
    failed = await jobs.fail_job(db, job.id, None, "from_the_future", {"x": ["y"]})
    assert failed is not None
    assert isinstance(failed.failure, WorkerFailed)


async def test_failing_a_queued_job_needs_it_to_be_queued(db: Database) -> None:
    job = await queued(db)
    await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
    assert await jobs.fail_job(db, job.id, None, "worker_failed", {"reason": "x"}) is None


async def test_cancelling_tells_whether_a_worker_has_the_job(db: Database) -> None:
    waiting, painting = await queued(db), await queued(db)
    await db.one(jobs.START_JOB, now=now_ms(), id=painting.id)
    first = await db.one(jobs.CANCEL_JOB, now=now_ms(), id=waiting.id)
    second = await db.one(jobs.CANCEL_JOB, now=now_ms(), id=painting.id)
    assert first is not None
    assert second is not None
    assert (first.started_at is None, second.started_at is None) == (True, False)
    assert await db.one(jobs.CANCEL_JOB, now=now_ms(), id=waiting.id) is None
    assert await db.one(jobs.START_JOB, now=now_ms(), id=waiting.id) is None
    assert await finish(db, painting.id, 1, [], seconds=1, peak_memory=0) is None


async def test_orphans_go_back_to_the_queue_at_the_next_start(path: Path) -> None:
    async with open_database(path) as db:
        made = [await queued(db) for _ in range(4)]
        for job in made[:3]:
            await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
        await db.one(jobs.CANCEL_JOB, now=now_ms(), id=made[2].id)
    async with open_database(path) as db:
        orphans = await jobs.requeue_orphans(db)
        assert [(job.id, job.attempt) for job in orphans] == [(made[0].id, 1), (made[1].id, 1)]
        assert [job.id for job in await db.all(jobs.QUEUED_JOBS)] == [made[0].id, made[1].id, made[3].id]
        assert await jobs.requeue_orphans(db) == []


async def test_counting_and_listing_keep_people_apart(db: Database) -> None:
    mine = [await queued(db, 1) for _ in range(3)]
    await queued(db, 2)
    await db.one(jobs.START_JOB, now=now_ms(), id=mine[0].id)
    assert await db.get(jobs.COUNT_WAITING, 1) == 2
    assert await db.get(jobs.COUNT_WAITING, 2) == 1
    assert await db.get(jobs.COUNT_WAITING, 3) == 0
    assert [job.id for job in await db.all(jobs.UNFINISHED_JOBS, 1)] == [job.id for job in mine]


async def test_in_the_queue_of_all_people_running_jobs_come_first(db: Database) -> None:
    first, second, running = [await queued(db, person) for person in (1, 2, 3)]
    await db.one(jobs.START_JOB, now=now_ms(), id=running.id)
    listed = await db.all(jobs.ALL_UNFINISHED_JOBS)
    assert [job.id for job in listed] == [running.id, first.id, second.id]


async def test_a_forgotten_person_leaves_no_row_and_their_files_are_named(db: Database) -> None:
    await finished(db, 1, "1.png", "2.png")
    await finished(db, 2, "other.png")
    assert await erase(db, 1) == ("1.png", "2.png")
    for table in ("person", "job", "picture"):
        (row,) = await db.fetch(f"SELECT count(*) FROM {table}")
        assert row[0] == 1, table


async def test_numbers_of_a_new_database_are_above_those_of_a_lost_one(tmp_path: Path) -> None:
    """Else a button of an old message would show the job of somebody else."""
    path, now = tmp_path / "easel.sqlite3", 1_800_000_000.0
    async with open_database(path, clock=lambda: now) as db:
        lost = [(await queued(db)).id for _ in range(100)]
    path.unlink()  # its log went when it was closed
    async with open_database(path, clock=lambda: now + 3600) as db:
        first = (await queued(db)).id
    assert max(lost) < first < 10**9
    async with open_database(path, clock=lambda: now + 7200) as db:
        assert (await queued(db)).id == first + 1, "a database that is there goes on counting"
