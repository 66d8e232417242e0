"""Takedowns: pictures that staff removed from their server, and whether their owner was told."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bot.database.database import Database
from bot.database.query import Query, SqlStatement

# Take a job's pictures down in a server, or EVERYWHERE.
RECORD_TAKEDOWN = SqlStatement("""
    INSERT INTO takedown (job_id, server_id, person_id, created_at, reason)
    VALUES (:job, :server, :person, :now, :reason)
    ON CONFLICT (job_id, server_id, report_id) DO NOTHING
""")
# The same by a decision about a report, besides what staff did by themselves. Its owner is told by the decision.
RECORD_DECIDED_TAKEDOWN = SqlStatement("""
    INSERT INTO takedown (job_id, server_id, report_id, person_id, created_at, told_at)
    VALUES (:job, :server, :report, :person, :now, :now) ON CONFLICT (job_id, server_id, report_id) DO NOTHING
""")
# What staff did by themselves stays.
END_DECIDED_TAKEDOWNS = SqlStatement("DELETE FROM takedown WHERE job_id = :job AND report_id = :report")
# Where a job's pictures are closed for a server: EVERYWHERE, or there alone.
TAKEN_DOWN_IN = Query(
    int, "SELECT server_id FROM takedown WHERE job_id = :job AND server_id IN (:server, 0) ORDER BY server_id LIMIT 1"
)
NEWEST_NOTICE = Query(
    sqlite3.Row,
    """
    SELECT notice_id, told_at FROM takedown WHERE person_id = :person AND told_at >= :since AND notice_id IS NOT NULL
    ORDER BY told_at DESC LIMIT 1
    """,
)
TELL_OF_TAKEDOWN = SqlStatement("""
    UPDATE takedown SET told_at = :told_at, notice_id = :notice
    WHERE job_id = :job AND server_id = :server AND report_id = 0
""")


@dataclass(frozen=True)
class Takedown:
    """A job whose pictures were taken down in a server; "" for a `reason` that nobody gave."""

    job_id: int
    server_id: int
    reason: str


# The oldest first.
UNTOLD_TAKEDOWNS = Query(
    Takedown,
    "SELECT job_id, server_id, reason FROM takedown WHERE person_id = ? AND told_at IS NULL ORDER BY created_at",
)
TAKEDOWNS_OF_NOTICE = Query(
    Takedown,
    """
    SELECT job_id, server_id, reason FROM takedown
    WHERE person_id = :person AND told_at = :told_at AND notice_id = :notice
    ORDER BY created_at
    """,
)


@dataclass(frozen=True)
class Notice:
    """The direct message that told a person of `takedowns` at this unix ms."""

    message_id: int
    told_at: int
    takedowns: Sequence[Takedown]


async def newest_notice(db: Database, person_id: int, since_ms: int) -> Notice | None:
    """The newest direct message that told the owner, if it is not older than `since_ms`."""
    newest = await db.one(NEWEST_NOTICE, person=person_id, since=since_ms)
    if newest is None:
        return None
    notice_id, told_at = newest
    return Notice(
        notice_id, told_at, await db.all(TAKEDOWNS_OF_NOTICE, person=person_id, told_at=told_at, notice=notice_id)
    )


async def mark_told(db: Database, takedowns: Sequence[Takedown], told_at: int, notice_id: int | None = None) -> None:
    """Store when the owner was told, and by which direct message."""
    async with db.transaction():
        for takedown in takedowns:
            await db.run(
                TELL_OF_TAKEDOWN, told_at=told_at, notice=notice_id, job=takedown.job_id, server=takedown.server_id
            )
