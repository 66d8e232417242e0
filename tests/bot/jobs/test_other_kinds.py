"""A kind of job that is no picture shares queue, workers and followers with painting, and no code of these knows it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.database.jobs.jobs import FIND_JOB, AnyJob, JobState, StoredJob
from bot.jobs.active_jobs import AttemptTimer
from bot.jobs.kinds import SILENCE_SECONDS
from inference.errors import WorkerFailed
from inference.messages.commands import Generate, JobCommand
from inference.messages.events import Capacity, Finished, Progress, Started
from inference.messages.request import GenerationRequest, JobRequest
from inference.messages.spool import attempt_files
from inference.queue.request_cost import work
from tests.bot.jobs.captions import MAX_SILENCE, WORK_PER_WORD, Caption, CaptionRequest
from tests.bot.jobs.fake_worker import PATIENCE
from tests.bot.jobs.test_dispatching import Rig, open_rig
from tests.inference.requests import request

PICTURE = request(width=64, height=64, guidance_scale=1, steps=8)
ASKED = CaptionRequest(checkpoint="vivid", words=8)


def name_of(job: JobCommand) -> str:
    return f"{attempt_files(job.job_id, job.attempt)}text.txt"


def begin(rig: Rig, job: JobCommand, step: int = 1) -> None:
    about = {"job_id": job.job_id, "attempt": job.attempt}
    rig.worker.say(Started(**about), Progress(**about, step=0, steps=8), Progress(**about, step=step, steps=8))


def say(rig: Rig, job: JobCommand, text: str = "one two three four five six seven eight") -> None:
    """The worker is done."""
    (rig.spool / name_of(job)).write_text(text)
    about = {"job_id": job.job_id, "attempt": job.attempt}
    rig.worker.say(Finished(**about, files=(name_of(job),), seconds=2, peak_memory=1), Capacity(places=1))


def end(rig: Rig, job: JobCommand) -> None:
    if isinstance(job, Generate):
        rig.worker.finish(job)
    else:
        say(rig, job)


async def order(rig: Rig, asked: JobRequest, person: int) -> AnyJob:
    return await rig.jobs.order(asked, person_id=person, channel_id=1)


async def test_it_is_killed_with_its_worker_and_told_to_its_follower_from_the_order_to_the_end(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        job = await order(rig, ASKED, 1)
        async with asyncio.timeout(PATIENCE), rig.jobs.following(job.id) as updates:
            first = await rig.worker.job()
            assert isinstance(first, Caption) and first.request == ASKED
            begin(rig, first, step=5)
            rig.worker.die()
            await rig.worker.heard()
            rig.worker.say(Capacity(places=1))
            second = await rig.worker.job()
            assert (second.job_id, second.attempt) == (job.id, 2)
            say(rig, first, "of the dead worker, too late")
            begin(rig, second, step=7)
            say(rig, second)
            told: list[tuple[JobState, int, int | None]] = []
            while not told or not told[-1][0].final:
                update = await updates.get()
                told.append((update.job.state, update.job.attempt, update.progress and update.progress.step))
        running = JobState.RUNNING
        seen = list(dict.fromkeys(told))
        assert seen[0][0] in {JobState.QUEUED, running} and seen[-1] == (JobState.SUCCEEDED, 2, None)
        assert [one for one in seen if one[2]] == [(running, 1, 5), (running, 2, 7)]
        assert (JobState.QUEUED, 1, None) in seen, "it went back to the queue"
        rows = await rig.db.fetch("SELECT text FROM caption WHERE job_id = ?", (job.id,))
        assert [row["text"] for row in rows] == ["one two three four five six seven eight"]
        row = await rig.db.one(FIND_JOB, job.id)
        assert row is not None and (row.deaths, row.seconds) == (1, 2)


async def test_painting_and_other_jobs_are_fair_to_each_other_by_their_cost(tmp_path: Path) -> None:
    painter, writer, jobs = 1, 2, 6
    assert work(PICTURE) == ASKED.words * WORK_PER_WORD, "they cost the same"
    async with open_rig(tmp_path) as rig:
        for _ in range(jobs):
            await order(rig, PICTURE, painter)
        for _ in range(jobs):
            await order(rig, ASKED, writer)
        taken: list[type[JobCommand]] = []
        for _ in range(2 * jobs):
            job = await rig.worker.job()
            taken.append(type(job))
            end(rig, job)
        for position in range(1, len(taken)):
            painted = taken[:position].count(Generate)
            assert abs(painted - (position - painted)) <= 1, taken
        await rig.worker.heard()
        assert len(await rig.files()) == jobs, "each picture has its row, and texts are no pictures"


async def test_it_may_want_a_worker_for_itself(tmp_path: Path) -> None:
    async with open_rig(tmp_path, places=4) as rig:
        await order(rig, PICTURE, 1)
        painting = await rig.worker.job()
        alone = await order(rig, ASKED.model_copy(update={"alone": True}), 2)
        await rig.worker.heard()
        assert rig.worker.idle, "not beside a picture"
        rig.worker.finish(painting)
        job = await rig.worker.job()
        await order(rig, PICTURE, 1)
        await rig.worker.heard()
        assert job.job_id == alone.id and rig.worker.idle, "nor a picture beside it"
        say(rig, job)
        assert isinstance(await rig.worker.job(), Generate)


async def test_how_long_it_may_be_silent_is_its_own_matter(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        await order(rig, ASKED, 1)
        begin(rig, await rig.worker.job())
        await rig.worker.heard()
        (handle,), pace = rig.jobs._handles, rig.jobs._pace
        (job,) = handle.running
        assert job.assignment is not None and isinstance(job.assignment.timer, AttemptTimer)
        heard = job.assignment.last_report
        assert not handle.hangs(heard + MAX_SILENCE - 1, pace)
        assert handle.hangs(heard + MAX_SILENCE + 1, pace) and MAX_SILENCE < SILENCE_SECONDS


async def test_nobody_is_told_a_time_that_was_measured_of_something_else(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        for asked in (PICTURE, PICTURE):  # from now on the time of a step is known
            await order(rig, asked, 1)
            job = await rig.worker.job()
            begin(rig, job)
            begin(rig, job, step=8)
            end(rig, job)
        text = await order(rig, ASKED, 1)
        begin(rig, await rig.worker.job(), step=4)
        behind = await order(rig, PICTURE, 2)
        await rig.worker.heard()
        assert rig.jobs.forecasts.of(text).done is None
        assert rig.jobs.forecasts.of(behind).done is None


async def test_what_its_kind_does_not_accept_fails_and_leaves_nothing(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        job = await order(rig, ASKED, 1)
        say(rig, await rig.worker.job(), "too short")
        async with asyncio.timeout(PATIENCE), rig.jobs.following(job.id) as updates:
            while not (update := await updates.get()).job.state.final:
                pass
        assert isinstance(update.job.failure, WorkerFailed)
        assert not [path for path in (*rig.spool.rglob("*"), *rig.pictures.rglob("*")) if path.is_file()]


async def test_it_waits_through_a_restart_as_what_it_is(tmp_path: Path) -> None:
    async with open_rig(tmp_path, places=0) as rig:
        job = await order(rig, ASKED, 1)
    async with open_rig(tmp_path) as rig:
        assert isinstance(await rig.worker.job(), Caption)
        row = await rig.db.one(FIND_JOB, job.id)
    assert row is not None and replace(row, attempt=0, state=job.state, started_at=None) == job
    assert isinstance(job, StoredJob) and row.request == ASKED


@pytest.mark.parametrize("made", [PICTURE, ASKED])
def test_a_stored_request_is_read_as_its_kind(made: JobRequest) -> None:
    assert JobRequest.stored(made.model_dump_json()) == made
    assert ("kind" in made.model_dump()) is not isinstance(made, GenerationRequest), "old rows have no such key"
