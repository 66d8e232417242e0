"""The job service: checks, saves, submits and follows requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from bot import background, metrics
from bot.config import LimitSettings
from bot.database.connection import transaction
from bot.database.jobs import Job, count_queue, count_waiting, create_job, find_job, start_job
from bot.database.pictures import pictures_of_job
from bot.i18n import duration
from bot.jobs.dispatcher import Dispatcher
from bot.jobs.updates import JobUpdate
from bot.jobs.worker_slots import WorkerStatus
from inference.logs import about
from inference.messages import Configure, GenerationRequest
from inference.queue import EVERYWHERE, Policy
from inference.queue_simulation import Forecast
from inference.workers import Worker, WorkerDied

log = logging.getLogger(__name__)

Updates = asyncio.Queue[JobUpdate]


class Generation:
    """Takes orders, stores them as jobs, and sends updates to whoever follows a job."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        workers: Sequence[Worker],
        *,
        pictures: Path,
        spool: Path,
        limits: LimitSettings,
    ) -> None:
        self._connection = connection
        self._workers = workers
        self._limits = limits
        self._followers: dict[int, set[Updates]] = {}
        self._closing: asyncio.Future[list[None]] | None = None
        self._alarmed: list[Callable[[WorkerDied], None]] = []
        self._dispatcher = Dispatcher(
            connection,
            workers,
            pictures=pictures,
            spool=spool,
            limits=limits,
            tell=self._tell,
            alarm=self._alarm,
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run the workers and paint jobs while inside; unfinished jobs then wait for the next start."""
        await self._dispatcher.resume()
        metrics.WAITING.set_function(lambda: self._dispatcher.waiting)
        metrics.RUNNING.set_function(lambda: self._dispatcher.running_jobs)
        dispatching: asyncio.Task[None] | None = None
        try:
            for worker in self._workers:
                await worker.start()
            dispatching = background.start(self._dispatcher.run(), "dispatcher")
            yield
        finally:
            await self.shut_down()
            if dispatching is not None:
                await dispatching
            await background.guard(self._dispatcher.stop(), "requeueing unfinished jobs")

    async def order(
        self,
        request: GenerationRequest,
        *,
        person_id: int,
        channel_id: int,
        server_id: int | None = None,
        policy: Policy | None = None,
        also: Callable[[Job], Awaitable[None]] | None = None,
    ) -> Job:
        """Store a checked request as a job, which then survives any crash. `also` writes in the same transaction.

        Raises TooManyWaiting or QueueFull where the `policy` (left out, that of the settings) allows no more,
        CheckpointNotFound when no worker can load the checkpoint, and DatabaseError.
        """
        self._dispatcher.check(request.checkpoint)
        policy = policy or self._limits.policy
        async with transaction(self._connection):
            mine, in_all = await count_waiting(self._connection, person_id), await count_queue(self._connection)
            policy.check(mine, in_all, lambda: duration(self._dispatcher.forecasts.next_handed(person_id)))
            job = await create_job(
                self._connection,
                request,
                person_id=person_id,
                channel_id=channel_id,
                server_id=server_id,
                weight=policy.weight,
            )
            if also is not None:
                await also(job)
        with about(job.id):
            log.info("ordered")
        await self._dispatcher.add(job)
        return job

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
        async with transaction(self._connection):  # which ends here: other writers do not wait for the picture
            made = await create_job(
                self._connection, request, person_id=person_id, channel_id=channel_id, server_id=server_id
            )
            job = await start_job(self._connection, made.id)
            assert job is not None
            if also is not None:
                await also(job)
        await self._dispatcher.complete(job, picture, notes)
        return await find_job(self._connection, job.id) or job

    @property
    def idle(self) -> bool:
        """Whether no job waits or runs, and a worker would take one."""
        return self._dispatcher.idle

    async def paint_in_background(self, request: GenerationRequest) -> tuple[Path, ...] | None:
        """Paint a background job: stored nowhere, and preempted (None) as soon as anybody orders anything.

        The pictures' files, for the caller to move. Raises InferenceError.
        """
        return await self._dispatcher.paint_in_background(request)

    async def cancel(self, job_id: int) -> Job | None:
        """Cancel a waiting or running job; None when it had ended already."""
        job = await self._dispatcher.cancel(job_id)
        if job is not None:
            with about(job_id):
                log.info("cancelled")
        return job

    def forecast(self, job: Job) -> Forecast:
        """When a waiting or running job will begin and be delivered, if no other job comes."""
        return self._dispatcher.forecasts.of(job)

    def paints(self, job: Job) -> bool:
        """Whether a worker has begun the job."""
        return self._dispatcher.forecasts.paints(job)

    def delivered(self, job: Job) -> None:
        """Note that the job's result has just been delivered."""
        self._dispatcher.forecasts.delivered(job)

    async def pause(self, server_id: int, person_id: int) -> None:
        """Start no more jobs of this server (EVERYWHERE: of anybody), also after a restart. Raises DatabaseError."""
        await self._dispatcher.pause(server_id, person_id)

    async def unpause(self, server_id: int) -> None:
        """Start jobs of this server again. Raises DatabaseError."""
        await self._dispatcher.unpause(server_id)

    def shut_down(self) -> asyncio.Future[list[None]]:
        """Start no more jobs and close the workers; done when all are closed."""
        self._dispatcher.begin_shutdown()
        self._closing = self._closing or asyncio.gather(*(worker.close() for worker in self._workers))
        return self._closing

    def is_paused(self, server_id: int | None) -> bool:
        """Whether no jobs of this server are started now."""
        return bool(self.paused & {EVERYWHERE, server_id})

    @property
    def paused(self) -> frozenset[int]:
        """The servers whose jobs are not started; EVERYWHERE stands for all."""
        return self._dispatcher.paused

    async def reconfigure(self, limits: LimitSettings, changes: Sequence[Configure | None]) -> None:
        """Use other limits, and give each worker its changes; None changes nothing."""
        self._limits = limits
        await self._dispatcher.reconfigure(limits, changes)

    @property
    def workers(self) -> list[WorkerStatus]:
        """Each worker, in the order of the settings."""
        return self._dispatcher.workers

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        return self._dispatcher.waiting

    @property
    def longest_wait(self) -> float | None:
        """Seconds that the oldest waiting job has waited; None when none waits."""
        return self._dispatcher.longest_wait

    def on_alarm(self, listener: Callable[[WorkerDied], None]) -> None:
        """Call `listener` when a worker dies again and again."""
        self._alarmed.append(listener)

    def _alarm(self, death: WorkerDied) -> None:
        log.error("a worker has died %s times in a row; it is restarted after longer and longer pauses", death.failures)
        for listener in self._alarmed:
            listener(death)

    @asynccontextmanager
    async def following(self, job_id: int) -> AsyncGenerator[Updates]:
        """Updates of a job from now on; the first is its current state."""
        updates: Updates = asyncio.Queue()
        self._followers.setdefault(job_id, set()).add(updates)
        try:
            if job := await find_job(self._connection, job_id):
                pictures = await pictures_of_job(self._connection, job_id) if job.state.final else ()
                if updates.empty():  # an update that came meanwhile is newer, and the end must stay the last
                    updates.put_nowait(JobUpdate(job, pictures=pictures))
            yield updates
        finally:
            self._followers[job_id].discard(updates)
            if not self._followers[job_id]:
                del self._followers[job_id]

    def _tell(self, update: JobUpdate) -> None:
        if update.job.state.final:
            metrics.count_end(update.job)
        for updates in self._followers.get(update.job.id, ()):
            updates.put_nowait(update)
