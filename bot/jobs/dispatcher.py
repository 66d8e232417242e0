"""Assigns queued jobs to workers, records what they report, and recovers when a worker dies."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiosqlite

from bot import metrics
from bot.background import failure, guard
from bot.config import LimitSettings
from bot.database.clock import now_ms
from bot.database.errors import DatabaseError
from bot.database.jobs import Job, cancel_job, fail_job, queued_jobs, requeue_orphans
from bot.database.paces import all_paces, load_times, record_paces
from bot.database.pauses import pause, paused_servers, unpause
from bot.jobs.background_jobs import BackgroundJobs
from bot.jobs.forecasts import Forecasts
from bot.jobs.outcomes import Outcomes
from bot.jobs.pace import Pace
from bot.jobs.updates import JobUpdate, waiting
from bot.jobs.worker_slots import Assignment, WorkerHandle, WorkerStatus, raises_alarm
from inference.errors import (
    CheckpointNotFound,
    CheckpointRemoved,
    InferenceError,
    JobExpired,
    PictureNotSaved,
    WorkerCrashed,
    WorkerFailed,
)
from inference.logs import about
from inference.messages import (
    BadCommand,
    Cancelled,
    Capacity,
    Configure,
    Event,
    Failed,
    Finished,
    Generate,
    GenerationRequest,
    Progress,
    Ready,
    Started,
)
from inference.queue import EVERYWHERE, JobQueue, WorkerSlot
from inference.workers import Worker, WorkerDied

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
TICK_SECONDS = 5.0  # between checks for jobs that are too old and workers that hang
MAX_STARVED_ATTEMPTS = 2  # of a job at which the system kills the worker for memory: a third would end like them
MAX_UNSTARTED_ATTEMPTS = 100  # of a job that no worker begins


class Dispatcher:
    """Assigns queued jobs to workers and records what they report. The job table holds every state.

    `tell` gets every update of a job, `alarm` each death of a worker that dies again and again.
    """

    def __init__(
        self,
        connection: aiosqlite.Connection,
        workers: Sequence[Worker],
        *,
        pictures: Path,
        spool: Path,
        limits: LimitSettings,
        tell: Callable[[JobUpdate], None],
        alarm: Callable[[WorkerDied], None],
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._tell = tell
        self._alarm = alarm
        self._outcomes = Outcomes(connection, pictures, spool)
        self._queue = JobQueue(time.monotonic)
        self._handles = [WorkerHandle(worker, WorkerSlot(worker.serves)) for worker in workers]
        self._background = BackgroundJobs(self._handles, spool)
        self._queue.slots = [handle.slot for handle in self._handles]
        self._jobs: dict[int, Job] = {}  # that wait or run
        self._pace = Pace()
        self.forecasts = Forecasts(self._queue, self._handles, self._jobs, self._pace)
        self._wake = asyncio.Event()

    # --- for people ---------------------------------------------------------------------------------------------------

    async def resume(self) -> None:
        """Load queued jobs at the program's start. Jobs that were running have lost their worker and are queued again.

        Raises DatabaseError.
        """
        self._pace.remember(await all_paces(self._connection), await load_times(self._connection))
        self._queue.load_seconds = self._pace.loads
        self._queue.paused = await paused_servers(self._connection)
        for job in await requeue_orphans(self._connection):
            self._outcomes.note_interruption(job)
        for job in await queued_jobs(self._connection):
            if job.deaths >= self._limits.max_attempts:
                await self._give_up(job, WorkerCrashed(attempts=job.deaths))
            elif not await self._fail_if_hopeless(job):
                self._push(job)

    def check(self, checkpoint: str) -> None:
        """Raise CheckpointNotFound when no worker can load the checkpoint, before anybody waits for it."""
        if not self._queue.served(checkpoint):
            raise CheckpointNotFound(name=checkpoint, installed=self._installed)

    async def add(self, job: Job) -> None:
        """Queue a job that is in the table."""
        self._push(job)
        self._wake.set()
        await self._background.preempt()

    @property
    def idle(self) -> bool:
        """Whether no job waits or runs, and a worker would take one."""
        free = any(handle.slot.has_room for handle in self._handles)
        return free and self._background.idle and not (len(self._queue) or any(s.assigned for s in self._handles))

    async def paint_in_background(self, request: GenerationRequest) -> tuple[Path, ...] | None:
        """Paint a background job, outside of the job table, only while `idle`. Any order preempts it.

        The pictures are in the spool and belong to the caller. None if it was preempted or not begun. Raises
        InferenceError, also when the worker died of it.
        """
        files = await self._outcomes.files(request)
        return await self._background.paint(request, files) if self.idle else None

    async def complete(self, job: Job, picture: Path, notes: Sequence[str]) -> None:
        """End a running job that has no worker with a picture that exists already. Raises DatabaseError."""
        with about(job.id):
            try:
                event = await self._outcomes.stage_picture(job, picture, notes)
            except PictureNotSaved as problem:
                await self._fail(job, problem)
            else:
                await self._succeed(job, event)

    async def cancel(self, job_id: int) -> Job | None:
        """Cancel a waiting or running job; None when it had ended already. Raises DatabaseError."""
        job = await cancel_job(self._connection, job_id)
        self._queue.remove(job_id)  # not before: the table decides what has happened
        if job is None:
            return None
        self._jobs.pop(job_id, None)
        self._outcomes.delete_state(job_id)
        for handle in self._handles:
            if assignment := handle.assigned.get(job_id):
                assignment.cancelled = True
                if assignment.job is not None:
                    await handle.worker.cancel(job_id)
        self._tell(JobUpdate(job))
        return job

    async def pause(self, server_id: int, person_id: int) -> None:
        """Start no more jobs of this server (EVERYWHERE: of anybody), also after a restart. Raises DatabaseError."""
        await pause(self._connection, server_id, person_id)
        self._queue.paused |= {server_id}
        for handle in self._handles:
            await handle.recall(lambda job: server_id in {EVERYWHERE, job.server_id})

    async def unpause(self, server_id: int) -> None:
        """Start jobs of this server again. Raises DatabaseError."""
        await unpause(self._connection, server_id)
        self._queue.paused -= {server_id}
        self._wake.set()

    async def reconfigure(self, limits: LimitSettings, changes: Sequence[Configure | None]) -> None:
        """Use other limits, and give each worker its changes; None changes nothing.

        Jobs that wait for a checkpoint which no worker has any more fail.
        """
        self._limits = limits
        for handle, change in zip(self._handles, changes, strict=True):
            if change is not None:
                handle.schedule_changes(change)
                await handle.recall(lambda job: True)
        await self._fail_hopeless_jobs()
        await self._background.preempt()
        self._wake.set()

    @property
    def workers(self) -> list[WorkerStatus]:
        """Each worker, in the order of the settings."""
        return [handle.status(time.monotonic()) for handle in self._handles]

    @property
    def longest_wait(self) -> float | None:
        """Seconds that the oldest waiting job has waited; None when none waits."""
        return self.forecasts.longest_wait

    @property
    def waiting(self) -> int:
        """How many jobs wait, in the queue or at a worker."""
        return len(self._queue) + sum(len(handle.assigned) - len(handle.running) for handle in self._handles)

    @property
    def running_jobs(self) -> int:
        """How many jobs workers have begun."""
        return sum(len(handle.running) for handle in self._handles)

    @property
    def paused(self) -> frozenset[int]:
        """The servers whose jobs are not started; EVERYWHERE stands for all."""
        return self._queue.paused

    # --- workers ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Assign jobs to the workers and follow them until they are closed. One failure does not end the rest."""
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._keep_filling()), group.create_task(self._keep_checking())]
            following = [group.create_task(self._follow(handle)) for handle in self._handles]
            await asyncio.wait(following)
            for task in beside:
                task.cancel()

    def begin_shutdown(self) -> None:
        """Start no more jobs, and no longer wait for a database that cannot be written."""
        self._queue.paused |= {EVERYWHERE}
        self._outcomes.shutting_down.set()

    async def stop(self) -> None:
        """Requeue the jobs of the workers, which are closed, for the next start. Raises DatabaseError."""
        for handle in self._handles:
            for assignment in handle.assigned.values():
                if assignment.job is not None and not assignment.cancelled:
                    with about(assignment.job.id):
                        await self._outcomes.requeue(assignment.job, died=False)
        await record_paces(self._connection, *self._pace.take_unsaved())

    async def _keep_filling(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for handle in self._handles:
                while taken := self._queue.next(handle.slot):
                    assignment = handle.assigned[taken.job_id] = Assignment()  # from here on, `cancel` finds it
                    with about(taken.job_id):
                        problem = await failure(self._begin(handle, taken.job_id, assignment))
                        if problem is not None:
                            # Whether the worker got the job is unknown; its reports of this attempt no longer count.
                            await guard(handle.worker.cancel(taken.job_id), "cancelling a job at its worker")
                            await guard(
                                self._abort_attempt(handle, taken.job_id, assignment, problem), "aborting an attempt"
                            )
                if handle.changes and not handle.assigned and not self._background.runs_on(handle):
                    await handle.apply_changes()
                    self._wake.set()
                handle.update_state(time.monotonic())

    async def _begin(self, handle: WorkerHandle, job_id: int, assignment: Assignment) -> None:
        begun = await self._outcomes.begin(job_id)
        if begun is None or assignment.cancelled:
            self._release(handle, job_id, served=False)
            return
        job = assignment.job = self._jobs[job_id] = begun.job
        assignment.last_report = time.monotonic()
        command = Generate(job_id=job.id, attempt=job.attempt, request=job.request, files=begun.files)
        if self._queue.paused & {EVERYWHERE, job.server_id}:  # paused meanwhile, when the job could not be recalled yet
            await self._requeue_or_fail(handle, job.id, assignment, died=False)
        elif not await handle.worker.submit(command):
            handle.slot.places = 0
            await self._requeue_or_fail(handle, job.id, assignment, died=False)

    async def _follow(self, handle: WorkerHandle) -> None:
        async for event in handle.worker.events():
            handle.last_report = time.monotonic()
            metrics.count_lookups(event)
            with about(getattr(event, "job_id", None)):
                problem = await failure(self._on_event(handle, event))
                if problem is not None:
                    await guard(self._recover(handle, event, problem), f"handling {type(event).__name__}")
            self._wake.set()

    async def _recover(self, handle: WorkerHandle, event: Event | WorkerDied, problem: Exception) -> None:
        """Abort an attempt whose end could not be handled: the worker reports it once. Else raise `problem`."""
        if isinstance(event, Finished | Failed | Cancelled) and handle.current(event.job_id, event.attempt):
            await self._abort_attempt(handle, event.job_id, handle.assigned[event.job_id], problem)
        else:
            raise problem

    async def _abort_attempt(
        self, handle: WorkerHandle, job_id: int, assignment: Assignment, problem: Exception
    ) -> None:
        """End an attempt after an unforeseen error while its job was assigned or finished; its place is free at once.

        The job is requeued, or fails after too many attempts, as if its worker had died at it. A job that could not
        even be started fails; if the database is the reason, it waits for the next start.
        """
        if isinstance(problem, DatabaseError):
            log.error("an attempt was aborted: %s", problem)
        else:
            log.error("an attempt was aborted", exc_info=problem)
        try:
            if assignment.job is not None:
                await self._requeue_or_fail(handle, job_id, assignment, died=True)
            elif not assignment.cancelled and not isinstance(problem, DatabaseError):
                await self._give_up(self._jobs[job_id], WorkerFailed(reason=type(problem).__name__))
        finally:
            if handle.assigned.get(job_id) is assignment:
                self._release(handle, job_id, served=False)

    async def _on_event(self, handle: WorkerHandle, event: Event | WorkerDied) -> None:
        match event:
            case Capacity():
                handle.update_capacity(event)
            case WorkerDied():
                await self._on_worker_died(handle, event)
            case Ready():
                handle.set_ready(event)
                log.info("worker: %s", event)
            case BadCommand():
                log.error("worker: %s", event)
            case Started() | Progress():
                if job := handle.record_event(event, time.monotonic(), self._pace):
                    await self._outcomes.record_start(job, event)
                    self._tell(JobUpdate(job, event if isinstance(event, Progress) else None))
            case Finished() | Failed() | Cancelled() if self._background.handle_end(event):
                pass
            case Finished() | Failed() | Cancelled():
                if job := handle.current(event.job_id, event.attempt):
                    await self._conclude(handle, job, event)

    async def _conclude(self, handle: WorkerHandle, job: Job, event: Finished | Failed | Cancelled) -> None:
        assignment = handle.assigned[job.id]
        match event:
            case Finished():
                await self._succeed(job, event)
                if assignment.timer and assignment.timer.last is not None:
                    self._pace.record_end(job.request, time.monotonic() - assignment.timer.last)
            case Failed():
                await self._fail(job, InferenceError.from_failed(event.code, event.detail))
            case Cancelled() if not assignment.cancelled:  # by itself, or recalled: it has to be painted elsewhere
                await self._requeue_or_fail(
                    handle, job.id, assignment, died=assignment.timer is not None and not assignment.recalled
                )
            case Cancelled():
                pass
        self._release(handle, job.id, served=assignment.timer is not None or not isinstance(event, Cancelled))
        self._outcomes.delete_leftovers(job)

    async def _succeed(self, job: Job, event: Finished) -> None:
        try:
            done = await self._outcomes.succeed(job, event)
        except InferenceError as problem:
            await self._fail(job, problem)
            return
        if done is not None:
            self._tell(JobUpdate(done.job, pictures=done.pictures))

    async def _fail(self, job: Job, problem: InferenceError) -> None:
        failed = await self._outcomes.fail(job, problem)
        if failed is not None:
            self._tell(JobUpdate(failed))

    def _release(self, handle: WorkerHandle, job_id: int, *, served: bool = True) -> None:
        """The worker no longer has the job. Call it after this is recorded: until then `cancel` has to find the job."""
        handle.assigned.pop(job_id, None)
        self._queue.release(handle.slot, job_id, served=served)
        if job_id not in self._queue:
            self._jobs.pop(job_id, None)

    async def _requeue_or_fail(
        self, handle: WorkerHandle, job_id: int, assignment: Assignment, *, died: bool, death: WorkerDied | None = None
    ) -> None:
        """Requeue a job whose attempt ended without a result, or fail it after too many attempts or deaths of workers.

        Both the submission and the worker's death may lead here; the first call does it.
        """
        job = assignment.job
        if job is None or assignment.returned:
            return  # while it is still being started: a dead worker will refuse it
        assignment.returned = True
        waits = None
        deaths = job.deaths + died
        starved = death and died and death.starved(job.checkpoint, deaths)
        if starved and deaths >= min(MAX_STARVED_ATTEMPTS, self._limits.max_attempts):
            await self._fail(job, starved)
        elif deaths >= self._limits.max_attempts or job.attempt >= MAX_UNSTARTED_ATTEMPTS:
            await self._fail(job, WorkerCrashed(attempts=deaths))
        else:
            waits = await self._outcomes.requeue(job, died=died)
        self._release(handle, job_id, served=False)
        self._outcomes.delete_leftovers(job)
        if waits and not assignment.cancelled:
            self._push(waits)
            self._tell(JobUpdate(waits))

    async def _on_worker_died(self, handle: WorkerHandle, death: WorkerDied) -> None:
        """Requeue every job of a worker that has died, and tell everybody who waits."""
        metrics.WORKER_DEATHS.inc()
        handle.record_death(death, time.monotonic())
        suspects = handle.suspects
        self._background.worker_died(handle)
        if raises_alarm(death):
            self._alarm(death)
        for job_id, assignment in list(handle.assigned.items()):
            with about(job_id):
                await self._requeue_or_fail(handle, job_id, assignment, died=assignment in suspects, death=death)
        for job in self._waiting_jobs:
            self._tell(JobUpdate(job, trouble=death))

    # --- time ---------------------------------------------------------------------------------------------------------

    async def _keep_checking(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await guard(self._check(), "checking queue and workers")

    async def _check(self) -> None:
        await self._fail_hopeless_jobs()
        for handle in self._handles:
            if handle.hangs(time.monotonic(), self._pace):
                log.error("a worker reports nothing any more and is restarted")
                await handle.worker.restart()
        paces, loads = self._pace.take_unsaved()
        if paces or loads:
            await record_paces(self._connection, paces, loads)

    async def _fail_hopeless_jobs(self) -> None:
        for job in self._waiting_jobs:
            await self._fail_if_hopeless(job)

    async def _fail_if_hopeless(self, job: Job) -> bool:
        """Fail a job that no worker can paint, or that has waited too long; whether it failed. Raises DatabaseError."""
        if not self._queue.served(job.checkpoint):
            await self._give_up(job, CheckpointRemoved(name=job.checkpoint, installed=self._installed))
        elif now_ms() - job.created_at >= self._limits.max_age_hours * HOUR_MS:
            await self._give_up(job, JobExpired(hours=self._limits.max_age_hours))
        else:
            return False
        return True

    async def _give_up(self, job: Job, problem: InferenceError) -> None:
        """queued -> failed. Raises DatabaseError."""
        failed = await fail_job(self._connection, job.id, None, problem.code, problem.detail)
        self._queue.remove(job.id)
        self._jobs.pop(job.id, None)
        self._outcomes.delete_state(job.id)
        if failed is not None:
            with about(job.id):
                log.info("failed: %s", problem.code)
            self._tell(JobUpdate(failed))

    # --- the queue ----------------------------------------------------------------------------------------------------

    def _push(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._queue.push(waiting(job, self._limits.max_attempts))

    @property
    def _waiting_jobs(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.id in self._queue]

    @property
    def _installed(self) -> list[str]:
        return sorted(frozenset[str]().union(*(handle.slot.serves for handle in self._handles)))
