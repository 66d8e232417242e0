"""What becomes of an attempt at a job is written down here: begun, succeeded with its pictures, failed, given back."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiosqlite
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from bot.database.errors import DatabaseError
from bot.database.jobs import FinishedJob, Job, fail_job, find_job, finish_job, note_begun, requeue_job, start_job
from bot.database.lora_records import doubt_file
from bot.database.loras import find_version
from bot.database.pictures import NewPicture
from bot.jobs.retrying import waits
from bot.jobs.spool import keep, place
from inference.errors import InferenceError, LoraFileChanged, PictureNotSaved, WorkerFailed
from inference.logs import about
from inference.messages import Finished, GenerationRequest, Progress, Started, state_file

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = (0.2, 1.0, 5.0, 15.0, 30.0)  # between attempts to write down what became of a job; then the last again


@dataclass(frozen=True)
class Begun:
    """An attempt that may be handed to a worker. `files` says where each LoRA lies in the library, by SHA-256."""

    job: Job
    files: dict[str, str]


class Outcomes:
    """Moves jobs in the table, and their pictures out of the spool. What somebody else was faster with is None."""

    def __init__(self, connection: aiosqlite.Connection, pictures: Path, spool: Path) -> None:
        self._connection = connection
        self._pictures = pictures
        self._spool = spool
        self.leaving = asyncio.Event()

    async def begin(self, job_id: int) -> Begun | None:
        """queued -> running. That is the last thing done, so that nothing can go wrong between it and the worker."""
        begun = await self._insist(lambda: self._begin(job_id))
        if begun is not None:
            log.info("begun, attempt %s", begun.job.attempt)
        return begun

    async def _begin(self, job_id: int) -> Begun | None:
        job = await find_job(self._connection, job_id)
        if job is None:
            return None
        files = await self.files(job.request)
        with suppress(OSError):  # somebody tidied up; the worker will say it if this does not help
            self._spool.mkdir(parents=True, exist_ok=True)
        started = await start_job(self._connection, job_id)
        return None if started is None else Begun(started, files)

    async def note(self, job: Job, event: Started | Progress) -> None:
        """Write down that the worker has begun it. If that cannot be done just now, only the next start misses it."""
        if isinstance(event, Started):
            with suppress(DatabaseError):
                await note_begun(self._connection, job.id, job.attempt)

    async def files(self, request: GenerationRequest) -> dict[str, str]:
        """Where each LoRA that is still usable lies, relative to the library. Raises DatabaseError."""
        versions = [(use.sha256, await find_version(self._connection, use.sha256)) for use in request.loras]
        return {sha256: version.path for sha256, version in versions if version and version.usable}

    async def give_back(self, job: Job, *, died: bool) -> Job | None:
        """running -> queued; `died` says that the worker died while it painted this."""
        waits = await self._insist(lambda: requeue_job(self._connection, job.id, job.attempt, died=died))
        if waits is not None:
            log.info("attempt %s came to nothing; it waits again", job.attempt)
            self._forget_attempt(job)
        return waits

    async def fail(self, job: Job, problem: InferenceError) -> Job | None:
        """running -> failed. Of a LoRA whose file had other bytes, the next scan reads the file again."""
        for use in job.request.loras:
            if isinstance(problem, LoraFileChanged) and problem.lora == use.name:
                await self._insist(partial(doubt_file, self._connection, use.sha256))
        failed = await self._insist(
            lambda: fail_job(self._connection, job.id, job.attempt, problem.code, problem.detail)
        )
        self.forget_state(job.id)
        if failed is not None:
            log.info("failed: %s", problem.code)
            self._forget_attempt(job)
        return failed

    async def painted(self, job: Job, picture: Path, notes: Sequence[str]) -> Finished:
        """Put `picture` into the spool as if a worker had painted it for `job`. Raises PictureNotSaved."""
        name = f"job{job.id}-{job.attempt}-0.png"
        try:
            await asyncio.to_thread(shutil.move, picture, self._spool / name)
        except OSError as problem:
            raise PictureNotSaved(reason=problem.strerror or type(problem).__name__) from problem
        return Finished(
            job_id=job.id, attempt=job.attempt, pictures=(name,), seconds=0, peak_memory=0, notes=tuple(notes)
        )

    async def succeed(self, job: Job, event: Finished) -> FinishedJob | None:
        """running -> succeeded. Raises WorkerFailed or PictureNotSaved; then no picture is kept."""
        request = job.request
        if len(event.pictures) != request.count:
            raise WorkerFailed(reason=f"{len(event.pictures)} pictures instead of {request.count}")
        paths = [place(job.id, Path(name).name) for name in event.pictures]
        try:
            for name, path in zip(event.pictures, paths, strict=True):
                await asyncio.to_thread(keep, self._spool / Path(name).name, self._pictures / path)
        except OSError as problem:
            log.error("its pictures cannot be kept: %s", problem)
            self._forget(paths)
            raise PictureNotSaved(reason=problem.strerror or type(problem).__name__) from problem
        new = [
            NewPicture(path=path, width=request.width, height=request.height, seed=seed)
            for path, seed in zip(paths, request.seeds, strict=True)
        ]
        finish = partial(
            finish_job,
            self._connection,
            job.id,
            job.attempt,
            new,
            seconds=event.seconds,
            peak_memory=event.peak_memory,
            notes=event.notes,
        )
        done = await self._insist(finish)
        self.forget_state(job.id)
        if done is None:  # cancelled while the last step ran
            self._forget(paths)
        else:
            log.info("painted in %.1f s", event.seconds)
        return done

    async def _insist(self, move: Callable[[], Awaitable[T]]) -> T:
        """Carry out a move that nobody would ask for again, however long the database cannot be written.

        Raises DatabaseError when the program ends meanwhile; the job is taken up again at the next start.
        """
        again = AsyncRetrying(
            retry=retry_if_exception_type(DatabaseError),
            wait=waits(RETRY_SECONDS),
            stop=lambda _: self.leaving.is_set(),
            sleep=self._wait,
            before_sleep=_log,
            reraise=True,
        )

        async def attempt() -> T:  # tenacity awaits nothing else: not what a lambda returns
            return await move()

        return await again(attempt)

    async def _wait(self, seconds: float) -> None:
        """For so long, or until the program ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.leaving.wait()

    def tidy(self, job: Job) -> None:
        """Delete what an attempt that has ended may have left in the spool."""
        _delete(self._spool.glob(f"job{job.id}-{job.attempt}-*"))

    def forget_state(self, job_id: int) -> None:
        """Delete the state that a worker may have left a job in: nobody will go on with it."""
        _delete([self._spool / state_file(job_id)])

    def adopt(self, job: Job) -> None:
        """An earlier program was killed at it."""
        with about(job.id):
            log.info("it was being painted when the program was cut off, and waits again")
        self._forget_attempt(job)

    def _forget_attempt(self, job: Job) -> None:
        """Delete pictures that were just kept, and will not be written down any more."""
        _delete((self._pictures / place(job.id, "")).glob(f"job{job.id}-{job.attempt}-*"))

    def _forget(self, paths: list[str]) -> None:
        _delete(self._pictures / path for path in paths)


def _log(state: RetryCallState) -> None:
    log.warning("its state cannot be written just now: %s", state.outcome and state.outcome.exception())


def _delete(paths: Iterable[Path]) -> None:
    with suppress(OSError):
        for path in paths:
            path.unlink(missing_ok=True)
