"""Drafts of requests that were refused, kept so that a button can take them up again."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement

SAVE_DRAFT = Query(int, "INSERT INTO draft (person_id, wish, created_at) VALUES (:person, :wish, :now) RETURNING id")
FIND_DRAFT = Query(str, "SELECT wish FROM draft WHERE id = :id AND person_id = :person")  # JSON
FORGET_OLD_DRAFTS = SqlStatement("DELETE FROM draft WHERE created_at < ?")


async def save_draft(db: Database, person_id: int, draft: str) -> int:
    """Keep a draft (JSON); its id."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        return await db.get(SAVE_DRAFT, person=person_id, wish=draft, now=now_ms())
