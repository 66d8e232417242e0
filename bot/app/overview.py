"""The state of the running program for operators: workers, queue, library, database. It names no person."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from bot.app.database_state import DatabaseState, database_state
from bot.config import Settings
from bot.jobs.service import JobService
from bot.jobs.worker_slots import WorkerStatus
from bot.library.watcher import LibraryKeeper, Scanned
from bot.versions import versions_here


@dataclass(frozen=True)
class Overview:
    """The state of the program now. Times are seconds; `paused` holds servers' ids, EVERYWHERE for all."""

    running: float
    workers: tuple[WorkerStatus, ...]
    waiting: int
    begun: int
    longest_wait: float | None
    paused: frozenset[int]
    library: Scanned | None
    records: DatabaseState
    versions: dict[str, str]


async def look(jobs: JobService, keeper: LibraryKeeper, settings: Settings, started: float) -> Overview:
    """Collect the overview of a program that `started` at that time of the monotonic clock.

    A part that cannot be read is None.
    """
    workers = jobs.workers
    records, versions = await asyncio.to_thread(lambda: (database_state(settings), versions_here()))
    return Overview(
        running=time.monotonic() - started,
        workers=tuple(workers),
        waiting=jobs.waiting,
        begun=sum(worker.jobs for worker in workers),
        longest_wait=jobs.forecasts.longest_wait,
        paused=jobs.paused,
        library=keeper.latest,
        records=records,
        versions=versions,
    )
