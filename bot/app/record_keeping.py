"""Writes the record of removals beside the database, and applies it to restored copies."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from bot import background
from bot.database.database import open_database
from bot.database.errors import DatabaseError
from bot.database.storage.lock import program_lock
from bot.database.storage.record_of_removals import CaughtUp, catch_up, flush_record
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


async def caught_up(database: Path, *, accept_loss: bool = False) -> CaughtUp:
    """Apply the record to a closed database, such as a restored copy; see `catch_up`. Raises DatabaseError."""
    with program_lock(database):
        async with open_database(database) as db:
            return await catch_up(db, database, accept_loss=accept_loss)


def summary_of(done: CaughtUp) -> str:
    """Return sentences for operators about what was applied; "" if nothing was."""
    told: list[str] = []
    if done.lost:
        told.append(
            "The record removals.jsonl beside the database was missing, too short or damaged. Put the right file back, "
            "or repeat the deletions since that copy (`privacy delete`), open takedown cases since then again, and run "
            "`privacy accept-loss`."
        )
    if done.other_key:
        told.append(
            "The key pseudonyms.key beside the database is not the one with which it was written. Put the right key "
            "back. If it is lost, run `privacy accept-loss`; blocks of users who deleted all their data no longer work."
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
