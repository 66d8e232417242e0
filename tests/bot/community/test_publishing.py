"""Publishing: a picture is posted once and taken back entirely, wherever Discord or the program stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.community.publishing import REFUSED_SECONDS
from bot.database.clock import now_ms
from bot.database.gallery.features import (
    FEATURED_PUBLICATIONS,
    FIND_FEATURE,
    FeatureKind,
    add_feature,
)
from bot.database.gallery.pages import PlaceFilter, gallery_page
from bot.database.gallery.publications import FIND_PUBLICATION, PUBLICATIONS_OF_JOB, Publication, PublicationState
from bot.database.gallery.terms import GalleryFilter
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.privacy.takedowns import RECORD_TAKEDOWN
from bot.database.servers.allowed_phrases import (
    ALLOWED_PHRASES,
    DELETE_PHRASE,
    add_phrase,
)
from bot.errors.gallery import NoLongerArtChannel, PublishedAlready, PublishingRefused
from bot.errors.pictures import OwnPictureTakenDown
from bot.errors.ratings import PromptRatedTooHigh
from bot.errors.rights import NotYours, RoleNeeded
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.messages.request import Region
from inference.queue.policy import EVERYWHERE
from inference.regions import RegionName
from tests.bot.community.art import AUTHOR, STAFF, Community, Discord, World, acting, community
from tests.bot.database.conftest import add_lora, sha
from tests.bot.database.publishing import ART, EVERYTHING, SERVER, painted
from tests.stepped import Stepped


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Community]:
    async with community(tmp_path, Discord()) as running:
        yield running


async def job_of(here: Community, *loras: str, prompt: str = "a fox") -> Job:
    job = await here.db.one(FIND_JOB, await painted(here.db, *loras, person=AUTHOR, prompt=prompt))
    assert job is not None
    return job


async def publish(here: Community, job: Job, **more: bool) -> Publication:
    return await here.publishing.publish(acting(), job, 0, ART, shows_prompt=more.get("shows_prompt", True))


async def shown(here: Community, **wanted: object) -> list[int]:
    page = await gallery_page(
        here.db,
        GalleryFilter(SERVER, **wanted),
        EVERYTHING,
        limit=50,  # type: ignore[arg-type]
    )
    return [one.id for one in page.publications]


async def check_whole(here: Community) -> None:
    """Every message is a posted publication, each has one, and nothing waits."""
    rows = [
        dict(row) for row in await here.db.connection.execute_fetchall("SELECT * FROM publication WHERE hidden = 0")
    ]
    assert {row["state"] for row in rows} <= {"posted"}
    posted = sorted(published for published, _ in here.discord.messages.values())
    assert posted == sorted(row["id"] for row in rows)
    assert {row["message_id"] for row in rows} == here.discord.messages.keys()


async def test_a_picture_is_posted_once_and_found(here: Community) -> None:
    await add_lora(here.db, "Komori", category="character")
    job = await job_of(here, "Komori", prompt="a grey fox")
    one = await publish(here, job)
    assert one.state is PublicationState.POSTED and here.discord.searches == 0
    for wanted in (
        {"words": ["grey"]},
        {"words": ["komori"]},
        {"loras": [sha("Komori.safetensors")]},
        {"category": "character"},
    ):
        assert await shown(here, **wanted) == [one.id], wanted
    with pytest.raises(PublishedAlready):
        await publish(here, job)
    await check_whole(here)


async def test_words_of_regions_are_searched_where_the_prompt_is_shown(here: Community) -> None:
    async def divided(left: str) -> Job:
        job = await job_of(here, prompt="a hill")
        regions = [Region(name=RegionName.LEFT, prompt=left), Region(name=RegionName.RIGHT)]
        request = job.request.model_copy(update={"regions": tuple(regions)})
        await here.db.write("UPDATE job SET request = ? WHERE id = ?", (request.model_dump_json(), job.id))
        return replace(job, request=request)

    one = await publish(here, await divided("a grey fox"))
    await publish(here, await divided("a secret fox"), shows_prompt=False)
    assert await shown(here, words=["fox"]) == await shown(here, words=["grey"]) == [one.id]
    assert await shown(here, words=["secret"]) == []


async def test_a_prompt_that_is_not_shown_is_not_searched(here: Community) -> None:
    one = await publish(here, await job_of(here, prompt="a secret fox"), shows_prompt=False)
    assert await shown(here, words=["secret"]) == [] and await shown(here) == [one.id]


async def test_what_may_not_be_published_is_refused(here: Community) -> None:
    job = await job_of(here)

    async def refused(wanted: type[RequestError], of: Job, channel: int = ART) -> None:
        with pytest.raises(wanted):
            await here.publishing.publish(acting(), of, 0, channel, shows_prompt=True)

    await refused(NoLongerArtChannel, job, channel=ART + 1)
    with pytest.raises(NotYours):
        await here.publishing.publish(acting(AUTHOR + 1), job, 0, ART, shows_prompt=True)
    explicit = await job_of(here, prompt="nude")
    await refused(PromptRatedTooHigh, explicit)
    here.lookups.adults = True
    assert (await publish(here, explicit)).state is PublicationState.POSTED, "an age-restricted channel"
    await here.db.run(
        RECORD_TAKEDOWN, job=job.id, server=SERVER, person=job.person_id, now=now_ms(), reason="Not here."
    )
    await refused(OwnPictureTakenDown, job)
    assert await here.db.all(PUBLICATIONS_OF_JOB, job.id) == []


async def test_a_picture_with_an_allowed_phrase_is_published_and_stays(here: Community) -> None:
    job, open_place = await job_of(here, prompt="a nude quartz lantern"), PlaceFilter(ContentRating.TEEN)
    with pytest.raises(PromptRatedTooHigh):
        await publish(here, job)
    await add_phrase(here.db, SERVER, "nude quartz lantern", 5)
    here.services.words.forget(SERVER)
    one = await publish(here, job)
    (allowed,) = await here.db.all(ALLOWED_PHRASES, SERVER)
    await here.db.one(DELETE_PHRASE, server=SERVER, id=allowed.id)
    here.services.words.forget(SERVER)
    await here.publishing.settle()
    page = await gallery_page(here.db, GalleryFilter(SERVER), open_place, limit=50)
    assert [each.id for each in page.publications] == [one.id]
    await check_whole(here)


async def test_staff_choose_who_publishes(tmp_path: Path) -> None:
    async with community(tmp_path, Discord(), publish_roles=(77,)) as here:
        job = await job_of(here)
        with pytest.raises(RoleNeeded):
            await publish(here, job)
        who = acting(role_ids={77})
        assert await here.publishing.publish(who, job, 0, ART, shows_prompt=True)


async def test_a_refusal_of_discord_leaves_nothing(here: Community) -> None:
    job = await job_of(here)
    here.discord.refuses = True
    with pytest.raises(PublishingRefused):
        await publish(here, job)
    here.discord.refuses = False
    assert (await publish(here, job)).state is PublicationState.POSTED
    await check_whole(here)


@pytest.mark.parametrize("place", ["post", "posted"])
async def test_what_discord_does_not_answer_is_posted_once(here: Community, place: str) -> None:
    here.discord.down = {place}
    waiting = await publish(here, await job_of(here))
    assert waiting.state is PublicationState.PENDING and await shown(here) == []
    await here.publishing.settle()
    here.discord.down = {"find"}
    await here.publishing.settle()
    here.discord.down = set()
    await here.publishing.settle()
    assert await shown(here) == [waiting.id]
    await check_whole(here)


async def test_what_is_deleted_before_discord_answers_leaves_no_message(here: Community) -> None:
    here.discord.down = {"posted"}
    job = await job_of(here)
    await publish(here, job)
    await here.db.write("DELETE FROM job WHERE id = ?", (job.id,))
    assert here.discord.messages
    here.discord.down = set()
    await here.publishing.settle()
    assert here.discord.messages == {}
    await check_whole(here)


@pytest.mark.parametrize("taken_back", [False, True])
async def test_a_closed_channel_is_asked_rarely_what_was_posted(here: Community, taken_back: bool) -> None:
    here.discord.down = {"posted"}
    waiting = await publish(here, await job_of(here))
    here.discord.down, here.discord.unreadable, asked = set(), True, here.discord.asked
    for _ in range(3):
        await here.publishing.settle()
    assert here.discord.asked == asked + 1
    if taken_back:  # which is another request
        await here.publishing.take_back(waiting.id)
        for _ in range(3):
            await here.publishing.settle()
        assert here.discord.asked == asked + 2
    here.discord.unreadable = False
    here.publishing_clock.now += REFUSED_SECONDS
    await here.publishing.settle()
    assert await shown(here) == ([] if taken_back else [waiting.id])
    await check_whole(here)


@pytest.mark.parametrize("place", ["delete", "deleted", ""])
async def test_what_is_taken_back_goes_with_its_message(here: Community, place: str) -> None:
    kept, one = await publish(here, await job_of(here)), await publish(here, await job_of(here))
    await here.publishing.take_back(one.id)
    assert await shown(here) == [kept.id]
    here.discord.down = {place}
    await here.publishing.settle()
    here.discord.down = set()
    await here.publishing.settle()
    assert await here.db.one(FIND_PUBLICATION, one.id) is None
    await check_whole(here)


async def test_a_picture_deleted_while_it_is_posted_leaves_no_message(here: Community) -> None:
    job = await job_of(here)

    async def delete() -> None:
        await here.db.write("DELETE FROM job WHERE id = ?", (job.id,))

    here.discord.when_posted = delete
    await publish(here, job)
    assert next(here.discord.ids) == 2 and here.discord.messages == {}, "it was posted, and deleted"
    await check_whole(here)


async def test_a_message_deleted_in_discord_is_out_of_the_gallery(here: Community) -> None:
    one, other = await publish(here, await job_of(here)), await publish(here, await job_of(here))
    assert one.message_id is not None
    del here.discord.messages[one.message_id]
    await here.publishing.message_deleted(one.message_id)
    await here.publishing.message_deleted(12345)
    assert await shown(here) == [other.id]
    await check_whole(here)


async def hidden_and_shown_again(here: Community, hide: str, show: str) -> None:
    """Hide a picture that somebody likes and features by one statement about its job, and end that by another."""
    kept, job = await publish(here, await job_of(here)), await job_of(here)
    one = await publish(here, job)
    await here.likes.like(one.id, 5)
    await add_feature(here.db, SERVER, FeatureKind.PUBLICATION, one.id, STAFF)
    page = {"server": SERVER, "since": 0, "limit": 5, "offset": 0, **EVERYTHING.parameters}
    (featured,) = await here.db.all(FEATURED_PUBLICATIONS, **page)
    await here.db.write(hide, {"job": job.id})
    await here.publishing.settle()
    assert await shown(here) == [kept.id] and len(here.discord.messages) == 1
    hidden = await here.db.one(FIND_PUBLICATION, one.id)
    assert hidden is not None and hidden.hidden and hidden.message_id is None
    assert await here.db.all(FEATURED_PUBLICATIONS, **page) == []
    with pytest.raises(RequestError):
        await publish(here, job)
    await here.publishing.settle()
    await here.db.write(show, {"job": job.id})
    await here.publishing.settle()
    assert set(await shown(here)) == {kept.id, one.id} and await shown(here, words=["fox"])
    back = await here.db.one(FIND_PUBLICATION, one.id)
    assert back is not None and (back.likes, back.shown_likes, back.hidden) == (1, 1, False)
    assert await here.db.all(FEATURED_PUBLICATIONS, **page) == [featured]
    await check_whole(here)


async def test_what_is_taken_back_is_not_featured(here: Community) -> None:
    one = await publish(here, await job_of(here))
    await add_feature(here.db, SERVER, FeatureKind.PUBLICATION, one.id, STAFF)
    await here.publishing.take_back(one.id)
    assert await here.db.one(FIND_FEATURE, server=SERVER, kind=FeatureKind.PUBLICATION, target=one.id) is None


async def test_what_its_owner_deletes_is_hidden_until_an_undo(here: Community) -> None:
    await hidden_and_shown_again(
        here, "UPDATE job SET delete_at = 9e15 WHERE id = :job", "UPDATE job SET delete_at = NULL WHERE id = :job"
    )


async def test_what_is_rated_above_its_channel_is_hidden_until_it_is_rated_lower(here: Community) -> None:
    rate = """
        INSERT INTO job_rating (job_id, server_id, source, rating, rated_at) VALUES (:job, 900, 'staff', 'explicit', 1)
    """
    await hidden_and_shown_again(here, rate, "DELETE FROM job_rating WHERE job_id = :job")


async def test_a_refusal_keeps_the_likes_of_what_comes_back(here: Community, caplog: pytest.LogCaptureFixture) -> None:
    one = await publish(here, await job_of(here))
    await here.likes.like(one.id, 5)
    await here.db.write("UPDATE job SET delete_at = 9e15 WHERE id = ?", (one.job_id,))
    await here.publishing.settle()
    await here.db.write("UPDATE job SET delete_at = NULL WHERE id = ?", (one.job_id,))
    here.discord.refuses = True
    for _ in range(3):
        await here.publishing.settle()
    waiting = await here.db.one(FIND_PUBLICATION, one.id)
    assert waiting is not None and (waiting.likes, waiting.tried_at) == (1, None) and await shown(here) == []
    assert caplog.text.count("was refused") == 1
    here.discord.refuses = False
    await here.publishing.settle()
    assert await shown(here) == [], "not every minute"
    here.publishing_clock.now += REFUSED_SECONDS
    await here.publishing.settle()
    back = await here.db.one(FIND_PUBLICATION, one.id)
    assert back is not None and (back.likes, back.shown_likes) == (1, 1)
    await check_whole(here)


async def test_a_report_hides_until_it_is_dismissed(here: Community) -> None:
    report = """
        INSERT INTO report (server_id, kind, target_id, shared, created_at, hides)
        VALUES (900, 'pictures', :job, 0, 1, 1)
    """
    await hidden_and_shown_again(here, report, "UPDATE report SET state = 'decided' WHERE target_id = :job")


async def test_what_a_decision_takes_down_comes_back_when_it_is_reversed(here: Community) -> None:
    take_down = """
        INSERT INTO takedown (job_id, server_id, report_id, person_id, created_at) VALUES (:job, 900, 7, 1, 1)
    """
    await hidden_and_shown_again(here, take_down, "DELETE FROM takedown WHERE job_id = :job")


@pytest.mark.parametrize("server", [SERVER, EVERYWHERE])
async def test_what_staff_take_down_is_gone_for_good(here: Community, server: int) -> None:
    kept, job = await publish(here, await job_of(here)), await job_of(here)
    await publish(here, job)
    await here.db.run(
        RECORD_TAKEDOWN, job=job.id, server=server, person=job.person_id, now=now_ms(), reason="Not here."
    )
    await here.publishing.settle()
    assert await shown(here) == [kept.id] and await here.db.all(PUBLICATIONS_OF_JOB, job.id) == []
    await check_whole(here)


async def test_what_is_for_adults_goes_with_the_age_restriction_and_not_while_that_is_unknown(here: Community) -> None:
    here.lookups.adults = True
    one = await publish(here, await job_of(here, prompt="nude"))
    for adults, left in ((None, 1), (False, 0), (None, 0), (True, 1)):
        here.lookups.adults = adults
        await here.publishing.settle()
        assert len(here.discord.messages) == left, adults
    assert await here.db.one(FIND_PUBLICATION, one.id)
    await check_whole(here)


async def test_nothing_is_posted_while_nobody_knows_for_whom_its_channel_is(here: Community) -> None:
    here.lookups.adults = True
    here.discord.down = {"post"}
    await publish(here, await job_of(here, prompt="nude"))
    here.discord.down = set()
    for adults, posted in ((None, 0), (False, 0), (True, 1)):
        here.lookups.adults = adults
        await here.publishing.settle()
        assert len(here.discord.messages) == posted, adults
    await check_whole(here)


async def test_what_was_posted_is_found_while_nobody_knows_for_whom_its_channel_is(here: Community) -> None:
    here.discord.down = {"posted"}
    one = await publish(here, await job_of(here))
    here.discord.down = set()
    here.lookups.adults = None
    await here.publishing.settle()
    assert await shown(here) == [one.id] and len(here.discord.messages) == 1
    await check_whole(here)


async def test_a_deleted_channel_takes_its_publications_along(here: Community) -> None:
    await publish(here, await job_of(here))
    here.discord.messages.clear()
    await here.publishing.channel_deleted(ART)
    await here.publishing.channel_deleted(ART + 1)
    assert await shown(here) == []
    await check_whole(here)


async def test_nothing_is_lost_or_doubled_wherever_it_is_killed(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    world.folder.mkdir()
    killed: dict[str, World] = {}

    def look() -> None:
        if (key := world.key()) not in killed:
            killed[key] = world.copy(tmp_path / str(len(killed)))

    async with community(world.folder, world.discord) as here:
        first, second, third = [await job_of(here) for _ in range(3)]

        async def work() -> None:
            one = await publish(here, first)
            await publish(here, second)
            await publish(here, third)
            await here.publishing.take_back(one.id)
            await here.publishing.settle()
            await here.db.write("DELETE FROM job WHERE id = ?", (second.id,))
            await here.db.write("UPDATE job SET delete_at = 9e15 WHERE id = ?", (third.id,))
            await here.publishing.settle()
            await here.db.write("UPDATE job SET delete_at = NULL WHERE id = ?", (third.id,))
            await here.publishing.settle()

        await Stepped(work(), look)
        await check_whole(here)
        assert len(here.discord.messages) == 1
    assert len(killed) > 15, "else there is nothing to interrupt"
    for left in killed.values():
        async with community(left.folder, left.discord) as here:
            intended = {row["job_id"] for row in await here.db.connection.execute_fetchall(
                """SELECT job_id FROM publication LEFT JOIN job ON job.id = job_id
                WHERE publication.state <> 'removing' AND delete_at IS NULL"""
            )}  # fmt: skip
            await here.publishing.settle()
            await check_whole(here)
            there = {row["job_id"] for row in await here.db.connection.execute_fetchall(
                "SELECT job_id FROM publication WHERE hidden = 0"
            )}  # fmt: skip
            assert there == intended, "what was to be posted is posted, and what was to go is gone"
