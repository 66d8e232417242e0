"""Publications: once for each picture and server, and out of the gallery with the picture."""

from __future__ import annotations

import pytest

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.likes import like
from bot.database.gallery.pages import gallery_page
from bot.database.gallery.publications import (
    BEGIN_REMOVAL,
    BEGIN_REMOVAL_BY_MESSAGE,
    BEGIN_REMOVAL_OF_JOB,
    END_REMOVAL,
    FIND_PUBLICATION,
    NOTE_TRY,
    PUBLICATIONS_OF_JOB,
    UNSETTLED_PUBLICATIONS,
    Publication,
    PublicationState,
    begin_publication,
    give_up,
    mark_posted,
)
from bot.database.gallery.terms import GalleryFilter, PublishedFacets
from inference.content_rating import ContentRating
from tests.bot.database.conftest import erase, sha
from tests.bot.database.publishing import ART, EVERYTHING, SERVER, new_publication, painted, published


async def shown(db: Database, wanted: GalleryFilter | None = None) -> list[int]:
    page = await gallery_page(db, wanted or GalleryFilter(SERVER), EVERYTHING, limit=50)
    return [one.id for one in page.publications]


async def state_of(db: Database, one: Publication) -> PublicationState | None:
    found = await db.one(FIND_PUBLICATION, one.id)
    return None if found is None else found.state


async def counts(db: Database, name: str) -> tuple[int, int]:
    (row,) = await db.fetch("SELECT * FROM lora_in_server WHERE sha256 = ?", (sha(f"{name}.safetensors"),))
    return row["publications"], row["likes"]


async def test_a_picture_is_published_once_in_a_server(db: Database) -> None:
    job = await painted(db)
    first = await begin_publication(db, new_publication(job))
    assert first is not None and first.state is PublicationState.PENDING and first.tried_at is None
    assert await begin_publication(db, new_publication(job)) is None
    assert await begin_publication(db, new_publication(job, server=SERVER + 1)) is not None
    assert await shown(db) == [], "a pending one is not in the gallery"
    assert await db.run(NOTE_TRY, now=now_ms(), id=first.id)
    await mark_posted(db, first.id, ART, 7, PublishedFacets(), "words")
    assert await shown(db) == [first.id]
    assert not await db.run(NOTE_TRY, now=now_ms(), id=first.id), "it is posted"


async def test_a_picture_that_is_gone_is_not_published(db: Database) -> None:
    assert await begin_publication(db, new_publication(12345)) is None


async def test_what_was_not_posted_is_given_up(db: Database) -> None:
    job = await painted(db)
    begun = await begin_publication(db, new_publication(job))
    assert begun is not None
    await give_up(db, begun.id)
    assert await db.all(PUBLICATIONS_OF_JOB, job) == []
    posted = await published(db)
    await give_up(db, posted.id)
    assert await state_of(db, posted) is PublicationState.POSTED
    await db.write("UPDATE publication SET state = 'pending', tried_at = 5 WHERE id = ?", (posted.id,))
    await give_up(db, posted.id)
    left = await db.one(FIND_PUBLICATION, posted.id)
    assert left is not None and (left.tried_at, left.message_id) == (None, None), "it was posted before"


async def test_a_hidden_picture_is_settled_unless_a_message_may_have_been_posted(db: Database) -> None:
    one = await published(db)
    sql = "UPDATE publication SET state = 'pending', hidden = 1, channel_id = :id, message_id = :id, tried_at = :at"
    for message, tried_at, unsettled in ((None, None, []), (7, None, [one.id]), (None, 5, [one.id])):
        await db.write(sql, {"id": message, "at": tried_at})
        assert [each.id for each in await db.all(UNSETTLED_PUBLICATIONS, after=0, limit=9)] == unsettled


@pytest.mark.parametrize("how", ["picture", "job", "removal", "of job", "message"])
async def test_a_picture_leaves_the_gallery_at_once_and_its_row_when_its_message_is_gone(
    db: Database, how: str
) -> None:
    other, one = await published(db, "Komori"), await published(db, "Komori")
    await like(db, one.id, 5)
    assert await counts(db, "Komori") == (2, 1)
    match how:
        case "picture":
            await db.write("DELETE FROM picture WHERE job_id = ?", (one.job_id,))
        case "job":
            await db.write("DELETE FROM job WHERE id = ?", (one.job_id,))
        case "removal":
            assert await db.one(BEGIN_REMOVAL, one.id)
        case "of job":
            assert [gone.id for gone in await db.all(BEGIN_REMOVAL_OF_JOB, job=one.job_id, server=SERVER)] == [one.id]
        case _:
            assert one.message_id is not None
            assert await db.one(BEGIN_REMOVAL_BY_MESSAGE, one.message_id)
    assert await shown(db) == [other.id] == await shown(db, GalleryFilter(SERVER, words=["fox"]))
    assert await counts(db, "Komori") == (1, 0)
    (left,) = await db.all(UNSETTLED_PUBLICATIONS, after=0, limit=100)
    assert (left.id, left.state, left.message_id) == (one.id, PublicationState.REMOVING, one.message_id)
    assert await db.one(BEGIN_REMOVAL, one.id) is None, "once"
    assert await like(db, one.id, 6) is None
    await db.run(END_REMOVAL, one.id)
    await db.run(END_REMOVAL, other.id)
    assert await state_of(db, one) is None
    assert await state_of(db, other) is PublicationState.POSTED
    assert await counts(db, "Komori") == (1, 0)


async def test_a_picture_that_is_deleted_while_it_is_posted_is_removed_by_its_message(
    db: Database,
) -> None:
    job = await painted(db)
    begun = await begin_publication(db, new_publication(job))
    assert begun is not None
    await db.write("DELETE FROM job WHERE id = ?", (job,))
    assert await mark_posted(db, begun.id, ART, 7, PublishedFacets(), "words") is None
    (left,) = await db.all(UNSETTLED_PUBLICATIONS, after=0, limit=100)
    assert (left.state, left.message_id) == (PublicationState.REMOVING, 7)
    assert await shown(db) == []


async def test_with_its_person_go_publications_and_likes(db: Database) -> None:
    mine, other = await published(db, person=8), await published(db, person=9)
    await like(db, other.id, 8)
    await like(db, mine.id, 9)
    await erase(db, 8)
    assert await shown(db) == [other.id]
    found = await db.one(FIND_PUBLICATION, other.id)
    assert found is not None and found.likes == 0
    (left,) = await db.all(UNSETTLED_PUBLICATIONS, after=0, limit=100)
    assert (left.id, left.person_id, left.state) == (mine.id, None, PublicationState.REMOVING)
    noted = await db.fetch("SELECT channel_id, message_id FROM erasure_message")
    assert [tuple(row) for row in noted] == [(ART, mine.message_id)]


async def test_a_server_takes_everything_of_its_gallery_along(db: Database) -> None:
    await published(db, "Komori")
    await db.write("DELETE FROM server WHERE id = ?", (SERVER,))
    for table in ("publication", "publication_text", "publication_lora", "lora_in_server"):
        assert await db.fetch(f"SELECT 1 FROM {table}") == []


async def test_the_levels_of_ratings_are_those_of_the_program(db: Database) -> None:
    rows = await db.fetch("SELECT rating, level FROM rating_level")
    assert {ContentRating(row["rating"]): row["level"] for row in rows} == {one: one.level for one in ContentRating}
