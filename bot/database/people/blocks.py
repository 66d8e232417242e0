"""People and LoRAs that staff have blocked in their server, or an operator everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.query import Query, SqlStatement

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


# Blocks that have ended are found, too. A person who has all deleted stays blocked by the keyed hash of the id.
_WHERE = "WHERE server_id = :server AND kind = :kind AND target_id IN (:id, pseudonym(:id))"
FIND_BLOCK = Query(Block, f"SELECT * FROM block {_WHERE}")  # noqa: S608 - constants only
LIFT_BLOCK = Query(Block, f"DELETE FROM block {_WHERE} RETURNING *")  # noqa: S608 - constants only
LIST_BLOCKS = Query(
    Block,
    "SELECT * FROM block WHERE server_id = :server AND kind = :kind ORDER BY target_id LIMIT :limit OFFSET :offset",
)
LORA_BLOCKS = Query(Block, "SELECT * FROM block WHERE server_id = ? AND kind = 'lora'")
SAVE_BLOCK = Query(
    Block,
    """
    INSERT INTO block (server_id, kind, target_id, reason, ends_at, created_by, created_at)
    VALUES (:server, :kind, :target, :reason, :ends_at, :created_by, :now)
    ON CONFLICT (server_id, kind, target_id) DO UPDATE SET reason = excluded.reason, ends_at = excluded.ends_at,
    created_by = excluded.created_by, created_at = excluded.created_at RETURNING *
    """,
)
FORGET_PSEUDONYM = SqlStatement(
    "DELETE FROM block WHERE server_id = :server AND kind = :kind AND target_id = pseudonym(:target)"
)


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
    """Block, in place of an earlier block of the same."""
    async with db.transaction():
        await db.run(FORGET_PSEUDONYM, server=server_id, kind=kind, target=target_id)
        return await db.get(
            SAVE_BLOCK,
            server=server_id,
            kind=kind,
            target=target_id,
            reason=reason,
            ends_at=ends_at,
            created_by=created_by,
            now=now_ms(),
        )
