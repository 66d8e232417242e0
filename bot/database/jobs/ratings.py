"""Content ratings that a job's pictures have of their own, said after they were painted.

What a server's staff say counts in that server and outside of servers: a direct message is no way around it. What an
operator or the classifier says counts everywhere. None takes the place of another: the highest decides.

A copy of a rated picture inherits the rating from the verdict, besides its own ratings, until the verdict ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from inference.content_rating import ContentRating


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


_RATE = """
    INSERT INTO job_rating (server_id, source, rating, rated_at, verdict, job_id)
    SELECT :server, :source, :rating, :now, {verdict}, id FROM job WHERE id = :job
    ON CONFLICT (job_id, server_id, source, verdict)
    DO UPDATE SET rating = excluded.rating, rated_at = excluded.rated_at
"""
# Rates a job's pictures, in place of what the same source said before. Staff rate in their server alone.
RATE_JOB = SqlStatement(_RATE.format(verdict=0))
# Inherited from a verdict, a rating keeps other ratings.
INHERIT_RATING = SqlStatement(_RATE.format(verdict=":verdict"))
# Takes back what a source said of this job.
CLEAR_JOB_RATING = Query(
    ContentRating,
    """
    DELETE FROM job_rating WHERE server_id = :server AND source = :source AND job_id = :job AND verdict = 0
    RETURNING rating
    """,
)
# The ratings of jobs that count in a server (EVERYWHERE: outside of servers, where all do).
JOB_RATINGS = Query(
    JobRating,
    """
    SELECT * FROM job_rating
    WHERE job_id IN (SELECT value FROM json_each(:ids)) AND (server_id IN (:server, 0) OR :server = 0)
    ORDER BY job_id, server_id, source, verdict
    """,
)


async def ratings_of_jobs(db: Database, job_ids: Collection[int], server_id: int) -> Mapping[int, list[JobRating]]:
    """The ratings that count in a server (EVERYWHERE: outside of servers, where all do), by job, if it has any."""
    found = defaultdict[int, list[JobRating]](list)
    for each in await db.all(JOB_RATINGS, ids=[*job_ids], server=server_id):
        found[each.job_id].append(each)
    return dict(found)
