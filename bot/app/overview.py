"""The state of the running program for operators: workers, queue, library, database. It names no person."""

from __future__ import annotations

import asyncio
import platform
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from bot.config import Settings
from bot.database.backup import newest_copy
from bot.jobs.service import JobService
from bot.jobs.worker_slots import WorkerStatus
from bot.library.watcher import LibraryKeeper, Scanned
from inference.extras import DISTRIBUTION

# Packages whose versions are shown; the worker's are not imported here.
PACKAGES = {"Easel": DISTRIBUTION, "discord.py": "discord.py", "torch": "torch", "diffusers": "diffusers"}


@dataclass(frozen=True)
class DatabaseState:
    """The database's size in bytes, its log included, and its newest copy, if there is one."""

    nbytes: int
    copy_nbytes: int | None = None
    copied: datetime | None = None


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


def database_state(settings: Settings) -> DatabaseState:
    """The size of the database, and its newest copy. Raises OSError."""
    database = settings.storage.database
    beside = (database, database.with_name(f"{database.name}-wal"))
    nbytes = sum(file.stat().st_size for file in beside if file.exists())
    newest = newest_copy(settings.backup_folder)
    if newest is None:
        return DatabaseState(nbytes)
    copy, made = newest
    return DatabaseState(nbytes, copy.stat().st_size, datetime.fromtimestamp(made, UTC))


def versions_here() -> dict[str, str]:
    """The versions of Easel, of what it stands on, and of Python and SQLite."""
    found: dict[str, str] = {}
    for name, package in PACKAGES.items():
        with suppress(PackageNotFoundError):  # run from a folder that was never installed
            found[name] = version(package)
    return found | {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
