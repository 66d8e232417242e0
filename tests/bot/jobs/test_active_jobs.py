"""Every copy of what is known of a job is broken on purpose: the owner refuses it, or the record is made anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from PIL import Image

from bot.database.jobs.jobs import Job, JobState
from bot.jobs.active_jobs import ActiveJob, ActiveJobs, queued_as
from bot.jobs.worker_slots import LOADING_SECONDS
from inference.queue.policy import EVERYWHERE
from inference.queue.simulation import Forecast
from inference.queue.slots import WorkerSlot
from tests.bot.jobs.fake_worker import FakeWorker
from tests.bot.jobs.test_dispatching import Rig, open_rig
from tests.inference.queues import BOTH
from tests.inference.requests import request
from tests.log import Log

Break = Callable[[ActiveJobs, ActiveJob], None]
MAX_ATTEMPTS = 3
NOBODY = 9999  # the id of a job that does not exist


def row_of(job_id: int, person: int = 1, checkpoint: str = "vivid", state: JobState = JobState.QUEUED) -> Job:
    return Job(
        id=job_id, person_id=person, server_id=None, channel_id=1, request=request(checkpoint=checkpoint),
        checkpoint=checkpoint, state=state, attempt=0, created_at=0, started_at=None, finished_at=None,
        seconds=None, peak_memory=None, notes=(), weight=1.0, deaths=0, begun_at=None,
    )  # fmt: skip


# --- what may break of a job that waits: the queue, its arrangement by checkpoint, a slot, the owner ------------------


def lost_by_the_queue(active: ActiveJobs, job: ActiveJob) -> None:
    active._queue.remove(job.row.id)


def lost_by_the_queues_list(active: ActiveJobs, job: ActiveJob) -> None:
    del active._queue._jobs[job.row.id]


def lost_by_the_order_of_a_checkpoint(active: ActiveJobs, job: ActiveJob) -> None:
    del active._queue._queues[job.row.checkpoint]


def lost_as_the_head_of_its_person(active: ActiveJobs, job: ActiveJob) -> None:
    queue = active._queue._queues[job.row.checkpoint]
    queue.heads.clear()
    queue.by_counter.clear()
    queue.by_age.clear()


def moved_to_another_checkpoint(active: ActiveJobs, job: ActiveJob) -> None:
    active._queue.remove(job.row.id)
    active._queue.push(replace(job.queued, checkpoint=next(iter(BOTH - {job.row.checkpoint}))))


def moved_to_a_slot(active: ActiveJobs, job: ActiveJob) -> None:
    active._queue.remove(job.row.id)
    in_a_slot_too(active, job)


def in_a_slot_too(active: ActiveJobs, job: ActiveJob) -> None:
    slot = active._queue.slots[0]
    slot.assigned[job.row.id], slot.worked_before[job.row.id] = job.queued, slot.worked


def a_stranger_in_the_queue(active: ActiveJobs, job: ActiveJob) -> None:
    active._queue.push(replace(job.queued, job_id=NOBODY))


def lost_by_the_owner(active: ActiveJobs, job: ActiveJob) -> None:
    del active._jobs[job.row.id]


def twice_in_the_owner(active: ActiveJobs, job: ActiveJob) -> None:
    active._jobs[NOBODY] = job


def under_another_id_in_the_owner(active: ActiveJobs, job: ActiveJob) -> None:
    active._jobs[NOBODY] = active._jobs.pop(job.row.id)


# --- … and of a job that a worker has ---------------------------------------------------------------------------------


def slot_of(job: ActiveJob) -> WorkerSlot:
    assert job.assignment is not None
    return job.assignment.slot


def lost_by_its_slot(active: ActiveJobs, job: ActiveJob) -> None:
    slot = slot_of(job)
    del slot.assigned[job.row.id], slot.worked_before[job.row.id]


def without_the_work_before_it(active: ActiveJobs, job: ActiveJob) -> None:
    del slot_of(job).worked_before[job.row.id]


def in_another_slot(active: ActiveJobs, job: ActiveJob) -> None:
    lost_by_its_slot(active, job)
    in_another_slot_too(active, job)


def in_another_slot_too(active: ActiveJobs, job: ActiveJob) -> None:
    for slot in active._queue.slots:
        if slot is not slot_of(job):
            slot.assigned[job.row.id], slot.worked_before[job.row.id] = job.queued, slot.worked


def back_in_the_queue(active: ActiveJobs, job: ActiveJob) -> None:
    lost_by_its_slot(active, job)
    in_the_queue_too(active, job)


def in_the_queue_too(active: ActiveJobs, job: ActiveJob) -> None:
    active._queue.push(job.queued)


COMMON: tuple[Break, ...] = (lost_by_the_owner, twice_in_the_owner, under_another_id_in_the_owner)
OF_WAITING: tuple[Break, ...] = (
    lost_by_the_queue, lost_by_the_queues_list, lost_by_the_order_of_a_checkpoint, lost_as_the_head_of_its_person,
    moved_to_another_checkpoint, moved_to_a_slot, in_a_slot_too, a_stranger_in_the_queue, *COMMON,
)  # fmt: skip
OF_ASSIGNED: tuple[Break, ...] = (
    lost_by_its_slot, without_the_work_before_it, in_another_slot, in_another_slot_too, back_in_the_queue,
    in_the_queue_too, *COMMON,
)  # fmt: skip
# Breaks at which each part of the queue agrees with itself: assigning goes on before anything is repaired.
PLAUSIBLE = {
    lost_by_the_queue, moved_to_another_checkpoint, a_stranger_in_the_queue, back_in_the_queue, in_the_queue_too,
    lost_by_its_slot,
}  # fmt: skip


class Copies(RuleBasedStateMachine):
    """Orders, assignments, ends, cancels and pauses, with a copy broken now and then; the model is two sets."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = [WorkerSlot(BOTH, 2), WorkerSlot(BOTH, 1)]
        self.active = ActiveJobs(self.slots, {})
        self.rows = dict[int, Job]()
        self.waits = set[int]()
        self.at = dict[int, WorkerSlot]()

    @rule(person=st.integers(1, 3), checkpoint=st.sampled_from(sorted(BOTH)))
    def order(self, person: int, checkpoint: str) -> None:
        row = self.rows[len(self.rows) + 1] = row_of(len(self.rows) + 1, person, checkpoint)
        self.active.add(row, MAX_ATTEMPTS)
        self.waits.add(row.id)

    @rule(which=st.integers(0, 1))
    def assign(self, which: int) -> None:
        job = self.active.assign_next(self.slots[which])
        if job is not None:
            assert job.row.id in self.waits, "no job is given away that does not wait"
            self.waits.remove(job.row.id)
            self.at[job.row.id] = self.slots[which]
            self.active.begin(job, replace(job.row, state=JobState.RUNNING, attempt=job.row.attempt + 1))

    @precondition(lambda self: self.at)
    @rule(number=st.integers(0, 100), again=st.booleans())
    def end(self, number: int, again: bool) -> None:
        job = self._assigned(number)
        self.active.release(job, served=not again)
        del self.at[job.row.id]
        if again:
            self._requeue(job.row.id)

    @precondition(lambda self: self.waits or self.at)
    @rule(number=st.integers(0, 100))
    def cancel(self, number: int) -> None:
        ids = sorted(self.waits | self.at.keys())
        row = replace(self.rows[ids[number % len(ids)]], state=JobState.CANCELLED)
        job = self.active.cancel(row)
        assert (job is not None) == (row.id in self.at)
        self.waits.discard(row.id)

    @rule(everybody=st.booleans())
    def pause(self, everybody: bool) -> None:
        self.active.paused = {EVERYWHERE} if everybody else set[int]()

    @precondition(lambda self: self.waits)
    @rule(number=st.integers(0, 100), how=st.sampled_from(OF_WAITING), first=st.booleans())
    def break_a_waiting_job(self, number: int, how: Break, first: bool) -> None:
        ids = sorted(self.waits)
        job = self.active.get(ids[number % len(ids)])
        assert job is not None
        self._break(how, job, first=first)

    @precondition(lambda self: self.at)
    @rule(number=st.integers(0, 100), how=st.sampled_from(OF_ASSIGNED), first=st.booleans())
    def break_an_assigned_job(self, number: int, how: Break, first: bool) -> None:
        self._break(how, self._assigned(number), first=first)

    @precondition(lambda self: self.waits or self.at)
    @rule(number=st.integers(0, 100))
    def move_twice(self, number: int) -> None:
        """Moves that cannot be are refused."""
        ids = sorted(self.waits | self.at.keys())
        job = self.active.get(ids[number % len(ids)])
        assert job is not None
        with pytest.raises(ValueError, match="cannot be queued"):
            self.active.add(job.row, MAX_ATTEMPTS)
        with pytest.raises(ValueError, match="cannot begin"):
            self.active.begin(job, job.row)
        if job.assignment is None:
            with pytest.raises(ValueError, match="at no worker"):
                self.active.release(job)

    @invariant()
    def the_queue_has_what_the_owner_has(self) -> None:
        assert {job.row.id for job in self.active.waiting} == {job.job_id for job in self.active._queue} == self.waits
        for slot in self.slots:
            here = {job_id for job_id, at in self.at.items() if at is slot}
            assert {job.row.id for job in self.active.assigned_to(slot)} == here
            assert slot.assigned.keys() == slot.worked_before.keys() == here
        assert {job.row.id for job in self.active} == self.waits | self.at.keys()

    @invariant()
    def nothing_is_repaired_that_is_whole(self) -> None:
        before = self.active.changes
        assert self.active.repair() == [] and self.active.changes == before

    def teardown(self) -> None:
        """Whatever was broken: every job that waits is assigned once."""
        self.active.paused = set[int]()
        for turn in range(2 * len(self.rows) + 2):
            for number in range(len(self.at)):
                self.end(number, again=False)
            for slot in (0, 1):
                self.assign(slot)
            if not self.waits:
                return
            assert turn < 2 * len(self.rows) + 1, f"never assigned: {self.waits}"

    def _assigned(self, number: int) -> ActiveJob:
        ids = sorted(self.at)
        job = self.active.get(ids[number % len(ids)])
        assert job is not None
        return job

    def _requeue(self, job_id: int) -> None:
        self.active.add(self.rows[job_id], MAX_ATTEMPTS)
        self.waits.add(job_id)

    def _break(self, how: Break, job: ActiveJob, *, first: bool) -> None:
        """Break one copy; perhaps go on for a moment; then do what the service does every few seconds."""
        how(self.active, job)
        if first and how in PLAUSIBLE:
            for which in (0, 1):
                self.assign(which)
        else:
            counters, changes = dict(self.active._queue._served), self.active.changes
            strays = self.active.repair()
            assert self.active._queue._served == counters, "nobody pays for it"
            assert self.active.changes > changes or how in COMMON
            assert how is lost_by_the_owner or all(self.at.get(job_id) is not slot for slot, job_id in strays)
        self.active.repair()
        if how is lost_by_the_owner:  # the table still knows it
            assert job.row.id not in self.active
            self.at.pop(job.row.id, None)
            self._requeue(job.row.id)


