"""A member's roles by *Get Guild Member*, which needs no privileged intent, and what holds when that fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.servers.context import ActionContext, MemberFacts
from bot.servers.lookups import LookupCache


class MemberLookup(Protocol):
    """Asks Discord about members."""

    async def member(self, server_id: int, person_id: int) -> MemberFacts | None:
        """The member; None when the person is none (404, code 10007). Raises LookupFailed for everything else."""
        ...


@dataclass(frozen=True)
class Present:
    """What is known of a person now. None: they are no member any more. `timed_out` is Discord's own time-out."""

    context: ActionContext | None
    timed_out: bool = False


class Members:
    """Members by server and person, each looked up at most once a minute."""

    def __init__(self, lookup: MemberLookup, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.lookup = lookup
        self._cache = LookupCache[tuple[int, int], MemberFacts | None](
            lambda key: self.lookup.member(*key), clock=clock
        )

    async def present(self, ordered: ActionContext, now: int) -> Present:
        """Who was known at the order, as they are `now` (unix ms).

        Where the bot is not in the server, or outside of servers, it is as it was at the order. When the look-up fails,
        the person keeps those roles and permissions of the order that the last answer has too.
        """
        if ordered.server_id is None or not ordered.bot_in_server:
            return Present(ordered)
        known = await self._cache.get((ordered.server_id, ordered.person_id))
        if known is None:
            return Present(ordered)
        if known.answer is None:
            return Present(None)
        facts = known.answer
        roles, permissions = facts.role_ids, facts.permissions
        if not known.fresh:
            roles, permissions = roles & ordered.role_ids, permissions & ordered.permissions
        changes = {"role_ids": roles, "permissions": permissions, "joined_at": facts.joined_at}
        timed_out = facts.timed_out_until is not None and facts.timed_out_until > now
        return Present(ordered.model_copy(update=changes), timed_out=timed_out)

    def heard(self, who: ActionContext, now: int) -> None:
        """An interaction has told what the person is `now` (unix ms): an earlier answer that differs is replaced.

        Else somebody who has just got a role would be refused by the roles of a minute ago.
        """
        if who.server_id is None or not who.bot_in_server:
            return
        key = who.server_id, who.person_id
        known = self._cache.last(key)
        if known is not None and (known.answer is None or _differs(known.answer, who, now)):
            self._cache.learn(key, MemberFacts(who.role_ids, who.permissions, who.joined_at))

    def forget(self, server_id: int, person_id: int) -> None:
        """Ask again the next time."""
        self._cache.forget((server_id, person_id))


def _differs(facts: MemberFacts, who: ActionContext, now: int) -> bool:
    """Whether other roles were known, or a time-out; the role of everybody is not told each time."""
    timed_out = facts.timed_out_until is not None and facts.timed_out_until > now
    return timed_out or facts.role_ids - {who.server_id} != who.role_ids - {who.server_id}
