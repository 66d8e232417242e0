"""Operators are told, in direct messages, of what runs no longer by itself."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
import discord

from bot import background
from bot.database.people import locale_of
from bot.i18n import _, speaking
from bot.i18n.texts import plain
from bot.ui.client import Client

if TYPE_CHECKING:
    from inference.workers import WorkerDied

log = logging.getLogger(__name__)

MAX_LAST_WORDS = 500  # characters of what a worker printed before it died


class Alarms:
    """Tells everybody who is named in `[discord] operators`."""

    def __init__(self, bot: Client) -> None:
        self._bot = bot

    def worker_benched(self, death: WorkerDied) -> None:
        """A worker has died again and again."""
        for operator in self._bot.easel.settings.discord.operators:
            background.start(self._tell_of_death(operator, death), "telling an operator")

    async def _tell_of_death(self, operator: int, death: WorkerDied) -> None:
        with speaking(await locale_of(self._bot.easel.connection, operator)):
            text = _("A worker has died {count} times in a row. It is started again, ever more rarely.")
            lines = [text.format(count=death.failures)]
            if death.stderr_tail:
                lines.append(f"> {plain(death.stderr_tail.splitlines()[-1], MAX_LAST_WORDS)}")
            with suppress(discord.HTTPException, aiohttp.ClientError, OSError):  # it stands in the log as well
                await (await self._bot.fetch_user(operator)).send("\n".join(lines))
