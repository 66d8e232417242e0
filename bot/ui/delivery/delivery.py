"""Where a result goes, and that it goes there once.

The first way that is open is taken: the interaction's own message, the same message by the bot's token, a new message
in the channel, a new one in the person's direct messages; what is private goes to the person alone. Edits may be
repeated without harm, also after a restart: a ticket is kept that opens the answer for its fifteen minutes. Before a
new message is posted, that is written down; so after a crash it is known that one may be there, and it is looked for
by the job's number on its buttons. tests/bot/ui/delivery/test_delivery_model.py plays every crash.

A private answer cannot be found again once its fifteen minutes are over: a crash between its last edit and that being
written down, and a restart that comes too late, give that person a second copy rather than none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiosqlite
import discord
from discord import ui

from bot import metrics
from bot.background import guard
from bot.database.clock import now_ms
from bot.database.deliveries import (
    Delivery,
    DeliveryState,
    find_delivery,
    mark_posting,
    mark_sent,
    mark_undeliverable,
    remember_message,
)
from bot.database.jobs import Job
from bot.database.pictures import Picture
from bot.pictures.attachments import DAMAGED, DEFAULT_LIMIT, ENCODING, PictureFile, fit, fitted
from bot.pictures.sheets import compose
from bot.ui.client import Interaction
from bot.ui.views.result import ended_view, result_view, unshown_view

TICKET_MS = 14 * 60_000  # fifteen minutes, and one for clocks and slow ways

log = logging.getLogger(__name__)


class RouteClosed(Exception):
    """This way does not lead to the person, now or later."""


@dataclass(frozen=True)
class FoundMessage:
    """A message of ours about a job; `ended` when it shows the result already."""

    message_id: int
    ended: bool


class OutgoingMessage(Protocol):
    """What is to be shown; views and files are made anew for each way that is tried."""

    def view(self) -> ui.LayoutView:
        """The components."""
        ...

    def files(self) -> list[discord.File]:
        """The files."""
        ...


class Transport(Protocol):
    """Discord, as far as deliveries need it.

    Each method raises Closed when Discord refuses and would refuse again; what else it raises may pass.
    """

    async def answer(self, interaction: Interaction, message: OutgoingMessage, *, private: bool) -> int | None:
        """Answer an interaction, to be seen by the person alone or by all; the message's id, where Discord tells it."""
        ...

    async def edit_original(self, interaction: Interaction, message: OutgoingMessage) -> int:
        """Show `message` in place of the first answer; its id."""
        ...

    def ticket(self, interaction: Interaction) -> str:
        """What opens the answer again in a later run of the program, and tells nobody else anything."""
        ...

    async def edit_answer(self, ticket: str, message_id: int | None, message: OutgoingMessage) -> int:
        """`edit_original` in a later run. `message_id` is that of the answer, where it is known."""
        ...

    async def edit(self, channel_id: int, message_id: int, message: OutgoingMessage) -> None:
        """Show `message` in place of one of our messages, by the bot's own token."""
        ...

    async def find(self, channel_id: int, job_id: int, since: int) -> FoundMessage | None:
        """Our message about the job that was posted soon after `since` (unix ms), or None."""
        ...

    async def post(self, channel_id: int, message: OutgoingMessage, nonce: str) -> int:
        """A new message; its id. The same nonce within minutes gives the message that is there already."""
        ...

    async def direct_channel(self, person_id: int) -> int:
        """The channel of a person's direct messages."""
        ...


@dataclass(frozen=True)
class JobMessage:
    """How a job is getting on."""

    draw: Callable[[], ui.LayoutView]
    preview: PictureFile | None = None

    def view(self) -> ui.LayoutView:
        """The components."""
        view = self.draw()
        view.stop()
        return view

    def files(self) -> list[discord.File]:
        """The preview, if there is one."""
        return [self.preview.file()] if self.preview else []


