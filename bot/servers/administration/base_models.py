"""Proposals of staff for what a LoRA was trained on, and the operators' decisions about them."""

from __future__ import annotations

import asyncio
from typing import Protocol

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.base_model_proposals import (
    DECIDE_PROPOSAL,
    FIND_PROPOSAL,
    OPEN_PROPOSALS,
    PROPOSE_BASE_MODEL,
    BaseModelProposal,
    ProposalState,
)
from bot.database.loras.catalogue import VERSION_BY_SHA256, find_lora
from bot.database.servers.audit import AuditAction
from bot.errors.decisions import DecidedAlready, ProposedAlready
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.servers.access import Rights
from bot.servers.administration.audit_log import AuditLog
from bot.servers.administration.reasons import checked_reason
from bot.servers.context import ActionContext
from bot.servers.rights import Action
from inference.base_models import BaseModelId
from inference.messages.checkpoints import PredictionType
from inference.queue.policy import EVERYWHERE


class BaseModelDeclarer(Protocol):
    """Stores an operator's declaration; `bot.library.watcher.LibraryKeeper` does."""

    async def declare(
        self, sha256: str, base_model: BaseModelId, *, who: str, reason: str, prediction: PredictionType | None
    ) -> None:
        """Declare what the file with this SHA-256 was trained on. Raises OSError, or that it cannot be scanned."""
        ...


class BaseModelProposals:
    """Stores proposals; one that is confirmed becomes the operator's own declaration."""

    def __init__(self, db: Database, rights: Rights, audit: AuditLog, declarer: BaseModelDeclarer) -> None:
        self._db = db
        self._rights = rights
        self._audit = audit
        self._declarer = declarer
        self._deciding = asyncio.Lock()

    async def propose(
        self,
        who: ActionContext,
        server_id: int,
        sha256: str,
        base_model: BaseModelId,
        *,
        reason: str,
        prediction: PredictionType | None = None,
    ) -> BaseModelProposal:
        """Propose what a file was trained on; an operator decides.

        Raises NothingThere, ReasonNeeded or ProposedAlready.
        """
        await self._rights.require(Action.PROPOSE_BASE_MODEL, who, server_id)
        why, version = checked_reason(reason), await self._db.one(VERSION_BY_SHA256, sha256)
        lora = await find_lora(self._db, version.lora_id) if version is not None and version.usable else None
        if lora is None or version is None:
            raise NothingThere(what=_("This LoRA has no usable file, so its base model cannot be declared."))
        async with self._db.transaction():
            proposal = await self._db.one(
                PROPOSE_BASE_MODEL, server=server_id, sha256=sha256, name=lora.name, base_model=base_model,
                prediction=prediction, reason=why, by=who.person_id, now=now_ms(),
            )  # fmt: skip
            if proposal is None:
                raise ProposedAlready
            known = None if version.base_model is None else str(version.base_model)
            changes = {"base_model": (known, str(base_model)), "reason": (None, why)}
            if prediction is not None:
                before = version.prediction.type
                changes["prediction"] = (None if before is None else before.value, prediction.value)
            await self._audit.record(who, server_id, AuditAction.PROPOSE_BASE_MODEL, changes, _file(proposal))
        return proposal

    async def decide(self, who: ActionContext, proposal_id: int, *, confirmed: bool) -> BaseModelProposal:
        """Confirm a proposal, which then is the operator's own declaration, or reject it.

        Raises NothingThere, DecidedAlready, and what declaring raises; then the proposal is still open.
        """
        await self._rights.require(Action.DECIDE_BASE_MODEL, who, EVERYWHERE)
        async with self._deciding:  # two operators decide one after the other
            proposal = await self._db.one(FIND_PROPOSAL, proposal_id)
            if proposal is None:
                raise NothingThere(what=_("You can no longer decide on this proposal."))
            if proposal.state is not ProposalState.OPEN:
                raise DecidedAlready
            if confirmed:
                named = f"{who.person_id}, proposed by {proposal.proposed_by}"
                await self._declarer.declare(
                    proposal.sha256,
                    proposal.base_model,
                    who=named,
                    reason=proposal.reason,
                    prediction=proposal.prediction,
                )
            state = ProposalState.CONFIRMED if confirmed else ProposalState.REJECTED
            action = AuditAction.CONFIRM_BASE_MODEL if confirmed else AuditAction.REJECT_BASE_MODEL
            async with self._db.transaction():
                decided = await self._db.one(
                    DECIDE_PROPOSAL, state=state, decided_by=who.person_id, now=now_ms(), id=proposal_id
                )
                if decided is None:
                    raise DecidedAlready
                changes = {"state": (proposal.state.value, state.value)}
                await self._audit.record(who, proposal.server_id, action, changes, _file(decided), proposal.proposed_by)
        return decided

    async def page(self, who: ActionContext, *, limit: int, offset: int = 0) -> list[BaseModelProposal]:
        """A page of the open proposals of all servers, the oldest first."""
        await self._rights.require(Action.DECIDE_BASE_MODEL, who, EVERYWHERE)
        return await self._db.all(OPEN_PROPOSALS, limit=limit, offset=offset)


def _file(proposal: BaseModelProposal) -> str:
    return f"{proposal.name} {proposal.sha256[:10]}"
