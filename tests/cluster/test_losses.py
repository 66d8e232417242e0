"""Processes, machines, the network and the head of a cluster are lost in the middle of pictures; no picture is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from benchmarks._ray_nodes import RayMachine, RayNodes
from bot.app.assembly import Easel, open_easel
from bot.database.jobs.jobs import JobState
from bot.jobs.active_jobs import JobUpdate
from inference.messages.options import STATE_STEPS
from inference.messages.request import GenerationRequest
from tests.bot.jobs.test_service import order, pictures_on_disk
from tests.house import VIVID, House
from tests.inference.requests import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 240.0  # seconds
CUT_SECONDS = 30.0
ANSWER_SECONDS = 15.0  # in which a bot that answers has stored an order; a cluster that is lost stays so for longer


def long(seed: int) -> GenerationRequest:
    return request(checkpoint=VIVID, steps=80, sampler="euler", seed=seed, width=128, height=128)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def easel(shared_house: House, nodes: RayNodes) -> AsyncIterator[Easel]:
    for _ in range(2):
        await nodes.add()
    async with open_easel(nodes.settings(shared_house.settings)) as running:
        yield running


@dataclass
class Watched:
    """Some jobs, and what the bot has told of each."""

    easel: Easel
    job_ids: list[int]
    before: list[str]  # pictures of other jobs
    asked: list[int] = field(default_factory=list[int])  # jobs that were cancelled at once
    told: dict[int, list[JobUpdate]] = field(default_factory=dict[int, list[JobUpdate]])
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, job_id: int) -> None:
        async with self.easel.jobs.following(job_id) as updates:
            while not (told := self.told.setdefault(job_id, [])) or not told[-1].job.state.final:
                told.append(await updates.get())
                async with self.news:
                    self.news.notify_all()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE), self.news:
            await self.news.wait_for(true)

    def steps(self, job_id: int, attempt: int) -> list[int]:
        found = [each for each in self.told.get(job_id, []) if each.job.attempt == attempt]
        return [each.progress.step for each in found if each.progress]

    @property
    def newest(self) -> list[JobUpdate]:
        return [told[-1] for job_id in self.job_ids if (told := self.told.get(job_id))]

    @property
    def ended(self) -> bool:
        return len(self.newest) == len(self.job_ids) and all(each.job.state.final for each in self.newest)

    @property
    def on_their_way(self) -> bool:
        """Whether every job that a worker paints is well behind its first state: it is lost wherever one dies."""
        assert not self.ended
        left = (each.job for each in self.newest if not each.job.state.final)
        far = sum(max(self.steps(job.id, job.attempt), default=0) > 2 * STATE_STEPS for job in left)
        return far > 0 and far == sum(each.jobs for each in self.easel.jobs.workers)

    @property
    def resumed(self) -> int:
        """How many jobs went on at a later step than the first."""
        return sum(any((self.steps(job_id, again) or [0])[0] > 0 for again in (2, 3, 4)) for job_id in self.job_ids)

    async def answers(self) -> None:
        """The bot takes an order, and lets it be cancelled."""
        async with asyncio.timeout(ANSWER_SECONDS):
            job = await order(self.easel, request(checkpoint=VIVID, seed=1), person=99)
            self.asked.append(job.id)
            await self.easel.jobs.cancel(job.id)

    async def painted_once(self, most_lost: int = STATE_STEPS) -> None:
        """No job is lost or doubled, and each that had to be begun again went on from its last state."""
        await self.until(lambda: self.ended)
        ends = [self.told[job_id][-1] for job_id in self.job_ids]
        assert [end.job.state for end in ends] == [JobState.SUCCEEDED] * len(ends)
        assert all(len(end.pictures) == 1 for end in ends)
        await self.until_gone()
        rows = await self.easel.db.fetch("SELECT job_id, count(*) AS number FROM picture GROUP BY job_id")
        assert all(row["number"] == 1 for row in rows)
        expected = [*self.before, *(end.pictures[0].path for end in ends)]
        assert sorted(await pictures_on_disk(self.easel)) == sorted(expected)
        for end in ends:
            for attempt in range(2, end.job.attempt + 1):
                lost, resumed = self.steps(end.job.id, attempt - 1), self.steps(end.job.id, attempt)
                if lost and resumed:
                    assert resumed[0] >= lost[-1] - most_lost, (end.job.id, lost[-1], resumed[0])

    async def until_gone(self) -> None:
        """Wait until no worker has any of the jobs: one that was cancelled may be painted to its end there."""
        async with asyncio.timeout(PATIENCE):
            for job_id in (*self.job_ids, *self.asked):
                await self.easel.jobs.until_gone(job_id)


@asynccontextmanager
async def painting(easel: Easel, nodes: RayNodes, seeds: range, machines: int = 2) -> AsyncGenerator[Watched]:
    """Pictures of these seeds on so many machines, well on their way; nothing of them is left for the next test."""
    await stand(easel, nodes, machines)
    before = await pictures_on_disk(easel)
    jobs = [await order(easel, long(seed), person=seed) for seed in seeds]
    found = Watched(easel, [job.id for job in jobs], before)
    following = [asyncio.create_task(found.follow(job.id)) for job in jobs]
    try:
        await found.until(lambda: found.on_their_way)
        yield found
    finally:
        for task in following:
            task.cancel()
        for job in jobs:
            await easel.jobs.cancel(job.id)
        await found.until_gone()


def ready(easel: Easel) -> list[str]:
    """The machines whose workers are ready, by name."""
    return sorted(each.node for each in easel.jobs.workers if each.device != "?" and each.back is None)


async def stand(easel: Easel, nodes: RayNodes, number: int) -> None:
    """Have a head and so many machines with workers that are ready, whatever the test before has left."""
    if not nodes.has_head:
        await nodes.start_head()
    async with asyncio.timeout(PATIENCE):
        while ready(easel) != sorted(each.name for each in nodes.machines) or len(nodes.machines) != number:
            for machine in [*nodes.machines]:
                if not machine.raylets or len(nodes.machines) > number:
                    await nodes.remove(machine)
            while len(nodes.machines) < number:
                await nodes.add()
            await asyncio.sleep(1)


def busiest(easel: Easel, nodes: RayNodes) -> RayMachine:
    """The machine with most jobs."""
    status = max(easel.jobs.workers, key=lambda each: each.jobs)
    assert status.jobs
    return next(machine for machine in nodes.machines if machine.name == status.node)


@pytest.mark.parametrize("what", ["engine", "actor", "raylet"])
async def test_a_process_of_a_node_is_killed(easel: Easel, nodes: RayNodes, what: str) -> None:
    async with painting(easel, nodes, range(10, 13)) as jobs:
        machine = busiest(easel, nodes)
        victims = {"engine": machine.engines, "actor": machine.actors, "raylet": machine.raylets}[what]
        assert len(victims) == 1, victims
        victims[0].kill()
        await jobs.answers()
        await jobs.painted_once()
        assert jobs.resumed


async def test_the_network_of_a_node_is_cut_for_half_a_minute(easel: Easel, nodes: RayNodes) -> None:
    async with painting(easel, nodes, range(20, 23)) as jobs:
        machine, now = busiest(easel, nodes), asyncio.get_running_loop().time
        machine.cut()
        until = now() + CUT_SECONDS
        try:
            await jobs.answers()
            await jobs.painted_once()
            assert jobs.resumed
            while now() < until:
                await jobs.answers()
                await asyncio.sleep(1)
        finally:
            machine.mend()


async def test_a_node_that_is_drained_hands_its_jobs_on_at_the_step_that_they_have_reached(
    easel: Easel, nodes: RayNodes
) -> None:
    async with painting(easel, nodes, range(50, 53)) as jobs:
        machine = busiest(easel, nodes)
        draining = asyncio.create_task(nodes.drain(machine))
        await jobs.painted_once(most_lost=0)
        assert jobs.resumed
        await draining
        await nodes.remove(machine)


async def test_without_any_worker_people_are_told_and_jobs_wait_for_the_next_machine(
    easel: Easel, nodes: RayNodes
) -> None:
    async with painting(easel, nodes, range(30, 33)) as jobs:
        for machine in [*nodes.machines]:
            await nodes.remove(machine)
        await jobs.until(lambda: any(each.stranded for told in jobs.told.values() for each in told))
        await jobs.answers()
        assert easel.jobs.is_stranded(VIVID)
        now = asyncio.get_running_loop().time
        began = now()
        await nodes.add()
        async with asyncio.timeout(PATIENCE):
            while not ready(easel):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        there = now()
        await jobs.until(lambda: jobs.resumed)
        assert now() - there < there - began, "it gets work at once: in less time than its engine took to start"
        await jobs.painted_once()
        assert jobs.resumed
    assert not easel.jobs.is_stranded(VIVID)


@pytest.mark.parametrize("what", ["gcs", "all"])
async def test_a_dead_head_costs_the_cluster_and_not_the_bot(easel: Easel, nodes: RayNodes, what: str) -> None:
    async with painting(easel, nodes, range(40, 43), machines=1) as jobs:
        if what == "gcs":
            nodes.kill_gcs()
        else:
            await nodes.kill_head()
        async with asyncio.timeout(PATIENCE):
            while easel.jobs.workers:
                await jobs.answers()
                await asyncio.sleep(0.5)
        for machine in [*nodes.machines]:
            await nodes.remove(machine)
        await jobs.answers()
        await nodes.start_head()
        await nodes.add()
        await jobs.painted_once()
        assert jobs.resumed
