"""Workers join and leave while the bot runs: no job is lost or doubled, and who waits for one is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from bot.cli import paint
from bot.config import LimitSettings
from bot.database.jobs.jobs import AnyJob, Job, JobState
from bot.jobs.active_jobs import JobUpdate, Updates, WorkerTrouble
from inference.errors import WorkerUnavailable
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Generate
from inference.messages.options import WorkerOptions
from inference.messages.spool import state_file
from inference.workers import PoolUnavailable, Unserved, WorkerPlace, WorkerPool
from inference.workers.storage import StoredFile
from tests.bot.jobs.fake_pool import FakePool
from tests.bot.jobs.fake_worker import PATIENCE, FakeWorker
from tests.bot.jobs.test_dispatching import Rig, open_rig
from tests.inference.requests import request
from tests.log import Log


@pytest.fixture
def pool(tmp_path: Path) -> FakePool:
    return FakePool(tmp_path / "spool")


@pytest.fixture
async def rig(tmp_path: Path, pool: FakePool) -> AsyncIterator[Rig]:
    checked: WorkerPool = pool
    async with open_rig(tmp_path, pool=checked) as rig:
        yield rig


async def until(updates: Updates, told: bool) -> JobUpdate:
    """The first update that says whether the job is stranded, which has to be this."""
    async with asyncio.timeout(PATIENCE):
        while (update := await updates.get()).stranded is None:
            pass
    assert update.stranded is told
    return update


async def until_gone(rig: Rig, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(rig.jobs.workers) != count:
            await rig.db.fetch("SELECT 1")


async def deaths(rig: Rig) -> list[tuple[str, int, int]]:
    return [tuple(row) for row in await rig.db.fetch("SELECT state, attempt, deaths FROM job ORDER BY id")]  # type: ignore[misc]


async def test_jobs_wait_until_a_worker_joins_which_gets_work_at_once(rig: Rig, pool: FakePool) -> None:
    job = await rig.order()
    assert rig.jobs.is_stranded("vivid") and rig.jobs.workers == [] and not rig.jobs.idle
    await rig.jobs.reconciler.check()
    assert await rig.state(job) is JobState.QUEUED, "its checkpoint is installed, so there is hope"
    async with rig.jobs.following(job.id) as updates:
        worker = await pool.join()
        await until(updates, told=False)
    worker.finish(await worker.job())
    assert (await rig.end(job)).job.state is JobState.SUCCEEDED
    assert not rig.jobs.is_stranded("vivid")


async def test_who_waits_hears_that_no_worker_can_be_reached_and_operators_now_and_then(
    rig: Rig, pool: FakePool
) -> None:
    job, alarms = await rig.order(), list[WorkerTrouble]()
    rig.jobs.on_alarm(alarms.append)
    async with rig.jobs.following(job.id) as updates, asyncio.timeout(PATIENCE):
        for failures in range(1, 11):
            pool.fail(failures, "the head is gone")
            while (update := await updates.get()).trouble is None:
                pass
            assert update.trouble == PoolUnavailable(failures, "the head is gone")
    assert [each.failures for each in alarms] == [5, 10]
    assert await rig.state(job) is JobState.QUEUED


async def test_who_is_about_to_be_painted_by_a_worker_that_leaves_is_told_too(tmp_path: Path, pool: FakePool) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def allowed(_job: AnyJob) -> None:
        asked.set()
        await answered.wait()

    async with open_rig(tmp_path, pool=pool, still_allowed=allowed) as rig:
        worker = await pool.join()
        job = await rig.order()
        async with rig.jobs.following(job.id) as updates:
            async with asyncio.timeout(PATIENCE):
                await asked.wait()
            await pool.leave(worker)
            await until_gone(rig, 0)
            assert rig.jobs.is_stranded("vivid")
            answered.set()
            await until(updates, told=True)
        other = await pool.join("two")
        other.finish(await other.job())
        assert (await rig.end(job)).job.state is JobState.SUCCEEDED


async def test_operators_see_each_worker_with_its_node(rig: Rig, pool: FakePool) -> None:
    first = await pool.join("one")
    await pool.join("two")
    assert [(seen.node, seen.device) for seen in rig.jobs.workers] == [("one", "cuda:0"), ("two", "cuda:0")]
    await pool.leave(first)
    await until_gone(rig, 1)
    assert [seen.node for seen in rig.jobs.workers] == ["two"]


async def test_a_worker_that_leaves_gives_all_its_jobs_back_with_their_states(rig: Rig, pool: FakePool) -> None:
    worker = await pool.join()
    jobs = [await rig.order(person=person) for person in (1, 2, 3)]
    given = [await worker.job() for _ in jobs]
    worker.begin(given[0])
    await worker.heard()
    state = rig.spool / state_file(jobs[0].id)
    state.write_bytes(b"the last state")
    await pool.leave(worker)
    await until_gone(rig, 0)
    other = await pool.join("two")
    again = [await other.job() for _ in jobs]
    assert [(job.job_id, job.attempt) for job in again] == [(job.id, 2) for job in jobs]
    assert state.read_bytes() == b"the last state", "from which the next attempt goes on"
    assert await deaths(rig) == [("running", 2, 0)] * 3, "that a machine is lost says nothing of its jobs"
    for job in again:
        other.finish(job)
    for job in jobs:
        assert len((await rig.end(job)).pictures) == 1
    assert len(await rig.files()) == 3 and other.idle


async def test_what_a_worker_finished_before_it_left_is_not_painted_again(rig: Rig, pool: FakePool) -> None:
    worker = await pool.join()
    job = await rig.order()
    worker.finish(await worker.job())
    await pool.leave(worker)
    assert (await rig.end(job)).job.attempt == 1
    other = await pool.join("two")
    assert len(await rig.files()) == 1 and other.idle


async def test_reports_that_come_after_a_worker_has_left_do_not_count(
    rig: Rig, pool: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that breaks its word: the events do not end."""
    monkeypatch.setattr("bot.jobs.dispatcher.LAST_EVENTS_SECONDS", 0.01)
    monkeypatch.setattr(FakeWorker, "close", FakeWorker.heard)
    worker = await pool.join()
    job = await rig.order()
    given = await worker.job()
    await pool.leave(worker)
    other = await pool.join("two")
    again = await other.job()
    worker.finish(given)
    other.finish(again)
    assert (await rig.end(job)).job.attempt == 2
    assert len(await rig.files()) == 1
    monkeypatch.undo()


