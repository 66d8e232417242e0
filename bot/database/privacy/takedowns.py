"""Takedowns: pictures that staff removed from their server, and whether their owner was told."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import Job

RECORD = """
    INSERT INTO takedown (job_id, server_id, person_id, created_at, reason) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (job_id, server_id, report_id) DO NOTHING
"""
# Its owner is told by the decision.
DECIDE = """
    INSERT INTO takedown (job_id, server_id, report_id, person_id, created_at, told_at)
    VALUES (:job, :server, :report, :person, :now, :now) ON CONFLICT (job_id, server_id, report_id) DO NOTHING
"""
END = "DELETE FROM takedown WHERE job_id = ? AND report_id = ?"
PLACES = "SELECT server_id FROM takedown WHERE job_id = ? AND server_id IN (?, 0) ORDER BY server_id LIMIT 1"
UNTOLD = "SELECT job_id, server_id, reason FROM takedown WHERE person_id = ? AND told_at IS NULL ORDER BY created_at"
NEWEST_NOTICE = """
    SELECT notice_id, told_at FROM takedown WHERE person_id = ? AND told_at >= ? AND notice_id IS NOT NULL
    ORDER BY told_at DESC LIMIT 1
"""
OF_NOTICE = """
    SELECT job_id, server_id, reason FROM takedown WHERE person_id = ? AND told_at = ? AND notice_id = ?
    ORDER BY created_at
"""
TELL = "UPDATE takedown SET told_at = ?, notice_id = ? WHERE job_id = ? AND server_id = ? AND report_id = 0"


@dataclass(frozen=True)
class Takedown:
    """A job whose pictures were taken down in a server; "" for a `reason` that nobody gave."""

    job_id: int
    server_id: int
    reason: str


@dataclass(frozen=True)
class Notice:
    """The direct message that told a person of `takedowns` at this unix ms."""

    message_id: int
    told_at: int
    takedowns: tuple[Takedown, ...]


async def record_takedown(db: Database, job: Job, server_id: int, reason: str) -> None:
    """Take a job's pictures down in a server, or EVERYWHERE. Raises DatabaseError."""
    await db.write(RECORD, (job.id, server_id, job.person_id, now_ms(), reason))


async def record_decided_takedown(db: Database, job: Job, server_id: int, report_id: int) -> None:
    """The same by a decision about a report, besides what staff did by themselves. Raises DatabaseError."""
    about = {"job": job.id, "server": server_id, "report": report_id, "person": job.person_id, "now": now_ms()}
    await db.write(DECIDE, about)


async def end_decided_takedowns(db: Database, job_id: int, report_id: int) -> None:
    """Take back what a decision took down; what staff did by themselves stays. Raises DatabaseError."""
    await db.write(END, (job_id, report_id))


async def taken_down_in(db: Database, job_id: int, server_id: int) -> int | None:
    """Whether a job's pictures are closed in a server: EVERYWHERE, or there alone; None: they are open.

    Raises DatabaseError.
    """
    row = await db.fetch_one(PLACES, (job_id, server_id))
    return None if row is None else row["server_id"]


async def untold_takedowns(db: Database, person_id: int) -> tuple[Takedown, ...]:
    """Those that the owner was not told of, the oldest first. Raises DatabaseError."""
    return tuple(map(_takedown, await db.fetch(UNTOLD, (person_id,))))


async def newest_notice(db: Database, person_id: int, since_ms: int) -> Notice | None:
    """The newest direct message that told the owner, if it is not older than `since_ms`. Raises DatabaseError."""
    row = await db.fetch_one(NEWEST_NOTICE, (person_id, since_ms))
    if row is None:
        return None
    told = await db.fetch(OF_NOTICE, (person_id, row["told_at"], row["notice_id"]))
    return Notice(row["notice_id"], row["told_at"], tuple(map(_takedown, told)))


async def mark_told(db: Database, takedowns: Sequence[Takedown], told_at: int, notice_id: int | None = None) -> None:
    """Store when the owner was told, and by which direct message. Raises DatabaseError."""
    async with db.transaction():
        for takedown in takedowns:
            await db.write(TELL, (told_at, notice_id, takedown.job_id, takedown.server_id))


def _takedown(row: sqlite3.Row) -> Takedown:
    return Takedown(row["job_id"], row["server_id"], row["reason"])
