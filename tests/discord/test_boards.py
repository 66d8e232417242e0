"""Boards of a text channel, a thread and a forum: posted once, edited, found again after a crash, and never stale."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count

import pytest
import pytest_asyncio

from bot.app.assembly import Easel
from bot.community.boards import BoardPlace, Boards
from bot.community.pacing import EditPacer
from bot.database.clock import now_ms
from bot.database.gallery.boards import FIND_BOARD
from bot.database.gallery.features import FeatureKind
from bot.database.gallery.pages import TRENDING_LORAS
from bot.database.gallery.publications import Publication
from bot.database.jobs.jobs import FIND_JOB
from bot.database.jobs.ratings import CLEAR_JOB_RATING, RATE_JOB, RatingSource
from bot.database.servers.settings import ArtChannel
from bot.servers.context import ActionContext
from bot.ui.art_channels.boards import BoardPosts
from bot.ui.bot import EaselBot
from inference.content_rating import ContentRating
from playground import default_world
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKSHOP, ADA, MARGARET = (int(each) for each in (default_world.WORKSHOP, default_world.ADA, default_world.MARGARET))
TEXT, THREAD, FORUM = int(default_world.ART), int(default_world.THREAD), int(default_world.GALLERY)
STAFF = ActionContext(person_id=MARGARET, server_id=WORKSHOP, permissions=1 << 5, checked_by_discord=True)


@dataclass
class Stage:
    """The running bot, three art channels, a published and liked picture with Bat, and boards edited at will."""

    scene: Scene
    easel: Easel
    bot: EaselBot
    boards: Boards
    posts: BoardPosts
    one: Publication

    async def refresh(self, channel: int) -> VisibleMessage:
        """The board of a channel after a look at it."""
        (place,) = [place for place in await self.posts.places() if place.channel_id == channel]
        await self.boards.refresh(place)
        board = await self.easel.db.one(FIND_BOARD, channel)
        assert board is not None
        seen = await self.scene.control.message(str(board.message_id))
        assert seen is not None
        return seen


@pytest.fixture(scope="module", autouse=True)
def kept_by_the_test() -> Iterator[None]:
    """The bot does not look at its boards by itself a second time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.community.boards.LOOK_SECONDS", 10**6)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_scene(House(tmp_path_factory.mktemp("boards") / "house")) as scene, scene.opened() as (easel, bot):
        await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat"))
        art = (ArtChannel(channel_id=TEXT), ArtChannel(channel_id=THREAD, parent_id=TEXT), ArtChannel(channel_id=FORUM))
        await easel.servers.administration.settings.change(STAFF, WORKSHOP, art_channels=art)
        posts = BoardPosts(bot, easel.db, easel.servers)
        pacer = EditPacer(count(0, 100).__next__)
        boards = Boards(easel.db, posts, pacer, posts.places, every=0)
        for place in await posts.places():
            await boards.refresh(place)
            assert await easel.db.one(FIND_BOARD, place.channel_id) is None, "nothing to show"
        (row,) = await easel.db.fetch("SELECT max(id) AS id FROM job")
        job = await easel.db.one(FIND_JOB, row["id"])
        assert job is not None
        who = ActionContext(person_id=ADA, server_id=WORKSHOP, checked_by_discord=True)
        one = await bot.publishing.publish(who, job, 0, TEXT, shows_prompt=True)
        await bot.likes.like(one.id, MARGARET)
        yield Stage(scene, easel, bot, boards, posts, one)


@pytest.mark.parametrize("channel", [TEXT, THREAD, FORUM])
async def test_a_board_is_posted_edited_and_found_again(stage: Stage, channel: int) -> None:
    seen = await stage.refresh(channel)
    link = f"/{WORKSHOP}/{TEXT}/{stage.one.message_id}"
    assert "This week in the gallery" in seen.text and "Trending LoRAs" in seen.text and link in seen.text
    assert list(seen.buttons) == ["Bat", "Gallery"] and not seen.attachments and not seen.ephemeral
    assert "picks of the week" not in seen.text
    await stage.bot.featuring.feature(STAFF, WORKSHOP, FeatureKind.PUBLICATION, stage.one.id, "picture")
    try:
        edited = await stage.refresh(channel)
        assert edited.id == seen.id and f"Featured by <@{MARGARET}>" in edited.text
        lost = "UPDATE board SET message_channel_id = NULL, message_id = NULL, digest = '' WHERE channel_id = ?"
        await stage.easel.db.write(lost, (channel,))
        assert (await stage.refresh(channel)).id == seen.id, "it is not posted a second time"
    finally:
        await stage.bot.featuring.unfeature(STAFF, WORKSHOP, FeatureKind.PUBLICATION, stage.one.id, "picture")
    assert "picks of the week" not in (await stage.refresh(channel)).text


