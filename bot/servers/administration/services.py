"""What staff and operators change and read, constructed from an open database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.config import Settings
from bot.database.database import Database
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
    db: Database,
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
    audit = AuditLog(db, rights)
    return Administration(
        SettingsAdministration(
            db,
            servers,
            rights,
            audit,
            installed=lambda: [checkpoint.name for checkpoint in settings().checkpoints],
        ),
        LimitAdministration(db, servers, rights, audit, limits=lambda: settings().limits),
        BlockAdministration(db, servers, rights, audit, clock=clock),
        WordAdministration(db, words, rights, audit, automod),
        PhraseAdministration(db, words, rights, audit, clock=clock),
        BaseModelProposals(db, rights, audit, declarer),
        LoraRatings(db, rights, audit),
        audit,
    )
