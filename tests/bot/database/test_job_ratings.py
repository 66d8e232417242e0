"""Ratings of a job's pictures: one per source and server, gone with the job."""

from __future__ import annotations

import sqlite3

import pytest

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.jobs.jobs import create_job
from bot.database.jobs.ratings import CLEAR_JOB_RATING, JOB_RATINGS, RATE_JOB, RatingSource, ratings_of_jobs
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import request_for

GENERAL, TEEN, MATURE, EXPLICIT, BLOCKED = ContentRating
STAFF, OPERATOR, CLASSIFIER = RatingSource
HERE, ELSEWHERE = 100, 200


async def test_each_source_says_one_thing_in_its_server(db: Database) -> None:
    first, second = [(await create_job(db, request_for(), person_id=1, channel_id=5)).id for _ in range(2)]
    for rating in (TEEN, MATURE):
        assert await db.run(RATE_JOB, server=HERE, source=STAFF, rating=rating, now=now_ms(), job=first)
    assert await db.run(RATE_JOB, server=ELSEWHERE, source=STAFF, rating=GENERAL, now=now_ms(), job=first)
    assert await db.run(RATE_JOB, server=EVERYWHERE, source=CLASSIFIER, rating=EXPLICIT, now=now_ms(), job=first)
    assert await db.run(RATE_JOB, server=EVERYWHERE, source=OPERATOR, rating=BLOCKED, now=now_ms(), job=second)
    assert not await db.run(RATE_JOB, server=EVERYWHERE, source=OPERATOR, rating=BLOCKED, now=now_ms(), job=999)

    async def said(server_id: int) -> dict[int, set[tuple[RatingSource, ContentRating]]]:
        found = await ratings_of_jobs(db, [first, second, 999], server_id)
        return {job: {(each.source, each.rating) for each in ratings} for job, ratings in found.items()}

    assert await said(HERE) == {first: {(STAFF, MATURE), (CLASSIFIER, EXPLICIT)}, second: {(OPERATOR, BLOCKED)}}
    assert await said(EVERYWHERE) == {
        first: {(STAFF, MATURE), (STAFF, GENERAL), (CLASSIFIER, EXPLICIT)}, second: {(OPERATOR, BLOCKED)},
    }  # fmt: skip
    assert await db.one(CLEAR_JOB_RATING, server=HERE, source=STAFF, job=first) is MATURE
    assert await db.one(CLEAR_JOB_RATING, server=HERE, source=STAFF, job=first) is None
    assert {each.source for each in await db.all(JOB_RATINGS, ids=[first], server=HERE)} == {CLASSIFIER}
    assert await said(ELSEWHERE) == {
        first: {(STAFF, GENERAL), (CLASSIFIER, EXPLICIT)}, second: {(OPERATOR, BLOCKED)},
    }  # fmt: skip
    await db.connection.execute("DELETE FROM job WHERE id = ?", (first,))
    assert await said(ELSEWHERE) == {second: {(OPERATOR, BLOCKED)}}


@pytest.mark.parametrize(("source", "server_id"), [(STAFF, EVERYWHERE), (OPERATOR, HERE), (CLASSIFIER, HERE)])
async def test_only_staff_speak_for_one_server(db: Database, source: RatingSource, server_id: int) -> None:
    job = await create_job(db, request_for(), person_id=1, channel_id=5)
    with pytest.raises((DatabaseError, sqlite3.IntegrityError)):
        await db.run(RATE_JOB, server=server_id, source=source, rating=TEEN, now=now_ms(), job=job.id)
