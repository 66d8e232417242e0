"""Content ratings that a job's pictures have of their own, said after they were painted.

What a server's staff say counts in that server and outside of servers: a direct message is no way around it. What an
operator or the classifier says counts everywhere. None takes the place of another: the highest decides.

A copy of a rated picture inherits the rating from the verdict, besides its own ratings, until the verdict ends.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from inference.content_rating import ContentRating
from inference.queue.scheduler import EVERYWHERE

RATE = """
    INSERT INTO job_rating (job_id, server_id, source, verdict, rating, rated_at)
    SELECT id, ?, ?, ?, ?, ? FROM job WHERE id = ?
    ON CONFLICT (job_id, server_id, source, verdict)
    DO UPDATE SET rating = excluded.rating, rated_at = excluded.rated_at
    RETURNING 1
"""
CLEAR = "DELETE FROM job_rating WHERE job_id = ? AND server_id = ? AND source = ? AND verdict = 0 RETURNING rating"
COUNTING = """
    SELECT * FROM job_rating
    WHERE job_id IN (SELECT value FROM json_each(:ids)) AND (server_id IN (:server, 0) OR :server = 0)
    ORDER BY job_id, server_id, source, verdict
"""


class RatingSource(StrEnum):
    """Who said it."""

    STAFF = "staff"  # of one server
    OPERATOR = "operator"
    CLASSIFIER = "classifier"  # or the text judge


@dataclass(frozen=True)
class JobRating:
    """What somebody said of a job's pictures, at a unix ms. `server_id` is EVERYWHERE unless staff said it.

    `verdict` is the `source` of the verdict that it was inherited from; 0 if it was said of this job.
    """

    job_id: int
    server_id: int
    source: RatingSource
    rating: ContentRating
    rated_at: int
    verdict: int


async def rate_job(
    db: Database,
    job_id: int,
    rating: ContentRating,
    source: RatingSource,
    *,
    server_id: int = EVERYWHERE,
    verdict: int = 0,
) -> bool:
    """Rate a job's pictures, in place of what the same source said before; False when there is no such job.

    Staff rate in their server alone. `verdict`: inherited from it, which keeps other ratings. Raises DatabaseError.
    """
    return bool(await db.write(RATE, (server_id, source, verdict, rating, now_ms(), job_id)))


async def clear_job_rating(
    db: Database, job_id: int, source: RatingSource, *, server_id: int = EVERYWHERE
) -> ContentRating | None:
    """Take back what a source said of this job and return it; None when it said nothing. Raises DatabaseError."""
    rows = await db.write(CLEAR, (job_id, server_id, source))
    return ContentRating(rows[0]["rating"]) if rows else None


async def ratings_of_jobs(db: Database, job_ids: Iterable[int], server_id: int) -> Mapping[int, tuple[JobRating, ...]]:
    """The ratings that count in a server (EVERYWHERE: outside of servers, where all do), by job, if it has any.

    Raises DatabaseError.
    """
    found: defaultdict[int, tuple[JobRating, ...]] = defaultdict(tuple)
    for row in await db.fetch(COUNTING, {"ids": json.dumps(list(job_ids)), "server": server_id}):
        source, rating = RatingSource(row["source"]), ContentRating(row["rating"])
        found[row["job_id"]] += (
            JobRating(row["job_id"], row["server_id"], source, rating, row["rated_at"], row["verdict"]),
        )
    return dict(found)


async def ratings_of_job(db: Database, job_id: int, server_id: int) -> tuple[JobRating, ...]:
    """The ratings of one job that count in a server. Raises DatabaseError."""
    return (await ratings_of_jobs(db, [job_id], server_id)).get(job_id, ())
