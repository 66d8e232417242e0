"""Messages that name a person and are of no order, or of none any more: they go when the person has all deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable

import aiosqlite

from bot.database.clock import now_ms
from bot.database.connection import transaction, write
from bot.database.people import remember_person

NOTE = "INSERT OR IGNORE INTO posted_message (message_id, channel_id, person_id, created_at) VALUES (?, ?, ?, ?)"
# A private result that was not sent as a direct message is an answer that its person alone can remove.
NOTE_OF_JOBS = """
    INSERT OR IGNORE INTO posted_message (message_id, channel_id, person_id, created_at)
    SELECT message_id, coalesce(posting_in, channel_id), person_id, delivery.created_at
    FROM delivery JOIN job ON job.id = job_id
    WHERE job_id IN (SELECT value FROM json_each(?)) AND message_id IS NOT NULL
    AND (private = 0 OR posting_in IS NOT NULL)
"""


async def note_posted(connection: aiosqlite.Connection, person_id: int, channel_id: int, message_id: int) -> None:
    """A message of no order names the person. Raises DatabaseError."""
    async with transaction(connection):
        await remember_person(connection, person_id)
        await write(connection, NOTE, (message_id, channel_id, person_id, now_ms()))


async def note_results(connection: aiosqlite.Connection, job_ids: Iterable[int]) -> None:
    """The rows of these jobs go, and their messages stay. Raises DatabaseError."""
    await write(connection, NOTE_OF_JOBS, (json.dumps(list(job_ids)),))
