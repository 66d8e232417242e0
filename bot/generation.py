"""A request's life: check, save, submit, follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from bot import background
from bot.database.connection import transaction
from bot.database.jobs import Job, create_job, find_job, finish_job, start_job
from bot.database.pictures import NewPicture, pictures_of_job
from bot.dispatcher import Dispatcher, JobUpdate
from bot.spool import keep, place
from inference.messages import GenerationRequest
from inference.workers import Worker

Updates = asyncio.Queue[JobUpdate]


class Generation:
    """Takes orders, keeps them, and tells whoever follows a job what becomes of it."""

    def __init__(
        self, connection: aiosqlite.Connection, worker: Worker, *, pictures: Path, spool: Path, max_attempts: int
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._pictures = pictures
        self._followers: dict[int, set[Updates]] = {}
        self._dispatcher = Dispatcher(
            connection, worker, pictures=pictures, spool=spool, max_attempts=max_attempts, tell=self._tell
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The worker runs and jobs are painted while inside."""
        await self._dispatcher.resume()
        await self._worker.start()
        dispatching = background.start(self._dispatcher.run(), "dispatcher")
        try:
            yield
        finally:
            await self._worker.close()
            await dispatching

    async def order(
        self,
        request: GenerationRequest,
        *,
        person_id: int,
        channel_id: int,
        server_id: int | None = None,
        background: bool = False,
        also: Callable[[Job], Awaitable[None]] | None = None,
    ) -> Job:
        """Keep a checked request; from the return on it survives any crash. `also` writes in the same transaction.

        A `background` job never goes before one that a person waits for.
        """
        async with transaction(self._connection):
            job = await create_job(
                self._connection,
                request,
                person_id=person_id,
                channel_id=channel_id,
                server_id=server_id,
                background=background,
            )
            if also is not None:
                await also(job)
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
        """Keep a request whose picture is there already, so that it begins as a job that has succeeded.

        `picture` is moved to where pictures stay. Raises OSError.
        """
        async with transaction(self._connection):
            job = await create_job(
                self._connection, request, person_id=person_id, channel_id=channel_id, server_id=server_id
            )
            started = await start_job(self._connection, job.id)
            assert started is not None
            path = place(job.id, f"job{job.id}-{started.attempt}-0.png")
            await asyncio.to_thread(keep, picture, self._pictures / path)
            new = NewPicture(path=path, width=request.width, height=request.height, seed=request.seed)
            done = await finish_job(
                self._connection, job.id, started.attempt, [new], seconds=0, peak_memory=0, notes=notes
            )
            assert done is not None
            if also is not None:
                await also(done.job)
        return done.job

    @property
    def quiet(self) -> bool:
        """Whether nobody waits, nothing is being painted, and the worker would take a job."""
        return self._dispatcher.quiet

    async def aside(self, request: GenerationRequest) -> tuple[Path, ...] | None:
        """Paint for the bot itself: kept nowhere, and given up (None) as soon as anybody orders anything.

        The pictures' files, for the caller to move. Raises InferenceError.
        """
        return await self._dispatcher.aside(request)

    async def cancel(self, job_id: int) -> Job | None:
        """Cancel a job that waits or runs; None when it had ended already."""
        return await self._dispatcher.cancel(job_id)

    def position(self, job_id: int) -> int | None:
        """How many jobs come before this one; None when it does not wait."""
        return self._dispatcher.position(job_id)

    @asynccontextmanager
    async def following(self, job_id: int) -> AsyncGenerator[Updates]:
        """Updates of a job from now on; the first is how it stands."""
        updates: Updates = asyncio.Queue()
        self._followers.setdefault(job_id, set()).add(updates)
        try:
            if job := await find_job(self._connection, job_id):
                pictures = await pictures_of_job(self._connection, job_id) if job.state.final else ()
                updates.put_nowait(JobUpdate(job, pictures=pictures))
            yield updates
        finally:
            self._followers[job_id].discard(updates)
            if not self._followers[job_id]:
                del self._followers[job_id]

    def _tell(self, update: JobUpdate) -> None:
        for updates in self._followers.get(update.job.id, ()):
            updates.put_nowait(update)
