"""Art channels that some of a server do not see: gallery, LoRA page, boards and prompts leave their pictures out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from bot.community.boards import Boards
from bot.community.pacing import EditPacer
from bot.database.gallery.boards import FIND_BOARD
from bot.database.gallery.features import FeatureKind
from bot.database.gallery.publications import Publication
from bot.ui.art_channels.boards import BoardPosts
from playground import permissions
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, open_scene, told, use_picture
from tests.discord.test_deleted_posts import ART, FORUM, STAFF, TEXT, THREAD, WORKSHOP, publish
from tests.discord.test_gallery import GONE
from tests.discord.test_server import chosen, pressed
from tests.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Stage:
    """The running bot; what is in #art and its thread is for artists, such as Ada, and what is in the forum for all."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.running = AsyncExitStack()
        self.linus = scene.control.person("Linus")

    async def start(self) -> None:
        self.easel, self.bot = await self.running.enter_async_context(self.scene.opened())
        await self.easel.servers.administration.settings.change(STAFF, WORKSHOP, art_channels=ART)
        self.closed, self.thread, self.open = [await self.publish(channel) for channel in (TEXT, THREAD, FORUM)]
        for one in (self.closed, self.open):
            await self.bot.featuring.feature(STAFF, WORKSHOP, FeatureKind.PUBLICATION, one.id, "picture")
        control = self.scene.control
        await control.set_channel("art", overwrite="@everyone", deny=permissions.VIEW_CHANNEL)
        for who in ("Artists", "Easel"):
            await control.set_channel("art", overwrite=who, allow=permissions.VIEW_CHANNEL)

    async def publish(self, channel: int) -> Publication:
        return await publish(self.scene, self.easel, self.bot, channel, seed=channel % 1000, lora1="Bat")

    async def board(self, channel: int) -> VisibleMessage:
        posts = BoardPosts(self.bot, self.easel.db, self.easel.servers)
        (place,) = [place for place in await posts.places() if place.channel_id == channel]
        await Boards(self.easel.db, posts, EditPacer(lambda: 0.0), posts.places, every=0).refresh(place)
        board = await self.easel.db.one(FIND_BOARD, channel)
        assert board is not None
        seen = await self.scene.control.message(str(board.message_id))
        assert seen is not None
        return seen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_scene(House(tmp_path_factory.mktemp("closed") / "house")) as scene:
        stage = Stage(scene)
        await stage.start()
        yield stage
        await stage.running.aclose()


def listed(page: VisibleMessage, menu: str = "list") -> set[str]:
    return {option["value"] for option in page.selects[f"opengallery:{menu}"]["options"]}


async def test_the_gallery_shows_what_is_in_channels_that_the_person_sees(stage: Stage) -> None:
    every = {str(one.id) for one in (stage.closed, stage.thread, stage.open)}
    page = await told(stage.scene.ada, "gallery")
    assert listed(page) == every and listed(page, "featured") == {str(stage.closed.id), str(stage.open.id)}
    page = await told(stage.linus, "gallery")
    assert listed(page) == listed(page, "featured") == {str(stage.open.id)}
    assert listed(await told(stage.scene.grace, "gallery")) == every, "the owner of the server sees all channels"
    for filters in ({"lora": "Bat"}, {"sort": "featured_by_staff"}, {"search": "red"}):
        assert listed(await told(stage.linus, "gallery", **filters)) == {str(stage.open.id)}, filters


async def test_its_buttons_reach_nothing_there(stage: Stage) -> None:
    for hidden in (stage.closed, stage.thread):
        for name in ("like", "usesame", "keeppub", "remixpub", "rppublished"):
            assert GONE in (await stage.scene.forged(stage.linus, f"{name}:{hidden.id}")).text, name
    post = await stage.scene.control.message(str(stage.open.message_id))
    assert post is not None
    assert "Bookmarked Bat" in (await pressed(stage.linus, post, "Bookmark these LoRAs")).text, "in a post of a forum"


async def test_who_acts_in_a_channel_sees_it(stage: Stage) -> None:
    post = await stage.scene.control.message(str(stage.closed.message_id))
    assert post is not None
    assert (
        "Your studio now has only this picture's LoRAs"
        in (await pressed(stage.scene.ada, post, "Use these LoRAs")).text
    )


async def test_a_prompt_that_is_shown_there_alone_stays_private(stage: Stage) -> None:
    for one, seen_by in ((stage.closed, "Ada"), (stage.open, "Ada Linus")):
        (picture,) = await stage.scene.pictures(showing=f"seed {one.art_channel_id % 1000}")
        for person in (stage.scene.ada, stage.linus):
            details = await (await use_picture(person, picture, "Details")).reply()
            assert (PROMPT in details.text) is (person.name in seen_by), (one, person.name)


async def test_a_loras_page_and_boards_leave_them_out(stage: Stage) -> None:
    assert len((await told(stage.linus, "lora info", name="Bat")).attachments) + 2 == len(
        (await told(stage.scene.ada, "lora info", name="Bat")).attachments
    )
    links = {f"/{one.channel_id}/{one.message_id}" for one in (stage.closed, stage.thread)}
    everybody = await stage.board(FORUM)
    assert not [link for link in links if link in everybody.text]
    assert f"/{stage.open.channel_id}/{stage.open.message_id}" in everybody.text
    there = await stage.board(TEXT)
    assert f"/{stage.closed.channel_id}/{stage.closed.message_id}" in there.text, "its own"


async def test_staff_are_told_who_sees_an_art_channel(stage: Stage) -> None:
    grace = stage.scene.grace
    panel = await chosen(grace, await told(grace, "server"), "svsection", "art")
    assert panel.text.count("Not everyone can see this channel") == 2, "the channel and its thread, and not the forum"
