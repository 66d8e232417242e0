"""What staff and operators change and read, constructed from an open database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aiosqlite

from bot.config import Settings
from bot.servers.access import Rights
from bot.servers.administration.audit_log import AuditLog
from bot.servers.administration.base_models import BaseModelDeclarer, BaseModelProposals
from bot.servers.administration.blocks import BlockAdministration
from bot.servers.administration.limits import LimitAdministration
from bot.servers.administration.phrases import PhraseAdministration
from bot.servers.administration.ratings import LoraRatings
from bot.servers.administration.settings import SettingsAdministration
from bot.servers.administration.words import WordAdministration
from bot.servers.automod import AutoModLookup
from bot.servers.server_cache import ServerCache
from bot.servers.server_words import ServerWords


@dataclass(frozen=True)
class Administration:
    """One service for each subject; see `bot.servers.administration`."""

    settings: SettingsAdministration
    limits: LimitAdministration
    blocks: BlockAdministration
    words: WordAdministration
    phrases: PhraseAdministration
    base_models: BaseModelProposals
    ratings: LoraRatings
    audit: AuditLog


def administration_services(
    connection: aiosqlite.Connection,
    servers: ServerCache,
    rights: Rights,
    words: ServerWords,
    *,
    declarer: BaseModelDeclarer,
    automod: AutoModLookup,
    settings: Callable[[], Settings],
    clock: Callable[[], int],
) -> Administration:
    """The services. `settings` is asked each time, so that a reload counts at once; `clock` is in unix ms."""
    audit = AuditLog(connection, rights)
    return Administration(
        SettingsAdministration(
            connection,
            servers,
            rights,
            audit,
            installed=lambda: [checkpoint.name for checkpoint in settings().checkpoints],
        ),
        LimitAdministration(connection, servers, rights, audit, limits=lambda: settings().limits),
        BlockAdministration(connection, servers, rights, audit, clock=clock),
        WordAdministration(connection, words, rights, audit, automod),
        PhraseAdministration(connection, words, rights, audit, clock=clock),
        BaseModelProposals(connection, rights, audit, declarer),
        LoraRatings(connection, rights, audit),
        audit,
    )
