"""The job service: what people and the program ask of jobs, from the order to the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot import background, metrics
from bot.config import LimitSettings
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import (
    CANCEL_JOB,
    COUNT_QUEUE,
    COUNT_WAITING,
    FIND_JOB,
    QUEUED_JOBS,
    START_JOB,
    UNFINISHED_IDS,
    AnyJob,
    Job,
    RequestT,
    StoredJob,
    create_job,
    requeue_orphans,
)
from bot.database.jobs.paces import all_paces, load_times, record_paces
from bot.database.jobs.pauses import PAUSE_SERVER, PAUSED_SERVERS, UNPAUSE_SERVER
from bot.database.pictures.pictures import PICTURES_OF_JOB
from bot.i18n import duration
from bot.jobs.active_jobs import ActiveJobs, JobUpdate, Updates, WorkerTrouble
from bot.jobs.automatic_checks import AutomaticChecks
from bot.jobs.background_jobs import BackgroundJobs
from bot.jobs.dispatcher import Dispatcher, JobCheck, always_allowed
from bot.jobs.forecasts import Forecasts, Pace
from bot.jobs.outcomes import Outcomes
from bot.jobs.reconciliation import Reconciler
from bot.jobs.worker_handles import WorkerHandles
from bot.jobs.worker_slots import WorkerStatus
from bot.pictures.similarity.removed_pictures import RemovedPictures
from inference.content_rating import ContentRating
from inference.errors import (
    CheckpointNotFound,
    NotClassified,
    WorkerCrashed,
)
from inference.messages.options import WorkerOptions
from inference.messages.request import GenerationRequest
from inference.messages.spool import state_file
from inference.processes.logs import about
from inference.queue.policy import EVERYWHERE, Policy
from inference.workers import Unserved, WorkerDied, WorkerPool
from inference.workers.storage import JobFiles, Spool

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PaintedInBackground:
    """Pictures of a background job: their names in the spool, and their rating by the automatic checks."""

    files: tuple[str, ...]
    rating: ContentRating | None


class JobService:
    """Takes orders, stores them as jobs, has them painted, and sends updates to whoever follows a job.

    The job table holds every state. `forecasts` tell when jobs begin and end. `still_allowed` is asked before a job is
    submitted to a worker. `checks` rate finished pictures by the scores of the models that check them.
    """

    def __init__(
        self,
        db: Database,
        pool: WorkerPool,
        *,
        files: JobFiles,
        spool: Spool,
        pictures: Path,
        removed: RemovedPictures,
        limits: LimitSettings,
        still_allowed: JobCheck = always_allowed,
        checks: AutomaticChecks | None = None,
    ) -> None:
        self._db = db
        self.spool = spool
        self._limits = limits
        self._checks = checks or AutomaticChecks()
        self._pace = Pace()
        self._pool = pool
        self._active = ActiveJobs((), self._pace.loads, self._pace.speeds)
        self._handles = WorkerHandles(self._active)
        self.forecasts = Forecasts(self._active, self._pace)
        self._outcomes = Outcomes(db, files, spool, pictures, removed, self._tell, self._checks)
        self._background = BackgroundJobs(self._handles, spool)
        self._dispatcher = Dispatcher(
            self._active,
            pool,
            self._handles,
            self._background,
            self._outcomes,
            spool,
            self._pace,
            limits=lambda: self._limits,
            still_allowed=still_allowed,
            tell=self._tell,
            alarm=self._alarm,
        )
        self.reconciler = Reconciler(
            db,
            self._active,
            pool,
            self._handles,
            self._outcomes,
            self._pace,
            limits=lambda: self._limits,
            wake=self._dispatcher.wake,
            tell=self._tell,
        )
        self._closing: asyncio.Task[None] | None = None
        self._alarmed: list[Callable[[WorkerTrouble], None]] = []

    # --- start and end ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run the workers and paint jobs while inside; unfinished jobs then wait for the next start."""
        await self._resume()
        metrics.WAITING.set_function(lambda: self.waiting)
        metrics.RUNNING.set_function(lambda: sum(job.running for job in self._active))
        dispatching: asyncio.Task[None] | None = None
        checking: asyncio.Task[None] | None = None
        try:
            await self._pool.start()
            dispatching = background.start(self._dispatcher.run(), "dispatcher")
            checking = background.start(self.reconciler.run(), "checking jobs")
            yield
        finally:
            await self.shut_down()
            if dispatching is not None:
                await dispatching
            if checking is not None:
                checking.cancel()
            await background.guard(self._requeue_unfinished(), "requeueing unfinished jobs")

    async def _resume(self) -> None:
        """Load queued jobs at the program's start. Jobs that were running have lost their worker and are queued again.

        Of what a killed program left in the spool, only states of unfinished jobs are of use. Raises DatabaseError.
        """
        states = {state_file(job_id) for job_id in await self._db.all(UNFINISHED_IDS)}
        await asyncio.to_thread(self.spool.clear, states)
        self._pace.remember(await all_paces(self._db), await load_times(self._db))
        self._active.paused = set(await self._db.all(PAUSED_SERVERS))
        for row in await requeue_orphans(self._db):
            self._outcomes.note_interruption(row)
        for row in await self._db.all(QUEUED_JOBS):
            problem = self.reconciler.why_hopeless(row)
            if row.deaths >= self._limits.max_attempts:
                problem = WorkerCrashed(attempts=row.deaths)
            if problem is not None:
                await self._outcomes.give_up(row, problem)
            else:
                self._active.add(row, self._limits.max_attempts)

    def shut_down(self) -> asyncio.Task[None]:
        """Start no more jobs, wait for no database, and close the workers; done when all are closed."""
        self._active.paused |= {EVERYWHERE}
        self._outcomes.shutting_down.set()
        self._closing = self._closing or asyncio.create_task(self._pool.close())
        return self._closing

    async def _requeue_unfinished(self) -> None:
        """Requeue the jobs of the workers, which are closed, for the next start. Raises DatabaseError."""
        for job in self._active:
            if job.assignment is not None and job.assignment.attempt is not None and not job.cancelled:
                with about(job.row.id):
                    await self._outcomes.requeue(job.row, died=False)
        await record_paces(self._db, *self._pace.take_unsaved())

    # --- orders -------------------------------------------------------------------------------------------------------

    async def order(
        self,
        request: RequestT,
        *,
        person_id: int,
        channel_id: int,
        server_id: int | None = None,
        policy: Policy | None = None,
        also: Callable[[StoredJob[RequestT]], Awaitable[None]] | None = None,
    ) -> StoredJob[RequestT]:
        """Store a checked request as a job, which then survives any crash. `also` writes in the same transaction.

        Raises TooManyWaiting or QueueFull where the `policy` (left out, that of the settings) allows no more,
        CheckpointNotFound when no worker can load the checkpoint, and DatabaseError.
        """
        if request.checkpoint not in self._pool.serves:  # before anybody waits for it
            raise CheckpointNotFound(name=request.checkpoint, installed=sorted(self._pool.serves))
        policy = policy or self._limits.policy
        async with self._db.transaction():
            mine, in_all = await self._db.get(COUNT_WAITING, person_id), await self._db.get(COUNT_QUEUE)
            policy.check(mine, in_all, lambda: duration(self.forecasts.next_handed(person_id)))
            row = await create_job(
                self._db,
                request,
                person_id=person_id,
                channel_id=channel_id,
                server_id=server_id,
                weight=policy.weight,
            )
            if also is not None:
                await also(row)
        with about(row.id):
            log.info("ordered")
        self._active.add(row, self._limits.max_attempts)
        self._dispatcher.wake()
        await self._background.preempt()
        return row

    async def record(
        self,
        request: GenerationRequest,
        picture: Path,
        *,
        person_id: int,
        channel_id: int,
        server_id: int | None = None,
        notes: Sequence[str] = (),
        also: Callable[[Job], Awaitable[None]] | None = None,
    ) -> Job:
        """Store a request whose picture exists already as a job that has ended; no worker is needed.

        `picture` is moved to the pictures folder; if that fails, the job has failed. `also` writes in the transaction
        that creates the job. Whenever the program is killed, the job has its picture, or is painted after the next
        start, or was never created. Raises DatabaseError.
        """
        async with self._db.transaction():  # which ends here: other writers do not wait for the picture
            made = await create_job(self._db, request, person_id=person_id, channel_id=channel_id, server_id=server_id)
            row = await self._db.one(START_JOB, now=now_ms(), id=made.id)
            assert row is not None
            if also is not None:
                await also(made)
        with about(row.id), self._active.recording(row):
            await self._outcomes.complete(row, picture, notes)
        return await self._db.one(FIND_JOB, row.id) or made

    async def cancel(self, job_id: int) -> AnyJob | None:
        """Cancel a waiting or running job; None when it had ended already. Raises DatabaseError."""
        row = await self._db.one(CANCEL_JOB, now=now_ms(), id=job_id)
        if row is None:
            self._active.withdraw(job_id)  # not before: the table decides what has happened
            return None
        job = self._active.cancel(row)
        self.spool.delete([state_file(job_id)])
        if job is not None and job.assignment is not None and job.assignment.attempt is not None:
            await self._handles.cancel(job.assignment.slot, job_id)
        self._tell(JobUpdate(row))
        with about(job_id):
            log.info("cancelled")
        return row

    async def until_gone(self, job_id: int) -> None:
        """Wait until the job does not wait any more and no worker has it, also no one that stops it."""
        await self._active.until_gone(job_id)

    @asynccontextmanager
    async def following(self, job_id: int) -> AsyncGenerator[Updates]:
        """Updates of a job from now on; the first is its current state."""
        with self._active.following(job_id) as updates:
            if row := await self._db.one(FIND_JOB, job_id):
                pictures = await self._db.all(PICTURES_OF_JOB, job_id) if row.state.final else ()
                if updates.empty():  # an update that came meanwhile is newer, and the end must stay the last
                    updates.put_nowait(JobUpdate(row, pictures=pictures))
            yield updates

    def _tell(self, update: JobUpdate) -> None:
        if update.job.state.final:
            metrics.count_end(update.job)
        self._active.tell(update)

    # --- background jobs ----------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether no job waits or runs, and a worker would take one."""
        free = any(handle.slot.has_room for handle in self._handles)
        return free and self._background.idle and not len(self._active)

    async def paint_in_background(self, request: GenerationRequest) -> PaintedInBackground | None:
        """Paint a background job, outside of the job table, only while `idle`. Any order preempts it.

        Returns the pictures, whose files belong to the caller; None if it was preempted or not begun. Raises
        InferenceError, also when the worker died of it.
        """
        files = await self._outcomes.files(request)
        end = await self._background.paint(request, files, self._checks.texts(request)) if self.idle else None
        if end is None:
            return None
        try:
            return PaintedInBackground(end.files, self._checks.rating(request, end))
        except NotClassified:
            self.spool.delete(end.files)
            raise

    # --- staff and operators ------------------------------------------------------------------------------------------

    async def pause(self, server_id: int, person_id: int) -> None:
        """Start no more jobs of this server (EVERYWHERE: of anybody), also after a restart. Raises DatabaseError."""
        await self._db.run(PAUSE_SERVER, server=server_id, person=person_id, now=now_ms())
        self._active.paused |= {server_id}
        for handle in self._handles:
            await handle.recall(lambda row: server_id in {EVERYWHERE, row.server_id})

    async def unpause(self, server_id: int) -> None:
        """Start jobs of this server again. Raises DatabaseError."""
        await self._db.run(UNPAUSE_SERVER, server_id)
        self._active.paused -= {server_id}
        self._dispatcher.wake()

    def is_paused(self, server_id: int | None) -> bool:
        """Whether no jobs of this server are started now."""
        return bool(self.paused & {EVERYWHERE, server_id})

    @property
    def paused(self) -> frozenset[int]:
        """The servers whose jobs are not started; EVERYWHERE stands for all."""
        return self._active.paused

    async def reconfigure(self, limits: LimitSettings, changes: Sequence[WorkerOptions | None]) -> None:
        """Use other limits and other options for workers, in the order of their devices; None changes nothing.

        Jobs that wait for a checkpoint which no worker has any more fail.
        """
        self._limits = limits
        for worker, options in self._pool.configure(changes).items():
            await self._handles.schedule_changes(worker, options)
        await self.reconciler.fail_hopeless_jobs()
        await self._background.preempt()
        self._dispatcher.wake()

    @property
    def workers(self) -> list[WorkerStatus]:
        """Each worker that is there, in the order of the settings or in which they joined."""
        return [handle.status(time.monotonic(), self._pace) for handle in self._handles]

    def is_stranded(self, checkpoint: str) -> bool:
        """Whether no worker is there that can load the checkpoint. Jobs for it wait."""
        return not self._active.can_load(checkpoint)

    def unserved(self, checkpoint: str) -> Unserved | None:
        """Why the checkpoint is stranded; None where it is not."""
        return self._pool.unserved(checkpoint) if self.is_stranded(checkpoint) else None

    @property
    def waiting(self) -> int:
        """How many jobs wait, in the queue or at a worker."""
        return sum(not job.running for job in self._active)

    def on_alarm(self, listener: Callable[[WorkerTrouble], None]) -> None:
        """Call `listener` when a worker dies again and again, or none is there."""
        self._alarmed.append(listener)

    def _alarm(self, trouble: WorkerTrouble) -> None:
        what = "a worker has died" if isinstance(trouble, WorkerDied) else "no worker could be reached"
        reason = "" if isinstance(trouble, WorkerDied) else f" ({trouble.reason})"
        log.error("%s %s times in a row%s; retrying", what, trouble.failures, reason)
        for listener in self._alarmed:
            listener(trouble)
