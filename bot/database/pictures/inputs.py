"""Start pictures: who uploaded them, and who still needs them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people.people import remember_person
from bot.database.query import Query, SqlStatement


@dataclass(frozen=True)
class InputUse:
    """A person's use of a start picture: their newest job with it, its request, and when they chose it (unix ms).

    `by_another`: the picture comes from another user. `generated`: it was generated without an uploaded picture.
    """

    job_id: int | None
    request: str | None
    given_at: int | None
    by_another: bool
    generated: bool


# Whether a job needs the start picture: a job that is unfinished or has results. Uses the index job_by_input.
IS_INPUT_OF_JOB = Query(
    bool,
    """
    SELECT EXISTS (
        SELECT 1 FROM job WHERE request ->> '$.image.sha256' = ?
        AND (state IN ('queued', 'running') OR EXISTS (SELECT 1 FROM picture WHERE job_id = job.id))
    )
    """,
)
# Whether a draft or a studio needs the start picture.
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
# The start pictures that a person uploaded, or that their drafts and studio use.
INPUTS_BESIDE_JOBS = """
    SELECT wish ->> '$.image.sha256' AS sha256 FROM draft WHERE person_id = :person
    UNION SELECT state ->> '$.draft.image.sha256' FROM studio WHERE person_id = :person
    UNION SELECT previous ->> '$.draft.image.sha256' FROM studio WHERE person_id = :person
    UNION SELECT sha256 FROM given_input WHERE person_id = :person
"""
# The same, and the start pictures of the person's jobs, sorted.
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
    """Record that the person chose this start picture."""
    async with db.transaction():
        await remember_person(db, person_id)
        await db.run(NOTE_GIVEN, person=person_id, sha256=sha256, now=now_ms())


async def note_taken(db: Database, person_id: int, sha256: str, author_id: int) -> None:
    """Record that the person chose a picture of the author, and the author as its source if it is another person."""
    async with db.transaction():
        await note_given(db, person_id, sha256)
        if author_id != person_id:
            await db.run(NOTE_SOURCE, person=author_id, sha256=sha256)


async def forget_given(db: Database, hashes: Iterable[str]) -> None:
    """Delete the records of start pictures whose files were removed."""
    removed = list(hashes)
    async with db.transaction():
        await db.run(FORGET_GIVEN, removed)
        await db.run(FORGET_SOURCES, removed)
