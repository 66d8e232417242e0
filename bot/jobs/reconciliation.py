"""What is looked at every few seconds: workers that hang, records that differ, and jobs that must fail."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from weakref import WeakSet

from bot import background
from bot.config import LimitSettings
from bot.database.clock import HOUR_MS, now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import FIND_JOB, REQUEUE_JOB, UNFINISHED_IDS, AnyJob, JobState
from bot.database.jobs.paces import record_paces
from bot.jobs.active_jobs import ActiveJobs, JobUpdate
from bot.jobs.forecasts import Pace
from bot.jobs.outcomes import Outcomes
from bot.jobs.worker_handles import WorkerHandles
from bot.jobs.worker_slots import WorkerHandle
from inference.errors import CheckpointRemoved, InferenceError, JobExpired
from inference.processes.logs import about
from inference.workers import WorkerPool

log = logging.getLogger(__name__)

LONG_MENDING, MENDING_SHARE = 0.1, 100.0  # seconds of comparing records, after which it waits so many times as long
TICK_SECONDS = 5.0  # between checks for jobs that are too old, workers that hang and records that differ


class Reconciler:
    """Makes the queue, the jobs in memory and the job table agree, and ends what cannot go on.

    `limits` is called each time. `wake` makes the dispatcher look for jobs. `tell` gets updates of jobs.
    """

    def __init__(
        self,
        db: Database,
        active: ActiveJobs,
        pool: WorkerPool,
        handles: WorkerHandles,
        outcomes: Outcomes,
        pace: Pace,
        *,
        limits: Callable[[], LimitSettings],
        wake: Callable[[], None],
        tell: Callable[[JobUpdate], None],
    ) -> None:
        self._db = db
        self._active = active
        self._pool = pool
        self._handles = handles
        self._outcomes = outcomes
        self._pace = pace
        self._limits = limits
        self._wake = wake
        self._tell = tell
        self._silent = WeakSet[WorkerHandle]()  # workers whose users were notified
        self._next_mending = 0.0

    async def run(self) -> None:
        """Check for ever."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            late = time.monotonic() - began - TICK_SECONDS
            await background.guard(self.check(stood_still=late), "checking jobs and workers")

    async def check(self, stood_still: float = 0.0) -> None:
        """Restart workers that hang, mend records and fail hopeless jobs, every few seconds. Raises DatabaseError.

        `stood_still` are the seconds in which this program read no reports, as when it or its machine was paused.
        """
        for handle in self._handles:
            handle.excuse(stood_still)
            self._note_silence(handle)
            if handle.hangs(time.monotonic(), self._pace):
                log.error("a worker stopped reporting and is restarted")
                await handle.worker.restart()
        if time.monotonic() >= self._next_mending:
            began = time.thread_time()
            await self._mend_records()
            await self.fail_hopeless_jobs()
            took = time.thread_time() - began
            self._next_mending = time.monotonic() + (took * MENDING_SHARE if took > LONG_MENDING else 0.0)
        self._active.reconsider()
        self._wake()
        paces, loads = self._pace.take_unsaved()
        if paces or loads:
            await record_paces(self._db, paces, loads)

    def _note_silence(self, handle: WorkerHandle) -> None:
        """Tell the users of a worker once when it falls silent."""
        silence = handle.silence(time.monotonic(), self._pace)
        if silence is None:
            self._silent.discard(handle)
        elif handle not in self._silent:
            self._silent.add(handle)
            log.warning("worker %s has reported no progress for %.0f seconds", handle.place, silence)
            for job in handle.running or handle.prefetched[:1]:
                self._tell(JobUpdate(job.row, silent=True))

    async def _mend_records(self) -> None:
        """Make the queue's record agree with the jobs in memory, and these with the table. Raises DatabaseError."""
        before = self._active.changes
        for slot, job_id in self._active.repair():
            await self._handles.cancel(slot, job_id)
        if any(job_id not in self._active for job_id in await self._db.all(UNFINISHED_IDS)):
            async with self._db.transaction():  # an order that is being written is in memory when this begins
                for job_id in await self._db.all(UNFINISHED_IDS):
                    await self._take_up(job_id)
        if self._active.changes != before:
            self._wake()

    async def _take_up(self, job_id: int) -> None:
        """Queue an unfinished job that is in the table alone. Raises DatabaseError."""
        row = None if job_id in self._active else await self._db.one(FIND_JOB, job_id)
        if row is not None and row.state is JobState.RUNNING:
            row = await self._db.one(REQUEUE_JOB, died=False, job=job_id, attempt=row.attempt)
        if row is not None and row.state is JobState.QUEUED and job_id not in self._active:
            with about(job_id):
                log.error("found only in the database, queued again")
            self._active.add(row, self._limits().max_attempts)

    async def fail_hopeless_jobs(self) -> None:
        """Fail the jobs that wait in vain. Raises DatabaseError."""
        for job in self._active.waiting:
            if (problem := self.why_hopeless(job.row)) is not None:
                await self._outcomes.give_up(job.row, problem)
                self._active.withdraw(job.row.id)

    def why_hopeless(self, row: AnyJob) -> InferenceError | None:
        """Why the queued job must fail: no worker can paint it, or it has waited too long."""
        if row.checkpoint not in self._pool.serves:
            return CheckpointRemoved(name=row.checkpoint, installed=sorted(self._pool.serves))
        if now_ms() - row.created_at >= self._limits().max_age_hours * HOUR_MS:
            return JobExpired(hours=self._limits().max_age_hours)
        return None