@dataclass(frozen=True)
class Result:
    """What became of a job."""

    job: Job
    attachments: tuple[PictureFile, ...]
    shows_prompt: bool = False

    def view(self) -> ui.LayoutView:
        """Pictures, or why there are none."""
        view = ended_view(self.job)
        if self.attachments:
            view = result_view(self.job, self.attachments, shows_prompt=self.shows_prompt)
        view.stop()
        return view

    def files(self) -> list[discord.File]:
        """The pictures."""
        return [attachment.file() for attachment in self.attachments]


@dataclass(frozen=True)
class Apology:
    """In place of a result that cannot be shown, for a reason that stays."""

    job: Job

    def view(self) -> ui.LayoutView:
        """Where the person finds it."""
        view = unshown_view(self.job)
        view.stop()
        return view

    def files(self) -> list[discord.File]:
        """None: one of them may be the reason."""
        return []


class Deliverer:
    """Tells people on Discord of the jobs that they asked for there, and brings the results."""

    def __init__(self, post: Transport, connection: aiosqlite.Connection, pictures: Path) -> None:
        self._post = post
        self._connection = connection
        self._pictures = pictures

    async def announce(self, job: Job, message: OutgoingMessage, interaction: Interaction, *, private: bool) -> None:
        """Tell that the job waits. Raises Closed or what passes; the job is owed all the same."""
        message_id = await self._post.answer(interaction, message, private=private)
        if message_id is not None:
            await remember_message(self._connection, job.id, message_id)

    def ticket(self, interaction: Interaction) -> str:
        """To be kept with the delivery: it leads to the answer also after a restart."""
        return self._post.ticket(interaction)

    async def show(self, job: Job, message: OutgoingMessage, interaction: Interaction | None) -> None:
        """Show how the job is getting on, in the message that tells of it. Raises Closed when there is none."""
        delivery = await find_delivery(self._connection, job.id)
        if delivery is None:
            raise RouteClosed
        if _is_open(delivery, interaction):
            await self._edit_answer(message, delivery, interaction)
        elif delivery.private or delivery.message_id is None:
            raise RouteClosed
        else:
            await self._post.edit(job.channel_id, delivery.message_id, message)

    async def deliver(self, job: Job, pictures: tuple[Picture, ...], interaction: Interaction | None) -> None:
        """Deliver what became of `job`, unless that was done. `interaction` is the living one, if there is."""
        delivery = await find_delivery(self._connection, job.id)
        if delivery is None or delivery.state is not DeliveryState.PENDING:
            return
        limit = interaction.filesize_limit if interaction else DEFAULT_LIMIT
        words = delivery.private or delivery.shows_prompt  # in the file, for whoever gets it
        attach = self._sheet if job.request.variants else self._attachments
        attachments = await ENCODING.run(attach, job, pictures, limit, words=words)
        result = Result(job, attachments, delivery.shows_prompt)
        message_id = await self._deliver(result, delivery, interaction)
        if message_id is None:
            log.warning("its result could not be delivered anywhere; its pictures are kept")
            await self.give_up(job, interaction)  # what was refused may be the result itself
        else:
            await mark_sent(self._connection, job.id, message_id)
            log.info("delivered")

    async def give_up(self, job: Job, interaction: Interaction | None) -> None:
        """Deliver an apology where that is possible, and the result never; its pictures stay in the history.

        Raises DatabaseError.
        """
        delivery = await find_delivery(self._connection, job.id)
        if delivery is None or delivery.state is not DeliveryState.PENDING:
            return
        await guard(self._apologise(job, delivery, interaction), "telling that a result cannot be shown")
        await self._bury(job)

    async def _apologise(self, job: Job, delivery: Delivery, interaction: Interaction | None) -> None:
        if await self._deliver(Apology(job), delivery, interaction) is None:
            log.warning("nor could it be told that the result cannot be shown")

    async def _bury(self, job: Job) -> None:
        metrics.DELIVERIES.labels("nowhere").inc()
        await mark_undeliverable(self._connection, job.id)

    async def _deliver(
        self, result: Result | Apology, delivery: Delivery, interaction: Interaction | None
    ) -> int | None:
        """The id of the message that now shows the result; None when every way is closed."""
        if posted := await self._posted_before(delivery):
            return posted
        if _is_open(delivery, interaction):
            try:
                edited = await self._edit_answer(result, delivery, interaction)
                metrics.DELIVERIES.labels("answer").inc()
                return edited
            except RouteClosed as why:
                log.info("the answer to an interaction cannot be edited any more: %s", why)
        for to_channel in (False,) if delivery.private else (True, False):
            try:
                if to_channel:
                    message_id = await self._to_channel(result, delivery)
                else:
                    message_id = await self._new(
                        result, delivery, await self._post.direct_channel(result.job.person_id)
                    )
                metrics.DELIVERIES.labels("channel" if to_channel else "direct").inc()
                return message_id
            except RouteClosed as why:
                log.info("a result cannot go one way and is tried another: %s", why)
        return None

    async def _to_channel(self, result: Result | Apology, delivery: Delivery) -> int:
        """To where it was asked for. Raises Closed."""
        channel_id, message_id = result.job.channel_id, delivery.message_id
        if message_id is None:  # a crash may have come between its being posted and its id being written down
            found = await self._look(delivery, channel_id, delivery.created_at)
            if found is not None and found.ended:
                return found.message_id
            message_id = found.message_id if found else None
        if message_id is not None:
            try:
                await self._post.edit(channel_id, message_id, result)
            except RouteClosed as why:
                log.info("the message that told of the job is gone or cannot be edited: %s", why)
            else:
                return message_id
        return await self._new(result, delivery, channel_id)

    async def _new(self, result: Result | Apology, delivery: Delivery, channel_id: int) -> int:
        """A new message. Raises Closed."""
        await mark_posting(self._connection, delivery.job_id, channel_id, now_ms())
        return await self._post.post(channel_id, result, nonce=f"job-{delivery.job_id}")

    async def _posted_before(self, delivery: Delivery) -> int | None:
        """The new message that was posted before a crash, or whose answer was lost."""
        if delivery.posting_in is None or delivery.posting_at is None:
            return None
        found = await self._look(delivery, delivery.posting_in, delivery.posting_at)
        return found.message_id if found is not None and found.ended else None

    async def _edit_answer(self, message: OutgoingMessage, delivery: Delivery, interaction: Interaction | None) -> int:
        """In place of the answer to the interaction. Raises Closed."""
        if interaction is not None:
            return await self._post.edit_original(interaction, message)
        assert delivery.ticket is not None
        return await self._post.edit_answer(delivery.ticket, delivery.message_id, message)

    async def _look(self, delivery: Delivery, channel_id: int, since: int) -> FoundMessage | None:
        """Our message about the job; None also where we may write but not read: the nonce has to do there."""
        try:
            return await self._post.find(channel_id, delivery.job_id, since)
        except RouteClosed:
            return None

    def _attachments(
        self, job: Job, pictures: tuple[Picture, ...], limit: int, *, words: bool
    ) -> tuple[PictureFile, ...]:
        # The limit is for the whole message, so that several pictures share it.
        share = limit // max(1, len(pictures))
        made = [_fitted(self._pictures / picture.path, share, words=words) for picture in pictures]
        return tuple(attachment for attachment in made if attachment is not None)

    def _sheet(self, job: Job, pictures: tuple[Picture, ...], limit: int, *, words: bool) -> tuple[PictureFile, ...]:
        """All variants on one sheet, which holds no words but what stands on it."""
        del words
        if not pictures:
            return ()
        places = {picture.position: self._pictures / picture.path for picture in pictures}
        sheet = compose([places.get(number) for number in range(len(job.request.variants))], job.request)
        return (fitted(f"sheet-{job.id}.png", sheet, limit),)


def _is_open(delivery: Delivery, interaction: Interaction | None) -> bool:
    """Whether the answer to the interaction may still be edited with its token."""
    if interaction is not None:
        return not interaction.is_expired()
    return delivery.ticket is not None and now_ms() < delivery.created_at + TICKET_MS


def _fitted(path: Path, limit: int, *, words: bool) -> PictureFile | None:
    """The picture; None when somebody tidied it away or it is damaged."""
    try:
        return fit(path, limit, words=words)
    except DAMAGED as problem:
        log.warning("the picture %s cannot be sent: %s", path, str(problem) or type(problem).__name__)
        return None
