"""Verdicts on pictures by their perceptual hashes: what was decided stays when the file, the job or its owner has gone.

A report notes the hashes of its pictures. While it hides the pictures, copies that are painted are held too. The
decision makes verdicts of the hashes, also if the owner has deleted the pictures meanwhile; the held copies inherit
them. A dismissal or a reversal deletes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.ratings import INHERIT_RATING, RatingSource
from bot.database.query import Query, SqlStatement
from bot.database.reports.reports import HIDING
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE

AT_ONCE: Final = 2000


class VerdictReason(StrEnum):
    """What was decided."""

    HIDDEN = "hidden"  # closed in a server, or everywhere
    DELETED = "deleted"  # deleted everywhere by staff
    RATED = "rated"


@dataclass(frozen=True)
class PictureVerdict:
    """A verdict. It applies in the server `server_id`, or EVERYWHERE. `rating` belongs to RATED.

    `source` is the keyed hash of the report; None if staff took the picture down without one.
    """

    id: int
    server_id: int
    reason: VerdictReason
    rating: ContentRating | None
    source: int | None
    hash: bytes

    def blocks_in(self, place: int) -> bool:
        """Whether the picture may not be used in a server, or EVERYWHERE for outside of servers."""
        return self.reason is not VerdictReason.RATED and self.server_id in (EVERYWHERE, place)


@dataclass(frozen=True)
class ReportedHash:
    """The hash of a picture of a job that an open report hides."""

    report_id: int
    job_id: int
    hash: bytes


# Notes the hashes of reported pictures, which are no verdicts before a decision.
NOTE_REPORTED = SqlStatement(
    """
    INSERT INTO picture_verdict (server_id, reason, source, hash, created_at)
    SELECT :server, 'reported', pseudonym('report ' || :report), hash, :now
    FROM picture JOIN picture_hash ON picture_id = picture.id
    WHERE job_id = :job AND length(hash) > 0 ON CONFLICT DO NOTHING
    """
)
DECIDE_VERDICTS = SqlStatement(
    """
    UPDATE OR REPLACE picture_verdict SET server_id = :server, reason = :reason, rating = :rating, created_at = :now
    WHERE source = pseudonym('report ' || :report)
    """
)
_VERDICTS = """
    SELECT id, server_id, reason, rating, source, hash FROM picture_verdict WHERE reason <> 'reported'
