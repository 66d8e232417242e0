"""Records what became of an attempt at a job, and tells its followers: begun, succeeded, failed, requeued."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from bot.background import wait_times
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.jobs.jobs import (
    FIND_JOB,
    NOTE_BEGUN,
    REQUEUE_JOB,
    START_JOB,
    AnyJob,
    FinishedJob,
    fail_job,
    finish_job,
)
from bot.database.jobs.ratings import RATE_JOB, RatingSource
from bot.database.pictures.hashes import record_hashes
from bot.database.pictures.pictures import Picture
from bot.database.pictures.verdicts import PictureVerdict, hold_copy, inherit_verdicts
from bot.jobs.active_jobs import JobUpdate
from bot.jobs.automatic_checks import AutomaticChecks
from bot.jobs.kinds import kind_of
from bot.pictures.similarity.removed_pictures import RemovedPictures
from inference.content_rating import ContentRating
from inference.errors import InferenceError, NotClassified, PictureNotSaved
from inference.messages.commands import Generate, JobCommand
from inference.messages.events import Finished, Progress, Started
from inference.messages.request import GenerationRequest, JobRequest
from inference.messages.spool import attempt_files, state_file
from inference.processes.logs import about
from inference.queue.policy import EVERYWHERE
from inference.workers.storage import JobFiles, Spool, StoredFile, move_synced

log = logging.getLogger(__name__)

T = TypeVar("T")

PICTURES_A_FOLDER = 1000  # jobs whose pictures share a folder, so that folders stay small
RETRY_SECONDS = (0.2, 1.0, 5.0, 15.0, 30.0)  # between attempts to write a job's state; then the last again


@dataclass(frozen=True)
class StartedAttempt:
    """An attempt that may be submitted to a worker by `command`, with the files that it needs by SHA-256."""

    job: AnyJob
    command: JobCommand
    files: Mapping[str, StoredFile]


class Outcomes:
    """Moves jobs between states in the table, and their pictures out of the spool.

    `tell` gets the update of every job that ends here. What `begin` and `requeue` return is None when the job has left
    the expected state meanwhile.
    """

    def __init__(
        self,
        db: Database,
        files: JobFiles,
        spool: Spool,
        pictures: Path,
        removed: RemovedPictures,
        tell: Callable[[JobUpdate], None],
        checks: AutomaticChecks,
    ) -> None:
        self._db = db
        self._files = files
        self._spool = spool
        self._pictures = pictures
        self._removed = removed
        self._tell = tell
        self._checks = checks
        self.shutting_down = asyncio.Event()

    async def begin(self, job_id: int) -> StartedAttempt | None:
        """queued -> running. The move is the last step, so that nothing can fail between it and the worker."""
        begun = await self._retry_until_written(lambda: self._begin(job_id))
        if begun is not None:
            log.info("started, attempt %s", begun.job.attempt)
        return begun

    async def _begin(self, job_id: int) -> StartedAttempt | None:
        job = await self._db.one(FIND_JOB, job_id)
        if job is None:
            return None
        files, texts = await self.files(job.request), self._checks.texts(job.request)
        started = await self._db.one(START_JOB, now=now_ms(), id=job_id)
        if started is None:
            return None
        command = kind_of(started.request).command(started)
        if isinstance(command, Generate):
            command = command.model_copy(update={"texts": texts})
        return StartedAttempt(started, command, files)

    async def record_start(self, job: AnyJob, event: Started | Progress) -> None:
        """Record that the worker has begun the job. A failure to write is ignored: only the next start reads it."""
        if isinstance(event, Started):
            with suppress(DatabaseError):
                await self._db.run(NOTE_BEGUN, now=now_ms(), id=job.id, attempt=job.attempt)

    async def files(self, request: JobRequest) -> Mapping[str, StoredFile]:
        """The files that the request names and that can still be used. Raises DatabaseError."""
        return await kind_of(request).files(request, self._files)

    async def requeue(self, job: AnyJob, *, died: bool) -> AnyJob | None:
        """running -> queued. `died` says that the worker died while it painted this job."""
        requeued = await self._retry_until_written(
            lambda: self._db.one(REQUEUE_JOB, died=died, job=job.id, attempt=job.attempt)
        )
        if requeued is not None:
            log.info("attempt %s ended without a result; requeued", job.attempt)
            self._delete_attempt_pictures(job)
        return requeued

    async def fail(self, job: AnyJob, problem: InferenceError) -> None:
        """running -> failed."""
        request = job.request
        await self._retry_until_written(lambda: kind_of(request).note_failure(self._db, request, problem))
        failed = await self._retry_until_written(
            lambda: fail_job(self._db, job.id, job.attempt, problem.code, problem.detail)
        )
        self._spool.delete([state_file(job.id)])
        if failed is not None:
            log.info("failed: %s: %s", problem.code, problem)
            self._delete_attempt_pictures(job)
            self._tell(JobUpdate(failed))

    async def give_up(self, job: AnyJob, problem: InferenceError) -> None:
        """queued -> failed. Raises DatabaseError."""
        failed = await fail_job(self._db, job.id, None, problem.code, problem.detail)
        self._spool.delete([state_file(job.id)])
        if failed is not None:
            with about(job.id):
                log.info("failed: %s: %s", problem.code, problem)
            self._tell(JobUpdate(failed))

    async def complete(self, job: AnyJob, picture: Path, notes: Sequence[str]) -> None:
        """End a running job that has no worker with a picture that exists already; the file is moved."""
        name = f"{attempt_files(job.id, job.attempt)}0.png"
        event = Finished(
            job_id=job.id, attempt=job.attempt, files=(name,), seconds=0, peak_memory=0, notes=tuple(notes)
        )
        await self._succeed(job, event, lambda _, target: move_synced(picture, target))

    async def succeed(self, job: AnyJob, event: Finished) -> None:
        """running -> succeeded; or failed when what the worker left is missing, not classified, or cannot be stored."""
        try:
            rating = self._checks.rating(job.request, event) if kind_of(job.request).classified else None
        except NotClassified as problem:
            self._spool.delete(event.files)
            await self.fail(job, problem)
            return
        await self._succeed(job, event, self._spool.take, rating)

    async def _succeed(
        self,
        job: AnyJob,
        event: Finished,
        take: Callable[[str, Path], None],
        rating: ContentRating | None = None,
    ) -> None:
        try:
            done = await self._store(job, event, take, rating)
        except InferenceError as problem:
            await self.fail(job, problem)
            return
        if done is not None:
            self._tell(JobUpdate(done.job, pictures=done.pictures))

    async def _store(
        self, job: AnyJob, event: Finished, take: Callable[[str, Path], None], rating: ContentRating | None
    ) -> FinishedJob | None:
        """running -> succeeded; `take` moves each file to its place, `rating` is that of the automatic checks.

        Raises WorkerFailed, PictureNotSaved, RemovedPicture, PictureReported, PictureDeletedByStaff or
        PictureHiddenByStaff; then no file is kept.
        """
        paths = [_place(job.id, Path(name).name) for name in event.files]
        try:
            for name, path in zip(event.files, paths, strict=True):
                await asyncio.to_thread(take, name, self._pictures / path)
            hashes = await self._removed.hashes([self._pictures / path for path in paths])
            await self._retry_until_written(lambda: self._removed.check(hashes))
            await self._retry_until_written(lambda: self._check_start(job))
            # Reports first: one that is decided between the two has made verdicts by then.
            reports = await self._retry_until_written(lambda: self._removed.verdicts.reports_hiding(hashes))
            verdicts = await self._retry_until_written(lambda: self._removed.verdicts.on_painted(hashes))
            done = await self._retry_until_written(
                lambda: self._finish(job, event, paths, hashes, rating, verdicts, reports)
            )
        except OSError as problem:
            log.error("cannot save its pictures: %s", problem)
            self._delete_pictures(paths)
            raise PictureNotSaved(reason=problem.strerror or type(problem).__name__) from problem
        except InferenceError:
            self._delete_pictures(paths)
            raise
        self._spool.delete([state_file(job.id)])
        if done is None:  # cancelled while the last step ran
            self._delete_pictures(paths)
        else:
            log.info("finished in %.1f s", event.seconds)
        return done

    async def _check_start(self, job: AnyJob) -> None:
        """Refuse what was painted from a picture that staff deleted, hid or put out of sight meanwhile."""
        if not isinstance(job.request, GenerationRequest) or job.request.image is None:
            return
        start = self._files.source_image(job.request.image.sha256)
        for hashes in await self._removed.hashes([start.path]):
            await self._removed.verdicts.check(hashes, job.server_id or EVERYWHERE)

    async def _finish(
        self,
        job: AnyJob,
        event: Finished,
        paths: Sequence[str],
        hashes: Sequence[bytes],
        rating: ContentRating | None,
        verdicts: Sequence[PictureVerdict],
        reports: Sequence[int],
    ) -> FinishedJob | None:
        async def record(done: AnyJob) -> Sequence[Picture]:
            if rating is not None:  # in the transaction after which the pictures are delivered
                await self._db.run(
                    RATE_JOB,
                    server=EVERYWHERE,
                    source=RatingSource.CLASSIFIER,
                    rating=rating,
                    now=now_ms(),
                    job=done.id,
                )
            await inherit_verdicts(self._db, done.id, verdicts)
            await hold_copy(self._db, done.id, reports)
            pictures = await kind_of(done.request).record(self._db, done, self._pictures, paths)
            await record_hashes(self._db, zip((picture.id for picture in pictures), hashes, strict=False))
            return pictures

        return await finish_job(
            self._db,
            job.id,
            job.attempt,
            record,
            seconds=event.seconds,
            peak_memory=event.peak_memory,
            notes=event.notes,
        )

    async def _retry_until_written(self, move: Callable[[], Awaitable[T]]) -> T:
        """Carry out a state move, and retry for as long as the database cannot be written: nobody else would repeat it.

        Raises DatabaseError when the program shuts down meanwhile; the next start takes the job up again.
        """
        again = AsyncRetrying(
            retry=retry_if_exception_type(DatabaseError),
            wait=wait_times(RETRY_SECONDS),
            stop=lambda _: self.shutting_down.is_set(),
            sleep=self._wait,
            before_sleep=_log,
            reraise=True,
        )

        async def attempt() -> T:  # tenacity awaits coroutine functions only, not what a lambda returns
            return await move()

        return await again(attempt)

    async def _wait(self, seconds: float) -> None:
        """Wait so many seconds, or until the program shuts down."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.shutting_down.wait()

    def note_interruption(self, job: AnyJob) -> None:
        """Log that an earlier program was killed while the job ran, and delete what the attempt left."""
        with about(job.id):
            log.info("requeued: an earlier process was killed while it ran")
        self._delete_attempt_pictures(job)

    def _delete_attempt_pictures(self, job: AnyJob) -> None:
        """Delete pictures of an attempt that were stored, and will not be recorded."""
        _delete((self._pictures / _place(job.id, "")).glob(f"{attempt_files(job.id, job.attempt)}*"))

    def _delete_pictures(self, paths: list[str]) -> None:
        _delete(self._pictures / path for path in paths)


def _place(job_id: int, name: str) -> str:
    """The path, below the pictures folder, at which a job's picture is stored."""
    return f"{job_id // PICTURES_A_FOLDER}/{name}"


def _log(state: RetryCallState) -> None:
    log.warning("cannot write its state, will retry: %s", state.outcome and state.outcome.exception())


def _delete(paths: Iterable[Path]) -> None:
    with suppress(OSError):
        for path in paths:
            path.unlink(missing_ok=True)
