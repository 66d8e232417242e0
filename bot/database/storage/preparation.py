"""Prepares a database for a program that writes: creates, checks and migrates the file, and sets its numbers."""

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
# Tables whose ids are on buttons. In a new database they start at the seconds since 2026, above ids of a lost one.
NUMBERED_BY_CLOCK = ("job", "draft", "removed_bookmark", "stack", "publication", "report", "decision", "addition")
NUMBERS_SINCE = 1_767_225_600
START_NUMBERS = "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"


@dataclass(frozen=True)
class FoundFile:
    """What a database file was before. `schema` is the number of its schema, 0 for a new file."""

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
    """Check with plain files that the database can be written, and create it private to this user."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.open("ab").close()
    except OSError as problem:
        raise FolderNotWritable(
            f"The database {path} cannot be written: {why(problem, path, Need.WRITE)}."
        ) from problem


def _require_intact(path: Path) -> None:
    """Refuse a damaged database before anything is written to it, which could destroy more. Raises NotADatabase."""
    with path.open("rb") as file:
        if file.read(len(SQLITE_HEADER)) != SQLITE_HEADER:
            return  # a new file; other kinds of files are refused later
    if (found := damage(path)) is not None:
        raise NotADatabase(f"The database {path} is damaged ({found}). `restore` puts the newest copy back.")


async def index_deletions(connection: aiosqlite.Connection) -> None:
    """Create the triggers that remove deleted jobs from the full text index."""
    for name, function in FUNCTIONS.items():
        await connection.create_function(name, 2, function)  # pyright: ignore[reportUnknownMemberType]
    await connection.executescript(TRIGGERS)


async def number_by_clock(connection: aiosqlite.Connection, now: float) -> None:
    """Start the ids of a new database above the ids of a lost one, which are on buttons of old messages.

    They start at the clock's seconds: no bot gets more than one request a second for long.
    """
    start = max(0, int(now) - NUMBERS_SINCE)
    await connection.executemany(START_NUMBERS, [{"name": table, "seq": start} for table in NUMBERED_BY_CLOCK])


async def skip_lost_numbers(connection: aiosqlite.Connection, path: Path) -> None:
    """Log the damage of the log. Ids that were lost are on buttons in Discord, so they are not assigned again."""
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