"""
DECIDED_VERDICT = Query(PictureVerdict, f"{_VERDICTS} AND source = pseudonym('report ' || ?) LIMIT 1")
FORGET_VERDICTS = SqlStatement("DELETE FROM picture_verdict WHERE source = pseudonym('report ' || ?)")
SHOW_COPIES = SqlStatement("DELETE FROM takedown WHERE report_id = ? AND report_id < 0")
UNRATE_COPIES = SqlStatement("DELETE FROM job_rating WHERE verdict = ? AND verdict <> 0")
# Without the key there is none.
SOURCE_OF_REPORT = Query(
    int, "SELECT source FROM (SELECT pseudonym('report ' || ?) AS source) AS found WHERE source IS NOT NULL"
)
HIDE_COPY = SqlStatement(
    """
    INSERT INTO takedown (job_id, server_id, report_id, person_id, created_at, told_at)
    SELECT id, :server, :source, person_id, :now, :now FROM job WHERE id = :job ON CONFLICT DO NOTHING
    """
)
# The hashes of pictures that open reports hide. The index has those reports alone, by a time that is always above 0.
REPORTED_HASHES = Query(
    ReportedHash,
    f"""
    SELECT report.id AS report_id, target_id AS job_id, hash
    FROM report INDEXED BY report_hiding CROSS JOIN picture_verdict ON source = pseudonym('report ' || report.id)
    WHERE {HIDING} AND report.created_at > 0 AND reason = 'reported'
    """,  # noqa: S608 - constants only
)
HOLD_COPY = SqlStatement("INSERT INTO held_copy (job_id, report_id) VALUES (:job, :report) ON CONFLICT DO NOTHING")
# Jobs that a report holds or held as copies.
HELD_COPIES = Query(int, "SELECT job_id FROM held_copy WHERE report_id = ?")
HIDE_HELD = SqlStatement(
    """
    INSERT INTO takedown (job_id, server_id, report_id, person_id, created_at, told_at)
    SELECT job.id, :server, pseudonym('report ' || :report), person_id, :now, :now
    FROM held_copy CROSS JOIN job ON job.id = job_id WHERE report_id = :report ON CONFLICT DO NOTHING
    """
)
# Staff took the pictures of a job down in their server, or EVERYWHERE.
TAKE_DOWN_HASHES = SqlStatement(
    """
    INSERT INTO picture_verdict (server_id, reason, hash, created_at)
    SELECT :server, 'hidden', hash, :now FROM picture JOIN picture_hash ON picture_id = picture.id
    WHERE job_id = :job AND length(hash) > 0 ON CONFLICT DO NOTHING
    """
)
# A number that grows with every change of a verdict, which adds an entry.
VERDICTS_REVISION = Query(int, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'record_entry'")
VERDICTS_IN_FORCE = Query(PictureVerdict, f"{_VERDICTS} AND id > :after ORDER BY id LIMIT :limit")
# Jobs that have the very picture with this hash.
JOBS_WITH_HASH = Query(
    int,
    "SELECT DISTINCT job_id FROM picture_hash JOIN picture ON picture.id = picture_id WHERE hash = :hash LIMIT :limit",
)


async def decide_verdicts(
    db: Database,
    report_id: int,
    reason: VerdictReason,
    *,
    server_id: int,
    rating: ContentRating | None = None,
) -> None:
    """Make verdicts of the hashes that a report noted, and hide or rate the copies that it held.

    Of a deleted picture they are hidden everywhere.
    """
    about = {"report": report_id, "reason": reason, "server": server_id, "rating": rating, "now": now_ms()}
    async with db.transaction():
        await db.run(DECIDE_VERDICTS, **about)
        await _decide_held(db, report_id, reason, server_id, rating)


async def _decide_held(
    db: Database,
    report_id: int,
    reason: VerdictReason,
    server_id: int,
    rating: ContentRating | None,
) -> None:
    if rating is None:
        await db.run(HIDE_HELD, report=report_id, server=server_id, now=now_ms())
        return
    for job_id in await db.all(HELD_COPIES, report_id):
        verdict = PictureVerdict(0, server_id, reason, rating, await db.one(SOURCE_OF_REPORT, report_id), b"")
        await inherit_verdicts(db, job_id, [verdict])


async def hold_copy(db: Database, job_id: int, report_ids: Iterable[int]) -> None:
    """Hold the pictures of a job for as long as these reports hide the pictures that they look like.

    Those that were decided meanwhile hide or rate them.
    """
    for report_id in report_ids:
        await db.run(HOLD_COPY, job=job_id, report=report_id)
        decided = await db.one(DECIDED_VERDICT, report_id)
        if decided is not None:
            await _decide_held(db, report_id, decided.reason, decided.server_id, decided.rating)


async def end_verdicts(db: Database, report_id: int) -> None:
    """Delete the verdicts of a report that was dismissed or reversed, and what copies have inherited from them."""
    async with db.transaction():
        await db.run(FORGET_VERDICTS, report_id)
        await end_inherited(db, await db.one(SOURCE_OF_REPORT, report_id))


async def end_inherited(db: Database, source: int | None) -> None:
    """Show copies again that verdicts of a source hid, and delete the ratings that they gave."""
    await db.run(SHOW_COPIES, source)
    await db.run(UNRATE_COPIES, source)


async def inherit_verdicts(db: Database, job_id: int, verdicts: Sequence[PictureVerdict]) -> None:
    """Hide and rate a job's new pictures as the earlier ones that look like them."""
    async with db.transaction():
        for each in verdicts:
            if each.reason is VerdictReason.HIDDEN:
                await db.run(HIDE_COPY, job=job_id, server=each.server_id, source=each.source or 0, now=now_ms())
            elif each.rating is not None:
                by = RatingSource.OPERATOR if each.server_id == EVERYWHERE else RatingSource.STAFF
                await db.run(
                    INHERIT_RATING,
                    server=each.server_id,
                    source=by,
                    rating=each.rating,
                    now=now_ms(),
                    verdict=each.source or 0,
                    job=job_id,
                )


async def verdicts_in_force(db: Database) -> list[PictureVerdict]:
    """All verdicts, read in portions."""
    found: list[PictureVerdict] = []
    while portion := await db.all(VERDICTS_IN_FORCE, after=found[-1].id if found else 0, limit=AT_ONCE):
        found += portion
    return found