TestCopies = Copies.TestCase
TestCopies.settings = settings(max_examples=80, stateful_step_count=40)


# --- with the table and a worker --------------------------------------------------------------------------------------


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    other = FakeWorker(tmp_path / "spool")
    other.serves = frozenset({"elsewhere"})
    async with open_rig(tmp_path, other) as rig:
        yield rig


@pytest.mark.parametrize("how", OF_WAITING)
async def test_a_waiting_job_that_a_record_has_wrong_is_painted_once(rig: Rig, how: Break) -> None:
    first, second = await rig.order(), await rig.order()
    given = await rig.worker.job()
    assert given.job_id == first.id
    await broken_and_checked(rig, how, second)
    rig.worker.finish(given)
    assert (await rig.end(first)).job.state is JobState.SUCCEEDED
    again = await rig.worker.job()
    assert (again.job_id, again.attempt) == (second.id, 1)
    rig.worker.finish(again)
    assert (await rig.end(second)).job.state is JobState.SUCCEEDED
    await rig.worker.heard()
    assert len(await rig.files()) == 2 and rig.jobs.idle and rig.worker.idle


@pytest.mark.parametrize("how", OF_ASSIGNED)
async def test_an_assigned_job_that_a_record_has_wrong_is_painted_once(rig: Rig, how: Break) -> None:
    job = await rig.order()
    given = await rig.worker.job()
    await broken_and_checked(rig, how, job)
    if how is lost_by_the_owner:
        assert rig.worker.cancelled == [job.id], "nobody waits for this attempt any more"
        rig.worker.stop(given)
        given = await rig.worker.job()
        assert (given.job_id, given.attempt) == (job.id, 2)
    rig.worker.finish(given)
    assert (await rig.end(job)).job.state is JobState.SUCCEEDED
    await rig.worker.heard()
    assert len(await rig.files()) == 1 and rig.jobs.idle and rig.worker.idle


