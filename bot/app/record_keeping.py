"""Keeps the record beside the database, and carries out what a restored copy does not know."""

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
            log.error("the record of removals was not updated: %s", problem)
            return RETRY_SECONDS
        return FLUSH_SECONDS

    await background.Recurring("recording what was removed", flush, FLUSH_SECONDS).run()


def save_record(database: Path) -> None:
    """Write the last entries of a database that is about to be replaced, if it can still be read. Blocks."""
    try:
        if database.is_file():
            flush_record(database)
    except DatabaseError as problem:
        log.warning("the last entries for the record could not be read: %s", problem)


async def caught_up(database: Path) -> CaughtUp:
    """Carry out what the closed database, a copy that was put back, does not know. Raises DatabaseError."""
    with program_lock(database):
        async with open_database(database) as connection:
            return await catch_up(connection, database)


def summary_of(done: CaughtUp) -> str:
    """What was carried out, for an operator; "" where there was nothing."""
    if done.lost:
        return (
            "The record removals.jsonl beside the database is missing or shorter than it was. Please order deletions "
            "since that copy again (`easel privacy delete`), and open takedown cases since then again."
        )
    if not done:
        return ""
    return (
        f"Carried out what was decided since that copy: deletions of all data: {done.erasures}, verdicts on pictures: "
        f"{done.verdicts}, changes of takedown cases: {done.cases}. Files and messages follow when the bot runs."
    )


def tell_of(done: CaughtUp) -> None:
    """Log what a start has carried out."""
    if told := summary_of(done):
        log.warning("%s", told)
