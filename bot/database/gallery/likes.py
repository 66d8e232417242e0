"""Likes: once for each person and publication. Triggers keep the counts.

A message shows the number of likes that it had when it was brought up to date; which ones are behind is found here.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.publications import LORAS_OF_PUBLICATION, Publication
from bot.database.gallery.server_trends import lower_trends, raise_trends
from bot.database.people import people
from bot.database.query import Query, SqlStatement

RECENT_MS = 7 * 24 * 3600 * 1000  # likes of the last week are the recent ones
AGED_AT_ONCE = 500  # likes in one transaction, so that other writers do not wait long

UNKNOWN_LIKES = -1  # likes that a message shows, so that it is brought up to date


@dataclass(frozen=True)
class PublicationLikes:
    """The number of likes of a publication in the gallery of a server."""

    server_id: int
    likes: int


@dataclass(frozen=True)
class RemovedLike:
    """When a person liked a publication (unix ms), and whether that counted in sorted lists."""

    liked_at: int
    ranks: bool


@dataclass(frozen=True)
class LikeCount:
    """The number of likes of a publication after a press, and whether the press changed it."""

    likes: int
    changed: bool


# It returns whether the like counts in sorted lists.
ADD_LIKE = Query(
    bool,
    """
    INSERT INTO publication_like (publication_id, person_id, liked_at, ranks, recent)
    SELECT id, :person, :now, :ranks AND person_id IS NOT :person, :ranks AND person_id IS NOT :person
    FROM publication WHERE id = :publication AND state = 'posted' ON CONFLICT DO NOTHING RETURNING ranks
    """,
)
REMOVE_LIKE = Query(
    RemovedLike,
    """
    DELETE FROM publication_like WHERE publication_id = :publication AND person_id = :person RETURNING liked_at, ranks
    """,
)
COUNT_LIKES = Query(PublicationLikes, "SELECT server_id, likes FROM publication WHERE id = ? AND state = 'posted'")
AGE_LIKES = Query(
    int,
    """
    UPDATE publication_like SET recent = 0 WHERE (publication_id, person_id) IN (
        SELECT publication_id, person_id FROM publication_like WHERE recent = 1 AND liked_at < :before LIMIT :limit
    ) RETURNING 1
    """,
)
# The publication whose message shows another number and was brought up to date longest ago, not after a unix ms.
OUTDATED_LIKES = Query(
    Publication,
    """
    SELECT * FROM publication WHERE state = 'posted' AND likes <> shown_likes AND shown_at <= ?
    ORDER BY shown_at LIMIT 1
    """,
)
# Before an edit: it is unknown which number the message shows.
MARK_EDITING = SqlStatement(f"UPDATE publication SET shown_likes = {UNKNOWN_LIKES} WHERE id = ?")  # noqa: S608
MARK_SHOWN = SqlStatement("UPDATE publication SET shown_likes = :shown_likes, shown_at = :now WHERE id = :id")


async def like(db: Database, publication_id: int, person_id: int, *, ranks: bool = True) -> LikeCount | None:
    """Like a publication; a second like changes nothing.

    Only a like that `ranks` counts in sorted lists; the author's own never does. Return None if the publication is no
    longer in the gallery.
    """
    now = now_ms()
    async with db.transaction():
        await people.remember_person(db, person_id)
        new = await db.one(ADD_LIKE, person=person_id, now=now, ranks=ranks, publication=publication_id)
        count = await db.one(COUNT_LIKES, publication_id)
        if count is not None and new:
            await raise_trends(db, count.server_id, await db.all(LORAS_OF_PUBLICATION, publication_id), now)
    return None if count is None else LikeCount(count.likes, new is not None)


async def unlike(db: Database, publication_id: int, person_id: int) -> LikeCount | None:
    """Take a like back. None when the publication is not in the gallery any more."""
    async with db.transaction():
        old = await db.one(REMOVE_LIKE, publication=publication_id, person=person_id)
        count = await db.one(COUNT_LIKES, publication_id)
        if count is not None and old is not None and old.ranks:
            await lower_trends(db, count.server_id, await db.all(LORAS_OF_PUBLICATION, publication_id), old.liked_at)
    return None if count is None else LikeCount(count.likes, old is not None)


async def age_likes(db: Database) -> bool:
    """Let some likes that are older than a week count as recent no longer; whether more may be left."""
    return len(await db.all(AGE_LIKES, before=now_ms() - RECENT_MS, limit=AGED_AT_ONCE)) == AGED_AT_ONCE
