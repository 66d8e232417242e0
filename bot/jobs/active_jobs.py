"""Owns what is in memory of the jobs that wait or run. Everything else that names them is derived from here."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bot.database.clock import now_ms
from bot.database.jobs.jobs import AnyJob, JobState, StoredJob
from bot.database.pictures.pictures import Picture
from bot.jobs.kinds import kind_of
from inference.messages.events import Progress
from inference.queue.scheduler import JobQueue
from inference.queue.simulation import Forecast, Times, simulate
from inference.queue.slots import WorkerSlot
from inference.queue.waiting_jobs import Waiting
from inference.workers import PoolUnavailable, WorkerDied

log = logging.getLogger(__name__)

WorkerTrouble = WorkerDied | PoolUnavailable


@dataclass(frozen=True)
class JobUpdate:
    """An update of a job: `progress` while it runs, `pictures` once it has succeeded.

    `trouble` is the death of a worker, or that none is there; followers of every waiting job get it, and the job
    itself goes on. `stranded` is True when no worker is left that can load the job's checkpoint, and False once one is
    back; the job waits meanwhile. `silent`: its worker should have reported progress for a while, and did not.
    """

    job: StoredJob[Any]
    progress: Progress | None = None
    pictures: Sequence[Picture] = ()
    trouble: WorkerTrouble | None = None
    stranded: bool | None = None
    silent: bool = False

    @property
    def urgent(self) -> bool:
        """Whether users have to see it: maybe no other update follows for long."""
        return self.stranded is not None or self.silent


Updates = asyncio.Queue[JobUpdate]


@dataclass
class AttemptTimer:
    """Times one attempt at a job from the worker's reports. Times are seconds of the caller's clock."""

    began: float
    loads: bool  # whether the checkpoint had to be loaded first
    last: float | None = None  # when the newest step was reported
    steps: int = 0
    total: int | None = None  # as the worker counts them, once the job is being painted

    @property
    def in_batch(self) -> bool:
        """Whether the job takes part in each step: it has joined the batch, and has steps left."""
        return self.total is not None and self.steps < self.total

    def step(self, now: float, step: int, total: int) -> float | None:
        """Note that `step` of `total` steps are done; the seconds that one took, once they are known.

        The first report says where the job begins and comes together with the second.
        """
        seconds = (now - self.last) / (step - self.steps) if self.last is not None and step > self.steps else None
        self.last = None if self.total is None else now
        self.steps, self.total = step, total
        return seconds


@dataclass(eq=False)
class Assignment:
    """One attempt at a job at one worker: about to be submitted, prefetched there, or running.

    `attempt` is the fencing token: reports of another attempt, or of another worker, do not count.
    """

    slot: WorkerSlot
    attempt: int | None = None  # once the job table says that it runs
    recalled: bool = False  # the queue wants it back
    returned: bool = False  # it is on its way back to the queue
    timer: AttemptTimer | None = None  # once the worker has begun
    last_report: float = 0.0  # by time.monotonic()


@dataclass(eq=False)
class ActiveJob:
    """A job that waits (no `assignment`) or is at a worker. `row` is the newest row, `queued` what the queue sees."""

    row: AnyJob
    queued: Waiting
    assignment: Assignment | None = None

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it, while a worker still has it."""
        return self.row.state is JobState.CANCELLED

    @property
    def running(self) -> bool:
        """Whether a worker has begun it."""
        return self.assignment is not None and self.assignment.timer is not None

    @property
    def prefetched(self) -> bool:
        """Whether it waits at a worker."""
        return self.assignment is not None and self.assignment.attempt is not None and self.assignment.timer is None


