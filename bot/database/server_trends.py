"""What the publications and likes of a server say of LoRA files: how many, by triggers, and how lately."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import aiosqlite

from bot.database.connection import fetch, transaction, write
from bot.database.trends import lowered, raised

TRENDS = """
    SELECT sha256, trend FROM lora_in_server WHERE server_id = ? AND sha256 IN (SELECT value FROM json_each(?))
"""
STORE = "UPDATE lora_in_server SET trend = ? WHERE server_id = ? AND sha256 = ?"


async def raise_trends(connection: aiosqlite.Connection, server_id: int, loras: Sequence[str], at_ms: int) -> None:
    """Count one publication or like of a picture with these files, at a unix ms. Raises DatabaseError."""
    await _change(connection, server_id, loras, lambda trend: raised(trend, at_ms))


async def lower_trends(connection: aiosqlite.Connection, server_id: int, loras: Sequence[str], at_ms: int) -> None:
    """Take back one that was counted at a unix ms. Raises DatabaseError."""
    await _change(connection, server_id, loras, lambda trend: lowered(trend, at_ms))


async def _change(
    connection: aiosqlite.Connection, server_id: int, loras: Sequence[str], change: Callable[[float], float]
) -> None:
    async with transaction(connection):
        for row in await fetch(connection, TRENDS, (server_id, json.dumps(list(loras)))):
            await write(connection, STORE, (change(row["trend"]), server_id, row["sha256"]))
