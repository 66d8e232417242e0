"""A worker gets new settings once no job is assigned to it, and operators see its state meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import LimitSettings
from bot.database.jobs import JobState
from bot.jobs.worker_slots import WorkerState
from inference.errors import CheckpointRemoved
from inference.messages import CheckpointSpec, Configure, Ready
from inference.workers import WorkerDied
from tests.bot.jobs.test_dispatcher import Bench, open_bench
from tests.inference.requests import request


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, places=2) as bench:
        bench.worker.say(Ready(device="cpu", pid=1))
        await bench.worker.heard()
        yield bench


def knows(*names: str) -> Configure:
    specs = [CheckpointSpec.model_validate({"name": n, "source": n, "base_model": "demo/vivid"}) for n in names]
    return Configure(checkpoints=tuple(specs), library="loras", spool="spool")


def state(bench: Bench) -> WorkerState:
    (seen,) = bench.generation.workers
    return seen.state


async def test_no_job_is_assigned_before_the_new_settings_arrive(bench: Bench) -> None:
    first = await bench.order()
    handed = await bench.worker.job()
    bench.worker.begin(handed)
    await bench.worker.heard()
    assert state(bench) is WorkerState.PAINTING
    await bench.generation.reconfigure(LimitSettings(), [knows("vivid", "new")])
    second = await bench.order(request(checkpoint="new"), person=2)
    await bench.worker.heard()
    assert bench.worker.idle and not bench.worker.configured and state(bench) is WorkerState.CLOSING
    bench.worker.finish(handed)
    assert (await bench.end(first)).job.state is JobState.SUCCEEDED
    assert (await bench.worker.job()).job_id == second.id
    assert bench.worker.configured == [knows("vivid", "new")]


async def test_an_idle_worker_gets_new_settings_at_once(bench: Bench) -> None:
    await bench.generation.reconfigure(LimitSettings(), [knows("new")])
    await bench.order(request(checkpoint="new"))
    await bench.worker.job()
    assert bench.worker.configured == [knows("new")]


async def test_a_worker_without_changes_goes_on(bench: Bench) -> None:
    await bench.generation.reconfigure(LimitSettings(waiting_per_person=1), [None])
    await bench.order()
    await bench.worker.job()
    assert not bench.worker.configured


async def test_a_requeued_job_for_a_removed_checkpoint_fails(bench: Bench) -> None:
    job = await bench.order()
    bench.worker.begin(await bench.worker.job())
    await bench.generation.reconfigure(LimitSettings(), [knows("new")])
    bench.worker.die()
    await bench.worker.heard()
    await bench.generation.reconfigure(LimitSettings(), [None])  # what a look every few seconds does, too
    end = await bench.end(job)
    assert isinstance(end.job.failure, CheckpointRemoved) and "installed are new" in str(end.job.failure)


async def test_operators_see_the_state_of_each_worker(bench: Bench) -> None:
    assert state(bench) is WorkerState.FREE
    bench.worker.say(WorkerDied(1, 7, was_ready=True, stderr_tail="", pause=16.0))
    await bench.worker.heard()
    (seen,) = bench.generation.workers
    assert seen.state is WorkerState.AWAY and seen.back is not None and 10 < seen.back <= 16
    bench.worker.say(Ready(device="cuda:1", pid=2))
    await bench.worker.heard()
    (seen,) = bench.generation.workers
    assert (seen.state, seen.device, seen.back) == (WorkerState.FREE, "cuda:1", None)
    assert bench.generation.longest_wait is None
