"""Reminders of open reports: which are due, and which were sent to whom."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database

OPEN_SINCE = """
    SELECT id, server_id, created_at FROM report
    WHERE state = 'open' AND (created_at <= :before OR created_at > :now) AND (created_at, id) > (:at, :id)
    ORDER BY created_at, id LIMIT 50
"""
FIND = """
    SELECT begun_at, sent_at FROM report_reminder
    WHERE report_id = :report AND days = :days AND recipient = coalesce(pseudonym(:operator), :channel)
"""
BEGIN = """
    INSERT INTO report_reminder (report_id, days, recipient, begun_at)
    VALUES (:report, :days, coalesce(pseudonym(:operator), :channel), :now) ON CONFLICT DO NOTHING
"""
END = """
    UPDATE report_reminder SET sent_at = :now
    WHERE report_id = :report AND days = :days AND recipient = coalesce(pseudonym(:operator), :channel)
"""


@dataclass(frozen=True)
class OpenReport:
    """A report that waits since `created_at` (unix ms)."""

    id: int
    server_id: int
    created_at: int


@dataclass(frozen=True)
class Reminder:
    """The reminder of a report after so many days, to a channel of staff or to an operator."""

    report_id: int
    server_id: int
    days: int
    channel_id: int | None = None
    operator_id: int | None = None

    @property
    def reference(self) -> str:
        """The last words of the message in every language; the bot searches for them."""
        return f"R{self.report_id}-{self.days}"

    @property
    def key(self) -> dict[str, int | None]:
        """Parameters of the queries for its row."""
        return {
            "report": self.report_id, "days": self.days, "operator": self.operator_id, "channel": self.channel_id,
            "now": now_ms(),
        }  # fmt: skip


async def reports_open_since(
    db: Database, before_ms: int, now: int, after: OpenReport | None = None
) -> tuple[OpenReport, ...]:
    """A page of the open reports that are at least so old, or dated in the future, the oldest first.

    Raises DatabaseError.
    """
    place = {"before": before_ms, "now": now, "at": after.created_at if after else -1, "id": after.id if after else 0}
    return tuple([OpenReport(**dict(row)) for row in await db.fetch(OPEN_SINCE, place)])


async def begun_reminder(db: Database, reminder: Reminder) -> tuple[int, bool] | None:
    """When a reminder was begun (unix ms) and whether it was sent; None before. Raises DatabaseError."""
    row = await db.fetch_one(FIND, reminder.key)
    return None if row is None else (row["begun_at"], row["sent_at"] is not None)


async def begin_reminder(db: Database, reminder: Reminder) -> None:
    """Record that a reminder is about to be sent. Raises DatabaseError."""
    await db.write(BEGIN, reminder.key)


async def end_reminder(db: Database, reminder: Reminder) -> None:
    """Record that a reminder was sent. Raises DatabaseError."""
    await db.write(END, reminder.key)
