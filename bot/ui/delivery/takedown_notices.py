"""Tells authors and uploaders once that operators removed pictures for a person who is shown in them, and why.

It sends a direct message. After a crash, it finds a message that was already sent by the number at its end. If Discord
refuses the message, the notice follows the user's next command.
"""

from __future__ import annotations

import asyncio

from discord import ui

from bot.background import DiscordRefuses, attempt
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people.people import FIND_LOCALE
from bot.database.privacy.takedown_notices import (
    BEGIN_NOTICE,
    DUE_NOTICES,
    END_NOTICE,
    REFUSE_NOTICE,
    UNDELIVERED_NOTICES,
    TakedownNotice,
)
from bot.i18n import _, ngettext, number, sentences, speaking
from bot.i18n.texts import plain
from bot.library.configuration import Configuration
from bot.ui.delivery.addition_notices import DirectChannel
from bot.ui.delivery.nonces import make_nonce
from bot.ui.interactions.replies import Interaction, send_ephemeral
from bot.ui.rendered_message import view_of


class TakedownNotices:
    """The notices of a client."""

    def __init__(self, db: Database, configuration: Configuration, direct: DirectChannel) -> None:
        self._db = db
        self._configuration = configuration
        self._direct = direct
        self._telling = asyncio.Lock()  # else a command and a direct message might tell the same

    async def tell_all(self) -> bool:
        """Send due notices. Return whether all are sent. What Discord does not take now waits. Raises DatabaseError."""
        async with self._telling:
            for notice in await self._db.all(DUE_NOTICES):
                await attempt(self._tell(notice), f"telling an author about the takedown {notice.case_id}")
            return not await self._db.all(DUE_NOTICES)

    async def tell_here(self, interaction: Interaction) -> None:
        """Tell the person who used a command of what no direct message told. Raises DatabaseError."""
        if not await self._db.all(UNDELIVERED_NOTICES, interaction.user.id):
            return
        async with self._telling:
            for notice in await self._db.all(UNDELIVERED_NOTICES, interaction.user.id):
                await send_ephemeral(interaction, self._view(notice))
                await self._db.run(END_NOTICE, now=now_ms(), case=notice.case_id, person=notice.person_id)

    async def _tell(self, notice: TakedownNotice) -> None:
        """Raises DiscordUnreachable or DatabaseError."""
        with speaking(await self._db.one(FIND_LOCALE, notice.person_id)):
            view = self._view(notice)
        try:
            if notice.tried_at is None or not await self._direct.find(
                notice.person_id, notice.reference, notice.tried_at
            ):
                await self._db.run(BEGIN_NOTICE, now=now_ms(), case=notice.case_id, person=notice.person_id)
                nonce = await make_nonce(self._db, "takedown", notice.case_id, person_id=notice.person_id)
                await self._direct.send(notice.person_id, view, nonce)
        except DiscordRefuses:
            await self._db.run(REFUSE_NOTICE, case=notice.case_id, person=notice.person_id)
        else:
            await self._db.run(END_NOTICE, now=now_ms(), case=notice.case_id, person=notice.person_id)

    def _view(self, notice: TakedownNotice) -> ui.LayoutView:
        count, contact = notice.pictures, self._configuration.settings.privacy.contact
        head = ngettext(
            "**The operator of this bot removed one of your pictures**",
            "**The operator of this bot removed {count} of your pictures**",
            count,
        ).format(count=number(count))
        why = ngettext(
            "A person shown in the picture asked for its removal, and the operator checked the request. "
            "Easel deleted the picture and its copies, and refuses new copies.",
            "A person shown in the pictures asked for their removal, and the operator checked the request. "
            "Easel deleted the pictures and their copies, and refuses new copies.",
            count,
        )
        what = sentences(
            _("Please do not generate or upload pictures of this person again."),
            _("If you think that this is a mistake, write to the operator: {contact}").format(contact=plain(contact))
            if contact
            else _("If you think that this is a mistake, write to the operator of this bot."),
        )
        return view_of("\n".join([head, why, what, f"-# {notice.reference}"]))
