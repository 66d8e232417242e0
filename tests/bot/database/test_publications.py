"""Publications: once for each picture and server, and out of the gallery with the picture."""

from __future__ import annotations

import aiosqlite
import pytest

from bot.database.connection import fetch, write
from bot.database.gallery import gallery_page
from bot.database.gallery_terms import GalleryFilter, PublishedFacets
from bot.database.likes import like
from bot.database.publications import (
    Publication,
    PublicationState,
    begin_publication,
    begin_removal,
    begin_removal_by_message,
    begin_removal_of_job,
    end_removal,
    find_publication,
    give_up,
    mark_posted,
    note_try,
    publications_of_job,
    unsettled_publications,
)
from inference.content_rating import ContentRating
from tests.bot.database.conftest import erase, sha
from tests.bot.database.publishing import ART, EVERYTHING, SERVER, new_publication, painted, published


async def shown(connection: aiosqlite.Connection, wanted: GalleryFilter | None = None) -> list[int]:
    page = await gallery_page(connection, wanted or GalleryFilter(SERVER), EVERYTHING, limit=50)
    return [one.id for one in page.publications]


async def state_of(connection: aiosqlite.Connection, one: Publication) -> PublicationState | None:
    found = await find_publication(connection, one.id)
    return None if found is None else found.state


async def counts(connection: aiosqlite.Connection, name: str) -> tuple[int, int]:
    (row,) = await fetch(connection, "SELECT * FROM lora_in_server WHERE sha256 = ?", (sha(f"{name}.safetensors"),))
    return row["publications"], row["likes"]


async def test_a_picture_is_published_once_in_a_server(connection: aiosqlite.Connection) -> None:
    job = await painted(connection)
    first = await begin_publication(connection, new_publication(job))
    assert first is not None and first.state is PublicationState.PENDING and first.tried_at is None
    assert await begin_publication(connection, new_publication(job)) is None
    assert await begin_publication(connection, new_publication(job, server=SERVER + 1)) is not None
    assert await shown(connection) == [], "a pending one is not in the gallery"
    assert await note_try(connection, first.id)
    await mark_posted(connection, first.id, ART, 7, PublishedFacets(), "words")
    assert await shown(connection) == [first.id]
    assert not await note_try(connection, first.id), "it is posted"


async def test_a_picture_that_is_gone_is_not_published(connection: aiosqlite.Connection) -> None:
    assert await begin_publication(connection, new_publication(12345)) is None


async def test_what_was_not_posted_is_given_up(connection: aiosqlite.Connection) -> None:
    job = await painted(connection)
    begun = await begin_publication(connection, new_publication(job))
    assert begun is not None
    await give_up(connection, begun.id)
    assert await publications_of_job(connection, job) == ()
    posted = await published(connection)
    await give_up(connection, posted.id)
    assert await state_of(connection, posted) is PublicationState.POSTED
    await write(connection, "UPDATE publication SET state = 'pending', tried_at = 5 WHERE id = ?", (posted.id,))
    await give_up(connection, posted.id)
    left = await find_publication(connection, posted.id)
    assert left is not None and (left.tried_at, left.message_id) == (None, None), "it was posted before"


@pytest.mark.parametrize("how", ["picture", "job", "removal", "of job", "message"])
async def test_a_picture_leaves_the_gallery_at_once_and_its_row_when_its_message_is_gone(
    connection: aiosqlite.Connection, how: str
) -> None:
    other, one = await published(connection, "Komori"), await published(connection, "Komori")
    await like(connection, one.id, 5)
    assert await counts(connection, "Komori") == (2, 1)
    match how:
        case "picture":
            await write(connection, "DELETE FROM picture WHERE job_id = ?", (one.job_id,))
        case "job":
            await write(connection, "DELETE FROM job WHERE id = ?", (one.job_id,))
        case "removal":
            assert await begin_removal(connection, one.id)
        case "of job":
            assert [gone.id for gone in await begin_removal_of_job(connection, one.job_id, SERVER)] == [one.id]
        case _:
            assert one.message_id is not None
            assert await begin_removal_by_message(connection, one.message_id)
    assert await shown(connection) == [other.id] == await shown(connection, GalleryFilter(SERVER, words=["fox"]))
    assert await counts(connection, "Komori") == (1, 0)
    (left,) = await unsettled_publications(connection)
    assert (left.id, left.state, left.message_id) == (one.id, PublicationState.REMOVING, one.message_id)
    assert await begin_removal(connection, one.id) is None, "once"
    assert await like(connection, one.id, 6) is None
    await end_removal(connection, one.id)
    await end_removal(connection, other.id)
    assert await state_of(connection, one) is None
    assert await state_of(connection, other) is PublicationState.POSTED
    assert await counts(connection, "Komori") == (1, 0)


async def test_a_picture_that_is_deleted_while_it_is_posted_is_removed_by_its_message(
    connection: aiosqlite.Connection,
) -> None:
    job = await painted(connection)
    begun = await begin_publication(connection, new_publication(job))
    assert begun is not None
    await write(connection, "DELETE FROM job WHERE id = ?", (job,))
    assert await mark_posted(connection, begun.id, ART, 7, PublishedFacets(), "words") is None
    (left,) = await unsettled_publications(connection)
    assert (left.state, left.message_id) == (PublicationState.REMOVING, 7)
    assert await shown(connection) == []


async def test_with_its_person_go_publications_and_likes(connection: aiosqlite.Connection) -> None:
    mine, other = await published(connection, person=8), await published(connection, person=9)
    await like(connection, other.id, 8)
    await like(connection, mine.id, 9)
    await erase(connection, 8)
    assert await shown(connection) == [other.id]
    found = await find_publication(connection, other.id)
    assert found is not None and found.likes == 0
    (left,) = await unsettled_publications(connection)
    assert (left.id, left.person_id, left.state) == (mine.id, None, PublicationState.REMOVING)
    noted = await fetch(connection, "SELECT channel_id, message_id FROM erasure_message")
    assert [tuple(row) for row in noted] == [(ART, mine.message_id)]


async def test_a_server_takes_everything_of_its_gallery_along(connection: aiosqlite.Connection) -> None:
    await published(connection, "Komori")
    await write(connection, "DELETE FROM server WHERE id = ?", (SERVER,))
    for table in ("publication", "publication_text", "publication_lora", "lora_in_server"):
        assert await fetch(connection, f"SELECT 1 FROM {table}") == []


async def test_the_levels_of_ratings_are_those_of_the_program(connection: aiosqlite.Connection) -> None:
    rows = await fetch(connection, "SELECT rating, level FROM rating_level")
    assert {ContentRating(row["rating"]): row["level"] for row in rows} == {one: one.level for one in ContentRating}
