"""A scan of all posted messages after a picture was taken down, and after all of its author was deleted."""

from __future__ import annotations

import asyncio
import json
from itertools import count

import pytest

from bot.app.assembly import Easel
from bot.community.boards import Boards
from bot.community.pacing import EditPacer
from bot.database.jobs.jobs import FIND_JOB
from bot.database.servers.settings import ArtChannel
from bot.servers.context import ActionContext
from bot.ui.art_channels.boards import BoardPosts
from bot.ui.bot import EaselBot
from playground import default_world
from playground.control import Person
from tests.discord.conftest import PATIENCE, Scene, told
from tests.discord.test_privacy import delete_all, id_of

WORKSHOP, TEXT, THREAD, FORUM = (
    int(each) for each in (default_world.WORKSHOP, default_world.ART, default_world.THREAD, default_world.GALLERY)
)
ART = (ArtChannel(channel_id=TEXT), ArtChannel(channel_id=THREAD, parent_id=TEXT), ArtChannel(channel_id=FORUM))
STAFF = ActionContext(
    person_id=int(default_world.MARGARET), server_id=WORKSHOP, permissions=1 << 5, checked_by_discord=True
)
WORD = "zebrafinch"  # in what the person wrote, and in nothing else


async def published(scene: Scene, easel: Easel, bot: EaselBot, person: Person, channel: int) -> int:
    """A picture with Bat, liked by somebody and featured; the id of its job."""
    await scene.painted(await person.slash("imagine", prompt=f"a {WORD}", lora1="Bat"))
    row = await easel.db.fetch_one("SELECT max(id) AS id FROM job")
    job = await easel.db.one(FIND_JOB, row["id"] if row else 0)
    assert job is not None
    who = ActionContext(person_id=job.person_id, server_id=WORKSHOP, checked_by_discord=True)
    one = await bot.publishing.publish(who, job, 0, channel, shows_prompt=True)
    await bot.likes.like(one.id, int(default_world.LINUS))
    return job.id


async def refresh_boards(easel: Easel, bot: EaselBot) -> None:
    posts = BoardPosts(bot, easel.db, easel.servers)
    boards = Boards(easel.db, posts, EditPacer(count(0, 100).__next__), posts.places, every=0)
    for place in await posts.places():
        await boards.refresh(place)


def found(scene: Scene, jobs: list[int], messages: set[str], *, letters: bool = True) -> list[str]:
    """What is left of the pictures in messages that everybody sees: files, words, titles of posts, links of boards.

    With `letters`, in direct messages too.
    """
    world = scene.playground.world
    left = [f"the title {one.name}" for one in world.channels.values() if WORD in (one.name or "")]
    for message in world.messages.values():
        if message.visible_to is not None or message.channel_id == default_world.GENERAL:
            continue
        if world.channels[message.channel_id].recipients and not letters:
            continue
        text = json.dumps(message.components) + message.content
        names = [each.filename for each in message.attachments]
        signs = [WORD in text, any(f"/{each})" in text for each in messages)]
        signs += [any(name.startswith(f"job{job}-") for name in names) for job in jobs]
        left += [f"{message.channel_id}: {names} {text[:200]}"] if any(signs) else []
    return left


@pytest.mark.parametrize("way", ["taken down", "deleted with all of its author"])
async def test_nothing_of_a_removed_picture_is_found(empty: Scene, way: str) -> None:
    scene, grace = empty, empty.grace
    async with scene.opened() as (easel, bot):
        await easel.servers.administration.settings.change(STAFF, WORKSHOP, art_channels=ART)
        mary = await scene.control.new_person("Mandarin")
        jobs = [await published(scene, easel, bot, mary, art.channel_id) for art in ART]
        rows = await easel.db.fetch("SELECT message_id FROM publication")
        messages = {str(row["message_id"]) for row in rows}
        await refresh_boards(easel, bot)
        before = found(scene, jobs, messages)
        assert len(before) == 3 + 3 + 1, "three posts, three boards and the title of the one in the forum"
        assert len((await told(grace, "gallery")).attachments) == 3
        assert "Pictures generated with this LoRA in this server" in (await told(grace, "lora info", name="Bat")).text
        if way == "taken down":
            for job_id in jobs:
                job = await easel.db.one(FIND_JOB, job_id)
                assert job is not None
                await bot.removals.take_down(job, WORKSHOP, int(default_world.MARGARET), "Not here.")
                await bot.publishing.take_back_job(job_id, WORKSHOP)
        else:
            await delete_all(scene, mary, await told(mary, "privacy delete"))
        async with asyncio.timeout(PATIENCE):
            while await easel.db.fetch("SELECT 1 FROM publication"):
                await bot.publishing.settle()
        await refresh_boards(easel, bot)
        # The staff's reason reaches the author with the beginning of the prompt.
        assert found(scene, jobs, messages, letters=way != "taken down") == []
        gallery = await told(grace, "gallery")
        assert not gallery.attachments and WORD not in gallery.text and f"<@{id_of(scene, mary)}>" not in gallery.text
        lora = await told(grace, "lora info", name="Bat")
        assert (
            "Pictures generated with this LoRA in this server" not in lora.text
            and f"<@{id_of(scene, mary)}>" not in lora.text
        )
        kept = await easel.db.fetch("SELECT digest FROM board")
        assert kept and all(json.loads(row["digest"])["publications"] == [] for row in kept)
