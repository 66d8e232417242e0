"""Gathers what a decision about a person's rights needs, and decides."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.orders import PersonFacts, person_facts
from bot.servers.command_permissions import CommandGate
from bot.servers.context import ActionContext
from bot.servers.rights import Action, Authority, CommandAccess, ServerRules, authority_of, why_not
from bot.servers.server_cache import ServerCache
from inference.errors import RequestError


class Rights:
    """Decides by `bot.servers.rights` with what is stored, set in Discord and configured.

    `operators` and `clock` (unix ms) are asked each time.
    """

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        gate: CommandGate,
        *,
        operators: Callable[[], Collection[int]],
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._db = db
        self._servers = servers
        self._gate = gate
        self._operators = operators
        self._clock = clock

    def is_operator(self, person_id: int) -> bool:
        """Whether the person is one of the operators."""
        return person_id in self._operators()

    async def authority(self, who: ActionContext, server_id: int | None = None) -> Authority:
        """What the person is to a server; left out, to the one where they are. Raises DatabaseError."""
        place = who.place if server_id is None else server_id
        return authority_of(who, place, (await self._servers.of(place)).settings, self._operators())

    async def why_not(self, action: Action, who: ActionContext, server_id: int | None = None) -> RequestError | None:
        """Why the person may not do that in a server (left out: where they are); None when they may.

        Raises DatabaseError.
        """
        place = who.place if server_id is None else server_id
        facts = await person_facts(self._db, who.person_id, place, self._clock())
        return await self.decide(action, who, place, facts, await self._gate.access(who))

    async def require(self, action: Action, who: ActionContext, server_id: int | None = None) -> None:
        """Raise why the person may not do that in a server (left out: where they are). Raises DatabaseError."""
        refusal = await self.why_not(action, who, server_id)
        if refusal is not None:
            raise refusal

    async def decide(
        self, action: Action, who: ActionContext, server_id: int, facts: PersonFacts, access: CommandAccess
    ) -> RequestError | None:
        """The same with facts that are known already. Raises DatabaseError."""
        rules = ServerRules(
            server_id=server_id,
            settings=(await self._servers.of(server_id)).settings,
            operators=self._operators(),
            block_here=facts.block_here,
            block_everywhere=facts.block_everywhere,
            access=access,
        )
        return why_not(action, who, rules, self._clock())
