"""Corrections of base models that staff propose and an operator decides: `open -> confirmed · rejected`."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from inference.base_models import BaseModelId
from inference.messages.checkpoints import PredictionType

PROPOSE = """
    INSERT INTO base_model_proposal (server_id, sha256, name, base_model, prediction, reason, proposed_by, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING *
"""
DECIDE = """
    UPDATE base_model_proposal SET state = ?, decided_by = ?, decided_at = ? WHERE id = ? AND state = 'open' RETURNING *
"""
FIND = "SELECT * FROM base_model_proposal WHERE id = ?"
PAGE = "SELECT * FROM base_model_proposal WHERE state = ? ORDER BY id LIMIT ? OFFSET ?"


class ProposalState(StrEnum):
    """The state of a proposal."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True)
class BaseModelProposal:
    """Staff of a server say that the file with this SHA-256 was trained on this base model. Times in unix ms.

    `prediction` is None if they say nothing about it.
    """

    id: int
    server_id: int
    sha256: str
    name: str
    base_model: BaseModelId
    reason: str
    state: ProposalState
    proposed_by: int
    created_at: int
    decided_by: int | None
    decided_at: int | None
    prediction: PredictionType | None


async def save_proposal(
    db: Database,
    server_id: int,
    sha256: str,
    base_model: BaseModelId,
    *,
    name: str,
    reason: str,
    proposed_by: int,
    prediction: PredictionType | None = None,
) -> BaseModelProposal | None:
    """Store an open proposal; None when the same one is open already. Raises DatabaseError."""
    values = (server_id, sha256, name, base_model, prediction, reason, proposed_by, now_ms())
    rows = await db.write(PROPOSE, values)
    return _proposal(rows[0]) if rows else None


async def decide_proposal(
    db: Database, proposal_id: int, state: ProposalState, decided_by: int
) -> BaseModelProposal | None:
    """open -> confirmed or rejected; None when it is not open. Raises DatabaseError."""
    rows = await db.write(DECIDE, (state, decided_by, now_ms(), proposal_id))
    return _proposal(rows[0]) if rows else None


async def find_proposal(db: Database, proposal_id: int) -> BaseModelProposal | None:
    """The proposal of this id, or None. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (proposal_id,))
    return None if row is None else _proposal(row)


async def open_proposals(db: Database, *, limit: int, offset: int = 0) -> tuple[BaseModelProposal, ...]:
    """A page of the open proposals of all servers, the oldest first. Raises DatabaseError."""
    return tuple(map(_proposal, await db.fetch(PAGE, (ProposalState.OPEN, limit, offset))))


def _proposal(row: sqlite3.Row) -> BaseModelProposal:
    columns = dict(row)
    columns["state"] = ProposalState(columns["state"])
    columns["base_model"] = BaseModelId(columns["base_model"])
    columns["prediction"] = PredictionType(columns["prediction"]) if columns["prediction"] else None
    return BaseModelProposal(**columns)
