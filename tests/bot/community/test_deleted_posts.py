"""What was deleted in Discord while the bot was away leaves the gallery, and nothing else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.community import deleted_posts
from bot.community.deleted_posts import IDLE_SECONDS, MAX_PAGES, REQUEST_SECONDS, RETRY_SECONDS, DeletedPosts
from bot.community.discord_side import ArtChannelUnreachable, ChannelClosed, MessageGone, SeenMessages
from bot.database.gallery.publications import Publication
from tests.bot.community.art import Community, Discord, community
from tests.bot.database.publishing import ART, SERVER, published

PAGE = 3  # messages


@dataclass
class Channel:
    """Implements `PostedSide`: the messages of one channel, in pages of three."""

    there: set[int] = field(default_factory=set[int])
    lists: bool = True  # without permission to read the history, Discord lists nothing
    problem: Exception | None = None
    forum: bool = False
    emptied: set[int] = field(default_factory=set[int])  # posts whose first message is gone
    pages: int = 0
    asked: list[int] = field(default_factory=list[int])

    async def messages_before(self, server_id: int, channel_id: int, before: int, newest: int) -> SeenMessages:
        assert (server_id, channel_id) == (SERVER, ART)
        if self.problem is not None:
            raise self.problem
        self.pages += 1
        below = sorted((one for one in self.there if one < min(before, newest + 1)), reverse=True)
        page = below[:PAGE] if self.lists else []
        return SeenMessages(frozenset(page), page[-1] if len(page) == PAGE else 0, self.forum)

    async def is_there(self, publication: Publication) -> bool:
        if self.problem is not None:
            raise self.problem
        if not self.lists:
            raise ChannelClosed
        assert publication.message_id is not None
        self.asked.append(publication.message_id)
        return publication.message_id in self.there - self.emptied


@dataclass
class _Broken(Channel):
    """Some channels are silent."""

    silent: set[int] = field(default_factory=set[int])

    async def messages_before(self, server_id: int, channel_id: int, before: int, newest: int) -> SeenMessages:
        if channel_id in self.silent:
            raise ArtChannelUnreachable("silent")
        return await super().messages_before(server_id, ART, before, newest)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Community]:
    async with community(tmp_path, Discord()) as running:
        yield running


async def several(here: Community, count: int) -> tuple[Channel, list[int]]:
    """Published pictures whose messages are all there, and the ids of those, among other messages."""
    ids = [(await published(here.db)).message_id or 0 for _ in range(count)]
    return Channel(set(ids)), ids


async def kept(here: Community) -> list[int]:
    rows = await here.db.fetch("SELECT message_id FROM publication ORDER BY message_id")
    return [row["message_id"] for row in rows]


async def look(looking: DeletedPosts) -> int:
    """Look until nothing is left to do; the number of requests."""
    requests = 0
    while (wait := await looking.step()) != IDLE_SECONDS:
        assert wait == REQUEST_SECONDS
        requests += 1
    return requests


async def test_what_is_gone_goes_and_nothing_else(here: Community) -> None:
    channel, ids = await several(here, 10)
    channel.there -= {ids[0], ids[4], ids[9]}
    looking = DeletedPosts(here.db, channel, here.publishing)
    assert await looking.step() == IDLE_SECONDS, "it was not begun"
    looking.begin()
    await look(looking)
    assert await kept(here) == sorted(channel.there)
    assert sorted(channel.asked) == [ids[0], ids[4], ids[9]], "no request for a message on a page"
    assert channel.pages == 3
    assert await looking.step() == IDLE_SECONDS and channel.pages == 3, "once for a connection"


async def test_other_messages_between_are_passed_over(here: Community) -> None:
    channel, ids = await several(here, 2)
    channel.there |= {ids[1] + each for each in range(1, 60)}
    looking = DeletedPosts(here.db, channel, here.publishing)
    looking.begin()
    await look(looking)
    assert channel.pages == 1 and await kept(here) == ids


@pytest.mark.parametrize("at", ["page", "message"])
async def test_an_outage_takes_nothing_out_and_is_waited_for(here: Community, at: str) -> None:
    channel, ids = await several(here, 6)
    channel.there -= {ids[5], ids[0]}
    looking = DeletedPosts(here.db, channel, here.publishing)
    looking.begin()
    if at == "message":
        await looking.step()
    channel.problem = ArtChannelUnreachable()
    for _ in range(3):
        assert await looking.step() == RETRY_SECONDS
    assert await kept(here) == ids
    pages, channel.problem = channel.pages, None
    await look(looking)
    assert await kept(here) == ids[1:5]
    assert channel.pages == pages + (2 if at == "page" else 1), "it goes on where it was"


async def test_a_channel_that_does_not_answer_keeps_none_of_the_others_waiting(here: Community) -> None:
    channel, ids = await several(here, 4)
    for table in ("art_channel_id", "channel_id"):
        await here.db.connection.execute(f"UPDATE publication SET {table} = ? WHERE message_id = ?", (ART - 1, ids[0]))
    await here.db.connection.commit()
    broken = _Broken(channel.there - {ids[3]}, silent={ART - 1})
    looking = DeletedPosts(here.db, broken, here.publishing)
    looking.begin()
    waits = [await looking.step() for _ in range(6)]
    assert waits[0] == REQUEST_SECONDS and RETRY_SECONDS in waits
    assert await kept(here) == ids[:3], "the second channel was looked at"
    broken.silent.clear()
    while await looking.step() != IDLE_SECONDS:
        pass
    assert await kept(here) == ids[:3]


async def test_a_channel_that_cannot_be_read_keeps_its_pictures(here: Community) -> None:
    channel, ids = await several(here, 4)
    for channel.problem, channel.lists in ((ChannelClosed(), True), (None, False)):
        looking = DeletedPosts(here.db, channel, here.publishing)
        looking.begin()
        await look(looking)
        assert await kept(here) == ids


async def test_with_a_deleted_channel_go_its_pictures(here: Community) -> None:
    channel, _ids = await several(here, 4)
    channel.problem = MessageGone()
    looking = DeletedPosts(here.db, channel, here.publishing)
    looking.begin()
    await look(looking)
    assert await kept(here) == []


async def test_a_new_connection_looks_from_the_newest_on(here: Community) -> None:
    channel, ids = await several(here, 6)
    looking = DeletedPosts(here.db, channel, here.publishing)
    looking.begin()
    await looking.step()
    channel.there.discard(ids[5])
    looking.begin()
    await look(looking)
    assert await kept(here) == ids[:5]


async def test_so_many_pages_of_a_channel_are_read(here: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PAGES * 100 >= 1000, "messages"
    monkeypatch.setattr(deleted_posts, "MAX_PAGES", 2)
    channel, _ids = await several(here, 12)
    looking = DeletedPosts(here.db, channel, here.publishing)
    looking.begin()
    await look(looking)
    assert channel.pages == 2


async def test_the_newest_posts_of_a_forum_are_asked_for(here: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleted_posts, "MAX_ASKED", 4)
    channel, ids = await several(here, 8)
    channel.forum, channel.emptied = True, {ids[6], ids[0]}
    channel.there.discard(ids[1])
    looking = DeletedPosts(here.db, channel, here.publishing)
    looking.begin()
    await look(looking)
    assert sorted(channel.asked) == [ids[1], *ids[4:]]
    assert await kept(here) == [ids[0], *ids[2:6], ids[7]]
