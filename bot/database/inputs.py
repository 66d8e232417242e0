"""Tells which pictures to start from are needed, and which a person has given."""

from __future__ import annotations

import aiosqlite

from bot.database.connection import fetch, fetch_one

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

OF_PERSON = """
    SELECT sha256 FROM (
        SELECT request ->> '$.image.sha256' AS sha256 FROM job WHERE person_id = :person
        UNION SELECT wish ->> '$.image.sha256' FROM draft WHERE person_id = :person
        UNION SELECT state ->> '$.wish.image.sha256' FROM studio WHERE person_id = :person
        UNION SELECT previous ->> '$.wish.image.sha256' FROM studio WHERE person_id = :person
    ) AS found WHERE sha256 IS NOT NULL ORDER BY sha256
"""


async def is_named(connection: aiosqlite.Connection, sha256: str) -> bool:
    """Whether a job needs the picture: it is unfinished or has its pictures. Raises DatabaseError."""
    return await fetch_one(connection, NAMED, (sha256,)) is not None


async def is_in_draft(connection: aiosqlite.Connection, sha256: str) -> bool:
    """Whether a draft or a studio starts from the picture. Raises DatabaseError."""
    return await fetch_one(connection, IN_DRAFT, {"sha256": sha256}) is not None


async def inputs_of_person(connection: aiosqlite.Connection, person_id: int) -> tuple[str, ...]:
    """The pictures that a person's jobs, drafts and studio start from, in a fixed order. Raises DatabaseError."""
    return tuple(row["sha256"] for row in await fetch(connection, OF_PERSON, {"person": person_id}))
