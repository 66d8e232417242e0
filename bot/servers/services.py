"""All services about servers, constructed in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aiosqlite

from bot.config import LimitSettings, Settings
from bot.database.clock import now_ms
from bot.servers.access import Rights
from bot.servers.administration import Administration, BaseModelDeclarer
from bot.servers.checks import RequestChecks
from bot.servers.command_permissions import CommandGate, CommandPermissionLookup
from bot.servers.members import MemberLookup, Members
from bot.servers.server_cache import ServerCache


@dataclass(frozen=True)
class ServerServices:
    """What commands, buttons and the dispatch of jobs use; see `bot.servers`."""

    servers: ServerCache
    rights: Rights
    checks: RequestChecks
    administration: Administration
    members: Members
    gate: CommandGate


def server_services(
    connection: aiosqlite.Connection,
    settings: Callable[[], Settings],
    *,
    members: MemberLookup,
    commands: CommandPermissionLookup,
    declarer: BaseModelDeclarer,
    clock: Callable[[], int] = now_ms,
) -> ServerServices:
    """The services on an open database. `settings` is asked each time, so that a reload counts at once."""

    def limits() -> LimitSettings:
        return settings().limits

    servers, known, gate = ServerCache(connection), Members(members), CommandGate(commands)
    rights = Rights(connection, servers, gate, operators=lambda: settings().discord.operators, clock=clock)
    checks = RequestChecks(connection, servers, rights, known, gate, limits=limits, clock=clock)
    administration = Administration(
        connection,
        servers,
        rights,
        declarer,
        installed=lambda: [checkpoint.name for checkpoint in settings().checkpoints],
        limits=limits,
        clock=clock,
    )
    return ServerServices(servers, rights, checks, administration, known, gate)