async def test_a_lora_whose_only_picture_is_hidden_does_not_trend(stage: Stage) -> None:
    db, job_id = stage.easel.db, stage.one.job_id
    (place,) = [place for place in await stage.posts.places() if place.channel_id == TEXT]
    await db.run(
        RATE_JOB, server=WORKSHOP, source=RatingSource.STAFF, rating=ContentRating.EXPLICIT, now=now_ms(), job=job_id
    )
    try:
        assert await db.all(TRENDING_LORAS, server=WORKSHOP, limit=5, **place.shows.parameters) == []
    finally:
        await db.one(CLEAR_JOB_RATING, server=WORKSHOP, source=RatingSource.STAFF, job=job_id)
    assert len(await db.all(TRENDING_LORAS, server=WORKSHOP, limit=5, **place.shows.parameters)) == 1


async def test_its_buttons_open_the_gallery_and_a_loras_page(stage: Stage) -> None:
    seen = await stage.refresh(TEXT)
    linus = stage.scene.control.person("Linus")
    gallery = await (await linus.press(seen, "Gallery")).reply()
    assert gallery.ephemeral and [option["value"] for option in gallery.selects["opengallery:list"]["options"]] == [
        str(stage.one.id)
    ]
    lora = await (await linus.press(seen, "Bat")).reply()
    assert lora.ephemeral and "Pictures generated with this LoRA in this server" in lora.text


async def test_what_is_rated_away_is_named_no_more(stage: Stage) -> None:
    db, job_id = stage.easel.db, stage.one.job_id
    link = f"/{TEXT}/{stage.one.message_id}"
    assert link in (await stage.refresh(FORUM)).text
    await db.run(
        RATE_JOB, server=WORKSHOP, source=RatingSource.STAFF, rating=ContentRating.EXPLICIT, now=now_ms(), job=job_id
    )
    try:
        assert link not in (await stage.refresh(FORUM)).text
    finally:
        await db.one(CLEAR_JOB_RATING, server=WORKSHOP, source=RatingSource.STAFF, job=job_id)


async def test_a_board_that_somebody_deleted_comes_back_with_the_next_change(stage: Stage) -> None:
    seen = await stage.refresh(THREAD)
    await stage.scene.grace.delete(seen)
    await stage.bot.featuring.feature(STAFF, WORKSHOP, FeatureKind.PUBLICATION, stage.one.id, "picture")
    (place,) = [place for place in await stage.posts.places() if place.channel_id == THREAD]
    assert isinstance(place, BoardPlace)
    await stage.boards.refresh(place)  # learns that it is gone
    again = await stage.refresh(THREAD)
    assert again.id != seen.id and "picks of the week" in again.text


@pytest.mark.parametrize("channel", [THREAD, FORUM])
async def test_in_an_archived_thread_it_names_no_more_than_elsewhere(stage: Stage, channel: int) -> None:
    seen = await stage.refresh(channel)
    link = f"/{TEXT}/{stage.one.message_id}"
    assert link in seen.text
    db, job_id = stage.easel.db, stage.one.job_id
    board = await db.one(FIND_BOARD, channel)
    assert board is not None
    await stage.scene.control.set_channel(str(board.message_channel_id), archived=True)
    await db.run(
        RATE_JOB, server=WORKSHOP, source=RatingSource.STAFF, rating=ContentRating.EXPLICIT, now=now_ms(), job=job_id
    )
    try:
        assert link not in (await stage.refresh(channel)).text
    finally:
        await db.one(CLEAR_JOB_RATING, server=WORKSHOP, source=RatingSource.STAFF, job=job_id)
        await stage.refresh(channel)


@pytest.mark.parametrize("channel", [TEXT, THREAD, FORUM])
async def test_it_goes_with_the_art_channel(stage: Stage, channel: int) -> None:
    seen = await stage.refresh(channel)
    await stage.boards.remove_unwanted()
    assert await stage.scene.control.message(seen.id) is not None, "it is wanted"
    change = stage.easel.servers.administration.settings.change
    art = (await stage.easel.servers.servers.of(WORKSHOP)).settings.art_channels
    await change(STAFF, WORKSHOP, art_channels=tuple(each for each in art if each.channel_id != channel))
    try:
        await stage.boards.remove_unwanted()
        assert await stage.scene.control.message(seen.id) is None, "nobody would take a name out of it"
        assert await stage.easel.db.one(FIND_BOARD, channel) is None
        if channel == FORUM:  # the bot may not delete posts there
            assert stage.scene.playground.world.channels[seen.id].name == "Board no longer in use"
    finally:
        await change(STAFF, WORKSHOP, art_channels=art)
