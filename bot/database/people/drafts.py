"""Drafts of requests that were refused, kept so that a button can take them up again."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people

SAVE = "INSERT INTO draft (person_id, wish, created_at) VALUES (?, ?, ?) RETURNING id"
FIND = "SELECT wish FROM draft WHERE id = ? AND person_id = ?"
FORGET_OLD = "DELETE FROM draft WHERE created_at < ?"


async def save_draft(db: Database, person_id: int, draft: str) -> int:
    """Keep a draft (JSON); its id. Raises DatabaseError."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        (row,) = await db.write(SAVE, (person_id, draft, now_ms()))
        return row["id"]


async def find_draft(db: Database, draft_id: int, person_id: int) -> str | None:
    """The draft (JSON) if it is this person's, else None. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (draft_id, person_id))
    return None if row is None else row["wish"]


async def forget_old_drafts(db: Database, *, before_ms: int) -> None:
    """Delete drafts that nobody took up since `before_ms` (unix ms). Raises DatabaseError."""
    await db.write(FORGET_OLD, (before_ms,))
