"""Between the job table and the worker: who is next, what became of it, and what happens when the worker dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

import aiosqlite

from bot.background import guard
from bot.database.errors import DatabaseError
from bot.database.jobs import (
    Job,
    cancel_job,
    fail_job,
    find_job,
    finish_job,
    queued_jobs,
    requeue_job,
    requeue_orphans,
    start_job,
)
from bot.database.loras import find_version
from bot.database.pictures import NewPicture, Picture
from bot.spool import keep, place
from inference.errors import InferenceError, WorkerCrashed, WorkerFailed
from inference.messages import (
    BadCommand,
    Cancelled,
    Capacity,
    Event,
    Failed,
    Finished,
    Generate,
    GenerationRequest,
    Progress,
    Ready,
    Started,
)
from inference.queue import JobQueue, Waiting
from inference.workers import Worker, WorkerDied

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = (0.2, 1.0, 5.0, 15.0, 30.0)  # between attempts to write down what became of a job
ASIDE_IDS = 2**62  # from here on, ids are of what the bot paints for itself; no row of the job table gets so far


@dataclass(frozen=True)
class JobUpdate:
    """What has just happened to a job. `progress` while it paints, `pictures` once it has succeeded.

    `trouble` is the worker's death, told to everybody who waits; the job itself goes on.
    """

    job: Job
    progress: Progress | None = None
    pictures: tuple[Picture, ...] = ()
    trouble: WorkerDied | None = None


@dataclass(frozen=True)
class _Aside:
    """What the bot paints for itself just now, and how it will have ended."""

    job_id: int
    ended: asyncio.Future[Finished | InferenceError | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Dispatcher:
    """Hands queued jobs to the worker and writes down what it reports. Every state lives in the job table."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        worker: Worker,
        *,
        pictures: Path,
        spool: Path,
        max_attempts: int,
        tell: Callable[[JobUpdate], None],
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._pictures = pictures
        self._spool = spool
        self._max_attempts = max_attempts
        self._tell = tell
        self._queue = JobQueue()
        self._in_hand: dict[int, Job] = {}
        self._free = 0
        self._loaded: tuple[str, ...] = ()
        self._filling = asyncio.Lock()
        self._aside: _Aside | None = None
        self._aside_ids = count(ASIDE_IDS)

    async def resume(self) -> None:
        """At the program's start: what was running has no worker any more; everything queued waits again."""
        await requeue_orphans(self._connection)
        for job in await queued_jobs(self._connection):
            self._queue.push(_waiting(job))

    async def add(self, job: Job) -> None:
        """Let a job that stands in the table wait for its turn."""
        self._queue.push(_waiting(job))
        async with self._filling:  # not between an aside's submission and its being known
            if self._aside is not None:
                await self._worker.cancel(self._aside.job_id)
        await self._fill()

    @property
    def quiet(self) -> bool:
        """Whether nobody waits, nothing is being painted, and the worker would take a job."""
        return bool(self._free) and not (len(self._queue) or self._in_hand or self._aside)

    async def aside(self, request: GenerationRequest) -> tuple[Path, ...] | None:
        """Paint for the bot itself, outside of the job table, and only while it is `quiet`; given up for any job.

        The pictures lie in the spool and are the caller's. None when it was given up, or not begun. Raises
        InferenceError, also when the worker died of it.
        """
        files = await self._files(request)
        async with self._filling:
            if not self.quiet:
                return None
            self._aside = aside = _Aside(next(self._aside_ids))
            self._free -= 1
            if not await self._worker.submit(Generate(job_id=aside.job_id, attempt=1, request=request, files=files)):
                self._free = 0
                self._end_aside(None)
        try:
            end = await aside.ended
        except asyncio.CancelledError:
            await self._worker.cancel(aside.job_id)
            raise
        if isinstance(end, InferenceError):
            raise end
        return None if end is None else tuple(self._spool / Path(name).name for name in end.pictures)

    def _end_aside(self, end: Finished | InferenceError | None) -> None:
        aside, self._aside = self._aside, None
        if aside is None:
            return
        kept = set(end.pictures) if isinstance(end, Finished) and not aside.ended.done() else set[str]()
        for leftover in self._spool.glob(f"job{aside.job_id}-*"):
            if leftover.name not in kept:
                leftover.unlink(missing_ok=True)
        if not aside.ended.done():
            aside.ended.set_result(end)

    def position(self, job_id: int) -> int | None:
        """How many jobs come before this one; None when it does not wait."""
        order = [waiting.job_id for waiting in self._queue.order(self._loaded)]
        return order.index(job_id) if job_id in order else None

    async def cancel(self, job_id: int) -> Job | None:
        """Cancel a job that waits or runs; None when it had ended already."""
        job = await cancel_job(self._connection, job_id)
        self._queue.remove(job_id)  # not before: what the table does not say has not happened
        if job is None:
            return None
        if job_id in self._in_hand:
            await self._worker.cancel(job_id)
        self._tell(JobUpdate(job))
        return job

    async def run(self) -> None:
        """Follow the worker until it is closed. One event that goes wrong does not end the others."""
        async for event in self._worker.events():
            await guard(self._handle(event), f"handling {type(event).__name__}")
            await guard(self._fill(), "filling the worker")

    async def _fill(self) -> None:
        async with self._filling:
            while self._free and (waiting := self._queue.next(self._loaded)):
                try:
                    job = await _insist(lambda turn=waiting: start_job(self._connection, turn.job_id))
                except DatabaseError:
                    self._queue.push(waiting)
                    raise
                if job is not None:
                    await self._submit(job)

    async def _submit(self, job: Job) -> None:
        files = await self._files(job.request)
        self._in_hand[job.id] = job
        self._free -= 1
        command = Generate(job_id=job.id, attempt=job.attempt, request=job.request, files=files)
        if not await self._worker.submit(command):
            self._free = 0
            await self._give_back(self._in_hand.pop(job.id))

    async def _files(self, request: GenerationRequest) -> dict[str, str]:
        """Where each LoRA of the request lies, relative to the library; what is gone the worker will miss."""
        return {
            use.sha256: version.path
            for use in request.loras
            if (version := await find_version(self._connection, use.sha256)) and version.usable
        }

    async def _give_back(self, job: Job) -> None:
        """The worker of this attempt is gone: wait again, or give up after too many."""
        if job.attempt >= self._max_attempts:
            await self._fail(job, WorkerCrashed(attempts=job.attempt))
        elif waits := await _insist(lambda: requeue_job(self._connection, job.id, job.attempt)):
            self._queue.push(_waiting(waits))
            self._tell(JobUpdate(waits))

    async def _handle(self, event: Event | WorkerDied) -> None:
        match event:
            case Capacity():
                self._free, self._loaded = event.free, event.loaded
            case WorkerDied():
                await self._mourn(event)
            case Ready() | BadCommand():
                log.info("worker: %s", event)
            case Finished() | Failed() | Cancelled() if self._aside and event.job_id == self._aside.job_id:
                self._end_aside(_end_of(event))
                if isinstance(event, Finished):
                    self._free += 1  # the worker is about to say so; whoever paints aside has more to come
            case Started() | Progress():
                if job := self._current(event):
                    self._tell(JobUpdate(job, event if isinstance(event, Progress) else None))
            case Finished() | Failed() | Cancelled():
                if job := self._current(event):
                    del self._in_hand[job.id]
                    await self._conclude(job, event)

    def _current(self, event: Started | Progress | Finished | Failed | Cancelled) -> Job | None:
        """The job in hand that `event` speaks of; None for an attempt that was given up."""
        job = self._in_hand.get(event.job_id)
        return job if job and job.attempt == event.attempt else None

    async def _conclude(self, job: Job, event: Finished | Failed | Cancelled) -> None:
        match event:
            case Finished():
                await self._succeed(job, event)
            case Failed():
                await self._fail(job, InferenceError.from_failed(event.code, event.detail))
            case Cancelled():  # the table said so first; a worker that gives up by itself is another matter
                await self._give_back(job)
        for leftover in self._spool.glob(f"job{job.id}-{job.attempt}-*"):
            leftover.unlink(missing_ok=True)

    async def _succeed(self, job: Job, event: Finished) -> None:
        request = job.request
        if len(event.pictures) != request.count:
            await self._fail(job, WorkerFailed(reason=f"{len(event.pictures)} pictures instead of {request.count}"))
            return
        try:
            paths = [await asyncio.to_thread(self._keep, job, name) for name in event.pictures]
        except OSError as problem:
            log.exception("the pictures of job %s cannot be kept", job.id)
            await self._fail(job, WorkerFailed(reason=problem.strerror or "the pictures cannot be kept"))
            return
        new = [
            NewPicture(path=path, width=request.width, height=request.height, seed=seed)
            for path, seed in zip(paths, request.seeds, strict=True)
        ]
        done = await _insist(
            lambda: finish_job(
                self._connection,
                job.id,
                job.attempt,
                new,
                seconds=event.seconds,
                peak_memory=event.peak_memory,
                notes=event.notes,
            )
        )
        if done is None:  # cancelled while the last step ran
            for path in paths:
                (self._pictures / path).unlink(missing_ok=True)
            return
        self._tell(JobUpdate(done.job, pictures=done.pictures))

    def _keep(self, job: Job, name: str) -> str:
        """Move a picture out of the spool and onto the disk for good; its path below the pictures folder."""
        source = self._spool / Path(name).name
        relative = place(job.id, source.name)
        keep(source, self._pictures / relative)
        return relative

    async def _fail(self, job: Job, problem: InferenceError) -> None:
        failed = await _insist(lambda: fail_job(self._connection, job.id, job.attempt, problem.code, problem.detail))
        if failed is not None:
            self._tell(JobUpdate(failed))

    async def _mourn(self, death: WorkerDied) -> None:
        """Every job the worker had goes back to the queue; everybody who waits is told."""
        self._free = 0
        self._end_aside(WorkerCrashed(attempts=1))
        lost, self._in_hand = list(self._in_hand.values()), {}
        for job in lost:
            await self._give_back(job)
        for waiting in self._queue.order():
            if job := await find_job(self._connection, waiting.job_id):
                self._tell(JobUpdate(job, trouble=death))


async def _insist(move: Callable[[], Awaitable[T]]) -> T:
    """Carry out a move of a job that nobody would ask for again, also when the database is locked for a while."""
    for wait in RETRY_SECONDS:
        try:
            return await move()
        except DatabaseError as problem:
            log.warning("a job's state cannot be written just now: %s", problem)
            await asyncio.sleep(wait)
    return await move()


def _end_of(event: Finished | Failed | Cancelled) -> Finished | InferenceError | None:
    match event:
        case Finished():
            return event
        case Failed():
            return InferenceError.from_failed(event.code, event.detail)
        case Cancelled():
            return None


def _waiting(job: Job) -> Waiting:
    request = job.request
    work = request.steps * request.width * request.height * request.count
    return Waiting(job.id, job.person_id, job.checkpoint, float(work), job.background)
