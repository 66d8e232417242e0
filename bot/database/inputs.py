"""Tells which pictures to start from are needed: those of jobs that are unfinished or have their pictures."""

from __future__ import annotations

import aiosqlite

from bot.database.connection import fetch_one

# The index job_by_input is on this expression.
NAMED = """
    SELECT 1 FROM job WHERE request ->> '$.image.sha256' = ? AND (
        state IN ('queued', 'running') OR EXISTS (SELECT 1 FROM picture WHERE job_id = job.id)
    ) LIMIT 1
"""


async def is_named(connection: aiosqlite.Connection, sha256: str) -> bool:
    """Whether a job needs the picture. Raises DatabaseError."""
    return await fetch_one(connection, NAMED, (sha256,)) is not None
