"""Blocks of people and LoRAs, in a server or by operators everywhere."""

from __future__ import annotations

from collections.abc import Callable

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import find_lora
from bot.database.people.blocks import FIND_BLOCK, LIFT_BLOCK, LIST_BLOCKS, Block, BlockKind, save_block
from bot.database.servers.audit import AuditAction
from bot.errors.blocks import CannotBeBlocked, EndInThePast
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.servers.access import Rights
from bot.servers.administration.audit_log import AuditLog, differences
from bot.servers.administration.reasons import checked_reason
from bot.servers.context import ActionContext
from bot.servers.rights import Action, date_of
from bot.servers.server_cache import ServerCache


class BlockAdministration:
    """Blocks, lifts blocks and lists them."""

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        rights: Rights,
        audit: AuditLog,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._db = db
        self._servers = servers
        self._rights = rights
        self._audit = audit
        self._clock = clock

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
        lora = await find_lora(self._db, lora_id)
        if lora is None:
            raise NothingThere(what=_("This LoRA is no longer in the library."))
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
        why = checked_reason(reason)
        if ends_at is not None and ends_at <= self._clock():
            raise EndInThePast
        action = AuditAction.BLOCK_PERSON if kind is BlockKind.PERSON else AuditAction.BLOCK_LORA
        async with self._db.transaction():
            before = await self._db.one(FIND_BLOCK, server=server_id, kind=kind, id=target_id)
            after = await save_block(
                self._db, server_id, kind, target_id, reason=why, ends_at=ends_at, created_by=who.person_id
            )
            await self._audit.record(who, server_id, action, _difference(before, after), target, _concerned(after))
        self._servers.forget(server_id)
        return after

    async def unblock(self, who: ActionContext, server_id: int, kind: BlockKind, target_id: int) -> None:
        """Lift a block. Raises NothingThere when there is none."""
        await self._rights.require(Action.BLOCK, who, server_id)
        async with self._db.transaction():
            before = await self._db.one(LIFT_BLOCK, server=server_id, kind=kind, id=target_id)
            if before is None:
                raise NothingThere(what=_("This member or LoRA is no longer blocked."))
            action = AuditAction.UNBLOCK_PERSON if kind is BlockKind.PERSON else AuditAction.UNBLOCK_LORA
            target = f"person {target_id}" if kind is BlockKind.PERSON else f"#{target_id}"
            await self._audit.record(who, server_id, action, _difference(before, None), target, _concerned(before))
        self._servers.forget(server_id)

    async def page(
        self, who: ActionContext, server_id: int, kind: BlockKind, *, limit: int, offset: int = 0
    ) -> list[Block]:
        """A page of the server's blocks, ended ones included."""
        await self._rights.require(Action.BLOCK, who, server_id)
        return await self._db.all(LIST_BLOCKS, server=server_id, kind=kind, limit=limit, offset=offset)


def _difference(before: Block | None, after: Block | None) -> dict[str, tuple[object, object]]:
    def told(block: Block | None) -> dict[str, object]:
        return {} if block is None else {"reason": block.reason, "end": date_of(block.ends_at) or "never"}

    return differences(told(before), told(after))


def _concerned(block: Block) -> int | None:
    return block.target_id if block.kind is BlockKind.PERSON else None
