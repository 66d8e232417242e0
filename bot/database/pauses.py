"""Servers whose jobs are not started, because staff or an operator has paused them."""

from __future__ import annotations

import aiosqlite

from bot.database.clock import now_ms
from bot.database.connection import fetch, write

PAUSE = "INSERT INTO pause (server_id, person_id, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
UNPAUSE = "DELETE FROM pause WHERE server_id = ?"
PAUSED = "SELECT server_id FROM pause"


async def pause(connection: aiosqlite.Connection, server_id: int, person_id: int) -> None:
    """Pause this server (0: all). Raises DatabaseError."""
    await write(connection, PAUSE, (server_id, person_id, now_ms()))


async def unpause(connection: aiosqlite.Connection, server_id: int) -> None:
    """End the pause. Raises DatabaseError."""
    await write(connection, UNPAUSE, (server_id,))


async def paused_servers(connection: aiosqlite.Connection) -> set[int]:
    """The paused servers; 0 stands for all. Raises DatabaseError."""
    return {row["server_id"] for row in await fetch(connection, PAUSED)}
