"""Servers whose jobs are not started, because staff or an operator has paused them."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database

PAUSE = "INSERT INTO pause (server_id, person_id, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
UNPAUSE = "DELETE FROM pause WHERE server_id = ?"
PAUSED = "SELECT server_id FROM pause"


async def pause(db: Database, server_id: int, person_id: int) -> None:
    """Pause this server (0: all). Raises DatabaseError."""
    await db.write(PAUSE, (server_id, person_id, now_ms()))


async def unpause(db: Database, server_id: int) -> None:
    """End the pause. Raises DatabaseError."""
    await db.write(UNPAUSE, (server_id,))


async def paused_servers(db: Database) -> set[int]:
    """The paused servers; 0 stands for all. Raises DatabaseError."""
    return {row["server_id"] for row in await db.fetch(PAUSED)}
