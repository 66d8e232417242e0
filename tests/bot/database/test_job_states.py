"""Any order of moves by a forgetful dispatcher, crashing workers and impatient people, against a plain model."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.jobs import jobs
from bot.database.jobs.jobs import JobState
from bot.database.pictures.pictures import PICTURES_OF_JOB, NewPicture

from .conftest import finish, request_for

MOVES = ("start", "requeue", "orphans", "finish", "fail", "fail_queued", "cancel")
PICTURE = NewPicture("1.png", 64, 64, 1)


class Model:
    """What the job must be after each move."""

    def __init__(self) -> None:
        self.state = JobState.QUEUED
        self.attempt = 0

    def move(self, name: str, attempt: int) -> bool:
        here = self.state is JobState.RUNNING and attempt == self.attempt
        after = {
            "start": (self.state is JobState.QUEUED, JobState.RUNNING),
            "requeue": (here, JobState.QUEUED),
            "orphans": (self.state is JobState.RUNNING, JobState.QUEUED),
            "finish": (here, JobState.SUCCEEDED),
            "fail": (here, JobState.FAILED),
            "fail_queued": (self.state is JobState.QUEUED, JobState.FAILED),
            "cancel": (not self.state.final, JobState.CANCELLED),
        }
        allowed, state = after[name]
        if allowed:
            self.state = state
            self.attempt += name == "start"
        return allowed


async def move(db: Database, job_id: int, name: str, attempt: int) -> bool:
    match name:
        case "start":
            return await db.one(jobs.START_JOB, now=now_ms(), id=job_id) is not None
        case "requeue":
            return await db.one(jobs.REQUEUE_JOB, died=True, job=job_id, attempt=attempt) is not None
        case "orphans":
            return bool(await jobs.requeue_orphans(db))
        case "finish":
            done = await finish(db, job_id, attempt, [PICTURE], seconds=1, peak_memory=1)
            return done is not None
        case "cancel":
            return await db.one(jobs.CANCEL_JOB, now=now_ms(), id=job_id) is not None
        case _:
            number = attempt if name == "fail" else None
            return await jobs.fail_job(db, job_id, number, "worker_failed", {"reason": "x"}) is not None


async def play(moves: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(Path(folder, "easel.sqlite3")) as db:
            await db.connection.execute("PRAGMA synchronous = OFF")
            job = await jobs.create_job(db, request_for(), person_id=1, channel_id=1)
            model = Model()
            for name, attempt in moves:
                assert await move(db, job.id, name, attempt) == model.move(name, attempt)
                row = await db.one(jobs.FIND_JOB, job.id)
                assert row is not None
                assert (row.state, row.attempt) == (model.state, model.attempt)
                assert (row.finished_at is not None) == model.state.final
            assert bool(await db.all(PICTURES_OF_JOB, job.id)) == (model.state is JobState.SUCCEEDED)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 3)), max_size=12))
def test_every_order_of_moves(moves: list[tuple[str, int]]) -> None:
    asyncio.run(play(moves))
