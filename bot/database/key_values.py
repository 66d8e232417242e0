"""Small values that the program keeps between two starts, by key."""

from __future__ import annotations

import aiosqlite

from bot.database.connection import fetch_one, write

INSTALLATION = "installation"  # key of the random id of the database, which `schema.sql` stores

REMEMBER = "INSERT INTO memo (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
RECALL = "SELECT value FROM memo WHERE key = ?"


async def remember(connection: aiosqlite.Connection, key: str, value: str) -> None:
    """Store `value` under `key`, replacing what was there. Raises DatabaseError."""
    await write(connection, REMEMBER, (key, value))


async def recall(connection: aiosqlite.Connection, key: str) -> str | None:
    """The value of `key`, or None. Raises DatabaseError."""
    row = await fetch_one(connection, RECALL, (key,))
    return None if row is None else row["value"]
