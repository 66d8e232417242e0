"""Tells which pictures to start from are needed, and which a person has given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people.people import remember_person
from bot.database.query import Query, SqlStatement


@dataclass(frozen=True)
class InputUse:
    """A person's newest job that starts from a picture, with its request, and when they chose it (unix ms).

    `by_another` is whether it is from a picture of another user, and `generated` whether no picture of a person went
    into it.
    """

    job_id: int | None
    request: str | None
    given_at: int | None
    by_another: bool
    generated: bool


# Whether a job needs the picture: it is unfinished or has its pictures. The index job_by_input is on this expression.
IS_INPUT_OF_JOB = Query(
    bool,
    """
    SELECT EXISTS (
        SELECT 1 FROM job WHERE request ->> '$.image.sha256' = ?
        AND (state IN ('queued', 'running') OR EXISTS (SELECT 1 FROM picture WHERE job_id = job.id))
    )
    """,
)
# Whether a draft or a studio starts from the picture.
IS_INPUT_OF_DRAFT = Query(
    bool,
    """
    SELECT EXISTS (
        SELECT 1 FROM draft WHERE wish ->> '$.image.sha256' = :sha256
        UNION ALL SELECT 1 FROM studio WHERE state ->> '$.draft.image.sha256' = :sha256
        UNION ALL SELECT 1 FROM studio WHERE previous ->> '$.draft.image.sha256' = :sha256
    )
    """,
)
# The pictures that a person gave, or that their drafts and studio start from.
INPUTS_BESIDE_JOBS = """
    SELECT wish ->> '$.image.sha256' AS sha256 FROM draft WHERE person_id = :person
    UNION SELECT state ->> '$.draft.image.sha256' FROM studio WHERE person_id = :person
    UNION SELECT previous ->> '$.draft.image.sha256' FROM studio WHERE person_id = :person
    UNION SELECT sha256 FROM given_input WHERE person_id = :person
"""
# They, and those that the person's jobs start from, in a fixed order.
INPUTS_OF_PERSON = Query(
    str,
    f"""
    SELECT sha256 FROM (
        {INPUTS_BESIDE_JOBS} UNION SELECT request ->> '$.image.sha256' FROM job WHERE person_id = :person
    ) AS found WHERE sha256 IS NOT NULL ORDER BY sha256
    """,  # noqa: S608 - constants only
)
# What a person did with a start picture.
USE_OF_INPUT = Query(
    InputUse,
    """
    SELECT mine.id AS job_id, mine.request,
        (SELECT given_at FROM given_input WHERE person_id = :person AND sha256 = :sha256) AS given_at,
        EXISTS (SELECT 1 FROM start_picture_source WHERE sha256 = :sha256 AND person_id <> :person) AS by_another,
        coalesce(mine.request ->> '$.image.painted', 0) AS generated
    FROM (SELECT 1) LEFT JOIN job AS mine ON mine.id = (
        SELECT max(id) FROM job WHERE request ->> '$.image.sha256' = :sha256 AND person_id = :person
    )
    """,
)
NOTE_GIVEN = SqlStatement(
    """
    INSERT INTO given_input (person_id, sha256, given_at) VALUES (:person, :sha256, :now)
    ON CONFLICT (person_id, sha256) DO UPDATE SET given_at = excluded.given_at
    """
)
FORGET_GIVEN = SqlStatement("DELETE FROM given_input WHERE sha256 IN (SELECT value FROM json_each(?))")
NOTE_SOURCE = SqlStatement(
    "INSERT INTO start_picture_source (person_id, sha256) VALUES (:person, :sha256) ON CONFLICT DO NOTHING"
)
FORGET_SOURCES = SqlStatement("DELETE FROM start_picture_source WHERE sha256 IN (SELECT value FROM json_each(?))")


async def note_given(db: Database, person_id: int, sha256: str) -> None:
    """The person gave this picture."""
    async with db.transaction():
        await remember_person(db, person_id)
        await db.run(NOTE_GIVEN, person=person_id, sha256=sha256, now=now_ms())


async def note_taken(db: Database, person_id: int, sha256: str, author_id: int) -> None:
    """Record that the person starts from a picture of the author; from an own one, only that."""
    async with db.transaction():
        await note_given(db, person_id, sha256)
        if author_id != person_id:
            await db.run(NOTE_SOURCE, person=author_id, sha256=sha256)


async def forget_given(db: Database, hashes: Iterable[str]) -> None:
    """The files of these pictures are removed."""
    removed = list(hashes)
    async with db.transaction():
        await db.run(FORGET_GIVEN, removed)
        await db.run(FORGET_SOURCES, removed)
