"""Boards: one message in each art channel shows what is newest and featured. It is edited when that has changed.

The row is written before the board is posted, so that a board of which nobody knows is looked for, not posted again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass

import aiosqlite

from bot import background
from bot.community.discord_side import (
    ArtChannelUnreachable,
    BoardContent,
    BoardSide,
    MessageClosed,
    MessageGone,
    PostRefused,
)
from bot.community.pacing import EditPacer
from bot.database.boards import GalleryBoard, begin_board, forget_board, store_board
from bot.database.clock import now_ms
from bot.database.features import featured_loras, featured_publications
from bot.database.gallery import PlaceFilter, gallery_page
from bot.database.gallery_terms import GalleryFilter

BOARD_SECONDS = 10 * 60.0  # between two edits of one board
LOOK_SECONDS = 60.0  # between two looks at all boards
NEWEST, FEATURED = 4, 5  # shown of each

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
        connection: aiosqlite.Connection,
        discord: BoardSide,
        pacer: EditPacer,
        places: Callable[[], Awaitable[Iterable[BoardPlace]]],
        *,
        every: float = BOARD_SECONDS,
    ) -> None:
        self._connection = connection
        self._discord = discord
        self._pacer = pacer
        self._places = places
        self._every = every

    async def run(self) -> None:
        """Keep all boards. Runs until cancelled."""
        while True:
            await background.guard(self._refresh_all(), "keeping boards")
            await asyncio.sleep(LOOK_SECONDS)

    async def _refresh_all(self) -> None:
        for place in await self._places():
            try:
                wait = await self.refresh(place)
                if 0 < wait <= self._pacer.seconds:
                    await asyncio.sleep(wait)
                    await self.refresh(place)
            except ArtChannelUnreachable as problem:
                log.warning("the board of channel %d is kept later: %s", place.channel_id, problem)

    async def refresh(self, place: BoardPlace) -> float:
        """Post or edit one board if what it shows has changed; else the seconds until it may be edited.

        0.0: nothing is left to do. Raises ArtChannelUnreachable or DatabaseError.
        """
        content = await self._content(place)
        board, new = await begin_board(self._connection, place.channel_id, place.server_id)
        if board.digest == digest_of(content):
            return 0.0
        if (wait := board.edited_at / 1000 + self._every - now_ms() / 1000) > 0:
            return wait
        if wait := self._pacer.take():
            return wait
        try:
            if board.message_id is None:
                await self._post(board, content, new=new)
            else:
                await self._edit(board, content)
        except PostRefused as refusal:
            log.warning("the board of channel %d is refused: %s", place.channel_id, refusal)
            await store_board(
                self._connection, board.channel_id, board.message_channel_id, board.message_id, board.digest
            )
        return 0.0

    async def _post(self, board: GalleryBoard, content: BoardContent, *, new: bool) -> None:
        found = None if new else await self._discord.find_board(board)
        posted = found or await self._discord.post_board(board, content)
        # What a found one shows is not known: it is edited when it may be.
        digest = "" if found else digest_of(content)
        await store_board(self._connection, board.channel_id, posted.channel_id, posted.message_id, digest)

    async def _edit(self, board: GalleryBoard, content: BoardContent) -> None:
        try:
            await self._discord.edit_board(board, content)
        except MessageGone:  # staff may have cleared the channel; the next look posts another
            await forget_board(self._connection, board.channel_id)
            return
        except MessageClosed:
            digest = board.digest
        else:
            digest = digest_of(content)
        await store_board(self._connection, board.channel_id, board.message_channel_id, board.message_id, digest)

    async def _content(self, place: BoardPlace) -> BoardContent:
        page = await gallery_page(self._connection, GalleryFilter(place.server_id), place.shows, limit=NEWEST)
        pictures = await featured_publications(self._connection, place.server_id, place.shows, limit=FEATURED)
        loras = await featured_loras(self._connection, place.server_id, limit=FEATURED)
        return BoardContent(tuple(one.id for one in page.publications), pictures, loras)


def digest_of(content: BoardContent) -> str:
    """By which it is told whether a board shows something else."""
    return hashlib.sha256(json.dumps(asdict(content)).encode()).hexdigest()
