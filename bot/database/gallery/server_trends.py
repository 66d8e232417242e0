"""What the publications and likes of a server say of LoRA files: how many, by triggers, and how lately."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from bot.database.database import Database
from bot.database.trends import lowered, raised

TRENDS = """
    SELECT sha256, trend FROM lora_in_server WHERE server_id = ? AND sha256 IN (SELECT value FROM json_each(?))
"""
STORE = "UPDATE lora_in_server SET trend = ? WHERE server_id = ? AND sha256 = ?"


async def raise_trends(db: Database, server_id: int, loras: Sequence[str], at_ms: int) -> None:
    """Count one publication or like of a picture with these files, at a unix ms. Raises DatabaseError."""
    await _change(db, server_id, loras, lambda trend: raised(trend, at_ms))


async def lower_trends(db: Database, server_id: int, loras: Sequence[str], at_ms: int) -> None:
    """Take back one that was counted at a unix ms. Raises DatabaseError."""
    await _change(db, server_id, loras, lambda trend: lowered(trend, at_ms))


async def _change(db: Database, server_id: int, loras: Sequence[str], change: Callable[[float], float]) -> None:
    async with db.transaction():
        for row in await db.fetch(TRENDS, (server_id, json.dumps(list(loras)))):
            await db.write(STORE, (change(row["trend"]), server_id, row["sha256"]))
