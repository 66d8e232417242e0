"""Reminds staff of open reports after 1, 3 and 7 days, and then operators, each of them once.

A reminder is recorded before it is sent. After a crash, the bot looks for the message before it sends another one. It
tries a refused reminder again each day, for example if a user accepts no direct messages.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from bot.background import DiscordRefuses, Recurring, attempt
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.reports.reminders import (
    BEGIN_REMINDER,
    BEGUN_REMINDER,
    END_REMINDER,
    REPORTS_OPEN_SINCE,
    OpenReport,
    Reminder,
)
from bot.reports.reporting import Reporting
from inference.queue.policy import EVERYWHERE

STAFF_DAYS: Final = (1, 3, 7)
OPERATOR_DAYS: Final = 7
LOOK_SECONDS: Final = 600.0

log = logging.getLogger(__name__)


class ReminderMessenger(Protocol):
    """Sends reminders: `bot.ui.delivery.report_messages`. Both raise DiscordRefuses and DiscordUnreachable."""

    async def remind(self, reminder: Reminder) -> None:
        """Send it with `enforce_nonce`."""
        ...

    async def find_reminder(self, reminder: Reminder, since: int) -> bool:
        """Whether it was sent since a unix ms."""
        ...


class Reminders:
    """The reminders of a database. `operators` and `clock` (unix ms) are called each time."""

    def __init__(
        self,
        db: Database,
        reporting: Reporting,
        discord: ReminderMessenger,
        operators: Callable[[], Iterable[int]],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._db = db
        self._reporting = reporting
        self._discord = discord
        self._operators = operators
        self._clock = clock
        self._refused: dict[Reminder, int] = {}  # until when (unix ms) they are not tried again

    async def run(self) -> None:
        """Send what is due. Runs until cancelled."""
        await Recurring("reminding of reports", self.send_all, LOOK_SECONDS).run()

    async def send_all(self) -> None:
        """Send each reminder that is due; what cannot be sent now stays for the next time. Raises DatabaseError."""
        now, last = self._clock(), OpenReport(0, EVERYWHERE, -1)
        before = now - min(STAFF_DAYS) * DAY_MS
        self._refused = {reminder: until for reminder, until in self._refused.items() if until > now}
        while reports := await self._db.all(REPORTS_OPEN_SINCE, before=before, now=now, at=last.created_at, id=last.id):
            for last in reports:
                for reminder in await self._due(last):
                    await attempt(self._send(reminder), f"the reminder of the report {last.id}")

    async def _due(self, report: OpenReport) -> list[Reminder]:
        """Return the newest reminder of each recipient: an outage does not lead to three at once.

        All are due for a report dated in the future: the clock was wrong, and nobody knows how old it is.
        """
        age = self._clock() - report.created_at
        days = max((each for each in STAFF_DAYS if each * DAY_MS <= age or age < 0), default=None)
        if days is None:
            return []
        channel_id = await self._reporting.channel_of(report.server_id)
        due = [] if channel_id is None else [Reminder(report.id, report.server_id, days, channel_id=channel_id)]
        if days >= OPERATOR_DAYS or report.server_id == EVERYWHERE:
            due += [Reminder(report.id, report.server_id, days, operator_id=each) for each in self._operators()]
        return due

    async def _send(self, reminder: Reminder) -> None:
        begun = await self._db.one(BEGUN_REMINDER, **reminder.key)
        if (begun is not None and begun.sent) or reminder in self._refused:
            return
        try:
            if begun is None or not await self._discord.find_reminder(reminder, begun.begun_at):
                await self._db.run(BEGIN_REMINDER, **reminder.key)
                await self._discord.remind(reminder)
        except DiscordRefuses as problem:
            log.warning("cannot send the reminder of report %s: %s", reminder.report_id, problem)
            self._refused[reminder] = self._clock() + DAY_MS
            return
        await self._db.run(END_REMINDER, **reminder.key)
