"""Processes, machines, the network and the head of a cluster are lost in the middle of pictures; no picture is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from benchmarks._ray_nodes import RayMachine, RayNodes
from bot.app.assembly import Easel, open_easel
from bot.database.connection import fetch
from bot.database.jobs import JobState
from bot.jobs.active_jobs import JobUpdate
from inference.messages.options import STATE_STEPS
from inference.messages.request import GenerationRequest
from inference.workers.ray import RayPool
from tests.bot.jobs.test_service import order, pictures_on_disk
from tests.cluster.conftest import on_ray
from tests.house import VIVID, House
from tests.inference.requests import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 240.0  # seconds
CUT_SECONDS = 30.0
ANSWER_SECONDS = 5.0  # in which a bot that answers has stored an order; its own processes share the machine with Ray's


def long(seed: int) -> GenerationRequest:
    return request(checkpoint=VIVID, steps=80, sampler="euler", seed=seed, width=128, height=128)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def easel(shared_house: House, nodes: RayNodes) -> AsyncIterator[Easel]:
    for _ in range(2):
        await nodes.add()
    async with open_easel(on_ray(shared_house.settings, nodes)) as running:
        yield running


@dataclass
class Watched:
    """Some jobs, and what the bot has told of each."""

    easel: Easel
    job_ids: list[int]
    told: dict[int, list[JobUpdate]] = field(default_factory=dict[int, list[JobUpdate]])
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, job_id: int) -> None:
        async with self.easel.jobs.following(job_id) as updates:
            while not (told := self.told.setdefault(job_id, [])) or not told[-1].job.state.final:
                told.append(await updates.get())
                async with self.news:
                    self.news.notify_all()

    async def until(self, true: object) -> None:
        assert callable(true)
        async with asyncio.timeout(PATIENCE), self.news:
            await self.news.wait_for(lambda: true())

    def steps(self, job_id: int, attempt: int) -> list[int]:
        found = [each for each in self.told.get(job_id, []) if each.job.attempt == attempt]
        return [each.progress.step for each in found if each.progress]

    @property
    def painting(self) -> int:
        """The number of jobs of which steps were reported and that have not ended."""
        last = [told[-1] for told in self.told.values() if told]
        return sum(not each.job.state.final and self.steps(each.job.id, each.job.attempt) != [] for each in last)


async def watched(easel: Easel, stack: AsyncExitStack, seeds: range) -> Watched:
    """Orders a picture of each seed and waits until some of them are being painted, well after their first state."""
    jobs = [await order(easel, long(seed), person=seed) for seed in seeds]
    found = Watched(easel, [job.id for job in jobs])
    for job in jobs:
        task = asyncio.create_task(found.follow(job.id))
        stack.callback(task.cancel)
    await found.until(lambda: any(max(found.steps(job.id, 1), default=0) > 2 * STATE_STEPS for job in jobs))
    return found


async def busiest(easel: Easel, nodes: RayNodes) -> RayMachine:
    """The machine with most jobs."""
    status = max(easel.jobs.workers, key=lambda each: each.jobs)
    assert status.jobs
    return next(machine for machine in nodes.machines if machine.name == status.node)


async def answers(easel: Easel) -> None:
    """The bot takes an order, and lets it be cancelled."""
    async with asyncio.timeout(ANSWER_SECONDS):
        job = await order(easel, request(checkpoint=VIVID, seed=1), person=99)
        await easel.jobs.cancel(job.id)


async def all_painted_once(easel: Easel, jobs: Watched, before: list[str]) -> None:
    """No job is lost or doubled, and each that had to be begun again went on from its last state."""
    told = [jobs.told.setdefault(job_id, []) for job_id in jobs.job_ids]
    await jobs.until(lambda: all(each and each[-1].job.state.final for each in told))
    ends = [jobs.told[job_id][-1] for job_id in jobs.job_ids]
    assert [end.job.state for end in ends] == [JobState.SUCCEEDED] * len(ends)
    assert all(len(end.pictures) == 1 for end in ends)
    rows = await fetch(easel.connection, "SELECT job_id, count(*) AS number FROM picture GROUP BY job_id")
    assert all(row["number"] == 1 for row in rows)
    assert sorted(await pictures_on_disk(easel)) == sorted([*before, *(end.pictures[0].path for end in ends)])
    for end in ends:
        for attempt in range(2, end.job.attempt + 1):
            lost, resumed = jobs.steps(end.job.id, attempt - 1), jobs.steps(end.job.id, attempt)
            if lost and resumed:
                assert resumed[0] >= lost[-1] - STATE_STEPS, (end.job.id, lost[-1], resumed[0])


def resumed(jobs: Watched) -> int:
    """How many jobs went on at a later step than the first."""
    return sum(any((jobs.steps(job_id, attempt) or [0])[0] > 0 for attempt in (2, 3, 4)) for job_id in jobs.job_ids)


async def until_there(easel: Easel, number: int) -> None:
    """So many workers are there and ready."""
    async with asyncio.timeout(PATIENCE):
        while sum(each.device != "?" and each.back is None for each in easel.jobs.workers) != number:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("what", ["engine", "actor", "raylet"])
async def test_a_process_of_a_node_is_killed(easel: Easel, nodes: RayNodes, what: str) -> None:
    await until_there(easel, 2)
    before = await pictures_on_disk(easel)
    async with AsyncExitStack() as stack:
        jobs = await watched(easel, stack, range(10, 13))
        machine = await busiest(easel, nodes)
        victims = {"engine": machine.engines, "actor": machine.actors, "raylet": machine.raylets}[what]
        assert len(victims) == 1
        victims[0].kill()
        await answers(easel)
        await all_painted_once(easel, jobs, before)
        assert resumed(jobs)
    if what == "raylet":
        await nodes.remove(machine)
        await until_there(easel, 1)
        await nodes.add()
    await until_there(easel, 2)


async def test_the_network_of_a_node_is_cut_for_half_a_minute(easel: Easel, nodes: RayNodes) -> None:
    await until_there(easel, 2)
    before = await pictures_on_disk(easel)
    async with AsyncExitStack() as stack:
        jobs = await watched(easel, stack, range(20, 23))
        machine = await busiest(easel, nodes)
        machine.cut()
        mending = asyncio.get_running_loop().call_later(CUT_SECONDS, machine.mend)
        stack.callback(mending.cancel)
        stack.callback(machine.mend)
        await answers(easel)
        await all_painted_once(easel, jobs, before)
        assert resumed(jobs)
        while asyncio.get_running_loop().time() < mending.when():
            await answers(easel)
            await asyncio.sleep(1)
    while len(easel.jobs.workers) < 2 and machine.raylets:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    if not machine.raylets:  # Ray has called the node dead, which then ends
        await nodes.remove(machine)
        await nodes.add()
    await until_there(easel, 2)


async def test_without_any_worker_people_are_told_and_jobs_wait_for_the_next_machine(
    easel: Easel, nodes: RayNodes
) -> None:
    await until_there(easel, 2)
    before = await pictures_on_disk(easel)
    async with AsyncExitStack() as stack:
        jobs = await watched(easel, stack, range(30, 33))
        for machine in [*nodes.machines]:
            await nodes.remove(machine)
        await jobs.until(lambda: any(each.stranded for told in jobs.told.values() for each in told))
        await answers(easel)
        assert easel.jobs.is_stranded(VIVID)
        await nodes.add()
        await all_painted_once(easel, jobs, before)
        assert resumed(jobs)
    assert not easel.jobs.is_stranded(VIVID)


async def test_a_dead_head_costs_the_cluster_and_not_the_bot(easel: Easel, nodes: RayNodes) -> None:
    if not nodes.machines:
        await nodes.add()
    await until_there(easel, len(nodes.machines))
    before = await pictures_on_disk(easel)
    async with AsyncExitStack() as stack:
        jobs = await watched(easel, stack, range(40, 43))
        await nodes.kill_head()
        assert isinstance(easel.pool, RayPool)
        async with asyncio.timeout(PATIENCE):
            while easel.pool.workers:
                await answers(easel)
                await asyncio.sleep(0.5)
        for machine in [*nodes.machines]:
            await nodes.remove(machine)
        await answers(easel)
        await nodes.start_head()
        await nodes.add()
        await all_painted_once(easel, jobs, before)
        assert resumed(jobs)
