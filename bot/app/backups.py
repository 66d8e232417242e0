"""Copies the database at the interval that the settings give."""

from __future__ import annotations

import asyncio
import logging
import math
import time

from bot.config import Settings
from bot.database.backup import back_up, copies
from bot.database.errors import DatabaseError
from bot.library.configuration import Configuration

log = logging.getLogger(__name__)

_HOUR = 3600.0


async def keep_backups(configuration: Configuration) -> None:
    """Copy the database whenever the newest copy is older than the current settings allow. Runs until cancelled."""
    while True:
        settings = configuration.settings
        every = settings.backup.every_hours * _HOUR
        due = every - await asyncio.to_thread(_age, settings) if every else _HOUR
        if due > 0:
            await asyncio.sleep(min(due, _HOUR))  # the settings may change meanwhile
            continue
        try:
            made = await asyncio.to_thread(
                back_up, settings.storage.database, settings.backup_folder, keep=settings.backup.keep
            )
        except DatabaseError as problem:
            log.warning("no copy of the database was made: %s", problem)
            await asyncio.sleep(min(every, _HOUR))
        else:
            log.info("copied the database to %s", made)


def _age(settings: Settings) -> float:
    """Seconds since the newest copy was made; a new database is copied after its first interval."""
    newest = next(iter(copies(settings.backup_folder)), settings.storage.database)
    try:
        return max(0.0, time.time() - newest.stat().st_mtime)
    except OSError:  # somebody has moved it away: the copy will fail and say why
        return math.inf