async def broken_and_checked(rig: Rig, how: Break, job: Job) -> None:
    """Break a record of the job, and let the service do what it does every few seconds."""
    active = rig.jobs._active
    found = active.get(job.id)
    assert found is not None
    how(active, found)
    with Log.listening() as log:
        await rig.jobs.reconciler.check()
    assert (log.records != []) == (how not in {twice_in_the_owner, under_another_id_in_the_owner})
    assert log.tracebacks == []
    assert rig.jobs.forecasts.of(job) != Forecast(0) or how is lost_by_the_owner or found.assignment is not None


async def test_a_check_leaves_a_picture_alone_that_is_being_recorded(rig: Rig) -> None:
    picture = rig.spool / "enlarged.png"
    Image.new("RGB", (8, 8)).save(picture)
    with Log.listening() as log:
        recording = asyncio.create_task(rig.jobs.record(request(), picture, person_id=1, channel_id=1))
        while not recording.done():
            await rig.jobs.reconciler.check()
    assert (await recording).state is JobState.SUCCEEDED
    assert log.records == [] and rig.worker.idle and len(await rig.files()) == 1


async def test_a_check_changes_nothing_of_what_is_ordered(rig: Rig) -> None:
    jobs = [await rig.order(person=person) for person in (1, 2)]
    with Log.listening() as log:
        await rig.jobs.reconciler.check()
    assert log.records == []
    rows = await rig.db.fetch("SELECT id, deaths FROM job")
    assert [tuple(row) for row in rows] == [(job.id, 0) for job in jobs]


def test_a_job_that_is_not_queued_cannot_wait() -> None:
    active = ActiveJobs([WorkerSlot(BOTH, 1)], {})
    with pytest.raises(ValueError, match="cannot be queued"):
        active.add(row_of(1, state=JobState.RUNNING), MAX_ATTEMPTS)
    assert queued_as(row_of(1), MAX_ATTEMPTS).job_id == 1 and len(active) == 0


async def test_a_worker_does_not_hang_while_the_bot_itself_stood_still(rig: Rig) -> None:
    job = await rig.order()
    await rig.worker.job()
    handle = rig.jobs._handles.of(rig.worker)
    assert handle is not None
    handle.excuse(-LOADING_SECONDS - 100)  # so long ago it has reported something
    await rig.jobs.reconciler.check(stood_still=200)
    assert rig.worker.restarts == 0
    handle.excuse(-200)
    await rig.jobs.reconciler.check()
    assert rig.worker.restarts == 1
    await rig.jobs.cancel(job.id)
