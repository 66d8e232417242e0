"""The dispatch loop: assigns queued jobs to workers, and records what these report until they are closed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from bot import metrics
from bot.background import failure, guard
from bot.config import LimitSettings
from bot.database.errors import DatabaseError
from bot.database.jobs.jobs import AnyJob
from bot.jobs.active_jobs import ActiveJob, ActiveJobs, Assignment, JobUpdate, WorkerTrouble
from bot.jobs.background_jobs import BackgroundJobs
from bot.jobs.forecasts import Pace
from bot.jobs.outcomes import Outcomes
from bot.jobs.worker_handles import WorkerHandles
from bot.jobs.worker_slots import WorkerHandle, raises_alarm
from inference.errors import InferenceError, RequestError, WorkerCrashed, WorkerFailed
from inference.messages.events import (
    BadCommand,
    Cancelled,
    Capacity,
    CardMemory,
    Event,
    Failed,
    Finished,
    Progress,
    Ready,
    Started,
)
from inference.messages.spool import state_file
from inference.processes.logs import about
from inference.queue.policy import EVERYWHERE
from inference.workers import PoolUnavailable, Worker, WorkerDied, WorkerJoined, WorkerLeft, WorkerPool
from inference.workers.storage import Spool

log = logging.getLogger(__name__)

LAST_EVENTS_SECONDS = 30.0  # in which what a worker reported before it left has to be handled
MAX_STARVED_ATTEMPTS = 2  # of a job at which the system kills the worker for memory: a third would end like them
MAX_UNSTARTED_ATTEMPTS = 100  # of a job that no worker begins

# Why an ordered job may not be painted any more, which then is its failure; None when it may.
JobCheck = Callable[[AnyJob], Awaitable[RequestError | None]]


async def always_allowed(_job: AnyJob) -> None:
    """The check where nobody but the operator orders."""


class Dispatcher:
    """Assigns the jobs of `active` to workers and moves them on by what the workers report.

    `tell` gets every update of a job, `alarm` what goes wrong with workers again and again. `still_allowed` may
    ask Discord, so the jobs that a worker takes at the same time are checked together.
    """

    def __init__(
        self,
        active: ActiveJobs,
        pool: WorkerPool,
        handles: WorkerHandles,
        background: BackgroundJobs,
        outcomes: Outcomes,
        spool: Spool,
        pace: Pace,
        *,
        limits: Callable[[], LimitSettings],
        still_allowed: JobCheck,
        tell: Callable[[JobUpdate], None],
        alarm: Callable[[WorkerTrouble], None],
    ) -> None:
        self._active = active
        self._pool = pool
        self._handles = handles
        self._background = background
        self._outcomes = outcomes
        self._spool = spool
        self._pace = pace
        self._limits = limits
        self._still_allowed = still_allowed
        self._tell = tell
        self._alarm = alarm
        self._wake = asyncio.Event()
        self._stranded: frozenset[str] = frozenset()  # checkpoints for which no worker is left
        self._submitting: set[asyncio.Task[None]] = set()
        self._following: dict[Worker, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look for jobs to assign: some may have become possible."""
        self._wake.set()

    async def run(self) -> None:
        """Assign jobs to the workers and follow them until the pool is closed. One failure does not end the rest."""
        self._stranded = self._pool.serves
        async with asyncio.TaskGroup() as group:
            filling = group.create_task(self._keep_filling(group))
            async for change in self._pool.changes():
                match change:
                    case WorkerJoined():
                        self._join(group, change)
                    case WorkerLeft():
                        self._leave(group, change)
                    case PoolUnavailable():
                        self._tell_trouble(change)
            await asyncio.gather(*self._following.values())
            for task in (filling, *self._submitting):
                task.cancel()

    # --- workers that join and leave ----------------------------------------------------------------------------------

    def _join(self, group: asyncio.TaskGroup, joined: WorkerJoined) -> None:
        handle = self._handles.join(joined.worker, joined.place)
        if handle is not None:
            log.info("worker %s connected", joined.place)
            self._following[joined.worker] = group.create_task(guard(self._follow(handle), "following a worker"))
            self._tell_stranded(handle.slot.serves)
            self.wake()

    def _leave(self, group: asyncio.TaskGroup, left: WorkerLeft) -> None:
        handle = self._handles.leave(left.worker)
        if handle is not None:
            log.warning("worker %s disconnected: %s", handle.place, left.reason)
            group.create_task(guard(self._requeue_from(handle), "giving back the jobs of a worker that has left"))

    async def _requeue_from(self, handle: WorkerHandle) -> None:
        """Requeue the jobs of a worker that has left. What it reported before counts; nothing comes later.

        That a machine is lost says nothing of its jobs, so they do not count it as a death.
        """
        following = self._following.pop(handle.worker)
        _, late = await asyncio.wait({following}, timeout=LAST_EVENTS_SECONDS)
        if late:
            log.error("a disconnected worker still sends events")
            following.cancel()
        self._background.worker_died(handle)
        for job in handle.assigned:
            if job.assignment is not None:
                with about(job.row.id):
                    await guard(self._requeue_or_fail(job, job.assignment, died=False), "giving back a job")
        self._tell_stranded(handle.slot.serves)
        self.wake()

    def _tell_stranded(self, checkpoints: Collection[str]) -> None:
        """Tell all who wait for these checkpoints whether a worker is there for them, where that has changed."""
        for checkpoint in checkpoints:
            stranded = not self._active.can_load(checkpoint)
            if stranded != (checkpoint in self._stranded):
                self._stranded ^= {checkpoint}
                for job in self._active.waiting:
                    if job.row.checkpoint == checkpoint:
                        self._tell(JobUpdate(job.row, stranded=stranded))

    # --- assigning ----------------------------------------------------------------------------------------------------

    async def _keep_filling(self, group: asyncio.TaskGroup) -> None:
        """Assign all jobs that workers take now, whenever something may have changed. No worker waits for another."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for handle, assigned in self._assigned_now().items():
                task = group.create_task(guard(self._submit(handle, assigned), "assigning jobs"))
                self._submitting.add(task)
                task.add_done_callback(self._submitting.discard)
            for handle in self._handles.take_changing(self._has_nothing):
                group.create_task(guard(self._apply_changes(handle), "giving a worker its new settings"))

    def _assigned_now(self) -> dict[WorkerHandle, list[tuple[ActiveJob, Assignment]]]:
        assigned: dict[WorkerHandle, list[tuple[ActiveJob, Assignment]]] = {}
        while (taken := self._active.assign()) is not None:
            handle = self._handles.at(taken[1].slot)
            assert handle is not None
            assigned.setdefault(handle, []).append(taken)
        return assigned

    def _has_nothing(self, handle: WorkerHandle) -> bool:
        return not handle.assigned and not self._background.runs_on(handle)

    async def _apply_changes(self, handle: WorkerHandle) -> None:
        await handle.apply_changes()
        handle.update_state(time.monotonic())
        self.wake()

    async def _submit(self, handle: WorkerHandle, assigned: Sequence[tuple[ActiveJob, Assignment]]) -> None:
        """Submit the jobs that are still allowed. A place that one gives back is assigned anew."""
        checks = (self._still_allowed(job.row) for job, _ in assigned)
        checked = await asyncio.gather(*checks, return_exceptions=True)  # one that fails does not end the others
        async with handle.submitting:
            for (job, assignment), refusal in zip(assigned, checked, strict=True):
                with about(job.row.id):
                    problem = await failure(self._begin(handle, job, assignment, refusal))
                    if problem is not None:
                        # Whether the worker got the job is unknown; its reports of this attempt no longer count.
                        await guard(handle.worker.cancel(job.row.id), "cancelling a job at its worker")
                        await guard(self._abort_attempt(job, assignment, problem), "aborting an attempt")
        handle.update_state(time.monotonic())
        self.wake()

    async def _begin(
        self, handle: WorkerHandle, job: ActiveJob, assignment: Assignment, refusal: BaseException | None
    ) -> None:
        if isinstance(refusal, RequestError) and not job.cancelled:
            await self._outcomes.give_up(job.row, refusal)
            self._active.release(job, served=False)
            return
        if refusal is not None and not job.cancelled:
            raise refusal
        begun = await self._outcomes.begin(job.row.id)
        if begun is None or job.cancelled:
            self._active.release(job, served=False)
            return
        row = begun.job
        self._active.begin(job, row)
        paused_meanwhile = self._active.paused & {EVERYWHERE, row.server_id}  # when it could not be recalled yet
        if paused_meanwhile:
            await self._requeue_or_fail(job, assignment, died=False)
        elif not await handle.worker.submit(begun.command, begun.files):
            handle.record_refusal()
            await self._requeue_or_fail(job, assignment, died=False)

    # --- what workers report ------------------------------------------------------------------------------------------

    async def _follow(self, handle: WorkerHandle) -> None:
        async for event in handle.worker.events():
            handle.last_report = time.monotonic()
            metrics.count_lookups(event)
            with about(getattr(event, "job_id", None)):
                problem = await failure(self._on_event(handle, event))
                if problem is not None:
                    await guard(self._recover(handle, event, problem), f"handling {type(event).__name__}")
            if not isinstance(event, Progress | CardMemory):  # which changes nothing of what can be assigned
                handle.update_state(time.monotonic())
                self.wake()

    async def _on_event(self, handle: WorkerHandle, event: Event | WorkerDied) -> None:
        match event:
            case Capacity() | CardMemory():
                handle.update_device(event)
            case WorkerDied():
                await self._on_worker_died(handle, event)
            case Ready():
                handle.set_ready(event)
                log.info("worker %s is ready: %s, process %s", handle.place, event.device, event.pid)
            case BadCommand():
                log.error("worker %s: %s", handle.place, event)
            case Started() | Progress():
                job = handle.record_event(event, time.monotonic(), self._pace)
                if job is not None and not job.cancelled:
                    row = job.row
                    await self._outcomes.record_start(row, event)
                    self._tell(JobUpdate(row, event if isinstance(event, Progress) else None))
            case Finished() | Failed() | Cancelled() if self._background.handle_end(event):
                pass
            case Finished() | Failed() | Cancelled():
                job = handle.current(event.job_id, event.attempt)
                if job is not None and job.assignment is not None:
                    await self._conclude(job, job.assignment, event)

    async def _conclude(self, job: ActiveJob, assignment: Assignment, event: Finished | Failed | Cancelled) -> None:
        row = job.row
        match event:
            case Finished():
                await self._outcomes.succeed(row, event)
                if assignment.timer and assignment.timer.last is not None:
                    self._pace.record_end(row.request, time.monotonic() - assignment.timer.last)
            case Failed():
                await self._outcomes.fail(row, InferenceError.from_failed(event.code, event.detail))
            case Cancelled() if not job.cancelled:  # by itself, or recalled: it has to be painted elsewhere
                died = assignment.timer is not None and not assignment.recalled
                await self._requeue_or_fail(job, assignment, died=died)
            case Cancelled():
                self._delete_late_state(job)
        if job.assignment is assignment:
            self._active.release(job, served=assignment.timer is not None or isinstance(event, Finished))
        self._spool.delete_attempt(row.id, row.attempt)

    async def _on_worker_died(self, handle: WorkerHandle, death: WorkerDied) -> None:
        """Requeue every job of a worker that has died, and tell everybody who waits."""
        metrics.WORKER_DEATHS.labels(handle.place.node, handle.device_name).inc()
        handle.record_death(death, time.monotonic())
        suspects = handle.suspects
        self._background.worker_died(handle)
        for job, assignment in [(job, job.assignment) for job in handle.assigned]:
            if assignment is not None:
                with about(job.row.id):
                    await self._requeue_or_fail(job, assignment, died=job in suspects, death=death)
        self._tell_trouble(death)

    def _tell_trouble(self, trouble: WorkerTrouble) -> None:
        """Tell everybody who waits, and now and then the operators."""
        if raises_alarm(trouble):
            self._alarm(trouble)
        for job in self._active.waiting:
            self._tell(JobUpdate(job.row, trouble=trouble))

    # --- attempts without a result ------------------------------------------------------------------------------------

    async def _recover(self, handle: WorkerHandle, event: Event | WorkerDied, problem: Exception) -> None:
        """Abort an attempt whose end could not be handled: the worker reports it once. Else raise `problem`."""
        job = handle.current(event.job_id, event.attempt) if isinstance(event, Finished | Failed | Cancelled) else None
        if job is None or job.assignment is None:
            raise problem
        await self._abort_attempt(job, job.assignment, problem)

    async def _abort_attempt(self, job: ActiveJob, assignment: Assignment, problem: Exception) -> None:
        """End an attempt after an unforeseen error while its job was assigned or finished; its place is free at once.

        The job is requeued, or fails after too many attempts, as if its worker had died at it. A job that could not
        even be started fails; if the database is the reason, it waits for the next start.
        """
        if isinstance(problem, DatabaseError):
            log.error("an attempt was aborted: %s", problem)
        else:
            log.error("an attempt was aborted", exc_info=problem)
        try:
            if assignment.attempt is not None:
                await self._requeue_or_fail(job, assignment, died=True)
            elif not job.cancelled and not isinstance(problem, DatabaseError):
                await self._outcomes.give_up(job.row, WorkerFailed(reason=type(problem).__name__))
        finally:
            if job.assignment is assignment:
                self._active.release(job, served=False)

    async def _requeue_or_fail(
        self, job: ActiveJob, assignment: Assignment, *, died: bool, death: WorkerDied | None = None
    ) -> None:
        """Requeue a job whose attempt ended without a result, or fail it after too many attempts or deaths of workers.

        Both the submission and the worker's death may lead here; the first call does it.
        """
        if assignment.attempt is None or assignment.returned:
            return  # while it is still being started: a dead worker will refuse it
        assignment.returned = True
        row, waits, limits = job.row, None, self._limits()
        deaths = row.deaths + died
        starved = death and died and death.starved(row.checkpoint, deaths)
        if starved and deaths >= min(MAX_STARVED_ATTEMPTS, limits.max_attempts):
            await self._outcomes.fail(row, starved)
        elif deaths >= limits.max_attempts or row.attempt >= MAX_UNSTARTED_ATTEMPTS:
            await self._outcomes.fail(row, WorkerCrashed(attempts=deaths))
        else:
            waits = await self._outcomes.requeue(row, died=died)
        if job.assignment is assignment:
            self._active.release(job, served=False)
        self._spool.delete_attempt(row.id, row.attempt)
        self._delete_late_state(job)
        if waits and not job.cancelled:
            self._active.add(waits, limits.max_attempts)
            self._tell(JobUpdate(waits, stranded=True if waits.checkpoint in self._stranded else None))

    def _delete_late_state(self, job: ActiveJob) -> None:
        """Delete what a worker that had not heard of the cancel has left of a job since."""
        if job.cancelled:
            self._spool.delete([state_file(job.row.id)])
