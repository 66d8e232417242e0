"""The Discord side of publishing: text channel, thread and forum, what a crash left, likes, and taking away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count

import pytest
import pytest_asyncio

from bot.app.assembly import Easel
from bot.community.like_counts import LikeCounts
from bot.community.pacing import EditPacer
from bot.database.gallery.publications import FIND_PUBLICATION, Publication, PublicationState
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.servers.settings import ArtChannel
from bot.servers.context import ActionContext
from bot.ui.art_channels.posts import PublicationPosts
from bot.ui.bot import EaselBot
from playground import default_world
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKSHOP, ADA = int(default_world.WORKSHOP), int(default_world.ADA)
TEXT, THREAD, FORUM = int(default_world.ART), int(default_world.THREAD), int(default_world.GALLERY)
TAGS = default_world.GALLERY_TAGS


@dataclass
class Stage:
    """The running bot, with three art channels, and its services."""

    scene: Scene
    easel: Easel = field(init=False)
    bot: EaselBot = field(init=False)
    likes: LikeCounts = field(init=False)  # whose edits are as near to each other as they like
    running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        self.easel, self.bot = await self.running.enter_async_context(self.scene.opened())
        easel = self.easel
        posts = PublicationPosts(self.bot, easel.db, easel.configuration, easel.attachments, easel.servers)
        self.likes = LikeCounts(easel.db, posts, EditPacer(count(0, 100).__next__), every=0)

    async def job(self, **options: object) -> Job:
        """A job of Ada's that is painted."""
        await self.scene.painted(await self.scene.ada.slash("imagine", prompt=PROMPT, **options))
        (row,) = await self.easel.db.fetch("SELECT max(id) AS id FROM job")
        job = await self.easel.db.one(FIND_JOB, row["id"])
        assert job is not None
        return job

    async def publish(self, job: Job, channel: int, *, shows_prompt: bool = True) -> Publication:
        who = ActionContext(person_id=ADA, server_id=WORKSHOP, checked_by_discord=True)
        return await self.bot.publishing.publish(who, job, 0, channel, shows_prompt=shows_prompt)

    async def message(self, publication: Publication) -> VisibleMessage:
        found = await self.scene.control.message(str(publication.message_id))
        assert found is not None
        return found

    async def lose(self, publication: Publication) -> None:
        """Let the row say what it says when the program ends before Discord's answer."""
        await self.easel.db.write(
            "UPDATE publication SET state = 'pending', channel_id = NULL, message_id = NULL WHERE id = ?",
            (publication.id,),
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_scene(House(tmp_path_factory.mktemp("art") / "house")) as scene:
        stage = Stage(scene)
        await stage.start()
        art = (ArtChannel(channel_id=TEXT), ArtChannel(channel_id=THREAD, parent_id=TEXT), ArtChannel(channel_id=FORUM))
        who = ActionContext(person_id=ADA, server_id=WORKSHOP, permissions=1 << 5, checked_by_discord=True)
        await stage.easel.servers.administration.settings.change(who, WORKSHOP, art_channels=art)
        yield stage
        await stage.running.aclose()


@pytest.mark.parametrize("channel", [TEXT, THREAD, FORUM])
async def test_a_picture_is_posted_found_liked_and_deleted(stage: Stage, channel: int) -> None:
    job = await stage.job(lora1="Bat")
    one = await stage.publish(job, channel)
    seen = await stage.message(one)
    assert PROMPT in seen.text and f"<@{ADA}>" in seen.text and "Bat at" in seen.text and len(seen.attachments) == 1
    assert list(seen.buttons) == ["Bat", "Like", "Use these LoRAs", "Bookmark these LoRAs", "Remix", "Unpublish"]
    if channel == FORUM:
        assert one.channel_id == one.message_id
        post = stage.scene.playground.world.channels[str(one.message_id)]
        assert PROMPT in (post.name or "") and set(post.applied_tags) == {TAGS["other"]}
    await stage.lose(one)
    await stage.bot.publishing.settle()
    found = await stage.easel.db.one(FIND_PUBLICATION, one.id)
    assert found is not None and (found.state, found.message_id) == (PublicationState.POSTED, one.message_id)
    await stage.likes.like(one.id, 5)
    await stage.likes.refresh_one()
    liked = await stage.message(one)
    assert "Like · 1" in liked.buttons and [each["id"] for each in liked.attachments] == [
        each["id"] for each in seen.attachments
    ]
    await stage.bot.publishing.take_back(one.id)
    await stage.bot.publishing.settle()
    assert await stage.scene.control.message(str(one.message_id)) is None


async def test_a_prompt_that_is_not_shown_is_nowhere(stage: Stage) -> None:
    for channel in (TEXT, FORUM):
        one = await stage.publish(await stage.job(), channel, shows_prompt=False)
        seen = await stage.message(one)
        assert PROMPT not in seen.text and list(seen.buttons) == ["Like", "Remix", "Unpublish"]
        assert PROMPT not in (stage.scene.playground.world.channels[str(one.channel_id)].name or "")


async def test_an_archived_post_is_found_and_not_edited(stage: Stage) -> None:
    one = await stage.publish(await stage.job(), FORUM)
    await stage.scene.control.set_channel(str(one.channel_id), archived=True)
    await stage.lose(one)
    await stage.bot.publishing.settle()
    found = await stage.easel.db.one(FIND_PUBLICATION, one.id)
    assert found is not None and found.message_id == one.message_id
    await stage.likes.like(one.id, 5)
    await stage.likes.refresh_one()
    assert "Like" in (await stage.message(one)).buttons
    await stage.bot.publishing.take_back(one.id)
    await stage.bot.publishing.settle()
    assert await stage.scene.control.message(str(one.message_id)) is None


async def test_what_somebody_deletes_in_discord_is_out_of_the_gallery(stage: Stage) -> None:
    for channel in (TEXT, FORUM):
        one = await stage.publish(await stage.job(), channel)
        await stage.scene.grace.delete(await stage.message(one))
        while await stage.easel.db.one(FIND_PUBLICATION, one.id) is not None:
            pass


async def test_an_archived_thread_keeps_no_picture(stage: Stage) -> None:
    """Discord may refuse to delete there; the thread is opened for it."""
    one = await stage.publish(await stage.job(), THREAD)
    await stage.scene.control.set_channel(str(THREAD), archived=True)
    await stage.scene.control.fault(f"/messages/{one.message_id}", method="DELETE", status=400, code=50083)
    await stage.bot.publishing.take_back(one.id)
    await stage.bot.publishing.settle()
    assert await stage.scene.control.message(str(one.message_id)) is None
    assert await stage.easel.db.one(FIND_PUBLICATION, one.id) is None


async def test_a_post_loses_its_title_although_its_message_is_gone_already(stage: Stage) -> None:
    """The program may have ended, or Discord have refused, between the two."""
    one = await stage.publish(await stage.job(), FORUM)
    post = stage.scene.playground.world.channels[str(one.channel_id)]
    assert PROMPT in (post.name or "")
    await stage.scene.control.fault(f"/channels/{one.channel_id}", method="PATCH", status=400)
    await stage.bot.publishing.take_back(one.id)
    for _ in range(2):
        await stage.bot.publishing.settle()
    assert await stage.easel.db.one(FIND_PUBLICATION, one.id) is None
    assert PROMPT not in (post.name or "") and post.archived
