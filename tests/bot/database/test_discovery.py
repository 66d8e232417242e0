"""Ratings, uses, trends and tags: what makes LoRAs worth finding."""

from __future__ import annotations

import math

import pytest

from bot.database.bookmarks.bookmarks import add_bookmark, find_bookmark, list_bookmarks
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.loras.catalogue import Lora, Sort, browse_loras, find_lora, often_used_with
from bot.database.loras.ratings import RATING_OF, UNRATE_LORA, rate_lora
from bot.database.loras.records import record_found
from bot.database.loras.tags import POPULAR_TAGS, TAGS_OF_LORA, TagCount
from bot.database.pictures.pictures import NewPicture
from bot.database.query import Query
from bot.database.trends import HALF_LIFE_MS, raised
from inference.lora.beside.categories import Category
from inference.lora.knowledge import Knowledge
from inference.messages.request import LoraUse

from .conftest import ILLUSTRIOUS, add_lora, erase, finish, found_lora, request_for

MISO, RUI = 1, 2  # two people


async def painted(db: Database, person: int, *loras: Lora) -> None:
    uses = [LoraUse(sha256=lora.usable[0].sha256 or "", name=lora.name, weight=1) for lora in loras]
    job = await create_job(db, request_for(*uses), person_id=person, channel_id=1)
    started = await db.one(START_JOB, now=now_ms(), id=job.id)
    assert started is not None
    pictures = [NewPicture("a.png", 64, 64, 7), NewPicture("b.png", 64, 64, 8)]
    assert await finish(db, job.id, started.attempt, pictures, seconds=1, peak_memory=1)


async def names(db: Database, **conditions: object) -> list[str]:
    page = await browse_loras(db, limit=20, **conditions)  # type: ignore[arg-type]
    return [lora.name for lora in page.loras]


async def test_a_rating_counts_once_per_person_and_can_be_changed(db: Database) -> None:
    bat = await add_lora(db, "Bat")
    assert await rate_lora(db, MISO, bat.id, 2) and await rate_lora(db, RUI, bat.id, 4)
    assert await rate_lora(db, MISO, bat.id, 5)
    lora = await find_lora(db, bat.id)
    assert lora is not None and (lora.rating, lora.ratings, lora.stars) == (4.5, 2, 9)
    assert await db.one(RATING_OF, person=MISO, lora=bat.id) == 5
    assert await db.run(UNRATE_LORA, person=MISO, lora=bat.id) and not await db.run(
        UNRATE_LORA, person=MISO, lora=bat.id
    )
    assert await db.one(RATING_OF, person=MISO, lora=bat.id) is None
    assert not await rate_lora(db, MISO, 99, 5)
    await erase(db, RUI)
    lora = await find_lora(db, bat.id)
    assert lora is not None and (lora.rating, lora.ratings) == (None, 0)


async def test_one_enthusiast_does_not_make_the_best_of_all(db: Database) -> None:
    loved, liked, disliked = [await add_lora(db, name) for name in ("Loved once", "Liked", "Disliked")]
    await add_lora(db, "Unrated")
    await rate_lora(db, 1, loved.id, 5)
    for person in range(1, 21):
        await rate_lora(db, person, liked.id, 4)
        await rate_lora(db, person, disliked.id, 2)
    assert await names(db, sort=Sort.TOP_RATED) == ["Liked", "Loved once", "Unrated", "Disliked"]


async def test_uses_are_counted_with_the_job_and_not_for_one_that_failed(db: Database) -> None:
    bat, wash, owl = [await add_lora(db, name) for name in ("Bat", "Wash", "Owl")]
    await add_bookmark(db, MISO, bat.id)
    await add_bookmark(db, MISO, wash.id)
    await painted(db, MISO, bat, wash)
    await painted(db, RUI, bat, owl)
    await painted(db, RUI, bat, owl)
    await create_job(db, request_for(), person_id=MISO, channel_id=1)  # waits, so nothing is counted
    assert [lora.uses for lora in (await browse_loras(db, limit=9, sort=Sort.OLDEST)).loras] == [3, 1, 2]
    assert await names(db, sort=Sort.MOST_USED) == ["Bat", "Owl", "Wash"]
    bookmark = await find_bookmark(db, MISO, bat.id)
    assert bookmark is not None and bookmark.uses == 1, "only the person's own"
    assert [lora.name for lora in await often_used_with(db, bat.id)] == ["Owl", "Wash"]
    assert [lora.name for lora in await often_used_with(db, owl.id)] == ["Bat"]


async def test_bookmarks_by_the_persons_own_uses(db: Database) -> None:
    bat, wash, owl = [await add_lora(db, name) for name in ("Bat", "Wash", "Owl")]
    for lora in (bat, wash, owl):
        await add_bookmark(db, MISO, lora.id)
    await painted(db, MISO, wash)
    for _ in range(3):
        await painted(db, RUI, owl)
    page = await list_bookmarks(db, MISO, limit=9, sort=Sort.MOST_USED)
    assert [b.lora.name for b in page.bookmarks] == ["Wash", "Owl", "Bat"]


def test_a_use_counts_half_as_much_after_its_half_life() -> None:
    week, now = HALF_LIFE_MS, 3000 * HALF_LIFE_MS
    once_now = raised(0, now)
    assert raised(0, now - week) == pytest.approx(once_now - 1)
    twice_then = raised(raised(0, now - week), now - week)
    assert twice_then == pytest.approx(once_now)
    assert raised(raised(0, now), now - 5000 * week) == pytest.approx(once_now)
    assert math.isfinite(raised(1e300, now))


async def test_tags_narrow_a_category_down(db: Database) -> None:
    await add_lora(db, "Neon", tags=["Lighting", "colour_grading"])
    await add_lora(db, "Bokeh", tags=["camera", "lighting "])
    await add_lora(db, "Hat", category="detail", tags=["lighting"])
    assert await db.all(POPULAR_TAGS, category=Category.OTHER, limit=25) == [
        TagCount("lighting", 2),
        TagCount("camera", 1),
        TagCount("colour grading", 1),
    ]
    assert await names(db, category=Category.OTHER, tag="lighting") == ["Bokeh", "Neon"]
    assert await names(db, category=Category.OTHER, tag="camera", search="neon") == []
    assert await db.all(TAGS_OF_LORA, 1) == ["colour grading", "lighting"]


async def test_tags_follow_the_sidecar(db: Database) -> None:
    await add_lora(db, "Neon", tags=["lighting"])
    found = found_lora("Neon", base_model=ILLUSTRIOUS, category="style", tags=["night"])
    await record_found(db, found, found.judge(Knowledge()), last_word=True)
    assert await db.all(POPULAR_TAGS, category=Category.OTHER, limit=25) == []
    assert await db.all(POPULAR_TAGS, category=Category.STYLE, limit=25) == [TagCount("night", 1)]
    assert await db.all(Query(int, "SELECT 1 FROM tag WHERE loras < 1")) == []


async def test_tags_stand_in_the_file_where_no_sidecar_names_any(db: Database) -> None:
    found = found_lora("Neon").model_copy(update={"metadata": {"modelspec.tags": "Photography, film grain,,"}})
    await record_found(db, found, found.judge(Knowledge()), last_word=True)
    assert await db.all(TAGS_OF_LORA, 1) == ["film grain", "photography"]
