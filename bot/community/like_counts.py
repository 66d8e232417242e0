"""Likes of published pictures, and the messages whose number of likes is brought up to date.

Who likes a picture sees the new number in the answer. Other messages are edited rarely: each once in some minutes, and
of all together one in some seconds. Which ones are behind is found in the database, so that a restart loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from discord.utils import snowflake_time

from bot import background
from bot.community.discord_side import (
    ArtChannelUnreachable,
    MessageClosed,
    MessageGone,
    PostRefused,
    PublicationSide,
)
from bot.community.pacing import EditPacer
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.gallery import likes
from bot.database.gallery.likes import LikeCount
from bot.database.gallery.publications import BEGIN_REMOVAL, END_REMOVAL
from bot.errors.gallery import NotPublished

MESSAGE_SECONDS = 10 * 60.0  # between two edits of one message
IDLE_SECONDS = 30.0  # until it is looked again whether a message is behind
AGE_SECONDS = 5 * 60.0  # between two looks for likes that are not recent any more

log = logging.getLogger(__name__)


@dataclass
class _Edits:
    """Edits that write the likes of one publication, as long as there is one."""

    running: int = 0
    overlapped: bool = False


class LikeCounts:
    """Takes likes, and brings messages up to date: each once in `every` seconds.

    `pacer` is shared with whatever else edits messages.
    """

    def __init__(
        self,
        db: Database,
        discord: PublicationSide,
        pacer: EditPacer,
        *,
        every: float = MESSAGE_SECONDS,
    ) -> None:
        self._db = db
        self._discord = discord
        self._pacer = pacer
        self._every = every
        self._edits: dict[int, _Edits] = {}  # by publication

    async def like(self, publication_id: int, person_id: int, joined_at: int | None = None) -> LikeCount:
        """Like a picture; a second time changes nothing. `joined_at` (unix ms) is when the person joined the server.

        Likes of the author and of new accounts are shown, but do not rank. Raises NotPublished or DatabaseError.
        """
        ranks = not _is_new(person_id, joined_at, now_ms())
        return _there(await likes.like(self._db, publication_id, person_id, ranks=ranks))

    async def unlike(self, publication_id: int, person_id: int) -> LikeCount:
        """Take a like back. Raises NotPublished or DatabaseError."""
        return _there(await likes.unlike(self._db, publication_id, person_id))

    @asynccontextmanager
    async def showing(self, publication_id: int, count: int) -> AsyncGenerator[None]:
        """Around an edit that writes this number into its message; then it is known what that shows.

        After an edit whose answer is lost, and of edits at the same time, it is not: the message is brought up to date
        later. Raises DatabaseError.
        """
        edits = self._edits.setdefault(publication_id, _Edits())
        edits.running += 1
        edits.overlapped = edits.overlapped or edits.running > 1
        try:
            await self._db.run(likes.MARK_EDITING, publication_id)
            yield
        finally:
            edits.running -= 1
            if not edits.running:
                del self._edits[publication_id]
        await self._db.run(
            likes.MARK_SHOWN,
            shown_likes=likes.UNKNOWN_LIKES if edits.overlapped else count,
            now=now_ms(),
            id=publication_id,
        )

    async def run(self) -> None:
        """Bring messages up to date, and let likes grow old. Runs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            refresh = background.Recurring("bringing likes up to date", self.refresh_one, IDLE_SECONDS)
            tasks.create_task(refresh.run())
            tasks.create_task(background.Recurring("counting recent likes", self.age, AGE_SECONDS).run())

    async def age(self) -> None:
        """Let likes that are older than a week count as recent no longer. Raises DatabaseError."""
        while await likes.age_likes(self._db):
            pass

    async def refresh_one(self) -> float:
        """Bring the message up to date that waits longest, if it is time; the seconds until the next may be.

        Raises DatabaseError.
        """
        due = now_ms() - round(self._every * 1000)
        publication = await self._db.one(likes.OUTDATED_LIKES, due)
        if publication is None:
            return IDLE_SECONDS
        if wait := self._pacer.take():
            return wait
        try:
            async with self.showing(publication.id, publication.likes):
                await self._discord.show_likes(publication, publication.likes)
        except ArtChannelUnreachable as problem:
            log.warning("cannot show the likes of publication %d, will retry: %s", publication.id, problem)
            # Other publications come first now.
            await self._db.run(likes.MARK_SHOWN, shown_likes=likes.UNKNOWN_LIKES, now=now_ms(), id=publication.id)
            return IDLE_SECONDS
        except MessageGone:
            if await self._db.one(BEGIN_REMOVAL, publication.id):
                await self._db.run(END_REMOVAL, publication.id)
            return 0.0
        except (MessageClosed, PostRefused) as problem:  # the next like tries again
            log.info("cannot show the likes of publication %d: %r", publication.id, problem)
            await self._db.run(likes.MARK_SHOWN, shown_likes=publication.likes, now=now_ms(), id=publication.id)
        return self._pacer.seconds


def _is_new(person_id: int, joined_at: int | None, now: int) -> bool:
    """Whether the account was created, or joined the server, less than a day ago."""
    created_at = round(snowflake_time(person_id).timestamp() * 1000)
    return any(now - at < DAY_MS for at in (created_at, joined_at) if at is not None)


def _there(count: LikeCount | None) -> LikeCount:
    if count is None:
        raise NotPublished
    return count