class ActiveJobs:
    """The jobs that wait or run, by id, and who follows them.

    The queue and its worker slots hold what their policy needs of these jobs. Only the moves here change that record,
    and `repair` makes it anew from the jobs. The job service and its dispatch loop move jobs; worker handles and
    forecasts read them, through a Protocol of their own each.
    """

    def __init__(
        self, slots: Sequence[WorkerSlot], load_seconds: dict[str, float], speeds: dict[str, float] | None = None
    ) -> None:
        self._assigned: dict[WorkerSlot, dict[int, ActiveJob]] = {}
        self._jobs: dict[int, ActiveJob] = {}
        self._recorded: set[int] = set()  # jobs that end without a worker
        self._followers: dict[int, set[Updates]] = {}
        self._gone: dict[int, asyncio.Event] = {}  # of jobs whose end somebody waits for
        self._queue = JobQueue(time.monotonic, load_seconds, speeds)
        for slot in slots:
            self.join(slot)

    # --- reading ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[ActiveJob]:
        return iter(tuple(self._jobs.values()))

    def __contains__(self, job_id: int) -> bool:
        """Whether the job waits, runs, or is being recorded."""
        return job_id in self._jobs or job_id in self._recorded

    def get(self, job_id: int) -> ActiveJob | None:
        """The job, or None when it neither waits nor runs."""
        return self._jobs.get(job_id)

    @property
    def waiting(self) -> list[ActiveJob]:
        """The jobs that no worker has, the oldest first."""
        return [job for job in self._jobs.values() if job.assignment is None]

    def assigned_to(self, slot: WorkerSlot) -> list[ActiveJob]:
        """The jobs that this worker has, those that were cancelled there included."""
        return list(self._assigned.get(slot, {}).values())

    def can_load(self, checkpoint: str) -> bool:
        """Whether any worker that is there can load the checkpoint."""
        return self._queue.served(checkpoint)

    @property
    def paused(self) -> frozenset[int]:
        """The servers whose jobs are not started; EVERYWHERE stands for all."""
        return self._queue.paused

    @paused.setter
    def paused(self, servers: Set[int]) -> None:
        self._queue.paused = frozenset(servers)

    @property
    def changes(self) -> int:
        """A number that grows with every change which may alter a forecast."""
        return self._queue.changes

    def simulated(self, now: float, times: Times) -> dict[int, Forecast]:
        """The forecast of every job by id, if no other job comes. `now` is by time.monotonic()."""
        left = {
            job_id: None if timer.total is None else timer.total - timer.steps
            for job_id, job in self._jobs.items()
            if job.assignment and (timer := job.assignment.timer)
        }
        return simulate(self._queue, now, times, left)

    # --- moves --------------------------------------------------------------------------------------------------------

    def join(self, slot: WorkerSlot) -> None:
        """A worker is there, and may get jobs."""
        self._queue.join(slot)

    def leave(self, slot: WorkerSlot) -> None:
        """A worker gets no more jobs. Those that it has stay assigned to it until they are released."""
        self._queue.leave(slot)

    def add(self, row: AnyJob, max_attempts: int) -> None:
        """A queued row waits from now on. Raises ValueError for a job that is here already, or is not queued."""
        if row.id in self._jobs or row.state is not JobState.QUEUED:
            raise ValueError(f"job {row.id}, {row.state}, cannot be queued")
        job = self._jobs[row.id] = ActiveJob(row, queued_as(row, max_attempts))
        self._queue.push(job.queued)

    def assign_next(self, slot: WorkerSlot) -> ActiveJob | None:
        """Assign to this worker the job that it should take now, and return it; None when there is none yet."""
        while (taken := self._queue.next(slot)) is not None:
            if (job := self._assign(slot, taken.job_id)) is not None:
                return job
        return None

    def assign(self) -> tuple[ActiveJob, Assignment] | None:
        """Assign a job to any worker that should take one now; None when there is none yet."""
        while (taken := self._queue.assign()) is not None:
            slot, queued = taken
            job = self._assign(slot, queued.job_id)
            if job is not None and job.assignment is not None:
                return job, job.assignment
        return None

    def _assign(self, slot: WorkerSlot, job_id: int) -> ActiveJob | None:
        """Assign to this worker the job that the queue has just assigned to it; None if no such job waits."""
        job = self._jobs.get(job_id)
        if job is not None and job.assignment is None:
            job.assignment = Assignment(slot)
            self._assigned.setdefault(slot, {})[job_id] = job
            return job
        self._queue.release(slot, job_id, served=False)  # the queue's record is wrong
        self.repair()
        return None

    def reconsider(self) -> None:
        """Let `assign` look at every worker again: some rules depend on the time that has passed."""
        self._queue.reconsider()

    def begin(self, job: ActiveJob, row: AnyJob) -> None:
        """The table says that the job's assignment runs. Raises ValueError when it has none or it runs already."""
        if job.assignment is None or job.assignment.attempt is not None:
            raise ValueError(f"job {row.id} cannot begin")
        job.row, job.assignment.attempt, job.assignment.last_report = row, row.attempt, time.monotonic()

    def release(self, job: ActiveJob, *, served: bool = True) -> None:
        """The worker no longer has the job, and it is not here any more. Unless `served`, it costs its person nothing.

        Call it after this is recorded: until then `cancel` has to find the job. Raises ValueError without a worker.
        """
        if job.assignment is None:
            raise ValueError(f"job {job.row.id} is at no worker")
        slot, job.assignment = job.assignment.slot, None
        self._assigned.get(slot, {}).pop(job.row.id, None)
        if not self._assigned.get(slot):
            self._assigned.pop(slot, None)
        self._queue.release(slot, job.row.id, served=served)
        self._jobs.pop(job.row.id, None)
        self._tell_gone(job.row.id)

    def withdraw(self, job_id: int) -> None:
        """A job that waits is not here any more. One that a worker has stays until it is released."""
        job = self._jobs.get(job_id)
        if job is not None and job.assignment is None:
            self._queue.remove(job_id)
            del self._jobs[job_id]
            self._tell_gone(job_id)

    def cancel(self, row: AnyJob) -> ActiveJob | None:
        """The table says that the job is cancelled. Returns it when a worker has it."""
        self.withdraw(row.id)
        job = self._jobs.get(row.id)
        if job is not None:
            job.row = row
        return job

    @contextmanager
    def recording(self, row: AnyJob) -> Generator[None]:
        """While inside, the row runs at no worker: its picture exists already."""
        self._recorded.add(row.id)
        try:
            yield
        finally:
            self._recorded.discard(row.id)
            self._tell_gone(row.id)

    async def until_gone(self, job_id: int) -> None:
        """Wait until the job is not here."""
        while job_id in self:
            await self._gone.setdefault(job_id, asyncio.Event()).wait()

    def _tell_gone(self, job_id: int) -> None:
        event = self._gone.pop(job_id, None)
        if event is not None:
            event.set()

    def repair(self) -> list[tuple[WorkerSlot, int]]:
        """Make the queue's record anew where it differs from the jobs.

        Returns the jobs, by id, that a slot had and that its worker must not paint.
        """
        self._jobs = {job.row.id: job for job in self._jobs.values()}
        self._assigned = {}
        for job_id, job in self._jobs.items():
            if job.assignment is not None:
                self._assigned.setdefault(job.assignment.slot, {})[job_id] = job
        assigned = {slot: [job.queued for job in self.assigned_to(slot)] for slot in self._queue.slots}
        strays = [
            (slot, job_id)
            for slot, jobs in assigned.items()
            for job_id in slot.assigned.keys() - {job.job_id for job in jobs}
        ]
        if self._queue.restore([job.queued for job in self.waiting], assigned):
            log.error("the queue did not match the queued and running jobs, and was rebuilt")
        return strays

    # --- followers ----------------------------------------------------------------------------------------------------

    @contextmanager
    def following(self, job_id: int) -> Generator[Updates]:
        """A queue of all updates of the job while inside, also of a job that has ended."""
        updates: Updates = asyncio.Queue()
        self._followers.setdefault(job_id, set()).add(updates)
        try:
            yield updates
        finally:
            self._followers[job_id].discard(updates)
            if not self._followers[job_id]:
                del self._followers[job_id]

    def tell(self, update: JobUpdate) -> None:
        """Pass an update to everybody who follows its job."""
        for updates in self._followers.get(update.job.id, ()):
            updates.put_nowait(update)


def queued_as(row: AnyJob, max_attempts: int) -> Waiting:
    """The job as the queue sees it."""
    cost = kind_of(row.request).cost(row.request)
    return Waiting(
        job_id=row.id,
        person_id=row.person_id,
        checkpoint=row.checkpoint,
        work=cost.work,
        places=cost.places,
        weight=row.weight,
        server_id=row.server_id,
        # The last attempt runs alone, so that a job which kills its worker takes no other job along.
        exclusive=cost.exclusive or (row.deaths > 0 and row.deaths >= max_attempts - 1),
        since=time.monotonic() - max(0, now_ms() - row.created_at) / 1000,
        loras=cost.loras,
    )
