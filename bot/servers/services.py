"""All services about servers, constructed in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.config import LimitSettings, Settings
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.moderation.enforcement import WordRules
from bot.servers.access import Rights
from bot.servers.adding_checks import AddingChecks
from bot.servers.administration.base_models import BaseModelDeclarer
from bot.servers.administration.services import Administration, administration_services
from bot.servers.automod import AutoModLookup, AutoModRule
from bot.servers.checks import RequestChecks
from bot.servers.command_permissions import CommandGate, CommandPermissionLookup, CommandPermissions
from bot.servers.content import ContentRules, PlaceLookup
from bot.servers.context import ActionContext, MemberFacts
from bot.servers.lookups import NotConnected
from bot.servers.members import MemberLookup, Members
from bot.servers.server_cache import ServerCache
from bot.servers.server_words import ServerWords


@dataclass(frozen=True)
class ServerServices:
    """What commands, buttons and the dispatch of jobs use; see `bot.servers`."""

    servers: ServerCache
    rights: Rights
    checks: RequestChecks
    administration: Administration
    members: Members
    gate: CommandGate
    words: ServerWords
    content: ContentRules
    adding: AddingChecks

    def forget(self, server_id: int) -> None:
        """A server has removed the bot, or all that is kept of it has gone: read and ask anew the next time."""
        for cache in (self.servers, self.words, self.gate):
            cache.forget(server_id)

    def connect(self, discord: DiscordLookup) -> None:
        """Ask `discord` from now on; until then every look-up fails."""
        self.members.lookup = self.gate.lookup = self.content.places = self.administration.words.lookup = discord


class DiscordLookup(MemberLookup, CommandPermissionLookup, PlaceLookup, AutoModLookup, Protocol):
    """Asks Discord; the connected client does."""


class _Nobody:
    """Implements `DiscordLookup` before there is a client."""

    async def member(self, server_id: int, person_id: int) -> MemberFacts | None:
        raise NotConnected

    async def command_permissions(self, server_id: int) -> CommandPermissions:
        raise NotConnected

    def age_restricted(self, where: ActionContext) -> bool | None:
        raise NotConnected

    async def automod_rules(self, server_id: int) -> tuple[AutoModRule, ...]:
        raise NotConnected


def server_services(
    db: Database,
    settings: Callable[[], Settings],
    *,
    declarer: BaseModelDeclarer,
    clock: Callable[[], int] = now_ms,
    lookup_clock: Callable[[], float] = time.monotonic,
) -> ServerServices:
    """The services on an open database. `settings` is asked each time, so that a reload counts at once.

    `clock` is in unix ms; by `lookup_clock` (seconds) answers of Discord grow old.
    """

    def limits() -> LimitSettings:
        return settings().limits

    servers = ServerCache(db)
    known, gate = Members(_Nobody(), clock=lookup_clock), CommandGate(_Nobody(), clock=lookup_clock)
    rights = Rights(db, servers, gate, operators=lambda: settings().discord.operators, clock=clock)
    words = ServerWords(db, WordRules.of_operator(settings))
    content = ContentRules(servers, words, _Nobody(), settings)
    checks = RequestChecks(db, servers, rights, known, gate, words, content, limits=limits, clock=clock)
    administration = administration_services(
        db,
        servers,
        rights,
        words,
        declarer=declarer,
        automod=_Nobody(),
        settings=settings,
        clock=clock,
    )
    return ServerServices(
        servers,
        rights,
        checks,
        administration,
        known,
        gate,
        words,
        content,
        AddingChecks(db, servers, rights, gate, settings=settings, clock=clock),
    )
