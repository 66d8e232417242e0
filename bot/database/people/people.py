"""The people and the servers that use the bot, known by Discord's snowflake."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database

REMEMBER = "INSERT INTO person (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
REMEMBER_SERVER = "INSERT INTO server (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
STORE_LOCALE = "UPDATE person SET locale = ? WHERE id = ? AND locale IS NOT ?"
IS_PERSON = "SELECT coalesce(:stored IN (:person, pseudonym(:person)), 0) AS same"
LOCALE = "SELECT locale FROM person WHERE id = ?"


async def remember_person(db: Database, person_id: int) -> None:
    """Make sure the person has a row. Raises DatabaseError."""
    await db.write(REMEMBER, (person_id, now_ms()))


async def remember_server(db: Database, server_id: int) -> None:
    """Make sure the server has a row. Raises DatabaseError."""
    await db.write(REMEMBER_SERVER, (server_id, now_ms()))


async def is_person(db: Database, stored: int | None, person_id: int) -> bool:
    """Whether a stored id is the person's, or the keyed hash that took its place. Raises DatabaseError."""
    (row,) = await db.fetch(IS_PERSON, {"stored": stored, "person": person_id})
    return bool(row["same"])


async def store_locale(db: Database, person_id: int, locale: str) -> None:
    """Store the language of a known person, if it has changed. Raises DatabaseError."""
    await db.write(STORE_LOCALE, (locale, person_id, locale))


async def locale_of(db: Database, person_id: int) -> str | None:
    """Discord's name of the person's language, as last stored. Raises DatabaseError."""
    row = await db.fetch_one(LOCALE, (person_id,))
    return row["locale"] if row else None
