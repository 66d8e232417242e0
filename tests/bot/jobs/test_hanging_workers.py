"""When a silent worker counts as hanging, and when it is only slow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.database.jobs.jobs import Job, JobState
from bot.database.jobs.paces import MeasuredSeconds, Shape
from bot.jobs.active_jobs import ActiveJob, ActiveJobs, Assignment, AttemptTimer, queued_as
from bot.jobs.forecasts import Pace
from bot.jobs.kinds import SILENCE_SECONDS, SILENT_STEPS
from bot.jobs.worker_slots import (
    COMPILING_SECONDS,
    LOADING_SECONDS,
    NOTED_SILENCE_SECONDS,
    NOTED_SILENT_STEPS,
    WorkerHandle,
    is_silent,
)
from inference.messages.events import Progress, Ready
from inference.queue.request_cost import pass_work
from inference.queue.slots import WorkerSlot
from tests.bot.jobs.fake_worker import FakeWorker
from tests.inference.requests import request

JOB = Job(
    id=1, person_id=1, server_id=None, channel_id=1, request=request(steps=30), checkpoint="vivid",
    state=JobState.RUNNING, attempt=1, created_at=0, started_at=0, finished_at=None, seconds=None,
    peak_memory=None, notes=(), weight=1.0, deaths=0, begun_at=None,
)  # fmt: skip
HEARD = 1000.0  # seconds


def handle_of(folder: Path, *steps: int | None) -> tuple[WorkerHandle, ActiveJobs]:
    """A worker that has jobs of which so many steps were reported; None: it has not begun. They have ids from 1 on."""
    slot = WorkerSlot(frozenset({"vivid"}), places=len(steps) + 1)
    active = ActiveJobs([slot], {})
    for job_id, taken in enumerate(steps, 1):
        row = replace(JOB, id=job_id, state=JobState.QUEUED)
        active.add(row, 3)
        job = active.assign_next(slot)
        assert job is not None and job.assignment is not None and job.row.id == job_id
        active.begin(job, replace(row, state=JobState.RUNNING))
        job.assignment.last_report = HEARD
        job.assignment.timer = None if taken is None else AttemptTimer(HEARD, loads=True, steps=taken)
    return WorkerHandle(FakeWorker(folder), slot, active), active


def assigned(steps: int | None) -> ActiveJob:
    """A job at a worker of which so many steps were reported; None: it has not begun."""
    timer = None if steps is None else AttemptTimer(HEARD, loads=True, steps=steps)
    assignment = Assignment(WorkerSlot(frozenset()), 1, timer=timer, last_report=HEARD)
    return ActiveJob(JOB, queued_as(JOB, 3), assignment)


def pace(step_seconds: float) -> Pace:
    made = Pace()
    made.remember({Shape("vivid", 64, 64, 1): MeasuredSeconds(step_seconds, 0.0)}, {})
    return made


@pytest.mark.parametrize(
    ("steps", "step_seconds", "limit"),
    [
        (None, 1.0, LOADING_SECONDS),
        (0, 1.0, LOADING_SECONDS),  # the checkpoint may still be on its way
        (3, 1.0, SILENCE_SECONDS),
        (3, 60.0, SILENT_STEPS * 60.0),  # a slow machine is no dead one
    ],
)
def test_a_worker_may_be_silent_for_as_long_as_what_it_does_may_take(
    steps: int | None, step_seconds: float, limit: float
) -> None:
    usual = pace(step_seconds)
    assert not is_silent(assigned(steps), HEARD + limit - 1, usual)
    assert is_silent(assigned(steps), HEARD + limit + 1, usual)


def test_without_any_measured_step_the_shorter_limit_counts() -> None:
    assert is_silent(assigned(1), HEARD + SILENCE_SECONDS + 1, Pace())


def test_a_prefetched_job_may_be_silent_while_others_are_painted(tmp_path: Path) -> None:
    (handle, active), usual = handle_of(tmp_path, 3, None), pace(1.0)
    painted = active.get(1)
    assert painted is not None and painted.assignment is not None
    handle.last_report = painted.assignment.last_report = HEARD + 10 * LOADING_SECONDS
    assert not handle.hangs(handle.last_report + 1, usual)
    active.release(painted)
    assert not handle.hangs(handle.last_report + LOADING_SECONDS - 1, usual), "it is about to be begun"
    assert handle.hangs(handle.last_report + LOADING_SECONDS + 1, usual)


def test_work_done_while_a_job_waited_is_counted_in_passes(tmp_path: Path) -> None:
    handle, _ = handle_of(tmp_path, None)
    for step in (12, 13, 16):  # it was begun by another worker, which took twelve
        handle.record_event(Progress(job_id=1, attempt=1, step=step, steps=30), HEARD, Pace())
    assert handle.slot.worked == 4 * pass_work(JOB.request)


@pytest.mark.parametrize(("compiles", "limit"), [(False, SILENCE_SECONDS), (True, COMPILING_SECONDS)])
def test_a_worker_that_compiles_may_be_silent_for_as_long_as_that_takes(
    compiles: bool, limit: float, tmp_path: Path
) -> None:
    (handle, _), usual = handle_of(tmp_path, 3), pace(1.0)
    handle.set_ready(Ready(device="cuda", pid=1, compiles=compiles))
    assert not handle.hangs(HEARD + limit - 1, usual)
    assert handle.hangs(HEARD + limit + 1, usual)


@pytest.mark.parametrize(
    ("steps", "loaded", "step_seconds", "limit"),
    [
        (3, True, 1.0, NOTED_SILENCE_SECONDS),
        (3, True, 60.0, NOTED_SILENT_STEPS * 60.0),  # a slow machine
        (None, True, 1.0, NOTED_SILENCE_SECONDS),  # it should begin at once
        (None, False, 1.0, None),  # it may be loading
        (0, True, 1.0, None),
    ],
)
def test_silence_is_noted_before_a_worker_counts_as_hanging(
    tmp_path: Path, steps: int | None, loaded: bool, step_seconds: float, limit: float | None
) -> None:
    handle, _active = handle_of(tmp_path, steps)
    handle.slot.loaded = frozenset({"vivid"} if loaded else ())
    handle.last_report = HEARD
    usual = pace(step_seconds)
    if limit is None:
        assert handle.silence(HEARD + LOADING_SECONDS - 1, usual) is None
    else:
        assert handle.silence(HEARD + limit - 1, usual) is None
        assert handle.silence(HEARD + limit + 1, usual) == limit + 1
