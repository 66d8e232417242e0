"""Boards: one message in each art channel shows trending LoRAs, the most liked pictures and staff's picks of the week.

It is edited when that has changed, rarely; what may not be shown any more goes at the next look. It goes itself when
its channel is no art channel any more: nobody would take a name out of it.

The row is written before the board is posted, so that a board of which nobody knows is looked for, not posted again;
and before it is edited, so that an edit whose answer is lost is made again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass

from bot import background
from bot.community.discord_side import (
    ArtChannelUnreachable,
    BoardContent,
    BoardSide,
    ChannelClosed,
    MessageClosed,
    MessageGone,
    PostedMessage,
    PostRefused,
)
from bot.community.pacing import EditPacer
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.boards import (
    ALL_BOARDS,
    FIND_BOARD,
    FORGET_BOARD,
    SAVE_BOARD,
    SAVE_POSSIBLE_BOARD,
    GalleryBoard,
    begin_board,
)
from bot.database.gallery.features import FEATURED_LORAS, FEATURED_PUBLICATIONS
from bot.database.gallery.likes import RECENT_MS
from bot.database.gallery.pages import FIND_ALL_SHOWN, TRENDING_LORAS, GallerySort, PlaceFilter, gallery_page
from bot.database.gallery.terms import GalleryFilter

BOARD_SECONDS = 10 * 60.0  # between two edits of one board
LOOK_SECONDS = 60.0  # between two looks at all boards
CLOSED_SECONDS = 10 * 60.0  # until the bot tries again what it was not allowed in a channel
TRENDING, MOST_LIKED, PICKS = 5, 5, 4  # shown of each; picks of pictures and of LoRAs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BoardPlace:
    """An art channel that has a board, and what is shown in it."""

    channel_id: int
    server_id: int
    shows: PlaceFilter


class Boards:
    """Keeps the boards of all art channels, each edited once in `every` seconds at most.

    `places` are asked each time.
    """

    def __init__(
        self,
        db: Database,
        discord: BoardSide,
        pacer: EditPacer,
        places: Callable[[], Awaitable[Iterable[BoardPlace]]],
        *,
        every: float = BOARD_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is in seconds."""
        self._db = db
        self._discord = discord
        self._pacer = pacer
        self._places = places
        self._every = every
        self._clock = clock
        self._closed: dict[int, float] = {}  # by channel: when to try again what was refused there

    async def run(self) -> None:
        """Keep all boards. Runs until cancelled."""
        while True:
            await background.guard(self._refresh_all(), "keeping boards")
            await background.guard(self.remove_unwanted(), "deleting boards")
            await asyncio.sleep(LOOK_SECONDS)

    async def _refresh_all(self) -> None:
        for place in await self._places():
            try:
                wait = await self.refresh(place)
                if 0 < wait <= self._pacer.seconds:
                    await asyncio.sleep(wait)
                    await self.refresh(place)
            except ArtChannelUnreachable as problem:
                log.warning("cannot update the board of channel %d, will retry: %s", place.channel_id, problem)

    async def remove_unwanted(self) -> None:
        """Delete the boards of channels that are no art channels any more. Raises DatabaseError."""
        for board in await self._db.all(ALL_BOARDS):
            if await self._discord.is_wanted(board) or self._is_closed(board.channel_id):
                continue
            try:
                message = await self._message(board)
                if message is not None:
                    await self._discord.delete_board(board, message)
            except ArtChannelUnreachable as problem:
                self._note_closed(board.channel_id, problem)
                log.warning("cannot delete the board of channel %d, will retry: %s", board.channel_id, problem)
            else:
                await self._db.run(FORGET_BOARD, board.channel_id)

    async def _message(self, board: GalleryBoard) -> PostedMessage | None:
        if board.message_channel_id is None or board.message_id is None:
            return await self._discord.find_board(board)
        return PostedMessage(board.message_channel_id, board.message_id)

    async def refresh(self, place: BoardPlace) -> float:
        """Post or edit one board if what it shows has changed; else the seconds until it may be edited.

        0.0: nothing is left to do. Raises ArtChannelUnreachable or DatabaseError.
        """
        content = await self._content(place)
        if content.empty and await self._db.one(FIND_BOARD, place.channel_id) is None:
            return 0.0  # there is nothing to begin with
        board, new = await begin_board(self._db, place.channel_id, place.server_id)
        if board.digest == as_stored(content) or self._is_closed(board.channel_id):
            return 0.0
        wait = board.edited_at / 1000 + self._every - now_ms() / 1000
        if wait > 0 and not await self._names_what_is_gone(board, place):
            return wait
        if wait := self._pacer.take():
            return wait
        try:
            if board.message_id is None:
                await self._post(board, content, new=new)
            else:
                await self._edit(board, content)
        except (ArtChannelUnreachable, MessageClosed, PostRefused) as problem:
            self._note_closed(board.channel_id, problem)
            if isinstance(problem, ArtChannelUnreachable):
                raise
            log.warning("Discord refused the board of channel %d: %r", place.channel_id, problem)
            await self._db.run(
                SAVE_BOARD,
                message_channel=board.message_channel_id,
                message=board.message_id,
                digest=board.digest,
                now=now_ms(),
                channel=board.channel_id,
            )
        return 0.0

    def _note_closed(self, channel_id: int, problem: Exception) -> None:
        """What is not allowed is not tried again for a while; an outage may end at once."""
        if isinstance(problem, ChannelClosed) or not isinstance(problem, ArtChannelUnreachable):
            self._closed[channel_id] = self._clock() + CLOSED_SECONDS

    def _is_closed(self, channel_id: int) -> bool:
        if self._clock() < self._closed.get(channel_id, -math.inf):
            return True
        self._closed.pop(channel_id, None)
        return False

    async def _post(self, board: GalleryBoard, content: BoardContent, *, new: bool) -> None:
        found = None if new else await self._discord.find_board(board)
        posted = found or await self._discord.post_board(board, content)
        # What a found one shows is not known: it is edited when it may be.
        digest = "" if found else as_stored(content)
        await self._db.run(
            SAVE_BOARD,
            message_channel=posted.channel_id,
            message=posted.message_id,
            digest=digest,
            now=now_ms(),
            channel=board.channel_id,
        )

    async def _edit(self, board: GalleryBoard, content: BoardContent) -> None:
        await self._db.run(SAVE_POSSIBLE_BOARD, digest=while_edited(board.digest, content), channel=board.channel_id)
        try:
            await self._discord.edit_board(board, content)
        except MessageGone:  # staff may have cleared the channel; the next look posts another
            await self._db.run(FORGET_BOARD, board.channel_id)
            return
        await self._db.run(
            SAVE_BOARD,
            message_channel=board.message_channel_id,
            message=board.message_id,
            digest=as_stored(content),
            now=now_ms(),
            channel=board.channel_id,
        )

    async def _content(self, place: BoardPlace) -> BoardContent:
        db, server_id, shows = self._db, place.server_id, place.shows
        liked = await gallery_page(db, GalleryFilter(server_id), shows, GallerySort.MOST_LIKED, limit=MOST_LIKED)
        since = now_ms() - RECENT_MS
        return BoardContent(
            trending=await db.all(TRENDING_LORAS, server=server_id, limit=TRENDING, **shows.parameters),
            most_liked=[one.id for one in liked.publications],
            picked_pictures=await db.all(
                FEATURED_PUBLICATIONS, server=server_id, since=since, limit=PICKS, offset=0, **shows.parameters
            ),
            picked_loras=await db.all(FEATURED_LORAS, server=server_id, since=since, limit=PICKS, **shows.parameters),
        )

    async def _names_what_is_gone(self, board: GalleryBoard, place: BoardPlace) -> bool:
        """Whether its message names a picture that was deleted, taken down or rated away."""
        named = set(publications_in(board.digest))
        shown = {one.id: one for one in await self._db.all(FIND_ALL_SHOWN, ids=named, **place.shows.parameters)}
        return bool(named - shown.keys())


def as_stored(content: BoardContent) -> str:
    """What a board shows, as it is stored."""
    return json.dumps(asdict(content) | {"publications": content.publications})


def while_edited(before: str, content: BoardContent) -> str:
    """What a board may show until its edit is answered, as it is stored: the pictures of before, and those of now."""
    return json.dumps({"publications": [*dict.fromkeys((*publications_in(before), *content.publications))]})


def publications_in(stored: str) -> list[int]:
    """The ids of the pictures that a board named; none where that is not known."""
    with suppress(ValueError, TypeError, KeyError):
        return [int(each) for each in json.loads(stored)["publications"]]
    return []
