"""The messages of results that were delivered: hidden while a deletion can be undone, and shown again."""

from __future__ import annotations

import logging

import aiohttp
import aiosqlite
import discord

from bot.database.deliveries import find_delivery
from bot.database.errors import DatabaseError
from bot.database.jobs import Job
from bot.database.people import locale_of
from bot.database.pictures import pictures_of_job
from bot.i18n import speaking
from bot.servers.services import ServerServices
from bot.ui.delivery.delivery import Deliverer, ResultNotice, RouteClosed
from bot.ui.views.deleted import deleted_view

# Temporary errors, however long they last: Discord, the network or the database cannot be reached.
UNREACHABLE = (
    discord.HTTPException, discord.RateLimited, aiohttp.ClientError, ConnectionError, TimeoutError, DatabaseError,
)  # fmt: skip

log = logging.getLogger(__name__)


class DeliveredResults:
    """Implements `bot.ui.removals.ResultMessages` with the bot's token: an answer that one person sees is out of reach.

    That one person hides it with the very press that deletes.
    """

    def __init__(self, connection: aiosqlite.Connection, deliverer: Deliverer, servers: ServerServices) -> None:
        self._connection = connection
        self._deliverer = deliverer
        self._servers = servers

    async def hide(self, job: Job, until: int) -> bool:
        """Show in place of the pictures that they were deleted; False when Discord cannot be reached now."""
        try:
            with speaking(await language_of(self._connection, self._servers, job)):
                await self._deliverer.replace(job, ResultNotice(job, lambda: deleted_view(job.id, until)))
        except RouteClosed as why:
            log.info("the message of a deleted picture is not the bot's to edit: %s", why)
        except UNREACHABLE as problem:
            log.warning("the message of a deleted picture is hidden later: %s", problem)
            return False
        return True

    async def bring_back(self, job: Job) -> int | None:
        """Show the pictures again, or why they may not be shown there any more."""
        refusal = await self._servers.checks.why_not_delivered(job)
        hidden = await self._servers.checks.hides_pictures(job)
        pictures = await pictures_of_job(self._connection, job.id)
        try:
            with speaking(await language_of(self._connection, self._servers, job)):
                return await self._deliverer.bring_back(job, pictures, refusal, hidden=hidden)
        except (RouteClosed, *UNREACHABLE) as problem:
            log.warning("the message of a picture that was brought back stays as it is: %s", problem)
            return None


async def language_of(connection: aiosqlite.Connection, servers: ServerServices, job: Job) -> str | None:
    """The language of the job's message: the server's own where everybody sees it, else the person's.

    Raises DatabaseError.
    """
    delivery = await find_delivery(connection, job.id)
    if job.server_id is not None and delivery is not None and not delivery.private:
        settings = (await servers.servers.of(job.server_id)).settings
        if settings.language is not None:
            return settings.language
    return await locale_of(connection, job.person_id)
