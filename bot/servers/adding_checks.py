"""Judges in one place who may add LoRAs from outside here, and how many."""

from __future__ import annotations

from collections.abc import Callable

from bot.config import Settings
from bot.database.additions.additions import NO_ADDITION, recent_requests
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.orders import person_facts
from bot.servers.access import Rights
from bot.servers.command_permissions import CommandGate
from bot.servers.context import ActionContext
from bot.servers.limits import QuotaScope, beyond_adding, effective_limits, is_newcomer
from bot.servers.rights import Action, CommandAccess
from bot.servers.server_cache import ServerCache
from bot.sources.additions import Admission
from bot.sources.errors import AddingOff


class AddingChecks:
    """The one door for additions. `settings` and `clock` (unix ms) are asked each time."""

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        rights: Rights,
        gate: CommandGate,
        *,
        settings: Callable[[], Settings],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._db = db
        self._servers = servers
        self._rights = rights
        self._gate = gate
        self._settings = settings
        self._clock = clock

    async def require(self, who: ActionContext) -> None:
        """Raise why the person may not add a LoRA here now. Raises DatabaseError."""
        await (await self.admission(who))(NO_ADDITION)

    async def admission(self, who: ActionContext) -> Admission:
        """What judges the person's next addition, in the transaction that stores it.

        Discord is asked here, where that is needed: a transaction waits for nobody.
        """
        access = await self._gate.access(who)

        async def judge(addition_id: int) -> None:
            await self._judge(who, access, addition_id)

        return judge

    async def _judge(self, who: ActionContext, access: CommandAccess, addition_id: int) -> None:
        """Raise why the person may not. What they asked for already is not counted again. Raises DatabaseError."""
        settings, now = self._settings(), self._clock()
        facts = await person_facts(self._db, who.person_id, who.place, now)
        refusal = await self._rights.decide(Action.ADD_LORA, who, who.place, facts, access)
        if refusal is None and not settings.sources.enabled:
            refusal = AddingOff()
        if refusal is None:
            setup = await self._servers.of(who.place)
            limits = effective_limits(
                settings.limits, setup.limits, who.roles, facts,
                newcomer=is_newcomer(who.joined_at, setup.settings.newcomer_hours, now),
                exempt=self._rights.is_operator(who.person_id),
            )  # fmt: skip
            recent = await recent_requests(self._db, who.person_id, who.server_id, now, but=addition_id)
            added = {
                QuotaScope.HERE: recent.here,
                QuotaScope.EVERYWHERE: recent.everywhere,
                QuotaScope.SERVER: recent.of_server,
            }
            refusal = beyond_adding(limits, added, now)
        if refusal is not None:
            raise refusal
