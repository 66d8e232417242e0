"""A worker gets new settings once no job is assigned to it, and operators see its state meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import LimitSettings
from bot.database.jobs.jobs import JobState
from bot.jobs.worker_slots import WorkerState
from inference.errors import CheckpointRemoved
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.events import Ready
from inference.messages.options import WorkerOptions
from inference.workers import WorkerDied
from tests.bot.jobs.test_dispatching import Rig, open_rig
from tests.inference.requests import request


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, places=2) as rig:
        rig.worker.say(Ready(device="cpu", pid=1))
        await rig.worker.heard()
        yield rig


def knows(*names: str) -> WorkerOptions:
    specs = [CheckpointSpec.model_validate({"name": n, "source": n, "base_model": "demo/vivid"}) for n in names]
    return WorkerOptions(checkpoints=tuple(specs))


def state(rig: Rig) -> WorkerState:
    (seen,) = rig.jobs.workers
    return seen.state


async def test_no_job_is_assigned_before_the_new_settings_arrive(rig: Rig) -> None:
    first = await rig.order()
    handed = await rig.worker.job()
    rig.worker.begin(handed)
    await rig.worker.heard()
    assert state(rig) is WorkerState.PAINTING
    await rig.jobs.reconfigure(LimitSettings(), [knows("vivid", "new")])
    second = await rig.order(request(checkpoint="new"), person=2)
    await rig.worker.heard()
    assert rig.worker.idle and not rig.worker.configured and state(rig) is WorkerState.CLOSING
    rig.worker.finish(handed)
    assert (await rig.end(first)).job.state is JobState.SUCCEEDED
    assert (await rig.worker.job()).job_id == second.id
    assert rig.worker.configured == [knows("vivid", "new")]


async def test_an_idle_worker_gets_new_settings_at_once(rig: Rig) -> None:
    await rig.jobs.reconfigure(LimitSettings(), [knows("new")])
    await rig.order(request(checkpoint="new"))
    await rig.worker.job()
    assert rig.worker.configured == [knows("new")]


async def test_a_worker_without_changes_goes_on(rig: Rig) -> None:
    await rig.jobs.reconfigure(LimitSettings(waiting_per_person=1), [None])
    await rig.order()
    await rig.worker.job()
    assert not rig.worker.configured


async def test_a_requeued_job_for_a_removed_checkpoint_fails(rig: Rig) -> None:
    job = await rig.order()
    rig.worker.begin(await rig.worker.job())
    await rig.jobs.reconfigure(LimitSettings(), [knows("new")])
    rig.worker.die()
    await rig.worker.heard()
    await rig.jobs.reconfigure(LimitSettings(), [None])  # what a look every few seconds does, too
    end = await rig.end(job)
    assert isinstance(end.job.failure, CheckpointRemoved) and "choose another model: new." in str(end.job.failure)


async def test_operators_see_the_state_of_each_worker(rig: Rig) -> None:
    assert state(rig) is WorkerState.FREE
    rig.worker.say(WorkerDied(1, 7, was_ready=True, stderr_tail="", pause=1600.0))
    await rig.worker.heard()
    (seen,) = rig.jobs.workers
    assert seen.state is WorkerState.AWAY and seen.back is not None and 1000 < seen.back <= 1600
    rig.worker.say(Ready(device="cuda:1", pid=2))
    await rig.worker.heard()
    (seen,) = rig.jobs.workers
    assert (seen.state, seen.device, seen.back) == (WorkerState.FREE, "cuda:1", None)
    assert rig.jobs.forecasts.longest_wait is None
