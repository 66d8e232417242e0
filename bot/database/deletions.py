"""Deletions: the rows of a job's pictures go at once, and what else is to go is kept until it is gone.

A takedown deletes the delivered message alone.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

import aiosqlite

from bot.database.clock import now_ms
from bot.database.connection import fetch, fetch_one, transaction, write

PATHS = "SELECT path FROM picture WHERE job_id = ? ORDER BY position"
# What its owner deletes while the message of a takedown is still to go adds the files.
BEGIN = """
    INSERT INTO deletion (job_id, paths, channel_id, message_id, created_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (job_id) DO UPDATE SET paths = excluded.paths WHERE paths = '[]'
"""
FORGET = "DELETE FROM picture WHERE job_id = ?"
FIND = "SELECT job_id, paths, channel_id, message_id FROM deletion WHERE job_id = ?"
PENDING = "SELECT job_id, paths, channel_id, message_id FROM deletion ORDER BY job_id"
END = "DELETE FROM deletion WHERE job_id = ? AND paths = ?"


@dataclass(frozen=True)
class Deletion:
    """What is still to be removed: files, relative to the pictures folder, and the delivered message, if any."""

    job_id: int
    paths: tuple[str, ...]
    channel_id: int | None
    message_id: int | None


async def begin_deletion(
    connection: aiosqlite.Connection,
    job_id: int,
    channel_id: int | None,
    message_id: int | None,
    *,
    message_alone: bool = False,
) -> Deletion:
    """Delete the rows of a job's pictures; from now on they are deleted, also after a crash.

    With `message_alone` it is the delivered message that is deleted, and the pictures stay. Raises DatabaseError.
    """
    async with transaction(connection):
        rows = [] if message_alone else await fetch(connection, PATHS, (job_id,))
        paths = json.dumps([row["path"] for row in rows])
        await write(connection, BEGIN, (job_id, paths, channel_id, message_id, now_ms()))
        if not message_alone:
            await write(connection, FORGET, (job_id,))
        row = await fetch_one(connection, FIND, (job_id,))
    assert row is not None
    return _deletion(row)


async def pending_deletions(connection: aiosqlite.Connection) -> tuple[Deletion, ...]:
    """The deletions that a crash or an outage interrupted. Raises DatabaseError."""
    return tuple(_deletion(row) for row in await fetch(connection, PENDING))


async def end_deletion(connection: aiosqlite.Connection, deletion: Deletion) -> None:
    """Forget a deletion: everything is removed. One with other files, which was begun since, stays.

    Raises DatabaseError.
    """
    await write(connection, END, (deletion.job_id, json.dumps(deletion.paths)))


def _deletion(row: sqlite3.Row) -> Deletion:
    return Deletion(row["job_id"], tuple(json.loads(row["paths"])), row["channel_id"], row["message_id"])
