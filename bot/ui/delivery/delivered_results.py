"""The messages of results that were delivered: hidden while a deletion can be undone or a report is open, and shown
again.
"""

from __future__ import annotations

import logging

import aiohttp
import discord

from bot.background import DiscordUnreachable
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.jobs.deliveries import FIND_DELIVERY
from bot.database.jobs.jobs import Job
from bot.database.people.people import FIND_LOCALE
from bot.database.pictures.pictures import PICTURES_OF_JOB
from bot.database.privacy.takedowns import TAKEN_DOWN_IN
from bot.database.reports.reports import HELD_AMONG
from bot.i18n import speaking
from bot.servers.services import ServerServices
from bot.ui.delivery.delivery import Deliverer, OutgoingMessage, RouteClosed
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.results.deleted import deleted_view, reported_view, taken_down_view
from inference.queue.policy import EVERYWHERE

# Temporary errors, however long they last: Discord, the network or the database cannot be reached.
UNREACHABLE = (
    discord.HTTPException, discord.RateLimited, aiohttp.ClientError, ConnectionError, TimeoutError, DatabaseError,
)  # fmt: skip

log = logging.getLogger(__name__)


class DeliveredResults:
    """Implements `bot.ui.removals.pictures.ResultMessages` with the bot's token, which cannot reach private replies.

    The user who sees a private reply hides it by the press that deletes.
    """

    def __init__(self, db: Database, deliverer: Deliverer, servers: ServerServices) -> None:
        self._db = db
        self._deliverer = deliverer
        self._servers = servers

    async def hide(self, job: Job, until: int) -> bool:
        """Show in place of the pictures that they were deleted; False when Discord cannot be reached now."""
        undo_until = until if until > now_ms() else None
        try:
            with speaking(await language_of(self._db, self._servers, job)):
                await self._deliverer.replace(job, lambda: RenderedMessage(deleted_view(job.id, undo_until)))
        except RouteClosed as why:
            log.info("cannot edit the message of a deleted picture: %s", why)
        except UNREACHABLE as problem:
            log.warning("cannot hide the message of a deleted picture, will retry: %s", problem)
            return False
        return True

    async def show(self, job: Job) -> int | None:
        """Show the pictures, or why they are not shown there now. What is not the bot's to edit stays as it is."""
        try:
            with speaking(await language_of(self._db, self._servers, job)):
                if (notice := await self._why_out_of_sight(job)) is not None:
                    return await self._deliverer.replace(job, notice)
                refusal = await self._servers.checks.why_not_delivered(job)
                hidden = await self._servers.checks.hides_pictures(job)
                pictures = await self._db.all(PICTURES_OF_JOB, job.id)
                return await self._deliverer.bring_back(job, pictures, refusal, hidden=hidden)
        except RouteClosed as why:
            log.info("cannot edit the message of a picture: %s", why)
            return None
        except UNREACHABLE as problem:
            raise DiscordUnreachable(str(problem)) from problem

    async def _why_out_of_sight(self, job: Job) -> OutgoingMessage | None:
        """What stands in place of pictures that are reported or were taken down; None for others."""
        if await self._db.all(HELD_AMONG, [job.id]):
            return lambda: RenderedMessage(reported_view())
        if await self._db.one(TAKEN_DOWN_IN, job=job.id, server=job.server_id or EVERYWHERE) is not None:
            return lambda: RenderedMessage(taken_down_view())
        return None


async def language_of(db: Database, servers: ServerServices, job: Job) -> str | None:
    """The language of the job's message: the server's own where everybody sees it, else the person's.

    Raises DatabaseError.
    """
    delivery = await db.one(FIND_DELIVERY, job.id)
    if job.server_id is not None and delivery is not None and not delivery.private:
        settings = (await servers.servers.of(job.server_id)).settings
        if settings.language is not None:
            return settings.language
    return await db.one(FIND_LOCALE, job.person_id)
