"""Reminders of open reports: which are due, and which were sent to whom."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.query import Query, SqlStatement


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


@dataclass(frozen=True)
class BegunReminder:
    """A reminder that was begun at `begun_at` (unix ms), and whether it was sent."""

    begun_at: int
    sent: bool


# A page of the open reports that are at least so old, or dated in the future, the oldest first.
REPORTS_OPEN_SINCE = Query(
    OpenReport,
    """
    SELECT id, server_id, created_at FROM report
    WHERE state = 'open' AND (created_at <= :before OR created_at > :now) AND (created_at, id) > (:at, :id)
    ORDER BY created_at, id LIMIT 50
    """,
)
_WHERE = "WHERE report_id = :report AND days = :days AND recipient = coalesce(pseudonym(:operator), :channel)"
BEGUN_REMINDER = Query(
    BegunReminder,
    f"SELECT begun_at, sent_at IS NOT NULL AS sent FROM report_reminder {_WHERE}",  # noqa: S608 - constants only
)
# From now on it may have been sent.
BEGIN_REMINDER = SqlStatement("""
    INSERT INTO report_reminder (report_id, days, recipient, begun_at)
    VALUES (:report, :days, coalesce(pseudonym(:operator), :channel), :now) ON CONFLICT DO NOTHING
""")
END_REMINDER = SqlStatement(f"UPDATE report_reminder SET sent_at = :now {_WHERE}")  # noqa: S608 - constants only
