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
IN_DRAFT = """
    SELECT 1 FROM draft WHERE wish ->> '$.image.sha256' = :sha256
    UNION ALL SELECT 1 FROM studio WHERE state ->> '$.wish.image.sha256' = :sha256
    UNION ALL SELECT 1 FROM studio WHERE previous ->> '$.wish.image.sha256' = :sha256 LIMIT 1
"""


async def is_named(connection: aiosqlite.Connection, sha256: str) -> bool:
    """Whether a job needs the picture. Raises DatabaseError."""
    return await fetch_one(connection, NAMED, (sha256,)) is not None


async def is_in_draft(connection: aiosqlite.Connection, sha256: str) -> bool:
    """Whether a draft or a studio starts from the picture. Raises DatabaseError."""
    return await fetch_one(connection, IN_DRAFT, {"sha256": sha256}) is not None
