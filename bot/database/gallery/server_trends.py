"""What the publications and likes of a server say of LoRA files: how many, by triggers, and how lately."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from bot.database.trends import lowered, raised


@dataclass(frozen=True)
class ServerTrend:
    """How lately pictures with a file were published and liked in a server."""

    sha256: str
    trend: float


SERVER_TRENDS = Query(
    ServerTrend,
    """
    SELECT sha256, trend FROM lora_in_server
    WHERE server_id = :server AND sha256 IN (SELECT value FROM json_each(:hashes))
    """,
)
SAVE_SERVER_TREND = SqlStatement(
    "UPDATE lora_in_server SET trend = :trend WHERE server_id = :server AND sha256 = :sha256"
)


async def raise_trends(db: Database, server_id: int, loras: list[str], at_ms: int) -> None:
    """Count one publication or like of a picture with these files, at a unix ms."""
    await _change(db, server_id, loras, lambda trend: raised(trend, at_ms))


async def lower_trends(db: Database, server_id: int, loras: list[str], at_ms: int) -> None:
    """Take back one that was counted at a unix ms."""
    await _change(db, server_id, loras, lambda trend: lowered(trend, at_ms))


async def _change(db: Database, server_id: int, loras: list[str], change: Callable[[float], float]) -> None:
    async with db.transaction():
        for lora in await db.all(SERVER_TRENDS, server=server_id, hashes=loras):
            await db.run(SAVE_SERVER_TREND, trend=change(lora.trend), server=server_id, sha256=lora.sha256)
