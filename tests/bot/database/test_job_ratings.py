"""Ratings of a job's pictures: one per source and server, gone with the job."""

from __future__ import annotations

import sqlite3

import pytest

from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.jobs.jobs import create_job
from bot.database.jobs.ratings import RatingSource, clear_job_rating, rate_job, ratings_of_job, ratings_of_jobs
from inference.content_rating import ContentRating
from inference.queue.scheduler import EVERYWHERE
from tests.bot.database.conftest import request_for

GENERAL, TEEN, MATURE, EXPLICIT, BLOCKED = ContentRating
STAFF, OPERATOR, CLASSIFIER = RatingSource
HERE, ELSEWHERE = 100, 200


async def test_each_source_says_one_thing_in_its_server(db: Database) -> None:
    first, second = [(await create_job(db, request_for(), person_id=1, channel_id=5)).id for _ in range(2)]
    for rating in (TEEN, MATURE):
        assert await rate_job(db, first, rating, STAFF, server_id=HERE)
    assert await rate_job(db, first, GENERAL, STAFF, server_id=ELSEWHERE)
    assert await rate_job(db, first, EXPLICIT, CLASSIFIER)
    assert await rate_job(db, second, BLOCKED, OPERATOR)
    assert not await rate_job(db, 999, BLOCKED, OPERATOR)

    async def said(server_id: int) -> dict[int, set[tuple[RatingSource, ContentRating]]]:
        found = await ratings_of_jobs(db, [first, second, 999], server_id)
        return {job: {(each.source, each.rating) for each in ratings} for job, ratings in found.items()}

    assert await said(HERE) == {first: {(STAFF, MATURE), (CLASSIFIER, EXPLICIT)}, second: {(OPERATOR, BLOCKED)}}
    assert await said(EVERYWHERE) == {
        first: {(STAFF, MATURE), (STAFF, GENERAL), (CLASSIFIER, EXPLICIT)}, second: {(OPERATOR, BLOCKED)},
    }  # fmt: skip
    assert await clear_job_rating(db, first, STAFF, server_id=HERE) is MATURE
    assert await clear_job_rating(db, first, STAFF, server_id=HERE) is None
    assert {each.source for each in await ratings_of_job(db, first, HERE)} == {CLASSIFIER}
    assert await said(ELSEWHERE) == {
        first: {(STAFF, GENERAL), (CLASSIFIER, EXPLICIT)}, second: {(OPERATOR, BLOCKED)},
    }  # fmt: skip
    await db.connection.execute("DELETE FROM job WHERE id = ?", (first,))
    assert await said(ELSEWHERE) == {second: {(OPERATOR, BLOCKED)}}


@pytest.mark.parametrize(("source", "server_id"), [(STAFF, EVERYWHERE), (OPERATOR, HERE), (CLASSIFIER, HERE)])
async def test_only_staff_speak_for_one_server(db: Database, source: RatingSource, server_id: int) -> None:
    job = await create_job(db, request_for(), person_id=1, channel_id=5)
    with pytest.raises((DatabaseError, sqlite3.IntegrityError)):
        await rate_job(db, job.id, TEEN, source, server_id=server_id)
