"""The servers that the bot is used in, known by Discord's snowflake."""

from __future__ import annotations

import aiosqlite

from bot.database.clock import now_ms
from bot.database.connection import write

REMEMBER = "INSERT INTO server (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"


async def remember_server(connection: aiosqlite.Connection, server_id: int) -> None:
    """Make sure the server has a row. Raises DatabaseError."""
    await write(connection, REMEMBER, (server_id, now_ms()))
