"""The people and the servers that use the bot, known by Discord's snowflake."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.query import Query, SqlStatement

REMEMBER_PERSON = SqlStatement("INSERT INTO person (id, created_at) VALUES (:id, :now) ON CONFLICT (id) DO NOTHING")
REMEMBER_SERVER = SqlStatement("INSERT INTO server (id, created_at) VALUES (:id, :now) ON CONFLICT (id) DO NOTHING")
# Whether a stored id is the person's, or the keyed hash that took its place.
IS_PERSON = Query(bool, "SELECT coalesce(:stored IN (:person, pseudonym(:person)), 0)")
# Discord's name of a known person's language.
SAVE_LOCALE = SqlStatement("UPDATE person SET locale = :locale WHERE id = :person AND locale IS NOT :locale")
FIND_LOCALE = Query(str, "SELECT locale FROM person WHERE id = ? AND locale IS NOT NULL")


async def remember_person(db: Database, person_id: int) -> None:
    """Make sure the person has a row."""
    await db.run(REMEMBER_PERSON, id=person_id, now=now_ms())


async def remember_server(db: Database, server_id: int) -> None:
    """Make sure the server has a row."""
    await db.run(REMEMBER_SERVER, id=server_id, now=now_ms())
