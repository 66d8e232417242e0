"""The limits that staff set for their server, for roles and for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import ValidationError

from bot.config import LimitSettings
from bot.database.database import Database
from bot.database.servers.audit import AuditAction
from bot.database.servers.limits import (
    COUNT_LIMITS,
    LIMITS_OF,
    LIMITS_OF_PEOPLE,
    HeldLimits,
    LimitHolder,
    LimitName,
    LimitValues,
    save_limits,
)
from bot.errors.limits import LimitAboveCeiling, LimitNotForServer, LimitOutOfRange, NotWhole
from bot.i18n import number
from bot.servers.access import Rights
from bot.servers.administration.audit_log import AuditLog, differences
from bot.servers.context import ActionContext
from bot.servers.limits import COUNTED, LIMIT_LABELS, ceilings, is_stricter, server_ceilings
from bot.servers.rights import Action
from bot.servers.server_cache import ServerCache


class LimitAdministration:
    """Reads and changes limits, below the operator's (`limits`), which are asked each time."""

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        rights: Rights,
        audit: AuditLog,
        *,
        limits: Callable[[], LimitSettings],
    ) -> None:
        self._db = db
        self._servers = servers
        self._rights = rights
        self._audit = audit
        self._limits = limits

    async def change(
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

        `holder_id` is the role or the person, `name` the role's. Raises LimitOutOfRange, NotWhole, LimitAboveCeiling
        or LimitNotForServer.
        """
        await self._rights.require(Action.CONFIGURE, who, server_id)
        if holder is LimitHolder.ROLE and holder_id == server_id:  # the role that everybody has
            holder, holder_id, name = LimitHolder.EVERYBODY, 0, ""
        async with self._db.transaction():
            earlier = await self._db.one(LIMITS_OF, server=server_id, holder=holder, id=holder_id)
            before = earlier.values if earlier else LimitValues()
            after = self._checked(holder, before, values)
            if after != before:
                await save_limits(self._db, server_id, HeldLimits(holder, holder_id, name[:100], after))
                difference = differences(before.model_dump(), after.model_dump())
                concerned = holder_id if holder is LimitHolder.PERSON else None
                target = " ".join(filter(None, (holder.value, name[:100], str(holder_id) if holder_id else "")))
                await self._audit.record(who, server_id, AuditAction.CHANGE_LIMITS, difference, target, concerned)
        self._servers.forget(server_id)
        return after

    def _checked(
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
            first = problem.errors()[0]
            name = LimitName(str(first["loc"][0]))
            if first["type"] == "int_from_float":
                raise NotWhole(what=LIMIT_LABELS[name]) from None
            lowest, highest = range_of(name)
            raise LimitOutOfRange(
                what=LIMIT_LABELS[name], lowest=number(lowest, 2), highest=number(highest, 2)
            ) from None

    def ceilings(self, holder: LimitHolder) -> LimitValues:
        """The operator's limits that this holder's cannot be more generous than."""
        return server_ceilings(self._limits()) if holder is LimitHolder.SERVER else ceilings(self._limits())

    async def of_holder(
        self, who: ActionContext, server_id: int, holder: LimitHolder, holder_id: int = 0
    ) -> LimitValues:
        """The limits that were set for this holder."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        if holder is LimitHolder.ROLE and holder_id == server_id:  # the role that everybody has
            holder, holder_id = LimitHolder.EVERYBODY, 0
        held = await self._db.one(LIMITS_OF, server=server_id, holder=holder, id=holder_id)
        return held.values if held else LimitValues()

    async def of_people(self, who: ActionContext, server_id: int, *, limit: int, offset: int = 0) -> list[HeldLimits]:
        """A page of the limits of single people."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await self._db.all(LIMITS_OF_PEOPLE, server=server_id, limit=limit, offset=offset)

    async def count(self, who: ActionContext, server_id: int) -> int:
        """How many have limits in the server, single people too."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await self._db.get(COUNT_LIMITS, server_id)


def range_of(name: LimitName) -> tuple[float, float]:
    """The lowest and the highest value that a limit can have."""
    lowest = highest = 0.0
    for bound in LimitValues.model_fields[name.value].metadata:
        lowest = getattr(bound, "ge", lowest)
        highest = getattr(bound, "le", highest)
    return lowest, highest
