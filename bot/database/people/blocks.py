"""People and LoRAs that staff have blocked in their server, or an operator everywhere."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database

SAVE = """
    INSERT INTO block (server_id, kind, target_id, reason, ends_at, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (server_id, kind, target_id) DO UPDATE SET reason = excluded.reason, ends_at = excluded.ends_at,
    created_by = excluded.created_by, created_at = excluded.created_at RETURNING *
"""
# A person who has all deleted stays blocked by the keyed hash of the id.
LIFT = "DELETE FROM block WHERE server_id = :server AND kind = :kind AND target_id IN (:id, pseudonym(:id)) RETURNING *"
FIND = "SELECT * FROM block WHERE server_id = :server AND kind = :kind AND target_id IN (:id, pseudonym(:id))"
FORGET_PSEUDONYM = "DELETE FROM block WHERE server_id = ? AND kind = ? AND target_id = pseudonym(?)"
PAGE = "SELECT * FROM block WHERE server_id = ? AND kind = ? ORDER BY target_id LIMIT ? OFFSET ?"
OF_KIND = "SELECT * FROM block WHERE server_id = ? AND kind = ?"


BY_EASEL = 0  # who blocks a LoRA for what its page says


class BlockKind(StrEnum):
    """What is blocked."""

    PERSON = "person"
    LORA = "lora"


@dataclass(frozen=True)
class Block:
    """A block in a server (0: everywhere). Times in unix ms; without `ends_at` it has no end.

    `target_id` is Discord's id of a person or the id of a catalogue entry; negative, the keyed hash of a person who has
    all deleted. So is `created_by`.
    """

    id: int
    server_id: int
    kind: BlockKind
    target_id: int
    reason: str
    ends_at: int | None
    created_by: int
    created_at: int

    def holds(self, now: int) -> bool:
        """Whether it has not ended yet."""
        return self.ends_at is None or self.ends_at > now


async def save_block(
    db: Database,
    server_id: int,
    kind: BlockKind,
    target_id: int,
    *,
    reason: str,
    ends_at: int | None,
    created_by: int,
) -> Block:
    """Block, in place of an earlier block of the same. Raises DatabaseError."""
    values = (server_id, kind, target_id, reason, ends_at, created_by, now_ms())
    async with db.transaction():
        await db.write(FORGET_PSEUDONYM, (server_id, kind, target_id))
        (row,) = await db.write(SAVE, values)
    return block_from(row)


async def lift_block(db: Database, server_id: int, kind: BlockKind, target_id: int) -> Block | None:
    """Delete a block and return it; None when there was none. Raises DatabaseError."""
    rows = await db.write(LIFT, {"server": server_id, "kind": kind, "id": target_id})
    return block_from(rows[0]) if rows else None


async def find_block(db: Database, server_id: int, kind: BlockKind, target_id: int) -> Block | None:
    """The block, also one that has ended, or None. Raises DatabaseError."""
    row = await db.fetch_one(FIND, {"server": server_id, "kind": kind, "id": target_id})
    return None if row is None else block_from(row)


async def list_blocks(
    db: Database, server_id: int, kind: BlockKind, *, limit: int, offset: int = 0
) -> tuple[Block, ...]:
    """A page of a server's blocks, ended ones included. Raises DatabaseError."""
    return tuple(map(block_from, await db.fetch(PAGE, (server_id, kind, limit, offset))))


async def lora_blocks(db: Database, server_id: int) -> dict[int, Block]:
    """All blocks of LoRAs in a server, by the entry's id, ended ones included. Raises DatabaseError."""
    rows = await db.fetch(OF_KIND, (server_id, BlockKind.LORA))
    return {row["target_id"]: block_from(row) for row in rows}


def block_from(row: sqlite3.Row) -> Block:
    """The block of a row."""
    columns = dict(row)
    columns["kind"] = BlockKind(columns["kind"])
    return Block(**columns)
