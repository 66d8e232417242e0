"""Automatic copies of the database: one at the first start, then one at each interval of the settings."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from bot import background
from bot.database.errors import DatabaseError
from bot.database.storage.backup import back_up, newest_copy
from bot.library.configuration import Configuration

log = logging.getLogger(__name__)

_HOUR = 3600.0


class Backups:
    """Copies the database whenever the newest copy is older than the current settings allow.

    `problem` says why the last attempt failed. Until the first attempt `settled` is False: a copy may be due.
    """

    def __init__(self, configuration: Configuration, clock: Callable[[], float] = time.time) -> None:
        self.problem: str | None = None
        self.settled = False
        self._configuration = configuration
        self._clock = clock

    async def run(self) -> None:
        """Make each copy when it is due. Runs until cancelled."""
        await background.Recurring("copying the database", self.copy_if_due, _HOUR).run()

    async def copy_if_due(self) -> float:
        """Make a copy if one is due. Returns the seconds until the next look: the settings may change meanwhile."""
        settings = self._configuration.settings
        every = settings.backup.every_hours * _HOUR
        due = await self._seconds_until_due(every)
        if due > 0:
            self.settled = True
            return min(due, _HOUR)
        try:
            made = await asyncio.to_thread(
                back_up,
                settings.storage.database,
                settings.backup_folder,
                keep=settings.backup.keep,
                clock=self._clock,
            )
        except DatabaseError as problem:
            log.warning("the database backup failed: %s", problem)
            self.problem = str(problem)
        else:
            log.info("backed up the database to %s", made)
            self.problem = None
        self.settled = True
        return min(every, _HOUR)

    async def _seconds_until_due(self, every: float) -> float:
        if not every:
            return _HOUR
        newest = await asyncio.to_thread(newest_copy, self._configuration.settings.backup_folder, self._clock())
        return 0.0 if newest is None else newest[1] + every - self._clock()
