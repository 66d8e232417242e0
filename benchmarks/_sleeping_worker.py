"""A worker that computes nothing: it reports steps as often as asked, and leaves a copy of a picture."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from inference.messages.commands import JobCommand
from inference.messages.events import Capacity, Event, Finished, Progress, Ready, Started
from inference.messages.options import WorkerOptions
from inference.messages.spool import attempt_files
from inference.workers import WorkerDied
from inference.workers.storage import StoredFile


class SleepingWorker:
    """Implements `inference.workers.Worker`. It runs one job after the other, and sleeps for each step."""

    def __init__(self, spool: Path, picture: Path, steps: int, step_seconds: float, places: int) -> None:
        self.serves = frozenset({"vivid"})
        self._spool, self._picture, self._places = spool, picture, places
        self._steps, self._step_seconds = steps, step_seconds
        self._jobs: asyncio.Queue[JobCommand] = asyncio.Queue()
        self._events: asyncio.Queue[Event | WorkerDied | None] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """It is ready at once."""
        self._say(Ready(device="none", pid=1), Capacity(places=self._places, loaded=("vivid",)))
        self._running = asyncio.create_task(self._run())

    async def submit(self, job: JobCommand, files: Mapping[str, StoredFile]) -> bool:
        """Run it after those that it has."""
        self._jobs.put_nowait(job)
        return True

    async def _run(self) -> None:
        while True:
            job = await self._jobs.get()
            number, attempt, steps = job.job_id, job.attempt, self._steps
            self._say(Started(job_id=number, attempt=attempt))
            for step in range(steps + 1):
                self._say(Progress(job_id=number, attempt=attempt, step=step, steps=steps))
                if self._step_seconds and step < steps:
                    await asyncio.sleep(self._step_seconds)
            name = f"{attempt_files(number, attempt)}0.png"
            shutil.copyfile(self._picture, self._spool / name)
            self._say(Finished(job_id=number, attempt=attempt, files=(name,), seconds=1.0, peak_memory=1))

    def _say(self, *events: Event) -> None:
        for event in events:
            self._events.put_nowait(event)

    async def cancel(self, job_id: int) -> None:
        """It is too late."""

    async def configure(self, options: WorkerOptions) -> None:
        """Nothing changes."""

    async def restart(self) -> None:
        """It never hangs."""

    async def events(self) -> AsyncIterator[Event | WorkerDied]:
        """What it reported."""
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        """End its events."""
        if self._running is not None:
            self._running.cancel()
        self._events.put_nowait(None)
