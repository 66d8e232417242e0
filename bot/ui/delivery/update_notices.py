"""Direct messages about newer versions of bookmarks, to those who want them; all others see it in `/bookmarks`."""

from __future__ import annotations

import logging

from bot.background import DiscordRefuses, DiscordUnreachable, Recurring, failure
from bot.database.additions.hub_looks import MARK_MESSAGED, MARK_UPDATES_TOLD, PEOPLE_TO_MESSAGE
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.loras.search import Shown
from bot.database.people.people import FIND_LOCALE
from bot.i18n import speaking
from bot.servers.content import ContentRules
from bot.servers.context import ActionContext
from bot.sources.updates import Updates
from bot.ui.delivery.addition_notices import DirectChannel
from bot.ui.delivery.nonces import make_nonce
from bot.ui.views.loras.newer_versions import loras_to_tell, newer_view

log = logging.getLogger(__name__)

RETRY_SECONDS = 600.0  # until what Discord could not be given is tried again


class UpdateNotices:
    """Writes to the people of a database, after each look of `updates`."""

    def __init__(self, db: Database, updates: Updates, content: ContentRules, direct: DirectChannel) -> None:
        self._db = db
        self._content = content
        self._direct = direct
        self._recurring = Recurring("telling of newer versions", self.tell_all, RETRY_SECONDS)
        updates.looked = self._recurring.wake

    async def run(self) -> None:
        """Tell whoever is to be told, now and after each look. Runs until cancelled."""
        await self._recurring.run()

    async def tell_all(self) -> None:
        """Send each person what is newer, in messages of a few entries. Raises DatabaseError."""
        for person_id in await self._db.all(PEOPLE_TO_MESSAGE):
            problem = await failure(self._tell(person_id))
            if isinstance(problem, DiscordUnreachable):
                log.info("cannot send notices of newer versions, will retry: %s", problem)
                return
            if isinstance(problem, DatabaseError):
                raise problem
            if problem is not None:  # it keeps nothing from the others
                log.error("a direct message about newer versions failed", exc_info=problem)

    async def _tell(self, person_id: int) -> None:
        """Tell one person. Whom Discord lets nobody write to sees it in `/bookmarks`. Raises DiscordUnreachable."""
        place = await self._content.direct_messages(ActionContext(person_id=person_id))
        try:
            while await self._send_some(person_id, place.shown):
                pass
        except DiscordRefuses as problem:
            log.info("cannot send a direct message about newer versions: %s", problem)
        await self._db.run(MARK_MESSAGED, person_id)

    async def _send_some(self, person_id: int, shown: Shown) -> bool:
        """Send one message; whether there was anything left. Raises DiscordRefuses or DiscordUnreachable."""
        read_at = now_ms()
        loras = await loras_to_tell(self._db, person_id, shown)
        if not loras:
            return False
        with speaking(await self._db.one(FIND_LOCALE, person_id)):
            view = await newer_view(self._db, loras, adds=False)
        nonce = await make_nonce(self._db, "newer", loras[0].id, person_id=person_id)
        await self._direct.send(person_id, view, nonce)
        await self._db.run(MARK_UPDATES_TOLD, person=person_id, ids=[lora.id for lora in loras], until=read_at)
        return True