async def test_a_cancel_of_a_job_whose_worker_has_left_is_no_error(rig: Rig, pool: FakePool) -> None:
    worker = await pool.join()
    job = await rig.order()
    await worker.job()
    await pool.leave(worker)
    assert await rig.jobs.cancel(job.id)
    other = await pool.join("two")
    assert await rig.state(job) is JobState.CANCELLED and other.idle


class LeavingWorker(FakeWorker):
    """Leaves while a job is handed to it."""

    pool: FakePool

    async def submit(self, job: Generate, files: Mapping[str, StoredFile]) -> bool:
        if self.takes:
            await self.pool.leave(self)
        return False


async def test_a_worker_that_leaves_while_a_job_is_handed_to_it_loses_none(
    rig: Rig, pool: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    LeavingWorker.pool = pool
    with monkeypatch.context() as leaving:
        leaving.setattr("tests.bot.jobs.fake_pool.FakeWorker", LeavingWorker)
        await pool.join()
    jobs = [await rig.order(person=person) for person in (1, 2)]
    await until_gone(rig, 0)
    other = await pool.join("two")
    again = [await other.job() for _ in jobs]
    assert sorted(job.job_id for job in again) == [job.id for job in jobs] and other.idle
    for job in again:
        other.finish(job)
    for job in jobs:
        assert (await rig.end(job)).job.state is JobState.SUCCEEDED


async def test_who_waits_is_told_once_when_the_last_worker_for_a_checkpoint_has_left(rig: Rig, pool: FakePool) -> None:
    both, vivid = await pool.join("both"), await pool.join("vivid", serves=frozenset({"vivid"}))
    running, waiting = await rig.order(), await rig.order(request(checkpoint="pastel"), person=2)
    taken = [await both.job()]
    assert {job.job_id for job in taken} <= {running.id, waiting.id}
    async with rig.jobs.following(waiting.id) as updates:
        await pool.leave(both)
        assert (await until(updates, told=True)).job.state is JobState.QUEUED
        assert rig.jobs.is_stranded("pastel") and not rig.jobs.is_stranded("vivid")
        again = await pool.join("again")
        await until(updates, told=False)
    assert vivid.idle or (await vivid.job()).job_id == running.id
    assert (await again.job()).job_id == waiting.id


async def test_options_reach_the_workers_that_are_there_and_none_that_has_left(rig: Rig, pool: FakePool) -> None:
    gone, here = await pool.join("one"), await pool.join("two")
    await pool.leave(gone)
    await until_gone(rig, 1)
    spec = CheckpointSpec.model_validate({"name": "new", "source": "new", "base_model": "demo/vivid"})
    options = WorkerOptions(checkpoints=(spec,))
    pool.serves = frozenset({"new"})
    await rig.jobs.reconfigure(LimitSettings(), [options])
    await rig.order(request(checkpoint="new"))
    await here.job()
    assert (gone.configured, here.configured) == ([], [options])


async def test_a_background_job_ends_when_its_worker_leaves(rig: Rig, pool: FakePool) -> None:
    worker = await pool.join()
    painting = asyncio.create_task(rig.jobs.paint_in_background(request()))
    await worker.job()
    await pool.leave(worker)
    await asyncio.wait({painting}, timeout=PATIENCE)
    assert painting.exception() is not None
    assert not rig.jobs.idle, "no worker is there that would take one"


async def test_workers_come_and_go_and_every_job_ends_once(rig: Rig, pool: FakePool) -> None:
    """Whoever is there finishes one job of those it has, then leaves with the others."""
    jobs: list[Job] = [await rig.order(person=number % 3) for number in range(9)]
    async with asyncio.timeout(PATIENCE):
        while any([await rig.state(job) is not JobState.SUCCEEDED for job in jobs]):
            worker = await pool.join(places=2)
            worker.finish(await worker.job())
            await worker.heard()
            await pool.leave(worker)
            await until_gone(rig, 0)
    assert len(await rig.files()) == len(jobs)


async def test_the_log_names_a_worker_that_leaves_by_device_and_node(rig: Rig, pool: FakePool) -> None:
    with Log.listening() as log:
        worker = await pool.join("two")
        await pool.leave(worker)
        await log.heard("worker cuda:0 of two disconnected: its node was lost")
    assert str(WorkerPlace()) == "this machine" and str(WorkerPlace(device="cuda:1")) == "cuda:1"


async def test_the_command_line_does_not_wait_for_a_checkpoint_that_no_node_may_paint(
    rig: Rig, pool: FakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paint, "UNSERVED_SECONDS", 0.01)
    await pool.join("two", serves=frozenset({"pastel"}))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(WorkerUnavailable, match="no node fits"):
            await paint.paint(rig.jobs, tmp_path, request(), tmp_path / "out.png", lambda *_: None)
    assert rig.jobs.waiting == 0


@pytest.mark.parametrize("others", [0, 1])
async def test_the_command_line_waits_while_a_worker_that_may_paint_is_being_started(
    others: int, rig: Rig, pool: FakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paint, "UNSERVED_SECONDS", 0.01)
    pool.why = Unserved("the worker of two is still being started", starting=True)
    for _ in range(others):
        await pool.join("one", serves=frozenset({"pastel"}))
    painting = asyncio.create_task(paint.paint(rig.jobs, tmp_path, request(), tmp_path / "out.png", lambda *_: None))
    async with asyncio.timeout(PATIENCE):
        while not rig.jobs.waiting:
            await rig.db.fetch("SELECT 1")
        for _ in range(3):
            pool.asked.clear()
            while not pool.asked.is_set():  # what fails before the command follows its job is not heard by it
                pool.fail(paint.GIVE_UP_AFTER, "its worker does not start")
                await rig.db.fetch("SELECT 1")
        pool.why = Unserved("its worker does not start")
        pool.fail(paint.GIVE_UP_AFTER, "its worker does not start")
        with pytest.raises(WorkerUnavailable, match="its worker does not start"):
            await painting
    assert rig.jobs.waiting == 0
