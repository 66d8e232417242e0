"""A worker that a test controls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from inference.messages.commands import Generate, JobCommand
from inference.messages.events import Cancelled, Capacity, Event, Finished, Lookups, Progress, Started
from inference.messages.options import WorkerOptions
from inference.workers import WorkerDied
from inference.workers.storage import StoredFile

PATIENCE = 120.0  # seconds


class FakeWorker:
    """Implements `inference.workers.Worker`. `job` returns submitted jobs, `say` reports events."""

    def __init__(self, spool: Path, places: int = 1) -> None:
        self._places = places
        self._spool = spool
        self._events: asyncio.Queue[Event | WorkerDied | None] = asyncio.Queue()
        self._jobs: asyncio.Queue[Any] = asyncio.Queue()
        self.serves = frozenset({"vivid", "pastel"})
        self.cancelled: list[int] = []
        self.configured: list[WorkerOptions] = []
        self.restarts = 0
        self.takes = True

    async def start(self) -> None:
        self.say(Capacity(places=self._places))

    async def submit(self, job: JobCommand, files: Mapping[str, StoredFile]) -> bool:
        if self.takes:
            self._jobs.put_nowait(job)
        return self.takes

    async def cancel(self, job_id: int) -> None:
        self.cancelled.append(job_id)

    async def configure(self, options: WorkerOptions) -> None:
        self.configured.append(options)

    async def restart(self) -> None:
        self.restarts += 1
        self.die()

    async def events(self) -> AsyncIterator[Event | WorkerDied]:
        while (event := await self._events.get()) is not None:
            yield event
            self._events.task_done()

    async def close(self) -> None:
        self._events.put_nowait(None)

    def say(self, *events: Event | WorkerDied) -> None:
        for event in events:
            self._events.put_nowait(event)

    async def job(self) -> Any:
        """The next submitted job, a `Generate` unless the test ordered something else."""
        async with asyncio.timeout(PATIENCE):
            return await self._jobs.get()

    @property
    def idle(self) -> bool:
        """Whether every submitted job was taken with `job`."""
        return self._jobs.empty()

    async def heard(self) -> None:
        """Wait until every reported event has been handled."""
        async with asyncio.timeout(PATIENCE):
            await self._events.join()

    def die(self) -> None:
        self.say(WorkerDied(-9, 1, was_ready=True, stderr_tail=""))

    def begin(self, job: Generate) -> None:
        self.say(Started(job_id=job.job_id, attempt=job.attempt))
        self.say(Progress(job_id=job.job_id, attempt=job.attempt, step=1, steps=8))

    def finish(
        self,
        job: Generate,
        *,
        pictures: int | None = None,
        write: bool = True,
        notes: tuple[str, ...] = (),
        lookups: dict[str, Lookups] | None = None,
        scores: tuple[dict[str, float], ...] = (),
        text_scores: dict[str, float] | None = None,
    ) -> None:
        """Leave pictures in the spool, each of the colour of its attempt, and report them."""
        names = [f"job{job.job_id}-{job.attempt}-{i}.png" for i in range(pictures or job.request.count)]
        for name in names:
            if write:
                Image.new("RGB", (8, 8), (job.attempt, 0, 0)).save(self._spool / name)
        end = Finished(
            job_id=job.job_id,
            attempt=job.attempt,
            files=tuple(names),
            seconds=1.0,
            peak_memory=1,
            notes=notes,
            lookups=lookups or {},
            scores=scores,
            text_scores=text_scores,
        )
        self.say(end, Capacity(places=self._places))

    def stop(self, job: Generate) -> None:
        self.say(Cancelled(job_id=job.job_id, attempt=job.attempt), Capacity(places=self._places))
