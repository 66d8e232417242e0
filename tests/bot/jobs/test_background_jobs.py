"""Background jobs never delay what people order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.jobs.service import PaintedInBackground
from inference.errors import OutOfMemory, WorkerCrashed
from inference.messages.events import Capacity, Failed
from tests.bot.jobs.test_dispatching import Rig, open_rig
from tests.inference.requests import request


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path) as rig:
        await rig.worker.heard()
        yield rig


def started(rig: Rig) -> asyncio.Task[PaintedInBackground | None]:
    return asyncio.create_task(rig.jobs.paint_in_background(request()))


async def test_a_background_job_is_painted_while_idle_and_leaves_no_row(rig: Rig) -> None:
    painting = started(rig)
    rig.worker.finish(await rig.worker.job())
    painted = await painting
    assert painted is not None
    (picture,) = painted.files
    assert (rig.spool / picture).is_file()
    assert [row[0] for row in await rig.db.fetch("SELECT count(*) FROM job")] == [0]


async def test_a_background_job_does_not_start_while_a_job_is_painted(rig: Rig) -> None:
    await rig.order()
    await rig.worker.job()
    assert not rig.jobs.idle
    assert await rig.jobs.paint_in_background(request()) is None
    assert rig.worker.idle


async def test_an_order_preempts_a_background_job_at_once(rig: Rig) -> None:
    painting = started(rig)
    ours = await rig.worker.job()
    theirs = await rig.order()
    assert rig.worker.cancelled == [ours.job_id]
    rig.worker.stop(ours)
    assert await painting is None
    given = await rig.worker.job()
    assert given.job_id == theirs.id
    rig.worker.finish(given)
    assert (await rig.end(theirs)).pictures


async def test_a_preempted_background_job_leaves_nothing_in_the_spool(rig: Rig) -> None:
    painting = started(rig)
    ours = await rig.worker.job()
    preview = rig.spool / f"job{ours.job_id}-1-preview.png"
    preview.touch()
    rig.worker.stop(ours)
    assert await painting is None
    assert not preview.exists()


async def test_cancelling_the_caller_cancels_the_background_job(rig: Rig) -> None:
    painting = started(rig)
    ours = await rig.worker.job()
    painting.cancel()
    await asyncio.wait({painting})
    assert rig.worker.cancelled == [ours.job_id]
    rig.worker.finish(ours)
    await rig.worker.heard()
    assert rig.jobs.idle and not list(rig.spool.iterdir())


async def test_a_dead_worker_and_a_failure_are_raised(rig: Rig) -> None:
    painting = started(rig)
    await rig.worker.job()
    rig.worker.die()
    with pytest.raises(WorkerCrashed):
        await painting
    rig.worker.say(Capacity(places=1))
    await rig.worker.heard()
    painting = started(rig)
    ours = await rig.worker.job()
    rig.worker.say(Failed(job_id=ours.job_id, attempt=1, code="out_of_memory", detail={"what": "it"}))
    with pytest.raises(OutOfMemory):
        await painting


async def test_a_worker_that_refuses_a_background_job_ends_it(rig: Rig) -> None:
    rig.worker.takes = False
    assert await rig.jobs.paint_in_background(request()) is None
