"""Direct messages about what people added whose own message could not tell them: a restart, or more than 15 minutes."""

from __future__ import annotations

import logging
from typing import Any

import aiosqlite
import discord
from discord import ui

from bot.database.additions import (
    AdditionState,
    LoraAddition,
    find_addition,
    mark_told,
    untold_requests,
    waiting_additions,
)
from bot.database.people import locale_of
from bot.i18n import speaking
from bot.sources.additions import Additions
from bot.sources.remote import RemoteVersion
from bot.ui.discord_refusals import DISCORD_ERRORS
from bot.ui.replies import error_message
from bot.ui.views.addition_text import added_text
from bot.ui.views.lora import LoraPageButton

log = logging.getLogger(__name__)

PATIENCE = 3600.0  # seconds for which one addition is waited for at a time


class AdditionNotices:
    """Tells people how additions of an earlier run ended."""

    def __init__(self, client: discord.Client, connection: aiosqlite.Connection, additions: Additions) -> None:
        self._client = client
        self._connection = connection
        self._additions = additions

    async def run(self) -> None:
        """Wait for those that were under way at the start, and tell everybody who does not know. Then it is done."""
        for addition in await waiting_additions(self._connection):
            while (now := await self._additions.until_ended(addition.id, PATIENCE)) is not None:
                if now.state is not AdditionState.WAITING:
                    break
        for addition_id, person_id in await untold_requests(self._connection):
            await self.tell(addition_id, person_id)

    async def tell(self, addition_id: int, person_id: int) -> None:
        """Tell one person, once. Raises DatabaseError."""
        addition = await find_addition(self._connection, addition_id)
        if addition is None or not await mark_told(self._connection, addition_id, person_id):
            return
        view = await self._view(addition, await locale_of(self._connection, person_id))
        if view is None:
            return
        try:
            await (await self._client.fetch_user(person_id)).send(view=view)
        except DISCORD_ERRORS as problem:
            log.info("who wanted %s could not be told: %s", addition.path, problem)

    async def _view(self, addition: LoraAddition, language: str | None) -> ui.LayoutView | None:
        """How it ended; None for what was cancelled, or has gone again. Raises DatabaseError."""
        lora = await self._additions.entry_of(addition.sha256) if addition.sha256 else None
        view = ui.LayoutView(timeout=None)
        with speaking(language):
            if addition.failure is not None:
                view.add_item(ui.TextDisplay[Any](error_message(addition.failure)))
            elif lora is not None:
                version = RemoteVersion.model_validate_json(addition.source)
                view.add_item(ui.TextDisplay[Any](added_text(lora.name, version)))
                view.add_item(ui.ActionRow[Any](LoraPageButton(lora.id)))
            else:
                return None
        return view
