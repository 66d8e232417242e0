"""Background jobs never delay what people order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.database.connection import fetch
from inference.errors import OutOfMemory, WorkerCrashed
from inference.messages import Capacity, Failed
from tests.bot.jobs.test_dispatcher import Bench, open_bench
from tests.inference.requests import request


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as bench:
        await bench.worker.heard()
        yield bench


def started(bench: Bench) -> asyncio.Task[tuple[Path, ...] | None]:
    return asyncio.create_task(bench.generation.paint_in_background(request()))


async def test_a_background_job_is_painted_while_idle_and_leaves_no_row(bench: Bench) -> None:
    painting = started(bench)
    bench.worker.finish(await bench.worker.job())
    (picture,) = await painting or ()
    assert picture.is_file()
    assert [row[0] for row in await fetch(bench.connection, "SELECT count(*) FROM job")] == [0]


async def test_a_background_job_does_not_start_while_a_job_is_painted(bench: Bench) -> None:
    await bench.order()
    await bench.worker.job()
    assert not bench.generation.idle
    assert await bench.generation.paint_in_background(request()) is None
    assert bench.worker.idle


async def test_an_order_preempts_a_background_job_at_once(bench: Bench) -> None:
    painting = started(bench)
    ours = await bench.worker.job()
    theirs = await bench.order()
    assert bench.worker.cancelled == [ours.job_id]
    bench.worker.stop(ours)
    assert await painting is None
    given = await bench.worker.job()
    assert given.job_id == theirs.id
    bench.worker.finish(given)
    assert (await bench.end(theirs)).pictures


async def test_a_preempted_background_job_leaves_nothing_in_the_spool(bench: Bench) -> None:
    painting = started(bench)
    ours = await bench.worker.job()
    preview = bench.spool / f"job{ours.job_id}-1-preview.png"
    preview.touch()
    bench.worker.stop(ours)
    assert await painting is None
    assert not preview.exists()


async def test_cancelling_the_caller_cancels_the_background_job(bench: Bench) -> None:
    painting = started(bench)
    ours = await bench.worker.job()
    painting.cancel()
    await asyncio.wait({painting})
    assert bench.worker.cancelled == [ours.job_id]
    bench.worker.finish(ours)
    await bench.worker.heard()
    assert bench.generation.idle and not list(bench.spool.iterdir())


async def test_a_dead_worker_and_a_failure_are_raised(bench: Bench) -> None:
    painting = started(bench)
    await bench.worker.job()
    bench.worker.die()
    with pytest.raises(WorkerCrashed):
        await painting
    bench.worker.say(Capacity(places=1))
    await bench.worker.heard()
    painting = started(bench)
    ours = await bench.worker.job()
    bench.worker.say(Failed(job_id=ours.job_id, attempt=1, code="out_of_memory", detail={"what": "it"}))
    with pytest.raises(OutOfMemory):
        await painting


async def test_a_worker_that_refuses_a_background_job_ends_it(bench: Bench) -> None:
    bench.worker.takes = False
    assert await bench.generation.paint_in_background(request()) is None
