"""LoRAs whose pages say later what would have kept them from being added: they are blocked everywhere."""

from __future__ import annotations

import logging

from bot.config.sections.sources import SourcesSettings
from bot.database.additions.hub_looks import LOOKS_OF
from bot.database.database import Database
from bot.database.loras.catalogue import VERSION_BY_SHA256, Lora, find_lora
from bot.database.people.blocks import BY_EASEL, FIND_BLOCK, BlockKind, save_block
from bot.i18n import _, sentences, speaking
from bot.sources.choosing import refusal_of_subject
from bot.sources.claims.same_bytes import with_all
from bot.sources.hubs.remote import RemoteVersion
from inference.queue.policy import EVERYWHERE

log = logging.getLogger(__name__)


async def block_if_flagged(
    db: Database, settings: SourcesSettings, sha256: str, page: str, now: RemoteVersion
) -> Lora | None:
    """Block the LoRA of a file if a page says now what none said at the last look; the LoRA that was blocked.

    All pages of the file are heard. What an operator allows again is not blocked a second time for the same. It is
    called before what the page says now is stored. Raises DatabaseError.
    """
    told = {look.page: RemoteVersion.model_validate_json(look.says) for look in await db.all(LOOKS_OF, [sha256])}
    before, after = tuple(told.values()), tuple({**told, page: now}.values())
    heard = with_all(now, after)
    if not _is_flagged(heard, settings) or _is_flagged(with_all(now, before), settings):
        return None
    found = await db.one(VERSION_BY_SHA256, sha256)
    lora = await find_lora(db, found.lora_id) if found is not None else None
    if lora is None or await db.one(FIND_BLOCK, server=EVERYWHERE, kind=BlockKind.LORA, id=lora.id) is not None:
        return None
    with speaking(None):
        reason = flagged_text(heard)
    await save_block(db, EVERYWHERE, BlockKind.LORA, lora.id, reason=reason, ends_at=None, created_by=BY_EASEL)
    log.warning("LoRA #%s is blocked: its page now says whom it shows, or that its file is dangerous", lora.id)
    return lora


def _is_flagged(version: RemoteVersion, settings: SourcesSettings) -> bool:
    """Whether a page says what keeps a LoRA out for good; a scan that has not ended does not."""
    return version.infected or refusal_of_subject(version, settings) is not None


def flagged_text(version: RemoteVersion) -> str:
    """Return the sentences about what a page says that keeps a version out."""
    told = [
        _("According to its page, this LoRA shows a minor.") if version.minor else "",
        _("According to its page, this LoRA shows a real person.") if version.real_person else "",
        _("According to its page, the file of this LoRA is dangerous.") if version.infected else "",
    ]
    return sentences(*filter(None, told))
