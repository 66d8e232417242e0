"""Takes pictures out of the gallery whose messages somebody deleted in Discord while the bot was not connected.

After each connection the art channels are looked at, from the newest message back: a page of a hundred messages with
one request, some pages of a channel, and some seconds between two requests. What is on no page is asked for by itself
before it goes; so is the first message of the newest posts of a forum, for it can be deleted alone. What Discord does
not answer is asked again later, and in a channel that the bot may not read, nothing is taken out.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field

from bot import background
from bot.community.discord_side import ArtChannelUnreachable, ChannelClosed, MessageGone, PostedSide
from bot.community.publishing import Publishing
from bot.database.database import Database
from bot.database.gallery.pages import END
from bot.database.gallery.publications import NEXT_CHANNEL_WITH_PUBLICATIONS, POSTED_IN_CHANNEL, Publication

REQUEST_SECONDS = 3.0  # between two requests
RETRY_SECONDS = 60.0  # until what Discord did not answer is asked again
IDLE_SECONDS = 3600.0  # when all was looked at; a new connection does not wait for it
MAX_PAGES = 20  # of one channel after a connection
MAX_ASKED = 50  # posts of a forum after a connection, each by a request of its own
AT_ONCE = 1000  # publications that are compared with a page

log = logging.getLogger(__name__)


@dataclass
class _Walk:
    """How far a channel was looked at: messages with ids from `before` on were, and `unsure` are still asked for."""

    server_id: int
    channel_id: int
    before: int = END
    seen: set[int] = field(default_factory=set[int])
    unsure: deque[Publication] = field(default_factory=deque[Publication])
    pages: int = 0
    asked: int = 0  # messages that were seen in part, and are asked for


class DeletedPosts:
    """Looks for publications whose messages are gone. `discord` reads the channels."""

    def __init__(self, db: Database, discord: PostedSide, publishing: Publishing) -> None:
        self._db = db
        self._discord = discord
        self._publishing = publishing
        self._after: int | None = None  # the channels from this id on are still to be looked at
        self._walk: _Walk | None = None
        self._later = deque[
            _Walk
        ]()  # in channels that Discord did not answer about, for when all others were looked at
        self._recurring = background.Recurring("looking for deleted publications", self.step, RETRY_SECONDS)

    def begin(self) -> None:
        """Look at all channels, the newest messages first: the bot was not told what was deleted before now."""
        self._after, self._walk = 0, None
        self._later.clear()
        self._recurring.wake()

    async def run(self) -> None:
        """Look whenever it is begun. Runs until cancelled."""
        await self._recurring.run()

    async def step(self) -> float:
        """Send one request, if there is something to look at; the seconds until the next. Raises DatabaseError."""
        walk = self._walk = self._walk or await self._next_channel()
        if walk is None:
            return IDLE_SECONDS
        try:
            done = await self._confirm(walk) if walk.unsure else await self._look(walk)
        except ChannelClosed as problem:
            log.info("cannot find deleted messages of channel %d: %s", walk.channel_id, problem)
            done = True
        except ArtChannelUnreachable as problem:
            log.warning("cannot check channel %d, will retry: %s", walk.channel_id, problem)
            if self._walk is walk:  # else it was begun anew meanwhile
                self._walk = None
                self._later.append(walk)
            others = self._after is not None and await self._db.one(NEXT_CHANNEL_WITH_PUBLICATIONS, self._after)
            return REQUEST_SECONDS if others else RETRY_SECONDS
        if done and self._walk is walk:  # else it was begun anew meanwhile
            self._walk = None
        return REQUEST_SECONDS

    async def _next_channel(self) -> _Walk | None:
        found = None if self._after is None else await self._db.one(NEXT_CHANNEL_WITH_PUBLICATIONS, self._after)
        if found is None:
            self._after = None
            return self._later.popleft() if self._later else None
        self._after = found.art_channel_id
        return _Walk(found.server_id, found.art_channel_id)

    async def _look(self, walk: _Walk) -> bool:
        """Compare the next page with what was posted; whether the channel was looked at."""
        newest = await self._db.all(POSTED_IN_CHANNEL, channel=walk.channel_id, before=walk.before, down_to=0, limit=1)
        if not newest or walk.pages == MAX_PAGES:
            return True
        message_id = newest[0].message_id or 0
        try:
            page = await self._discord.messages_before(walk.server_id, walk.channel_id, walk.before, message_id)
        except MessageGone:
            log.info("channel %d was deleted, with all its publications", walk.channel_id)
            await self._publishing.channel_deleted(walk.channel_id)
            return True
        walk.seen |= page.message_ids
        posted = await self._db.all(
            POSTED_IN_CHANNEL, channel=walk.channel_id, before=walk.before, down_to=page.down_to, limit=AT_ONCE
        )
        for one in posted:
            seen = one.message_id in walk.seen
            if not seen or (page.in_part and walk.asked < MAX_ASKED):
                walk.unsure.append(one)
                walk.asked += seen
        walk.before, walk.pages = page.down_to, walk.pages + 1
        return False

    async def _confirm(self, walk: _Walk) -> bool:
        """Ask for the message that may be gone; if it is gone, so is its publication."""
        one = walk.unsure[0]
        if not await self._discord.is_there(one):
            log.info("the message of publication %d was deleted", one.id)
            await self._publishing.message_deleted(one.message_id or 0)
        walk.unsure.popleft()
        return False
