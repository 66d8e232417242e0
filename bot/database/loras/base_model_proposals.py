"""Corrections of base models that staff propose and an operator decides: `open -> confirmed · rejected`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.query import Query
from inference.base_models import BaseModelId
from inference.messages.checkpoints import PredictionType


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


# No row when the same proposal is already open.
PROPOSE_BASE_MODEL = Query(
    BaseModelProposal,
    """
    INSERT INTO base_model_proposal (server_id, sha256, name, base_model, prediction, reason, proposed_by, created_at)
    VALUES (:server, :sha256, :name, :base_model, :prediction, :reason, :by, :now) ON CONFLICT DO NOTHING RETURNING *
    """,
)
# open -> confirmed or rejected. No row when it is not open.
DECIDE_PROPOSAL = Query(
    BaseModelProposal,
    """
    UPDATE base_model_proposal SET state = :state, decided_by = :decided_by, decided_at = :now
    WHERE id = :id AND state = 'open' RETURNING *
    """,
)
FIND_PROPOSAL = Query(BaseModelProposal, "SELECT * FROM base_model_proposal WHERE id = ?")
# A page of the open proposals of all servers, oldest first.
OPEN_PROPOSALS = Query(
    BaseModelProposal, "SELECT * FROM base_model_proposal WHERE state = 'open' ORDER BY id LIMIT :limit OFFSET :offset"
)
