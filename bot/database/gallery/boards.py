"""Boards: the one message of an art channel that shows what trends and is featured, edited and not posted again."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people

BEGIN = "INSERT INTO board (channel_id, server_id) VALUES (?, ?) ON CONFLICT (channel_id) DO NOTHING"
FIND = "SELECT * FROM board WHERE channel_id = ?"
STORE = "UPDATE board SET message_channel_id = ?, message_id = ?, digest = ?, edited_at = ? WHERE channel_id = ?"
MAY_SHOW = "UPDATE board SET digest = ? WHERE channel_id = ?"
ALL = "SELECT * FROM board ORDER BY channel_id"
FORGET = "DELETE FROM board WHERE channel_id = ?"


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


async def find_board(db: Database, channel_id: int) -> GalleryBoard | None:
    """The board of an art channel, if one was begun. Raises DatabaseError."""
    rows = await db.fetch(FIND, (channel_id,))
    return GalleryBoard(**dict(rows[0])) if rows else None


async def all_boards(db: Database) -> tuple[GalleryBoard, ...]:
    """The boards of all servers, also of channels that are no art channels any more. Raises DatabaseError."""
    return tuple(GalleryBoard(**dict(row)) for row in await db.fetch(ALL))


async def begin_board(db: Database, channel_id: int, server_id: int) -> tuple[GalleryBoard, bool]:
    """The board of an art channel, and whether its row is new: then it has never been posted. Raises DatabaseError."""
    async with db.transaction():
        await people.remember_server(db, server_id)
        before = await db.fetch(FIND, (channel_id,))
        await db.write(BEGIN, (channel_id, server_id))
        (row,) = await db.fetch(FIND, (channel_id,))
    return GalleryBoard(**dict(row)), not before


async def store_board(
    db: Database,
    channel_id: int,
    message_channel_id: int | None,
    message_id: int | None,
    digest: str,
) -> None:
    """Store which message shows it, and what that shows. Raises DatabaseError."""
    await db.write(STORE, (message_channel_id, message_id, digest, now_ms(), channel_id))


async def store_what_it_may_show(db: Database, channel_id: int, digest: str) -> None:
    """Store before an edit what may be shown when its answer is lost. Raises DatabaseError."""
    await db.write(MAY_SHOW, (digest, channel_id))


async def forget_board(db: Database, channel_id: int) -> None:
    """Forget a board whose message is gone for good. Raises DatabaseError."""
    await db.write(FORGET, (channel_id,))
