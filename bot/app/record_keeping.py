"""Writes the record of removals beside the database, and applies it to restored copies."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from bot import background
from bot.database.connection import open_database
from bot.database.errors import DatabaseError
from bot.database.lock import program_lock
from bot.database.record_of_removals import CaughtUp, catch_up, flush_record
from bot.library.configuration import Configuration

FLUSH_SECONDS: Final = 2.0  # between two looks for new entries
RETRY_SECONDS: Final = 60.0  # after a failure, which would fill the log otherwise

log = logging.getLogger(__name__)


async def keep_record(configuration: Configuration) -> None:
    """Write new entries into the record's file. Runs until cancelled."""

    async def flush() -> float:
        try:
            await asyncio.to_thread(flush_record, configuration.settings.storage.database)
        except DatabaseError as problem:
            log.error("cannot update the record of removals: %s", problem)
            return RETRY_SECONDS
        return FLUSH_SECONDS

    await background.Recurring("recording what was removed", flush, FLUSH_SECONDS).run()


def save_record(database: Path) -> None:
    """Write new entries into the record's file, if the database can still be read. Blocks."""
    try:
        if database.is_file():
            flush_record(database)
    except DatabaseError as problem:
        log.warning("cannot read the last entries of the record of removals: %s", problem)


async def caught_up(database: Path) -> CaughtUp:
    """Apply the record to a closed database, such as a restored copy. Raises DatabaseError."""
    with program_lock(database):
        async with open_database(database) as connection:
            return await catch_up(connection, database)


def summary_of(done: CaughtUp) -> str:
    """Return sentences for operators about what was applied; "" if nothing was."""
    told: list[str] = []
    if done.lost:
        told.append(
            "The record removals.jsonl beside the database is missing, shorter than it was, or damaged. Please order "
            "deletions since that copy again (`easel privacy delete`), and open takedown cases since then again."
        )
    if done.other_key:
        told.append(
            "The key pseudonyms.key beside the database is not the one of this copy. Please put the right key back "
            "before you start Easel, or order deletions since that copy again (`easel privacy delete`)."
        )
    if done:
        told.append(_carried_out(done))
    return " ".join(told)


def _carried_out(done: CaughtUp) -> str:
    return (
        f"Carried out what was decided since that copy: deletions of all data: {done.erasures}, verdicts on pictures: "
        f"{done.verdicts}, changes of takedown cases: {done.cases}. Files and messages follow when the bot runs."
    )


def log_applied(done: CaughtUp) -> None:
    """Log what a start has applied."""
    if summary := summary_of(done):
        log.warning("%s", summary)
