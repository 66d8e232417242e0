"""Direct messages to operators about failures that need a person."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import discord

from bot import background
from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.loras.catalogue import Lora
from bot.database.people.people import FIND_LOCALE
from bot.database.privacy.takedown_cases import TakedownCase
from bot.i18n import _, speaking
from bot.i18n.texts import clipped, plain, with_code
from bot.library.configuration import Configuration
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS, is_final
from bot.ui.views.status import takedown_text
from inference.base_models import BaseModelId
from inference.workers import WorkerDied

if TYPE_CHECKING:
    from bot.jobs.active_jobs import WorkerTrouble

log = logging.getLogger(__name__)

MAX_NAME = 60
MAX_REASON, MAX_FINDING = 500, 1500  # characters


class OperatorAlerts:
    """Sends alerts to everybody who is named in `[discord] operators`."""

    def __init__(self, client: discord.Client, db: Database, configuration: Configuration) -> None:
        self._client = client
        self._db = db
        self._configuration = configuration

    def workers_failed_repeatedly(self, trouble: WorkerTrouble) -> None:
        """Tell each operator that a worker has died several times in a row, or that none is there."""
        self._alert(lambda: _trouble_text(trouble))

    def takedown_due(self, case: TakedownCase) -> None:
        """Tell each operator that the 48 hours of a takedown are soon over, or are."""
        self._alert(lambda: takedown_text(case))

    def lora_blocked(self, lora: Lora) -> None:
        """Tell each operator that a LoRA was blocked for what its page says now."""
        self._alert(lambda: _blocked_text(lora))

    def lora_disputed(self, lora: Lora, base: BaseModelId) -> None:
        """Tell each operator that another page names another base model for a LoRA."""
        self._alert(lambda: _disputed_text(lora, base))

    async def tell_operators(self, text: Callable[[], str]) -> bool:
        """Send `text` to each operator as a direct message, in their language; it is escaped.

        False if none is named, or Discord could not be reached for any of them. An operator who refuses direct messages
        has the log.
        """
        return self._client.is_ready() and await self._send(lambda: with_code(text(), MAX_FINDING))

    def _alert(self, text: Callable[[], str]) -> None:
        background.start(self._alert_once(text), "alerting operators")

    async def _alert_once(self, text: Callable[[], str]) -> None:
        await self._send(text)  # the same is in the log

    async def _send(self, text: Callable[[], str]) -> bool:
        operators = self._configuration.settings.discord.operators
        reached = await asyncio.gather(*(self._send_to(operator, text) for operator in operators))
        return any(reached)

    async def _send_to(self, operator: int, text: Callable[[], str]) -> bool:
        """Whether Discord took the message, or refuses it for good."""
        with speaking(await self._locale_of(operator)):
            try:
                await (await self._client.fetch_user(operator)).send(text())
            except DISCORD_ERRORS as problem:
                return is_final(problem)
        return True

    async def _locale_of(self, operator: int) -> str | None:
        try:
            return await self._db.one(FIND_LOCALE, operator)
        except DatabaseError:  # which may be what they are notified of
            return None


def _blocked_text(lora: Lora) -> str:
    text = _(
        "{lora} is blocked in all servers. Its page now says that the LoRA shows a real person or a minor, "
        "or that its file is dangerous. You can allow the LoRA again under “Blocked LoRAs” in /server."
    )
    return text.format(lora=f"#{lora.id} {clipped(lora.name, MAX_NAME)}")


def _disputed_text(lora: Lora, base: BaseModelId) -> str:
    text = _(
        "The base model of {lora} is disputed: another page with the same file says that the LoRA is made "
        "for {base}. Users who bookmarked, used or added the LoRA before the dispute can still use it. To "
        "settle the dispute, declare the base model on the LoRA's page in /lora info."
    )
    return text.format(lora=f"#{lora.id} {clipped(lora.name, MAX_NAME)}", base=base.label)


def _trouble_text(trouble: WorkerTrouble) -> str:
    if isinstance(trouble, WorkerDied):
        text = _("A worker died {count} times in a row. Easel waits longer each time before it restarts the worker.")
    else:
        text = _("Easel could not reach a worker {count} times in a row. Jobs stay queued, and Easel keeps trying.")
    return f"{text.format(count=trouble.failures)}\n> {plain(trouble.reason, MAX_REASON)}"
