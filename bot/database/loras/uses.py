"""Uses of LoRAs: how often, how lately, and with which others. Counted in jobs that succeeded."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import permutations

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from bot.database.trends import raised
from inference.messages.request import LoraUse

USED_LORAS = Query(
    sqlite3.Row,
    """
    SELECT id, trend FROM lora WHERE id IN (
        SELECT lora_id FROM lora_version WHERE sha256 IN (SELECT value FROM json_each(?))
    )
    """,
)
RAISE_LORA = SqlStatement("UPDATE lora SET uses = uses + 1, trend = :trend WHERE id = :id")
RAISE_BOOKMARK = SqlStatement("UPDATE bookmark SET uses = uses + 1 WHERE person_id = :person AND lora_id = :lora")
RAISE_PAIR = SqlStatement("""
    INSERT INTO lora_pair (lora_id, other_id, uses) VALUES (:lora, :other, 1)
    ON CONFLICT (lora_id, other_id) DO UPDATE SET uses = uses + 1
""")


async def record_uses(db: Database, person_id: int, loras: Sequence[LoraUse]) -> None:
    """Count one job of this person that succeeded with `loras`."""
    now = now_ms()
    async with db.transaction():
        used = await db.all(USED_LORAS, [use.sha256 for use in loras])
        for row in used:
            await db.run(RAISE_LORA, trend=raised(row["trend"], now), id=row["id"])
            await db.run(RAISE_BOOKMARK, person=person_id, lora=row["id"])
        for lora, other in permutations([row["id"] for row in used], 2):
            await db.run(RAISE_PAIR, lora=lora, other=other)
