"""Small values that the program keeps between two starts, by key."""

from __future__ import annotations

from bot.database.database import Database

INSTALLATION = "installation"  # key of the random id of the database, which `schema.sql` stores

REMEMBER = "INSERT INTO memo (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
RECALL = "SELECT value FROM memo WHERE key = ?"


async def remember(db: Database, key: str, value: str) -> None:
    """Store `value` under `key`, replacing what was there. Raises DatabaseError."""
    await db.write(REMEMBER, (key, value))


async def recall(db: Database, key: str) -> str | None:
    """The value of `key`, or None. Raises DatabaseError."""
    row = await db.fetch_one(RECALL, (key,))
    return None if row is None else row["value"]
