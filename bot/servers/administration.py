"""What staff and operators change and read of a server. Each change checks the right, and leaves an audit entry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

import aiosqlite
from pydantic import ValidationError

from bot.config import LimitSettings
from bot.database.audit import (
    AuditAction,
    AuditEntry,
    AuditFilter,
    AuditPage,
    Changes,
    add_entry,
    audit_page,
    find_entry,
)
from bot.database.base_model_proposals import (
    BaseModelProposal,
    ProposalState,
    decide_proposal,
    find_proposal,
    open_proposals,
    save_proposal,
)
from bot.database.blocks import Block, BlockKind, find_block, lift_block, list_blocks, save_block
from bot.database.clock import now_ms
from bot.database.connection import transaction
from bot.database.lora_records import rate_content
from bot.database.loras import find_lora, find_loras_by_id, find_version
from bot.database.server_limits import (
    HeldLimits,
    LimitHolder,
    LimitName,
    LimitValues,
    count_limits,
    find_limits,
    limits_of_people,
    save_limits,
)
from bot.database.server_settings import (
    MAX_CHOSEN,
    MAX_NEWCOMER_HOURS,
    ServerSettings,
    find_server_settings,
    save_server_settings,
)
from bot.errors.blocks import CannotBeBlocked, EndInThePast
from bot.errors.decisions import DecidedAlready, ProposedAlready, ReasonNeeded
from bot.errors.limits import LimitAboveCeiling, LimitNotForServer, LimitOutOfRange
from bot.errors.missing import NothingThere
from bot.errors.server_settings import (
    DefaultNotAllowed,
    LanguageUnknown,
    NewcomerTimeOutOfRange,
    OpenRatingTooHigh,
    TooManyChosen,
)
from bot.i18n import _, number
from bot.i18n.catalogue import ENGLISH, languages
from bot.servers.access import Rights
from bot.servers.audit_export import AuditExport, ExportFormat, export
from bot.servers.context import ActionContext
from bot.servers.limits import COUNTED, LIMIT_LABELS, ceilings, is_stricter, server_ceilings
from bot.servers.rights import Action, checkpoint_allowed, date_of
from bot.servers.server_cache import ServerCache, ServerSetup
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating
from inference.errors import CheckpointNotFound
from inference.queue import EVERYWHERE

MAX_REASON = 500  # characters
EXPORT_PAGE = 500  # entries


class BaseModelDeclarer(Protocol):
    """Stores an operator's declaration; `bot.library.watcher.LibraryKeeper` does."""

    async def declare(self, sha256: str, base_model: BaseModelId, *, who: str, reason: str) -> None:
        """The file with this SHA-256 was trained on this base model. Raises OSError, or that it cannot be scanned."""
        ...


