"""Prepares a database for a program that writes: creates, checks and migrates the file, and sets the next ids."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from bot.database.errors import FolderNotWritable, NotADatabase
from bot.database.jobs.terms import FUNCTIONS, TRIGGERS
from bot.database.storage.backup import GAP, NUMBER_ALL_TABLES, SKIP_NUMBERS
from bot.database.storage.integrity import damage
from bot.database.storage.migrate import Report, migrate
from bot.database.storage.pseudonyms import ensure_key
from bot.database.storage.wal import is_damaged
from bot.file_access import Need, why

log = logging.getLogger(__name__)

SQLITE_HEADER = b"SQLite format 3\0"
# Tables whose ids are on buttons in Discord. In a new database, their ids start at the number of seconds since 2026.
NUMBERED_BY_CLOCK = ("job", "draft", "removed_bookmark", "stack", "publication", "report", "decision", "addition")
NUMBERS_SINCE = 1_767_225_600  # 1 January 2026, in Unix seconds
START_NUMBERS = "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"


@dataclass(frozen=True)
class FoundFile:
    """State of a database file before the start. `schema` is the number of its schema, 0 for a new file."""

    schema: int
    log_damaged: bool


def prepare_file(path: Path, report: Report) -> FoundFile:
    """Create, check and migrate the file. Blocks. Raises DatabaseError."""
    _make_place(path)
    log_damaged = is_damaged(path)
    _require_intact(path)
    ensure_key(path)
    return FoundFile(migrate(path, report=report), log_damaged)


def _make_place(path: Path) -> None:
    """Create the file, readable by this user only, or check that an existing file can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.open("ab").close()
    except OSError as problem:
        raise FolderNotWritable(
            f"The database {path} cannot be written: {why(problem, path, Need.WRITE)}."
        ) from problem


def _require_intact(path: Path) -> None:
    """Refuse a damaged database before a write destroys more of it. Raises NotADatabase."""
    with path.open("rb") as file:
        if file.read(len(SQLITE_HEADER)) != SQLITE_HEADER:
            return  # a new file, or another kind of file, which `migrate` refuses
    if (found := damage(path)) is not None:
        raise NotADatabase(f"The database {path} is damaged ({found}). `restore` puts the newest copy back.")


async def index_deletions(connection: aiosqlite.Connection) -> None:
    """Create the triggers that remove deleted jobs from the full text index."""
    for name, function in FUNCTIONS.items():
        await connection.create_function(name, 2, function)  # pyright: ignore[reportUnknownMemberType]
    await connection.executescript(TRIGGERS)


async def number_by_clock(connection: aiosqlite.Connection, now: float) -> None:
    """Set the first ids of a new database to the number of seconds since 2026.

    Buttons of old messages have ids of an earlier database that was lost. The new ids are above those, because a bot
    gets less than one request a second on average.
    """
    start = max(0, int(now) - NUMBERS_SINCE)
    await connection.executemany(START_NUMBERS, [{"name": table, "seq": start} for table in NUMBERED_BY_CLOCK])


async def skip_lost_numbers(connection: aiosqlite.Connection, path: Path) -> None:
    """Skip the ids of lost rows, which buttons in Discord still have. Log an error about the damaged log."""
    await connection.execute("BEGIN IMMEDIATE")
    await connection.execute(NUMBER_ALL_TABLES.sql)
    await connection.execute(SKIP_NUMBERS.sql, (GAP,))
    await connection.commit()
    await connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the damaged end of the log must not stay
    log.error(
        "The write-ahead log of database %s was damaged by a disk or another program. The last "
        "writes are lost. Numbers of new jobs skip a million. If too much is missing, restore a "
        "backup with `restore`.",
        path,
    )
