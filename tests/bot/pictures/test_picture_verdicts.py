"""Verdicts outlive pictures: a copy is known by its hash, without the job and its owner."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageOps

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.jobs.ratings import CLEAR_JOB_RATING, JOB_RATINGS, RATE_JOB, RatingSource
from bot.database.pictures.hashes import record_hashes
from bot.database.pictures.pictures import NewPicture
from bot.database.pictures.verdicts import NOTE_REPORTED, TAKE_DOWN_HASHES, VerdictReason, decide_verdicts, end_verdicts
from bot.errors.pictures import PictureDeletedByStaff, PictureHiddenByStaff
from bot.pictures.similarity.perceptual_hash import notice_hashes, picture_hash
from bot.pictures.similarity.picture_verdicts import PictureVerdicts
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import db, erase, finish, path, request_for

__all__ = ["db", "path"]  # fixtures

SERVER, ELSEWHERE, PERSON, REPORT = 100, 200, 3, 12


def drawn(seed: int) -> Image.Image:
    """A picture with enough in it to be compared."""
    picked = random.Random(seed)
    image = Image.new("RGB", (256, 256), tuple(picked.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        left, top = picked.randrange(220), picked.randrange(220)
        box = (left, top, left + picked.randrange(20, 140), top + picked.randrange(20, 140))
        draw.ellipse(box, fill=tuple(picked.randrange(256) for _ in range(3)))
    return image


async def painted(db: Database, image: Image.Image) -> int:
    """The id of a job that painted this picture."""
    job = await create_job(db, request_for(), person_id=PERSON, channel_id=7, server_id=SERVER)
    started = await db.one(START_JOB, now=now_ms(), id=job.id)
    assert started is not None
    done = await finish(db, job.id, started.attempt, [NewPicture(f"0/{job.id}.png", 64, 64, 1)])
    assert done is not None
    await record_hashes(db, [(done.pictures[0].id, picture_hash(image))])
    return job.id


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_deleted_picture_is_known_by_its_hash_without_its_owner(db: Database, when: str) -> None:
    """Also where the owner had all deleted between the report and the decision."""
    image, verdicts = drawn(1), PictureVerdicts(db)
    job_id = await painted(db, image)
    await db.run(NOTE_REPORTED, report=REPORT, job=job_id, server=SERVER, now=now_ms())
    assert await verdicts.check(picture_hash(image), SERVER) is None
    if when == "before":
        await erase(db, PERSON)
    await decide_verdicts(db, REPORT, VerdictReason.DELETED, server_id=EVERYWHERE)
    if when == "after":
        await erase(db, PERSON)
    for place in (SERVER, ELSEWHERE, EVERYWHERE):
        with pytest.raises(PictureDeletedByStaff):
            await verdicts.check(picture_hash(image), place)
    cropped = image.crop((12, 0, 256, 256))
    with pytest.raises(PictureDeletedByStaff):
        await verdicts.check(picture_hash(cropped) + notice_hashes(cropped), SERVER)
    assert await verdicts.check(picture_hash(drawn(2)) + notice_hashes(drawn(2)), SERVER) is None
    (row,) = await db.fetch("SELECT * FROM picture_verdict")
    assert not {PERSON, job_id, REPORT} & {row["server_id"], row["source"], row["created_at"]}
    await end_verdicts(db, REPORT)
    assert await verdicts.check(picture_hash(image), SERVER) is None


async def test_a_hidden_picture_is_refused_where_it_was_hidden(db: Database) -> None:
    image, verdicts = drawn(1), PictureVerdicts(db)
    await db.run(TAKE_DOWN_HASHES, job=await painted(db, image), server=SERVER, now=now_ms())
    with pytest.raises(PictureHiddenByStaff):
        await verdicts.check(picture_hash(image), SERVER)
    assert await verdicts.check(picture_hash(image), ELSEWHERE) is None


async def test_a_rating_is_the_least_that_a_copy_has(db: Database) -> None:
    image, verdicts = drawn(1), PictureVerdicts(db)
    job_id = await painted(db, image)
    for report, rating in ((REPORT, ContentRating.MATURE), (REPORT + 1, ContentRating.EXPLICIT)):
        await db.run(NOTE_REPORTED, report=report, job=job_id, server=SERVER, now=now_ms())
        await decide_verdicts(db, report, VerdictReason.RATED, server_id=SERVER, rating=rating)
    assert await verdicts.check(picture_hash(image), ELSEWHERE) is ContentRating.EXPLICIT
    await end_verdicts(db, REPORT + 1)
    assert await verdicts.check(picture_hash(image), ELSEWHERE) is ContentRating.MATURE


async def test_a_copy_loses_what_it_inherited_with_the_verdict_and_nothing_else(
    db: Database,
) -> None:
    image, verdicts = drawn(1), PictureVerdicts(db)
    job_id, copy = await painted(db, image), await painted(db, image)
    for report, rating in ((REPORT, ContentRating.EXPLICIT), (REPORT + 1, ContentRating.MATURE)):
        await db.run(NOTE_REPORTED, report=report, job=job_id, server=SERVER, now=now_ms())
        await decide_verdicts(db, report, VerdictReason.RATED, server_id=SERVER, rating=rating)
    await db.run(RATE_JOB, server=SERVER, source=RatingSource.STAFF, rating=ContentRating.TEEN, now=now_ms(), job=copy)
    await db.run(
        RATE_JOB,
        server=EVERYWHERE,
        source=RatingSource.CLASSIFIER,
        rating=ContentRating.GENERAL,
        now=now_ms(),
        job=copy,
    )
    await verdicts.check_painted(copy, SERVER)

    async def ratings() -> list[ContentRating]:
        return sorted(each.rating for each in await db.all(JOB_RATINGS, ids=[copy], server=SERVER))

    general, teen, mature, explicit, _ = ContentRating
    assert await ratings() == [general, teen, mature, explicit]
    await end_verdicts(db, REPORT)
    assert await ratings() == [general, teen, mature]
    assert await db.one(CLEAR_JOB_RATING, server=SERVER, source=RatingSource.STAFF, job=copy) is teen
    assert await ratings() == [general, mature], "staff take their own word back, not that of the verdict"
    await end_verdicts(db, REPORT + 1)
    assert await ratings() == [general]


async def test_the_very_picture_leads_to_its_job(db: Database, tmp_path: Path) -> None:
    image, verdicts = drawn(1), PictureVerdicts(db)
    job_id = await painted(db, image)
    for person in (PERSON, PERSON + 1):
        assert await verdicts.jobs_of(picture_hash(image), b"", person) == (job_id,)
        other = drawn(2)
        assert await verdicts.jobs_of(picture_hash(other), picture_hash(other) + notice_hashes(other), person) == ()
    for changed in (ImageOps.mirror(image).resize((200, 200)), image.crop((12, 0, 256, 256))):
        hashed, hashes = picture_hash(changed), picture_hash(changed) + notice_hashes(changed)
        assert hashed != picture_hash(image)
        assert await verdicts.jobs_of(hashed, hashes, PERSON) == (job_id,)
        assert await verdicts.jobs_of(hashed, hashes, PERSON + 1) == ()
