"""The gallery: by what pictures are found, in which order, and what a place does not show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.features import (
    FEATURED_LORAS,
    FEATURED_PUBLICATIONS,
    REMOVE_FEATURE,
    FeatureKind,
    add_feature,
)
from bot.database.gallery.likes import OUTDATED_LIKES, RECENT_MS, LikeCount, age_likes, like, unlike
from bot.database.gallery.pages import (
    FIND_ALL_SHOWN,
    FIND_SHOWN,
    SHOWN,
    SHOWN_AMONG_MANY,
    GallerySort,
    PlaceFilter,
    anchor_of,
    gallery_page,
    page_before,
)
from bot.database.gallery.publications import BEGIN_REMOVAL, FIND_PUBLICATIONS
from bot.database.gallery.terms import GalleryFilter
from bot.database.jobs.jobs import FIND_JOB
from bot.database.jobs.ratings import CLEAR_JOB_RATING, RATE_JOB, RatingSource
from bot.database.loras.records import rate_content
from bot.database.people.blocks import LIFT_BLOCK, BlockKind, save_block
from bot.database.pictures.verdicts import hold_copy
from bot.database.privacy.deletions import HIDE_JOB, UNDO_DELETION
from bot.database.privacy.takedowns import RECORD_TAKEDOWN
from bot.database.query import Query
from bot.database.reports.reports import NewReport, Report, ReportReason, Subject, save_report
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import ILLUSTRIOUS, PONY, add_lora, sha
from tests.bot.database.publishing import EVERYTHING, SERVER, published

OPEN = PlaceFilter(ContentRating.TEEN)
HERE = GalleryFilter(SERVER)


async def shown(
    db: Database,
    wanted: GalleryFilter = HERE,
    place: PlaceFilter = EVERYTHING,
    sort: GallerySort = GallerySort.NEWEST,
) -> list[int]:
    page = await gallery_page(db, wanted, place, sort, limit=50)
    sql = "SELECT id FROM publication WHERE server_id = :server AND {}"
    queries = [Query(int, sql.format(each)) for each in (SHOWN, SHOWN_AMONG_MANY)]
    one_by_one, at_once = [await db.all(query, server=SERVER, **place.parameters) for query in queries]
    assert one_by_one == at_once, "both say the same, and differ in what they cost"
    return [one.id for one in page.publications]


async def test_pictures_are_found_by_what_they_have(db: Database) -> None:
    one = await published(db, "Komori", person=1, words="a grey fox", categories=(Category.CHARACTER,))
    two = await published(db, "Komori", "Wash", person=2, words="two owls", categories=(Category.STYLE,))
    await published(db, "Komori", server=SERVER + 1, words="a fox elsewhere")
    komori, wash = sha("Komori.safetensors"), sha("Wash.safetensors")
    for wanted, found in {
        HERE: [two.id, one.id],
        replace(HERE, loras=(komori,)): [two.id, one.id],
        replace(HERE, loras=(wash, sha("nobody"))): [two.id],
        replace(HERE, loras=()): [],
        replace(HERE, person_id=1): [one.id],
        replace(HERE, base_model=ILLUSTRIOUS): [two.id, one.id],
        replace(HERE, base_model=PONY): [],
        replace(HERE, category=Category.STYLE): [two.id],
        replace(HERE, words=("fo", "gre")): [one.id],
        replace(HERE, words=()): [],
        replace(HERE, words=("ow",), person_id=1): [],
        GalleryFilter(SERVER + 2): [],
    }.items():
        assert await shown(db, wanted) == found, wanted


@pytest.mark.parametrize("sort", GallerySort)
@pytest.mark.parametrize("wanted", [HERE, replace(HERE, words=("fox",))], ids=["all", "found"])
async def test_pages_lead_there_and_back(db: Database, wanted: GalleryFilter, sort: GallerySort) -> None:
    made = [await published(db) for _ in range(5)]
    for number, one in enumerate(made):
        for person in range(1 + number % 2):
            await like(db, one.id, 100 + person)
    newest = [one.id for one in reversed(made)]
    liked = [newest[place] for place in (1, 3, 0, 2, 4)]
    order = newest if sort is GallerySort.NEWEST else liked
    first = await gallery_page(db, wanted, EVERYTHING, sort, limit=2)
    second = await gallery_page(db, wanted, EVERYTHING, sort, limit=2, after=first.next)
    third = await gallery_page(db, wanted, EVERYTHING, sort, limit=2, after=second.next)
    assert [one.id for page in (first, second, third) for one in page.publications] == order
    assert [(page.before, page.after) for page in (first, second, third)] == [
        (False, True),
        (True, True),
        (True, False),
    ]
    back = await page_before(db, wanted, EVERYTHING, sort, limit=2, before=third.previous)
    assert [one.id for one in back.publications] == order[2:4] and back.before and back.after
    start = await page_before(db, wanted, EVERYTHING, sort, limit=2, before=anchor_of(first.publications[1]))
    assert [one.id for one in start.publications] == order[:2] and not start.before


async def test_most_liked_are_those_with_likes_of_the_last_week(db: Database) -> None:
    old, new, _unliked = [await published(db) for _ in range(3)]
    for person in (5, 6, 7):
        await like(db, old.id, person)
    await like(db, new.id, 5)
    assert await shown(db, sort=GallerySort.MOST_LIKED) == [old.id, new.id]
    await db.write(
        "UPDATE publication_like SET liked_at = ? WHERE publication_id = ?",
        (now_ms() - RECENT_MS - 1, old.id),
    )
    assert not await age_likes(db), "all of them at once"
    assert await shown(db, sort=GallerySort.MOST_LIKED) == [new.id]
    found = await db.one(FIND_SHOWN, id=old.id, **EVERYTHING.parameters)
    assert found is not None and (found.likes, found.recent_likes) == (3, 0)
    await unlike(db, old.id, 5)
    found = await db.one(FIND_SHOWN, id=old.id, **EVERYTHING.parameters)
    assert found is not None and (found.likes, found.recent_likes) == (2, 0)
    assert await like(db, new.id, 5) == LikeCount(1, changed=False)
    assert await unlike(db, old.id, 5) == LikeCount(2, changed=False)


async def test_several_are_looked_up_by_one_statement(db: Database) -> None:
    one, two, taken = [await published(db) for _ in range(3)]
    await db.one(BEGIN_REMOVAL, taken.id)
    asked = [two.id, taken.id, one.id, 99]
    found = await db.all(FIND_ALL_SHOWN, ids=asked, **EVERYTHING.parameters)
    assert {each.id for each in found} == {one.id, two.id}
    assert {each.id for each in await db.all(FIND_PUBLICATIONS, asked)} == {one.id, two.id, taken.id}


async def test_a_person_likes_once(db: Database) -> None:
    one = await published(db)
    answers = [
        await like(db, one.id, 5),
        await like(db, one.id, 5),
        await unlike(db, one.id, 5),
    ]
    assert [(answer.likes, answer.changed) for answer in answers if answer] == [(1, True), (1, False), (0, True)]
    assert await unlike(db, one.id, 5) is not None


async def test_a_message_is_due_from_the_moment_that_is_asked_for(db: Database) -> None:
    one = await published(db)
    await like(db, one.id, 5)
    assert await db.one(OUTDATED_LIKES, one.shown_at - 1) is None
    due = await db.one(OUTDATED_LIKES, one.shown_at)
    assert due is not None and due.id == one.id


async def test_what_the_prompt_says_and_what_was_said_later_decides_what_is_shown(
    db: Database,
) -> None:
    mature, open_to_all = await published(db, said=ContentRating.MATURE), await published(db)
    assert await shown(db, place=OPEN) == [open_to_all.id]
    for source, server in ((RatingSource.STAFF, SERVER), (RatingSource.CLASSIFIER, 0)):
        await db.run(
            RATE_JOB, server=server, source=source, rating=ContentRating.EXPLICIT, now=now_ms(), job=open_to_all.job_id
        )
        assert await shown(db, place=OPEN) == []
        await db.run(
            RATE_JOB, server=server, source=source, rating=ContentRating.TEEN, now=now_ms(), job=open_to_all.job_id
        )
        assert await shown(db, place=OPEN) == [open_to_all.id]
        await db.run(
            RATE_JOB, server=server, source=source, rating=ContentRating.BLOCKED, now=now_ms(), job=open_to_all.job_id
        )
        assert await shown(db) == [mature.id], "blocked is shown nowhere"
        await db.one(CLEAR_JOB_RATING, server=server, source=source, job=open_to_all.job_id)
        assert await shown(db, place=OPEN) == [open_to_all.id]
    await db.run(
        RATE_JOB,
        server=SERVER + 1,
        source=RatingSource.STAFF,
        rating=ContentRating.EXPLICIT,
        now=now_ms(),
        job=open_to_all.job_id,
    )
    assert await shown(db, place=OPEN) == [open_to_all.id], "another server's staff"


async def test_a_rating_of_a_lora_takes_its_pictures_away_and_brings_them_back(
    db: Database,
) -> None:
    unknown = await published(db, "Komori")
    strict = replace(OPEN, unrated_as=ContentRating.MATURE)
    assert await shown(db, place=strict) == [] and await shown(db, place=OPEN) == [unknown.id]
    lora = await add_lora(db, "Komori", content_rating="teen")
    assert await shown(db, place=strict) == [unknown.id], "the library got to know it"
    for rating, left in ((ContentRating.EXPLICIT, []), (ContentRating.GENERAL, [unknown.id])):
        async with db.transaction():
            await rate_content(db, lora.id, rating, 3)
        assert await shown(db, place=OPEN) == left
    assert await shown(db, place=strict) == [unknown.id]


async def test_pictures_of_a_checkpoint_may_be_hidden(db: Database) -> None:
    one = await published(db)
    assert await shown(db, place=replace(OPEN, checkpoints=("demo",))) == []
    assert await shown(db, place=replace(OPEN, checkpoints=("demo",), listed=True)) == [one.id]
    assert await shown(db, place=replace(OPEN, checkpoints=("other",), listed=True)) == []


async def test_a_child_is_not_shown_beside_a_checkpoint_that_is_rated_later(db: Database) -> None:
    one, child = await published(db), await published(db)
    await db.write("UPDATE publication SET names_child = 1 WHERE id = ?", (child.id,))
    assert await shown(db) == [child.id, one.id]
    assert await shown(db, place=replace(EVERYTHING, adult=("demo",))) == [one.id]
    assert await shown(db, place=replace(EVERYTHING, adult=("other",))) == [child.id, one.id]


async def test_what_is_taken_down_or_blocked_is_not_shown(db: Database) -> None:
    lora = await add_lora(db, "Komori")
    one, two = await published(db, "Komori", person=1), await published(db, person=2)
    for kind, target, left in ((BlockKind.PERSON, 1, [two.id]), (BlockKind.LORA, lora.id, [two.id])):
        for server in (SERVER, 0):
            await save_block(db, server, kind, target, reason="x", ends_at=None, created_by=3)
            assert await shown(db) == left
            await db.one(LIFT_BLOCK, server=server, kind=kind, id=target)
            assert await shown(db) == [two.id, one.id]
        await save_block(db, SERVER, kind, target, reason="x", ends_at=now_ms() - 1, created_by=3)
        await save_block(db, SERVER + 1, kind, target, reason="x", ends_at=None, created_by=3)
        assert await shown(db) == [two.id, one.id], "over, or elsewhere"
    taken_down = {"job": two.job_id, "person": two.person_id, "now": now_ms(), "reason": "Not here."}
    await db.run(RECORD_TAKEDOWN, server=SERVER + 1, **taken_down)
    assert await shown(db) == [two.id, one.id], "elsewhere"
    await db.run(RECORD_TAKEDOWN, server=SERVER, **taken_down)
    assert await shown(db) == [one.id] and await db.one(FIND_SHOWN, id=two.id, **EVERYTHING.parameters) is None


async def test_what_operators_take_down_is_shown_in_no_server(db: Database) -> None:
    one = await published(db)
    job = await db.one(FIND_JOB, one.job_id)
    assert job is not None
    await db.run(RECORD_TAKEDOWN, job=job.id, server=EVERYWHERE, person=job.person_id, now=now_ms(), reason="Not here.")
    assert await shown(db) == [] and await db.one(FIND_SHOWN, id=one.id, **EVERYTHING.parameters) is None


async def test_what_its_owner_deletes_is_shown_again_when_they_undo_it(db: Database) -> None:
    one = await published(db)
    assert await db.run(HIDE_JOB, delete_at=now_ms() + 60_000, id=one.job_id)
    assert await shown(db) == [] and await db.one(FIND_SHOWN, id=one.id, **EVERYTHING.parameters) is None
    assert await db.one(UNDO_DELETION, id=one.job_id, now=now_ms()) is not None
    assert await shown(db) == [one.id]


async def test_what_an_open_report_hides_is_not_shown(db: Database) -> None:
    one, two, copy = [await published(db) for _ in range(3)]

    async def report(job_id: int, *, hides: bool, server: int = SERVER) -> Report:
        return await save_report(
            db,
            NewReport(
                Subject.PICTURES,
                job_id,
                server_id=server,
                owner_id=1,
                shared=False,
                person_id=7,
                reason=ReportReason.OTHER,
                note="",
                hides=hides,
            ),
        )

    await report(two.job_id, hides=False)
    assert await shown(db) == [copy.id, two.id, one.id]
    for server in (SERVER, SERVER + 1):
        hiding = await report(one.job_id, hides=True, server=server)
        await hold_copy(db, copy.job_id, [hiding.id])
        assert await shown(db) == [two.id] and await db.one(FIND_SHOWN, id=one.id, **EVERYTHING.parameters) is None
        await db.write("UPDATE report SET state = 'decided' WHERE id = ?", (hiding.id,))
        assert await shown(db) == [copy.id, two.id, one.id]
        await db.write("UPDATE report SET state = 'open' WHERE id = ?", (hiding.id,))
        assert await shown(db) == [two.id], "the decision was reversed"
        await db.write("UPDATE report SET state = 'decided' WHERE id = ?", (hiding.id,))


async def test_staff_feature_loras_and_pictures(db: Database) -> None:
    lora = await add_lora(db, "Komori")
    one, two = await published(db), await published(db, said=ContentRating.MATURE)
    assert await add_feature(db, SERVER, FeatureKind.LORA, lora.id, 3)
    assert not await add_feature(db, SERVER, FeatureKind.LORA, lora.id, 4)
    assert not await add_feature(db, SERVER, FeatureKind.LORA, 999, 3)
    assert not await add_feature(db, SERVER + 1, FeatureKind.PUBLICATION, one.id, 3), "of another server"
    for picture in (one, two):
        assert await add_feature(db, SERVER, FeatureKind.PUBLICATION, picture.id, 3)
    (found,) = await db.all(FEATURED_LORAS, server=SERVER, since=0, limit=5, **EVERYTHING.parameters)
    assert (found.target_id, found.featured_by) == (lora.id, 3) and found.featured_at <= now_ms()
    for place, ids in ((EVERYTHING, {one.id, two.id}), (OPEN, {one.id})):
        features = await db.all(FEATURED_PUBLICATIONS, server=SERVER, since=0, limit=5, offset=0, **place.parameters)
        assert {each.target_id for each in features} == ids
    assert await db.run(REMOVE_FEATURE, server=SERVER, kind=FeatureKind.PUBLICATION, target=one.id)
    await db.write("DELETE FROM picture WHERE job_id = ?", (two.job_id,))
    assert await db.all(FEATURED_PUBLICATIONS, server=SERVER, since=0, limit=5, offset=0, **EVERYTHING.parameters) == []
    await db.write("DELETE FROM lora WHERE id = ?", (lora.id,))
    assert await db.all(FEATURED_LORAS, server=SERVER, since=0, limit=5, **EVERYTHING.parameters) == []
