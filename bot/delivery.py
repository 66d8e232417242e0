"""Where a result goes, and that it goes there once.

The first way that is open is taken: the interaction's own message, the same message by the bot's token, the message
found again by the job's id on its buttons, a new message in the channel, a direct message. All but the last two
are edits and may be repeated without harm; before a new message is posted we look for the one that may be there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiosqlite
import discord
from discord import ui

from bot import acknowledge
from bot.attachments import DEFAULT_LIMIT, Attachment, fit, fitted
from bot.database.deliveries import Delivery, DeliveryState, find_delivery, mark_sent, mark_undeliverable
from bot.database.jobs import Job
from bot.database.pictures import Picture
from bot.sheets import compose
from bot.views.result import ended_view, result_view

if TYPE_CHECKING:
    from bot.client import EaselBot

    Interaction = discord.Interaction[EaselBot]

log = logging.getLogger(__name__)

LOOK_BACK = 50  # messages of a channel that are searched for one of ours
SERVER_ERROR = 500  # below it, the request is refused and would be again; from there on, it may be repeated


@dataclass(frozen=True)
class Result:
    """What is to be delivered; views and files are made anew for each way that is tried."""

    job: Job
    attachments: tuple[Attachment, ...]
    shows_prompt: bool = False

    def view(self) -> ui.LayoutView:
        """The message's components."""
        view = ended_view(self.job)
        if self.attachments:
            view = result_view(self.job, self.attachments, shows_prompt=self.shows_prompt)
        view.stop()
        return view

    def files(self) -> list[discord.File]:
        """The message's files."""
        return [attachment.file() for attachment in self.attachments]


class Deliverer:
    """Delivers the results of jobs that were asked for on Discord."""

    def __init__(self, bot: EaselBot, connection: aiosqlite.Connection, pictures: Path) -> None:
        self._bot = bot
        self._connection = connection
        self._pictures = pictures

    async def deliver(self, job: Job, pictures: tuple[Picture, ...], interaction: Interaction | None) -> None:
        """Deliver what became of `job`, unless that was done. `interaction` is the living one, if there is."""
        delivery = await find_delivery(self._connection, job.id)
        if delivery is None or delivery.state is not DeliveryState.PENDING:
            return
        limit = interaction.filesize_limit if interaction else DEFAULT_LIMIT
        words = delivery.private or delivery.shows_prompt  # in the file, for whoever gets it
        attach = self._sheet if job.request.variants else self._attachments
        attachments = await asyncio.to_thread(attach, job, pictures, limit, words=words)
        result = Result(job, attachments, delivery.shows_prompt)
        for way in self._ways(result, delivery, interaction):
            message_id = await _tried(way)
            if message_id is not None:
                await mark_sent(self._connection, job.id, message_id)
                return
        await mark_undeliverable(self._connection, job.id)
        log.warning("the result of job %s could not be delivered anywhere; its pictures are kept", job.id)

    def _attachments(
        self, job: Job, pictures: tuple[Picture, ...], limit: int, *, words: bool
    ) -> tuple[Attachment, ...]:
        # The limit is for the whole message, so that several pictures share it.
        share = limit // max(1, len(pictures))
        paths = [self._pictures / picture.path for picture in pictures]
        # Somebody may have tidied up the folder.
        return tuple(fit(path, share, words=words) for path in paths if path.exists())

    def _sheet(self, job: Job, pictures: tuple[Picture, ...], limit: int, *, words: bool) -> tuple[Attachment, ...]:
        """All variants on one sheet, which holds no words but what stands on it."""
        del words
        if not pictures:
            return ()
        places = {picture.position: self._pictures / picture.path for picture in pictures}
        sheet = compose([places.get(number) for number in range(len(job.request.variants))], job.request)
        return (fitted(f"sheet-{job.id}.png", sheet, limit),)

    def _ways(
        self, result: Result, delivery: Delivery, interaction: Interaction | None
    ) -> list[Callable[[], Awaitable[int | None]]]:
        ways: list[Callable[[], Awaitable[int | None]]] = []
        if interaction is not None and not interaction.is_expired():
            ways.append(lambda: self._edit_original(result, interaction))
        if not delivery.private:
            ways.append(lambda: self._edit_message(result, delivery.message_id))
            ways.append(lambda: self._edit_found(result, result.job.channel_id))
            ways.append(lambda: self._post(result, result.job.channel_id))
        ways.append(lambda: self._direct(result))
        return ways

    async def _edit_original(self, result: Result, interaction: Interaction) -> int:
        return (await acknowledge.update(interaction, result.view(), result.files())).id

    async def _edit_message(self, result: Result, message_id: int | None) -> int | None:
        if message_id is None:
            return None
        channel = self._bot.get_partial_messageable(result.job.channel_id)
        await channel.get_partial_message(message_id).edit(view=result.view(), attachments=result.files())
        return message_id

    async def _edit_found(self, result: Result, channel_id: int) -> int | None:
        """Look for the message that tells of the job: a crash may have come before its id was written down."""
        mark = f":{result.job.id}"
        async for message in self._bot.get_partial_messageable(channel_id).history(limit=LOOK_BACK):
            if message.author == self._bot.user and any(item.endswith(mark) for item in _custom_ids(message)):
                await message.edit(view=result.view(), attachments=result.files())
                return message.id
        return None

    async def _post(self, result: Result, channel_id: int) -> int:
        channel = self._bot.get_partial_messageable(channel_id)
        message = await channel.send(view=result.view(), files=result.files(), nonce=f"job-{result.job.id}")
        return message.id

    async def _direct(self, result: Result) -> int | None:
        person = await self._bot.fetch_user(result.job.person_id)
        channel = await person.create_dm()
        return await self._edit_found(result, channel.id) or await self._post(result, channel.id)


async def _tried(way: Callable[[], Awaitable[int | None]]) -> int | None:
    """The id of the message that now shows the result; None when this way is closed."""
    try:
        return await way()
    except discord.HTTPException as problem:
        if problem.status >= SERVER_ERROR:
            raise
        log.info("a result cannot go one way and is tried another: %s", problem)
        return None


def _custom_ids(message: discord.Message) -> list[str]:
    view = ui.LayoutView.from_message(message, timeout=None)
    return [item.custom_id for item in view.walk_children() if isinstance(item, ui.Button) and item.custom_id]
