"""The content ratings that operators give LoRAs."""

from __future__ import annotations

from bot.database.database import Database
from bot.database.loras.catalogue import find_lora, find_loras_by_id
from bot.database.loras.records import rate_content
from bot.database.servers.audit import AuditAction
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.servers.access import Rights
from bot.servers.administration.audit_log import AuditLog, differences
from bot.servers.context import ActionContext
from bot.servers.rights import Action
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE


class LoraRatings:
    """Rates LoRAs, for all servers."""

    def __init__(self, db: Database, rights: Rights, audit: AuditLog) -> None:
        self._db = db
        self._rights = rights
        self._audit = audit

    async def rate(self, who: ActionContext, lora_id: int, rating: ContentRating | None) -> ContentRating | None:
        """Say for whom a LoRA is, in all servers; None: as its sidecars say. What it is rated then.

        Raises NothingThere.
        """
        await self._rights.require(Action.RATE_LORA, who, EVERYWHERE)
        async with self._db.transaction():
            before = await find_lora(self._db, lora_id)
            if before is None or not await rate_content(self._db, lora_id, rating, who.person_id):
                raise NothingThere(what=_("This LoRA is no longer in the library."))
            (after,) = await find_loras_by_id(self._db, [lora_id])
            changes = differences({"rating": before.content_rating}, {"rating": after.content_rating})
            await self._audit.record(who, EVERYWHERE, AuditAction.RATE_LORA, changes, f"{before.name} #{lora_id}")
        return after.content_rating
