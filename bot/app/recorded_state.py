"""The state of the program as its database and its folder tell it, whether it runs or not. It names no person."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bot.app.database_state import DatabaseState, database_state
from bot.app.health import STALE_SECONDS, last_health
from bot.config import Settings
from bot.database.database import read_database
from bot.database.jobs.deliveries import COUNT_OWED_RESULTS
from bot.database.jobs.paces import load_times
from bot.database.jobs.pauses import PAUSED_SERVERS
from bot.database.jobs.queue_state import CHECKPOINT_LOADS, LAST_FAILED, CheckpointLoad, FailedJob
from bot.database.loras.file_counts import COUNT_AT_HUBS, COUNT_FILES, FileCount, HubCount
from bot.database.loras.sample_failures import suspects
from bot.database.privacy.takedown_cases import UNFINISHED_CASES, TakedownCase
from bot.database.reports.waiting_reports import WAITING_BY_SERVER, WaitingReports
from bot.database.storage.integrity import FileState, OpenFile
from bot.database.storage.lock import is_in_use
from bot.diagnostics.finding import Finding
from bot.diagnostics.watch import WatchFacts, backup_state, disk_spaces, troubles
from bot.versions import versions_here

FAILURES = 5  # that are told


@dataclass(frozen=True)
class RecordedState:
    """What is recorded of the program. `paused` holds servers' ids, EVERYWHERE for all; `free` and `disk` are bytes.

    `loads` has the checkpoints with unfinished jobs, `load_seconds` how long each took to load; `failed` are the
    newest jobs that failed, and `owed` counts results that nobody has got yet. `takedowns` are unfinished,
    `reports` wait. `findings` come from `findings_from_outside`.
    """

    running: bool
    loads: Sequence[CheckpointLoad]
    load_seconds: dict[str, float]
    paused: frozenset[int]
    owed: int
    takedowns: Sequence[TakedownCase]
    reports: Sequence[WaitingReports]
    failed: Sequence[FailedJob]
    files: FileCount
    hubs: HubCount
    suspects: int
    records: DatabaseState
    free: int
    disk: int
    versions: dict[str, str]
    findings: tuple[Finding, ...]


async def read_state(settings: Settings) -> RecordedState:
    """Read the state without writing anything. Raises DatabaseError."""
    storage = settings.storage
    async with read_database(storage.database) as db:
        disk = await asyncio.to_thread(shutil.disk_usage, storage.folder)
        return RecordedState(
            running=await asyncio.to_thread(is_in_use, storage.database),
            loads=await db.all(CHECKPOINT_LOADS),
            load_seconds=await load_times(db),
            paused=frozenset(await db.all(PAUSED_SERVERS)),
            owed=await db.get(COUNT_OWED_RESULTS),
            takedowns=await db.all(UNFINISHED_CASES),
            reports=await db.all(WAITING_BY_SERVER),
            failed=await db.all(LAST_FAILED, FAILURES),
            files=await db.get(COUNT_FILES),
            hubs=await db.get(COUNT_AT_HUBS),
            suspects=len(await suspects(db)),
            records=await asyncio.to_thread(database_state, settings),
            free=disk.free,
            disk=disk.total,
            versions=await asyncio.to_thread(versions_here),
            findings=tuple(await asyncio.to_thread(findings_from_outside, settings)),
        )


def findings_from_outside(settings: Settings, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Return the findings of the running bot; if none runs, findings about its files. Raises OSError."""
    database = settings.storage.database
    with suppress(OSError, ValueError):
        health = last_health(settings.storage.health)
        if health is not None and clock() - health.at <= STALE_SECONDS:
            return list(health.findings)
    if not database.exists() or not database.stat().st_size:
        return []
    file = OpenFile.at(database)
    return troubles(
        WatchFacts(
            database,
            file=FileState.IN_PLACE if file is None else file.state,
            disks=disk_spaces(settings),
            backup=backup_state(settings, clock),
        )
    )
