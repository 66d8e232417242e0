"""Boards: the one message of an art channel that shows what trends and is featured, edited and not posted again."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement


@dataclass(frozen=True)
class GalleryBoard:
    """A row of the table; time in unix ms. Without a `message_id` it is to be posted, or was, and nobody knows.

    `digest` is what the message shows, as JSON; "" when that is not known. While it is edited it names all pictures
    that the message may show, and equals nothing that a board can show.
    """

    channel_id: int
    server_id: int
    message_channel_id: int | None
    message_id: int | None
    digest: str
    edited_at: int


FIND_BOARD = Query(GalleryBoard, "SELECT * FROM board WHERE channel_id = ?")
# Also those of channels that are no art channels any more.
ALL_BOARDS = Query(GalleryBoard, "SELECT * FROM board ORDER BY channel_id")
BEGIN_BOARD = SqlStatement(
    "INSERT INTO board (channel_id, server_id) VALUES (:channel, :server) ON CONFLICT (channel_id) DO NOTHING"
)
# Which message shows a board, and what that shows.
SAVE_BOARD = SqlStatement("""
    UPDATE board SET message_channel_id = :message_channel, message_id = :message, digest = :digest, edited_at = :now
    WHERE channel_id = :channel
""")
# Before an edit: what the message may show if the answer is lost.
SAVE_POSSIBLE_BOARD = SqlStatement("UPDATE board SET digest = :digest WHERE channel_id = :channel")
FORGET_BOARD = SqlStatement("DELETE FROM board WHERE channel_id = ?")


async def begin_board(db: Database, channel_id: int, server_id: int) -> tuple[GalleryBoard, bool]:
    """The board of an art channel, and whether its row is new: then it has never been posted."""
    async with db.transaction():
        await people.remember_server(db, server_id)
        new = await db.run(BEGIN_BOARD, channel=channel_id, server=server_id)
        return await db.get(FIND_BOARD, channel_id), new