class Administration:
    """The panel's services. `server_id` is the server that is acted on; EVERYWHERE is for operators alone.

    Every method raises NotStaff, NotOperator or another refusal of `bot.servers.rights` when the person may not do
    that, and DatabaseError. `installed` (names of checkpoints) and `limits` are asked each time.
    """

    def __init__(
        self,
        connection: aiosqlite.Connection,
        servers: ServerCache,
        rights: Rights,
        declarer: BaseModelDeclarer,
        *,
        installed: Callable[[], Sequence[str]],
        limits: Callable[[], LimitSettings],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._connection = connection
        self._servers = servers
        self._rights = rights
        self._declarer = declarer
        self._installed = installed
        self._limits = limits
        self._clock = clock
        self._deciding = asyncio.Lock()

    # --- settings and limits ------------------------------------------------------------------------------------------

    async def setup(self, who: ActionContext, server_id: int) -> ServerSetup:
        """What is set in the server."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await self._servers.of(server_id)

    async def change_settings(self, who: ActionContext, server_id: int, **changes: object) -> ServerSettings:
        """Change the named fields of the server's settings; the others stay.

        Raises CheckpointNotFound, DefaultNotAllowed, LanguageUnknown, and what `_changed` raises.
        """
        await self._rights.require(Action.CONFIGURE, who, server_id)
        async with transaction(self._connection):
            before = await find_server_settings(self._connection, server_id)
            after = _changed(before, changes)
            self._check_settings(before, after)
            if after != before:
                await save_server_settings(self._connection, server_id, after)
                difference = differences(before.model_dump(mode="json"), after.model_dump(mode="json"))
                await self._log(who, server_id, AuditAction.CHANGE_SETTINGS, difference)
        self._servers.forget(server_id)
        return after

    def _check_settings(self, before: ServerSettings, after: ServerSettings) -> None:
        """Raise what is wrong with the new settings. A checkpoint that was chosen earlier may be gone by now."""
        installed = list(self._installed())
        known = {name.casefold() for name in (*installed, *before.checkpoints)}
        for name in (*after.checkpoints, *filter(None, (after.default_checkpoint,))):
            if name.casefold() not in known and name != before.default_checkpoint:
                raise CheckpointNotFound(name=name, installed=installed)
        default = after.default_checkpoint
        if default is not None and not checkpoint_allowed(after, default):
            raise DefaultNotAllowed(checkpoint=default, allowed=list(after.checkpoints))
        spoken = sorted(languages() | {ENGLISH})
        if after.language not in {None, before.language, *spoken}:
            raise LanguageUnknown(language=str(after.language)[:40], known=spoken)

    async def set_limits(
        self,
        who: ActionContext,
        server_id: int,
        holder: LimitHolder,
        values: Mapping[LimitName, float | None],
        *,
        holder_id: int = 0,
        name: str = "",
    ) -> LimitValues:
        """Set or, with None, remove the named limits of a holder; the others stay.

        `holder_id` is the role or the person, `name` the role's. Raises LimitOutOfRange, LimitAboveCeiling or
        LimitNotForServer.
        """
        await self._rights.require(Action.CONFIGURE, who, server_id)
        if holder is LimitHolder.ROLE and holder_id == server_id:  # the role that everybody has
            holder, holder_id, name = LimitHolder.EVERYBODY, 0, ""
        async with transaction(self._connection):
            earlier = await find_limits(self._connection, server_id, holder, holder_id)
            before = earlier.values if earlier else LimitValues()
            after = self._checked_limits(holder, before, values)
            if after != before:
                await save_limits(self._connection, server_id, HeldLimits(holder, holder_id, name[:100], after))
                difference = differences(before.model_dump(), after.model_dump())
                concerned = holder_id if holder is LimitHolder.PERSON else None
                target = " ".join(filter(None, (holder.value, name[:100], str(holder_id) if holder_id else "")))
                await self._log(who, server_id, AuditAction.CHANGE_LIMITS, difference, target, concerned)
        self._servers.forget(server_id)
        return after

    def _checked_limits(
        self, holder: LimitHolder, before: LimitValues, values: Mapping[LimitName, float | None]
    ) -> LimitValues:
        whole = holder is LimitHolder.SERVER
        ceiling = self.ceilings(holder)
        for name, value in values.items():
            if whole and name not in COUNTED:
                raise LimitNotForServer(what=LIMIT_LABELS[name])
            highest = ceiling.get(name)
            if value is not None and highest is not None and is_stricter(name, highest, value):
                raise LimitAboveCeiling(what=LIMIT_LABELS[name], ceiling=number(highest, 2))
        try:
            return LimitValues.model_validate(before.model_dump() | {name.value: v for name, v in values.items()})
        except ValidationError as problem:
            name = LimitName(str(problem.errors()[0]["loc"][0]))
            lowest, highest = range_of(name)
            raise LimitOutOfRange(
                what=LIMIT_LABELS[name], lowest=number(lowest, 2), highest=number(highest, 2)
            ) from None

    def ceilings(self, holder: LimitHolder) -> LimitValues:
        """The operator's limits that this holder's cannot be more generous than."""
        return server_ceilings(self._limits()) if holder is LimitHolder.SERVER else ceilings(self._limits())

    async def limits_of_holder(
        self, who: ActionContext, server_id: int, holder: LimitHolder, holder_id: int = 0
    ) -> LimitValues:
        """The limits that were set for this holder."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        if holder is LimitHolder.ROLE and holder_id == server_id:  # the role that everybody has
            holder, holder_id = LimitHolder.EVERYBODY, 0
        held = await find_limits(self._connection, server_id, holder, holder_id)
        return held.values if held else LimitValues()

    async def limits_of_people(
        self, who: ActionContext, server_id: int, *, limit: int, offset: int = 0
    ) -> tuple[HeldLimits, ...]:
        """A page of the limits of single people."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await limits_of_people(self._connection, server_id, limit=limit, offset=offset)

    async def count_limits(self, who: ActionContext, server_id: int) -> int:
        """How many have limits in the server, single people too."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await count_limits(self._connection, server_id)

    # --- blocks -------------------------------------------------------------------------------------------------------

    async def block_person(
        self, who: ActionContext, server_id: int, person_id: int, *, reason: str, ends_at: int | None = None
    ) -> Block:
        """Block a person, until a time (unix ms) or without end. Raises CannotBeBlocked, ReasonNeeded, EndInThePast."""
        await self._rights.require(Action.BLOCK, who, server_id)
        if person_id == who.person_id or self._rights.is_operator(person_id):
            raise CannotBeBlocked
        target = f"person {person_id}"
        return await self._block(who, server_id, BlockKind.PERSON, person_id, target, reason=reason, ends_at=ends_at)

    async def block_lora(
        self, who: ActionContext, server_id: int, lora_id: int, *, reason: str, ends_at: int | None = None
    ) -> Block:
        """Block a catalogue entry with all its versions. Raises NothingThere, ReasonNeeded, EndInThePast."""
        await self._rights.require(Action.BLOCK, who, server_id)
        lora = await find_lora(self._connection, lora_id)
        if lora is None:
            raise NothingThere(what=_("This LoRA is not in the library any more."))
        target = f"{lora.name} #{lora_id}"
        return await self._block(who, server_id, BlockKind.LORA, lora_id, target, reason=reason, ends_at=ends_at)

    async def _block(
        self,
        who: ActionContext,
        server_id: int,
        kind: BlockKind,
        target_id: int,
        target: str,
        *,
        reason: str,
        ends_at: int | None,
    ) -> Block:
        why = _reason(reason)
        if ends_at is not None and ends_at <= self._clock():
            raise EndInThePast
        action = AuditAction.BLOCK_PERSON if kind is BlockKind.PERSON else AuditAction.BLOCK_LORA
        async with transaction(self._connection):
            before = await find_block(self._connection, server_id, kind, target_id)
            after = await save_block(
                self._connection, server_id, kind, target_id, reason=why, ends_at=ends_at, created_by=who.person_id
            )
            await self._log(who, server_id, action, _block_difference(before, after), target, _concerned(after))
        self._servers.forget(server_id)
        return after

    async def unblock(self, who: ActionContext, server_id: int, kind: BlockKind, target_id: int) -> None:
        """Lift a block. Raises NothingThere when there is none."""
        await self._rights.require(Action.BLOCK, who, server_id)
        async with transaction(self._connection):
            before = await lift_block(self._connection, server_id, kind, target_id)
            if before is None:
                raise NothingThere(what=_("This is not blocked any more."))
            action = AuditAction.UNBLOCK_PERSON if kind is BlockKind.PERSON else AuditAction.UNBLOCK_LORA
            target = f"person {target_id}" if kind is BlockKind.PERSON else f"#{target_id}"
            await self._log(who, server_id, action, _block_difference(before, None), target, _concerned(before))
        self._servers.forget(server_id)

    async def blocks(
        self, who: ActionContext, server_id: int, kind: BlockKind, *, limit: int, offset: int = 0
    ) -> tuple[Block, ...]:
        """A page of the server's blocks, ended ones included."""
        await self._rights.require(Action.BLOCK, who, server_id)
        return await list_blocks(self._connection, server_id, kind, limit=limit, offset=offset)

    # --- base models --------------------------------------------------------------------------------------------------

    async def propose_base_model(
        self, who: ActionContext, server_id: int, sha256: str, base_model: BaseModelId, *, reason: str
    ) -> BaseModelProposal:
        """Propose what a file was trained on; an operator decides.

        Raises NothingThere, ReasonNeeded or ProposedAlready.
        """
        await self._rights.require(Action.PROPOSE_BASE_MODEL, who, server_id)
        why, version = _reason(reason), await find_version(self._connection, sha256)
        lora = await find_lora(self._connection, version.lora_id) if version is not None and version.usable else None
        if lora is None or version is None:
            raise NothingThere(what=_("There is no usable file of this LoRA to declare."))
        async with transaction(self._connection):
            proposal = await save_proposal(
                self._connection, server_id, sha256, base_model, name=lora.name, reason=why, proposed_by=who.person_id
            )
            if proposal is None:
                raise ProposedAlready
            known = None if version.base_model is None else str(version.base_model)
            changes = {"base_model": (known, str(base_model)), "reason": (None, why)}
            await self._log(who, server_id, AuditAction.PROPOSE_BASE_MODEL, changes, _file(proposal))
        return proposal

    async def decide_base_model(self, who: ActionContext, proposal_id: int, *, confirmed: bool) -> BaseModelProposal:
        """Confirm a proposal, which then is the operator's own declaration, or reject it.

        Raises NothingThere, DecidedAlready, and what declaring raises; then the proposal is still open.
        """
        await self._rights.require(Action.DECIDE_BASE_MODEL, who, EVERYWHERE)
        async with self._deciding:  # two operators decide one after the other
            proposal = await find_proposal(self._connection, proposal_id)
            if proposal is None or (confirmed and proposal.base_model is None):
                raise NothingThere(what=_("This proposal cannot be decided any more."))
            if proposal.state is not ProposalState.OPEN:
                raise DecidedAlready
            if confirmed and proposal.base_model is not None:
                named = f"{who.person_id}, proposed by {proposal.proposed_by}"
                await self._declarer.declare(proposal.sha256, proposal.base_model, who=named, reason=proposal.reason)
            state = ProposalState.CONFIRMED if confirmed else ProposalState.REJECTED
            action = AuditAction.CONFIRM_BASE_MODEL if confirmed else AuditAction.REJECT_BASE_MODEL
            async with transaction(self._connection):
                decided = await decide_proposal(self._connection, proposal_id, state, who.person_id)
                if decided is None:
                    raise DecidedAlready
                changes = {"state": (proposal.state.value, state.value)}
                await self._log(who, proposal.server_id, action, changes, _file(decided), proposal.proposed_by)
        return decided

    async def proposals(self, who: ActionContext, *, limit: int, offset: int = 0) -> tuple[BaseModelProposal, ...]:
        """A page of the open proposals of all servers, the oldest first."""
        await self._rights.require(Action.DECIDE_BASE_MODEL, who, EVERYWHERE)
        return await open_proposals(self._connection, limit=limit, offset=offset)

    # --- content ratings ----------------------------------------------------------------------------------------------

    async def rate_lora(self, who: ActionContext, lora_id: int, rating: ContentRating | None) -> ContentRating | None:
        """Say for whom a LoRA is, in all servers; None: as its sidecars say. What it is rated then.

        Raises NothingThere.
        """
        await self._rights.require(Action.RATE_LORA, who, EVERYWHERE)
        async with transaction(self._connection):
            before = await find_lora(self._connection, lora_id)
            if before is None or not await rate_content(self._connection, lora_id, rating, who.person_id):
                raise NothingThere(what=_("This LoRA is not in the library any more."))
            (after,) = await find_loras_by_id(self._connection, [lora_id])
            changes = differences({"rating": before.content_rating}, {"rating": after.content_rating})
            await self.note(who, EVERYWHERE, AuditAction.RATE_LORA, changes, target=f"{before.name} #{lora_id}")
        return after.content_rating

    # --- audit log ----------------------------------------------------------------------------------------------------

    async def note(
        self,
        who: ActionContext,
        server_id: int,
        action: AuditAction,
        changes: Changes,
        *,
        target: str = "",
        person_id: int | None = None,
    ) -> None:
        """Write an entry about something that was done elsewhere, such as a pause of the queue. Checks no right."""
        await self._log(who, server_id, action, changes, target, person_id)

    async def audit(
        self,
        who: ActionContext,
        server_id: int,
        wanted: AuditFilter,
        *,
        limit: int,
        before: AuditEntry | None = None,
    ) -> AuditPage:
        """A page of the log, the newest first; the next one comes after the last entry of this one (`before`)."""
        await self._rights.require(Action.READ_AUDIT, who, server_id)
        return await audit_page(self._connection, server_id, wanted, limit=limit, before=before)

    async def audit_entry(self, who: ActionContext, server_id: int, entry_id: int) -> AuditEntry:
        """One entry of the log, after which a page begins. Raises NothingThere when the server has none such."""
        await self._rights.require(Action.READ_AUDIT, who, server_id)
        entry = await find_entry(self._connection, server_id, entry_id)
        if entry is None:
            raise NothingThere(what=_("This page is too old. Please open it anew."))
        return entry

    async def export_audit(
        self, who: ActionContext, server_id: int, wanted: AuditFilter, kind: ExportFormat, *, max_bytes: int
    ) -> AuditExport:
        """The entries as a file of at most `max_bytes`, the newest first. The export itself is logged after it."""
        await self._rights.require(Action.READ_AUDIT, who, server_id)
        made = await export(self._entries(server_id, wanted), kind, max_bytes=max_bytes)
        await self._log(who, server_id, AuditAction.EXPORT_AUDIT_LOG, {"entries": (None, made.entries)}, made.name)
        return made

    async def _entries(self, server_id: int, wanted: AuditFilter) -> AsyncIterator[AuditEntry]:
        page = AuditPage((), older=True)
        while page.older:
            before = page.entries[-1] if page.entries else None
            page = await audit_page(self._connection, server_id, wanted, limit=EXPORT_PAGE, before=before)
            for entry in page.entries:
                yield entry

    async def _log(
        self,
        who: ActionContext,
        server_id: int,
        action: AuditAction,
        changes: Changes,
        target: str = "",
        person_id: int | None = None,
    ) -> None:
        await add_entry(self._connection, server_id, who.person_id, action, changes, target=target, person_id=person_id)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """What differs, by field: before and after; None for a field that is not there."""
    fields = dict.fromkeys((*before, *after))
    return {field: (before.get(field), after.get(field)) for field in fields if before.get(field) != after.get(field)}


def range_of(name: LimitName) -> tuple[float, float]:
    """The lowest and the highest value that a limit can have."""
    lowest = highest = 0.0
    for bound in LimitValues.model_fields[name.value].metadata:
        lowest = getattr(bound, "ge", getattr(bound, "gt", lowest))
        highest = getattr(bound, "le", highest)
    return lowest, highest


def _changed(settings: ServerSettings, changes: Mapping[str, object]) -> ServerSettings:
    """The settings with changes.

    Raises TooManyChosen, NewcomerTimeOutOfRange or OpenRatingTooHigh for what people may give wrongly.
    """
    try:
        return ServerSettings.model_validate({**settings.model_dump(), **changes})
    except ValidationError as problem:
        (error, *_more) = problem.errors()
        if error["type"] == "too_long":
            raise TooManyChosen(limit=MAX_CHOSEN) from None
        if error["loc"] == ("newcomer_hours",):
            raise NewcomerTimeOutOfRange(limit=MAX_NEWCOMER_HOURS) from None
        if error["loc"][0] in {"open_rating", "unrated_as"}:
            raise OpenRatingTooHigh from None
        raise


def _reason(typed: str) -> str:
    """The reason in one line. Raises ReasonNeeded."""
    reason = " ".join(typed.split())
    if not 1 <= len(reason) <= MAX_REASON:
        raise ReasonNeeded(limit=MAX_REASON)
    return reason


def _block_difference(before: Block | None, after: Block | None) -> dict[str, tuple[object, object]]:
    def told(block: Block | None) -> dict[str, object]:
        return {} if block is None else {"reason": block.reason, "end": date_of(block.ends_at) or "never"}

    return differences(told(before), told(after))


def _concerned(block: Block) -> int | None:
    return block.target_id if block.kind is BlockKind.PERSON else None


def _file(proposal: BaseModelProposal) -> str:
    return f"{proposal.name} {proposal.sha256[:10]}"
