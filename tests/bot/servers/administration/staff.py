"""Who changes something in a server, and what the audit log then says."""

from __future__ import annotations

from collections.abc import Sequence

from bot.database.servers.audit import AuditEntry, AuditFilter
from bot.database.servers.limits import LimitName
from tests.bot.servers.world import (
    ELSEWHERE,
    MANAGER,
    OPERATOR,
    SERVER,
    ServerWorld,
    acting,
)

STAFF, OPERATING, STRANGER = acting(MANAGER), acting(OPERATOR), acting(MANAGER, server_id=ELSEWHERE)
WAITING = {LimitName.WAITING_PER_PERSON: 2}
MEGABYTE = 2**20


async def log(world: ServerWorld, server_id: int = SERVER, **wanted: object) -> Sequence[AuditEntry]:
    chosen = AuditFilter(**wanted)  # type: ignore[arg-type]
    return (await world.services.administration.audit.page(OPERATING, server_id, chosen, limit=50)).entries


def told(entries: Sequence[AuditEntry]) -> list[tuple[int, str, dict[str, tuple[object, object]]]]:
    return [(entry.actor_id, entry.action, entry.changes) for entry in reversed(entries)]
