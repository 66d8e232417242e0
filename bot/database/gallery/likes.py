"""Likes: once for each person and publication. Triggers keep the counts.

A message shows the number of likes that it had when it was brought up to date; which ones are behind is found here.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.publications import Publication, loras_of_publication, publication_from
from bot.database.gallery.server_trends import lower_trends, raise_trends
from bot.database.people import people

RECENT_MS = 7 * 24 * 3600 * 1000  # likes of the last week are the recent ones
AGED_AT_ONCE = 500  # likes in one transaction, so that other writers do not wait long

LIKE = """
    INSERT INTO publication_like (publication_id, person_id, liked_at, ranks, recent)
    SELECT id, :person, :now, :ranks AND person_id IS NOT :person, :ranks AND person_id IS NOT :person
    FROM publication WHERE id = :publication AND state = 'posted' ON CONFLICT DO NOTHING RETURNING ranks
"""
UNLIKE = "DELETE FROM publication_like WHERE publication_id = ? AND person_id = ? RETURNING liked_at, ranks"
COUNT = "SELECT server_id, likes FROM publication WHERE id = ? AND state = 'posted'"
LIKED = """
    SELECT publication_id FROM publication_like
    WHERE publication_id IN (SELECT value FROM json_each(?)) AND person_id = ?
"""
AGE = """
    UPDATE publication_like SET recent = 0 WHERE (publication_id, person_id) IN (
        SELECT publication_id, person_id FROM publication_like WHERE recent = 1 AND liked_at < ? LIMIT ?
    ) RETURNING 1
"""
TO_REFRESH = """
    SELECT * FROM publication WHERE state = 'posted' AND likes <> shown_likes AND shown_at <= ?
    ORDER BY shown_at LIMIT ?
"""
UNKNOWN = -1  # likes that a message shows, so that it is brought up to date
MARK_EDITED = "UPDATE publication SET shown_likes = ? WHERE id = ?"
MARK_SHOWN = "UPDATE publication SET shown_likes = ?, shown_at = ? WHERE id = ?"


@dataclass(frozen=True)
class LikeCount:
    """The number of likes of a publication after a press, and whether the press changed it."""

    likes: int
    changed: bool


async def like(db: Database, publication_id: int, person_id: int, *, ranks: bool = True) -> LikeCount | None:
    """Like a publication; a second like changes nothing.

    Only a like that `ranks` counts in sorted lists; the author's own never does. Return None if the publication is no
    longer in the gallery. Raises DatabaseError.
    """
    now = now_ms()
    async with db.transaction():
        await people.remember_person(db, person_id)
        about = {"person": person_id, "now": now, "ranks": ranks, "publication": publication_id}
        new = await db.write(LIKE, about)
        row = await db.fetch_one(COUNT, (publication_id,))
        if row is not None and new and new[0]["ranks"]:
            loras = await loras_of_publication(db, publication_id)
            await raise_trends(db, row["server_id"], loras, now)
    return None if row is None else LikeCount(row["likes"], bool(new))


async def unlike(db: Database, publication_id: int, person_id: int) -> LikeCount | None:
    """Take a like back. None when the publication is not in the gallery any more. Raises DatabaseError."""
    async with db.transaction():
        old = await db.write(UNLIKE, (publication_id, person_id))
        row = await db.fetch_one(COUNT, (publication_id,))
        if row is not None and old and old[0]["ranks"]:
            loras = await loras_of_publication(db, publication_id)
            await lower_trends(db, row["server_id"], loras, old[0]["liked_at"])
    return None if row is None else LikeCount(row["likes"], bool(old))


async def liked_among(db: Database, publication_ids: Collection[int], person_id: int) -> frozenset[int]:
    """Which of these publications the person likes. Raises DatabaseError."""
    rows = await db.fetch(LIKED, (json.dumps(list(publication_ids)), person_id))
    return frozenset(row["publication_id"] for row in rows)


async def age_likes(db: Database) -> bool:
    """Let some likes that are older than a week count as recent no longer; whether more may be left.

    Raises DatabaseError.
    """
    return len(await db.write(AGE, (now_ms() - RECENT_MS, AGED_AT_ONCE))) == AGED_AT_ONCE


async def to_refresh(db: Database, shown_before: int, *, limit: int) -> tuple[Publication, ...]:
    """Publications whose message shows another number and was brought up to date not after `shown_before` (unix ms).

    Those that waited longest are first. Raises DatabaseError.
    """
    return tuple(map(publication_from, await db.fetch(TO_REFRESH, (shown_before, limit))))


async def mark_edited(db: Database, publication_id: int) -> None:
    """Store before an edit that it is not known which number the message shows. Raises DatabaseError."""
    await db.write(MARK_EDITED, (UNKNOWN, publication_id))


async def mark_shown(db: Database, publication_id: int, likes: int) -> None:
    """Store that the message shows this number since now, or UNKNOWN. Raises DatabaseError."""
    await db.write(MARK_SHOWN, (likes, now_ms(), publication_id))
