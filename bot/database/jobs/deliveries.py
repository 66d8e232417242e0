"""Deliveries: `pending -> sent · undeliverable`, one row a job that was asked for on Discord."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database

OPEN = "INSERT INTO delivery (job_id, private, shows_prompt, ticket, created_at) VALUES (?, ?, ?, ?, ?)"
TOLD = "UPDATE delivery SET message_id = ? WHERE job_id = ? AND state = 'pending' RETURNING job_id"
SENT = """
    UPDATE delivery SET state = 'sent', message_id = ?, ticket = NULL
    WHERE job_id = ? AND state = 'pending' RETURNING job_id
"""
UNDELIVERABLE = """
    UPDATE delivery SET state = 'undeliverable', ticket = NULL
    WHERE job_id = ? AND state = 'pending' RETURNING job_id
"""
POSTING = "UPDATE delivery SET posting_in = ?, posting_at = ? WHERE job_id = ? AND state = 'pending' RETURNING job_id"
FIND = "SELECT * FROM delivery WHERE job_id = ?"
COUNT_OWED = """
    SELECT count(*) FROM delivery JOIN job ON job.id = job_id
    WHERE delivery.state = 'pending' AND job.state NOT IN ('queued', 'running')
"""
PENDING = "SELECT * FROM delivery WHERE state = 'pending' ORDER BY job_id"


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True)
class Delivery:
    """A row of the table. `message_id` is the message that tells of the job, once it is known.

    `posting_in` and `posting_at` say that a new message may have been posted in that channel since then (unix ms).
    `ticket` opens the answer to the interaction again, for fifteen minutes from `created_at`.
    """

    job_id: int
    state: DeliveryState
    private: bool
    shows_prompt: bool
    message_id: int | None
    created_at: int
    posting_in: int | None
    posting_at: int | None
    ticket: str | None


async def open_delivery(
    db: Database,
    job_id: int,
    *,
    private: bool,
    shows_prompt: bool = False,
    ticket: str | None = None,
) -> None:
    """Create the pending delivery of a job. Raises DatabaseError."""
    await db.write(OPEN, (job_id, int(private), int(shows_prompt), ticket, now_ms()))


async def remember_message(db: Database, job_id: int, message_id: int) -> None:
    """Store the message that shows the job while it waits. Raises DatabaseError."""
    await db.write(TOLD, (message_id, job_id))


async def mark_posting(db: Database, job_id: int, channel_id: int, at: int) -> None:
    """Store that a new message is about to be posted in the channel, at this unix ms. Raises DatabaseError."""
    await db.write(POSTING, (channel_id, at, job_id))


async def mark_sent(db: Database, job_id: int, message_id: int) -> bool:
    """pending -> sent; False when it was not pending any more. Raises DatabaseError."""
    return bool(await db.write(SENT, (message_id, job_id)))


async def mark_undeliverable(db: Database, job_id: int) -> bool:
    """pending -> undeliverable; the pictures stay where they are. Raises DatabaseError."""
    return bool(await db.write(UNDELIVERABLE, (job_id,)))


async def find_delivery(db: Database, job_id: int) -> Delivery | None:
    """The delivery of a job, or None. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (job_id,))
    return None if row is None else _delivery(row)


async def pending_deliveries(db: Database) -> tuple[Delivery, ...]:
    """The pending deliveries, the oldest job first. Raises DatabaseError."""
    return tuple(_delivery(row) for row in await db.fetch(PENDING))


async def count_owed(db: Database) -> int:
    """How many results nobody has got yet. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT_OWED)
    return row[0]


def _delivery(row: sqlite3.Row) -> Delivery:
    columns = dict(row)
    columns["state"] = DeliveryState(columns["state"])
    columns["private"] = bool(columns["private"])
    columns["shows_prompt"] = bool(columns["shows_prompt"])
    return Delivery(**columns)
