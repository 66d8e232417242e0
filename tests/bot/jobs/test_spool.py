"""At the start, resume states of unfinished jobs stay in the spool, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.database.clock import now_ms
from bot.database.database import open_database
from bot.database.jobs.jobs import CANCEL_JOB, START_JOB, create_job, fail_job
from inference.messages.events import Cancelled
from inference.messages.spool import state_file
from tests.bot.jobs.test_dispatching import open_rig
from tests.inference.requests import request


async def test_states_of_jobs_that_wait_or_ran_stay_and_all_else_goes(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    async with open_database(tmp_path / "easel.sqlite3") as db:
        queued, running, cancelled, failed = [
            (await create_job(db, request(), person_id=1, channel_id=1)).id for _ in range(4)
        ]
        await db.one(START_JOB, now=now_ms(), id=running)
        await db.one(CANCEL_JOB, now=now_ms(), id=cancelled)
        await fail_job(db, failed, None, "out_of_memory", {"what": "it"})
        for job_id in (queued, running, cancelled, failed, 999):
            (spool / state_file(job_id)).touch()
        for leftover in ("job1-1-0.png", "job1-1-preview.part", "job1.state.part", "enlarged-00.png"):
            (spool / leftover).touch()
    async with open_rig(tmp_path, places=0):
        pass
    assert sorted(path.name for path in spool.iterdir()) == sorted(state_file(job) for job in (queued, running))


@pytest.mark.parametrize("end", ["cancelled", "failed", "succeeded"])
async def test_a_job_that_has_ended_leaves_no_state(tmp_path: Path, end: str) -> None:
    async with open_rig(tmp_path, max_attempts=1) as rig:
        job = await rig.order()
        given = await rig.worker.job()
        state = rig.spool / state_file(job.id)
        state.touch()
        rig.worker.begin(given)
        await rig.worker.heard()
        if end == "cancelled":
            await rig.jobs.cancel(job.id)
        elif end == "failed":
            rig.worker.die()
        else:
            rig.worker.finish(given)
        await rig.worker.heard()
        assert not state.exists()


@pytest.mark.parametrize("end", ["cancelled", "died"])
async def test_a_state_that_comes_after_the_cancel_is_deleted_with_the_attempt(tmp_path: Path, end: str) -> None:
    async with open_rig(tmp_path) as rig:
        job = await rig.order()
        given = await rig.worker.job()
        rig.worker.begin(given)
        await rig.worker.heard()
        await rig.jobs.cancel(job.id)
        (state := rig.spool / state_file(job.id)).touch()  # the worker had written it before it heard of the cancel
        if end == "died":
            rig.worker.die()
        else:
            rig.worker.say(Cancelled(job_id=job.id, attempt=given.attempt))
        await rig.worker.heard()
        assert not state.exists()


async def test_a_job_that_goes_back_to_the_queue_keeps_its_state(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        job = await rig.order()
        rig.worker.begin(await rig.worker.job())
        (rig.spool / state_file(job.id)).touch()
        rig.worker.die()
        await rig.worker.heard()
        assert (rig.spool / state_file(job.id)).exists()
