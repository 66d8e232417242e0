"""Direct messages to operators about failures that need a person."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
import aiosqlite
import discord

from bot import background
from bot.database.people import locale_of
from bot.i18n import _, speaking
from bot.i18n.texts import plain
from bot.library.configuration import Configuration

if TYPE_CHECKING:
    from inference.workers import WorkerDied

log = logging.getLogger(__name__)

MAX_STDERR = 500  # characters of a dead worker's last output


class OperatorAlerts:
    """Sends alerts to everybody who is named in `[discord] operators`."""

    def __init__(self, client: discord.Client, connection: aiosqlite.Connection, configuration: Configuration) -> None:
        self._client = client
        self._connection = connection
        self._configuration = configuration

    def worker_failed_repeatedly(self, death: WorkerDied) -> None:
        """Tell each operator that a worker has died several times in a row."""
        for operator in self._configuration.settings.discord.operators:
            background.start(self._send_alert(operator, death), "alerting an operator")

    async def _send_alert(self, operator: int, death: WorkerDied) -> None:
        with speaking(await locale_of(self._connection, operator)):
            text = _("A worker has died {count} times in a row. It is started again, ever more rarely.")
            lines = [text.format(count=death.failures)]
            if death.stderr_tail:
                lines.append(f"> {plain(death.stderr_tail.splitlines()[-1], MAX_STDERR)}")
            with suppress(discord.HTTPException, aiohttp.ClientError, OSError):  # the failure is in the log too
                await (await self._client.fetch_user(operator)).send("\n".join(lines))
