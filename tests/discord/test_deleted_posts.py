"""What somebody deletes in an art channel while the bot is offline leaves the gallery at the next start."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bot.app.assembly import Easel
from bot.community import deleted_posts
from bot.community.deleted_posts import DeletedPosts
from bot.database.gallery.publications import Publication
from bot.database.jobs.jobs import FIND_JOB
from bot.database.servers.settings import ArtChannel
from bot.servers.context import ActionContext
from bot.ui.art_channels.posted import PostedMessages
from bot.ui.bot import EaselBot
from playground import default_world, permissions
from tests.discord.conftest import PATIENCE, PROMPT, Scene

WORKSHOP, ADA = int(default_world.WORKSHOP), int(default_world.ADA)
TEXT, THREAD, FORUM = int(default_world.ART), int(default_world.THREAD), int(default_world.GALLERY)
ART = (ArtChannel(channel_id=TEXT), ArtChannel(channel_id=THREAD, parent_id=TEXT), ArtChannel(channel_id=FORUM))
STAFF = ActionContext(
    person_id=int(default_world.MARGARET), server_id=WORKSHOP, permissions=1 << 5, checked_by_discord=True
)


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deleted_posts, "REQUEST_SECONDS", 0.01)
        patch.setattr(deleted_posts, "RETRY_SECONDS", 0.1)
        yield


async def publish(scene: Scene, easel: Easel, bot: EaselBot, channel: int, seed: int, **options: object) -> Publication:
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=seed, **options))
    (row,) = await easel.db.fetch("SELECT max(id) AS id FROM job")
    job = await easel.db.one(FIND_JOB, row["id"])
    assert job is not None
    who = ActionContext(person_id=ADA, server_id=WORKSHOP, checked_by_discord=True)
    return await bot.publishing.publish(who, job, 0, channel, shows_prompt=True)


async def left(easel: Easel) -> set[int]:
    return {row["id"] for row in await easel.db.fetch("SELECT id FROM publication")}


async def look(easel: Easel, bot: EaselBot) -> None:
    """Look at all channels, beside the bot itself."""
    looking = DeletedPosts(easel.db, PostedMessages(bot), bot.publishing)
    looking.begin()
    while await looking.step() != deleted_posts.IDLE_SECONDS:
        pass


async def test_deleted_posts_are_noticed_at_the_next_start(empty: Scene) -> None:
    scene, world = empty, empty.playground.world
    kept, gone = set[int](), list[Publication]()
    async with scene.opened() as (easel, bot):
        await easel.servers.administration.settings.change(STAFF, WORKSHOP, art_channels=ART)
        for seed, channel in enumerate((TEXT, THREAD, FORUM)):
            kept.add((await publish(scene, easel, bot, channel, seed)).id)
            gone.append(await publish(scene, easel, bot, channel, seed + 10))
    for one in gone:
        message = await scene.control.message(str(one.message_id))
        assert message is not None
        await scene.grace.delete(message)
    await scene.control.set_channel("art", overwrite="Easel", deny=permissions.READ_MESSAGE_HISTORY)
    await scene.control.set_channel("gallery", overwrite="Easel", deny=permissions.READ_MESSAGE_HISTORY)
    async with scene.opened() as (easel, bot):
        await look(easel, bot)
        assert await left(easel) == kept | {one.id for one in gone}, "nothing is known of a closed channel"
    for name in ("art", "gallery"):
        await scene.control.set_channel(name, overwrite="Easel", allow=permissions.READ_MESSAGE_HISTORY)
    for post in [one for one in world.channels.values() if one.parent_id == str(FORUM)]:
        await scene.control.set_channel(post.id, archived=True)
    await scene.control.fault(f"/channels/{TEXT}/messages", method="GET", status=500)
    async with scene.opened() as (easel, bot):
        async with asyncio.timeout(PATIENCE):
            while await left(easel) != kept:
                pass
        await look(easel, bot)
        assert await left(easel) == kept
