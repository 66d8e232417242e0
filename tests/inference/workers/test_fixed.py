"""Workers that are known at the start are a pool that changes once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import WorkerOptions
from inference.workers import PoolChange, WorkerJoined, WorkerPlace, WorkerPool
from inference.workers.fixed import FixedPool
from tests.bot.jobs.fake_worker import FakeWorker


async def test_all_workers_join_once_and_none_leaves(tmp_path: Path) -> None:
    here, there = FakeWorker(tmp_path), FakeWorker(tmp_path)
    pool: WorkerPool = FixedPool([here, there], [WorkerPlace(device="cuda:0", memory=24 * 2**30)])
    await pool.start()
    changes = list[PoolChange]()

    async def follow() -> None:
        changes.extend([change async for change in pool.changes()])

    following = asyncio.create_task(follow())
    await pool.close()
    async with asyncio.timeout(60):
        await following
    assert changes == [
        WorkerJoined(here, WorkerPlace(device="cuda:0", memory=24 * 2**30)),
        WorkerJoined(there, WorkerPlace()),
    ]


def test_new_options_are_for_the_worker_at_their_place_and_tell_what_can_be_loaded(tmp_path: Path) -> None:
    here, there = FakeWorker(tmp_path), FakeWorker(tmp_path)
    here.serves, there.serves = frozenset({"vivid"}), frozenset({"pastel"})
    pool = FixedPool([here, there])
    assert pool.serves == {"vivid", "pastel"}
    spec = CheckpointSpec.model_validate({"name": "new", "source": "new", "base_model": "demo/vivid"})
    options = WorkerOptions(checkpoints=(spec,))
    assert pool.configure([None, options]) == {there: options}
    assert pool.serves == {"vivid", "new"}, "jobs for it may be queued before the worker has been told"
