"""A benchmark tells the processor time of some tasks and of what they start, not that of others."""

from __future__ import annotations

import asyncio
import time

from benchmarks._task_times import TaskTimes


async def test_the_time_of_a_named_task_is_told_with_that_of_the_tasks_which_it_starts() -> None:
    times, spent = TaskTimes("counted"), dict.fromkeys(("parent", "child", "other"), 0.0)

    async def spin(name: str) -> None:
        began = time.thread_time()
        while (took := time.thread_time() - began) < 0.02:
            pass
        spent[name] += took
        await asyncio.sleep(0)

    async def parent() -> str:
        await spin("parent")
        await asyncio.gather(*(asyncio.create_task(spin("child")) for _ in range(2)))
        return "done"

    loop = asyncio.get_running_loop()
    loop.set_task_factory(times.factory)
    try:
        counted = asyncio.create_task(parent(), name="counted")
        await asyncio.gather(*(asyncio.create_task(spin("other")) for _ in range(5)))
        assert await counted == "done"
    finally:
        loop.set_task_factory(None)
    told = times.seconds["counted"]
    assert spent["parent"] + spent["child"] <= told < spent["parent"] + spent["child"] + spent["other"] / 2
