"""Delivers the result of a job to the person who ordered it, exactly once.

Routes are tried in this order: editing the interaction's response with its token, editing the same message with the
bot's token, a new message in the channel, a direct message. A private result never goes to a channel. Edits are
idempotent; the encrypted interaction token (the ticket) allows them after a restart, for fifteen minutes. A new message
is not, so the database records the intent to post first. After a crash, the message is looked for by the job id in the
custom_ids of its buttons. tests/bot/ui/delivery/test_delivery_model.py simulates a crash at every step.

An ephemeral response cannot be found after its fifteen minutes. If the program crashes between the last edit and its
commit, and restarts later than that, the person gets a second copy rather than none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from discord import ui

from bot import metrics
from bot.background import guard
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.deliveries import (
    FIND_DELIVERY,
    MARK_SENT,
    MARK_UNDELIVERABLE,
    NOTE_DELIVERY_MESSAGE,
    NOTE_DELIVERY_POSTING,
    Delivery,
    DeliveryState,
)
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.pictures.pictures import Picture
from bot.pictures.attachments import DAMAGED, DEFAULT_LIMIT, ENCODING, PictureFile
from bot.pictures.sheets import compose
from bot.pictures.signing.attachments import SignedAttachments
from bot.servers.server_cache import ServerCache
from bot.ui.client import Interaction
from bot.ui.delivery.nonces import make_nonce
from bot.ui.rendered_message import RenderedMessage, hide_pictures
from bot.ui.views.results.result import ended_view, result_view, undeliverable_view, withheld_view
from inference.errors import RequestError
from inference.parameters import marked
from inference.queue.policy import EVERYWHERE

TICKET_MS = 14 * 60_000  # fifteen minutes, less one for clock skew and latency

log = logging.getLogger(__name__)


class RouteClosed(Exception):
    """This route is closed for good; the next one is tried."""


@dataclass(frozen=True)
class FoundMessage:
    """A message of the bot about a job; `ended` if it shows the result."""

    message_id: int
    ended: bool


# The view and the files, made again for each route that is tried: a file is sent once.
OutgoingMessage = Callable[[], RenderedMessage]


class Transport(Protocol):
    """The Discord operations that a delivery needs.

    Each method raises RouteClosed when Discord refuses for good; other errors are temporary.
    """

    async def confirm(self, interaction: Interaction) -> None:
        """Acknowledge an interaction, unless it has a response. Raises InteractionLost too."""
        ...

    async def answer(self, interaction: Interaction, message: OutgoingMessage, *, private: bool) -> int | None:
        """Respond to an interaction, `private` as an ephemeral message. The message's id, if Discord sends it.

        Raises InteractionLost too.
        """
        ...

    async def edit_original(self, interaction: Interaction, message: OutgoingMessage) -> int:
        """Edit the interaction's response; its id."""
        ...

    def ticket(self, interaction: Interaction) -> str | None:
        """The interaction's token, encrypted, with which a later run of the program edits the response.

        None if the job's message is not the interaction's first response.
        """
        ...

    async def edit_answer(self, ticket: str, message_id: int | None, message: OutgoingMessage) -> int:
        """Edit the response in a later run. `message_id` is that of the response, if it is known."""
        ...

    async def edit(self, channel_id: int, message_id: int, message: OutgoingMessage) -> None:
        """Edit a message of the bot with the bot's token."""
        ...

    async def find(self, channel_id: int, job_id: int, since: int) -> FoundMessage | None:
        """The bot's message about the job, posted soon after `since` (Unix time, ms), or None."""
        ...

    async def post(self, channel_id: int, message: OutgoingMessage, nonce: str) -> int:
        """Post a message; its id. The same nonce within minutes returns the existing message."""
        ...

    async def direct_channel(self, person_id: int) -> int:
        """The id of a person's DM channel."""
        ...


class Deliverer:
    """Sends the messages of jobs to Discord, and records what was delivered."""

    def __init__(
        self,
        transport: Transport,
        db: Database,
        pictures: Path,
        attachments: SignedAttachments,
        servers: ServerCache,
    ) -> None:
        self._signed = attachments
        self._servers = servers
        self._transport = transport
        self._db = db
        self._pictures = pictures

    async def confirm(self, interaction: Interaction) -> None:
        """Acknowledge the interaction, so that it is certain that its user waits for an answer of this program.

        Raises InteractionLost, RouteClosed or a temporary error.
        """
        await self._transport.confirm(interaction)

    async def announce(self, job: Job, message: OutgoingMessage, interaction: Interaction, *, private: bool) -> None:
        """Reply that the job waits. Raises InteractionLost, RouteClosed or a temporary error.

        The delivery stays pending.
        """
        message_id = await self._transport.answer(interaction, message, private=private)
        if message_id is not None:
            await self._db.run(NOTE_DELIVERY_MESSAGE, message=message_id, job=job.id)

    async def withdraw(self, job: Job) -> None:
        """Deliver nothing for this job. Raises DatabaseError."""
        await self._mark_undeliverable(job)

    def ticket(self, interaction: Interaction) -> str | None:
        """The encrypted interaction token, to be stored with the delivery."""
        return self._transport.ticket(interaction)

    async def show(self, job: Job, message: OutgoingMessage, interaction: Interaction | None) -> None:
        """Edit the job's message to show its progress. Raises RouteClosed when there is none to edit."""
        delivery = await self._db.one(FIND_DELIVERY, job.id)
        if delivery is None:
            raise RouteClosed
        if _is_open(delivery, interaction):
            await self._edit_answer(message, delivery, interaction)
        elif delivery.private or delivery.message_id is None:
            raise RouteClosed
        else:
            await self._transport.edit(job.channel_id, delivery.message_id, message)

    async def deliver(
        self,
        job: Job,
        pictures: Sequence[Picture],
        interaction: Interaction | None,
        refusal: RequestError | None = None,
        unsent: RequestError | None = None,
        *,
        hidden: bool = False,
    ) -> None:
        """Deliver the result of `job`, unless it was delivered. `interaction` is None after a restart.

        With a `refusal` the result may not be shown: the person is told why, and the pictures stay in the history.
        `unsent` is why it may not be sent as a direct message; such a message then says so. `hidden` pictures are
        spoilers.
        """
        delivery = await self._db.one(FIND_DELIVERY, job.id)
        if delivery is None or delivery.state is not DeliveryState.PENDING:
            return
        if await self._db.one(FIND_JOB, job.id) is None:  # its owner has deleted it meanwhile
            await self._mark_undeliverable(job)
            return
        private = delivery.private
        limit = interaction.filesize_limit if interaction else DEFAULT_LIMIT
        direct = result = await self._result(job, pictures, delivery, limit, refusal, hidden=hidden)
        if unsent is not None and refusal is None:
            direct = _without_files(lambda: withheld_view(job, unsent, private=private))
        message_id = await self._deliver(job, result, delivery, interaction, direct)
        if message_id is None:
            log.warning("cannot deliver the result by any route; its pictures are saved")
            await self.give_up(job, interaction)  # what was refused may be the result itself
        else:
            await self._db.run(MARK_SENT, message=message_id, job=job.id)
            log.info("delivered")

    async def replace(self, job: Job, message: OutgoingMessage) -> int | None:
        """Edit the message to which the job was delivered; its id, None without one.

        Raises RouteClosed, a temporary error or DatabaseError.
        """
        delivery = await self._db.one(FIND_DELIVERY, job.id)
        if delivery is None or delivery.message_id is None:
            return None
        await self._transport.edit(delivery.posting_in or job.channel_id, delivery.message_id, message)
        return delivery.message_id

    async def bring_back(
        self, job: Job, pictures: Sequence[Picture], refusal: RequestError | None, *, hidden: bool
    ) -> int | None:
        """Show the result in the message to which it was delivered, or the `refusal`. Raises as `replace`."""
        delivery = await self._db.one(FIND_DELIVERY, job.id)
        if delivery is None:
            return None
        return await self.replace(
            job, await self._result(job, pictures, delivery, DEFAULT_LIMIT, refusal, hidden=hidden)
        )

    async def _result(
        self,
        job: Job,
        pictures: Sequence[Picture],
        delivery: Delivery,
        limit: int,
        refusal: RequestError | None,
        *,
        hidden: bool,
    ) -> OutgoingMessage:
        """The message of an ended job, with files of at most `limit` bytes."""
        private = delivery.private
        if refusal is not None:
            log.info("the result is withheld: %s", refusal.code)
            return _without_files(lambda: withheld_view(job, refusal, private=private))
        words = private or delivery.shows_prompt  # whether the file's metadata holds the prompt
        attach = self._sheet if job.request.variants else self._attachments
        attachments = await ENCODING.run(attach, job, pictures, limit, words=words)
        publishes = bool((await self._servers.of(job.server_id or EVERYWHERE)).settings.art_channels)

        def result() -> RenderedMessage:
            if attachments:
                view = result_view(job, attachments, shows_prompt=delivery.shows_prompt, publishes=publishes)
            else:
                view = ended_view(job, private=private)
            return RenderedMessage(hide_pictures(view) if hidden else view, [each.file() for each in attachments])

        return result

    async def give_up(self, job: Job, interaction: Interaction | None) -> None:
        """Mark the delivery as undeliverable, and tell the person if possible; pictures stay in the history.

        Raises DatabaseError.
        """
        delivery = await self._db.one(FIND_DELIVERY, job.id)
        if delivery is None or delivery.state is not DeliveryState.PENDING:
            return
        await guard(self._send_notice(job, delivery, interaction), "notifying of an undeliverable result")
        await self._mark_undeliverable(job)

    async def _send_notice(self, job: Job, delivery: Delivery, interaction: Interaction | None) -> None:
        notice = _without_files(lambda: undeliverable_view(job))
        if await self._deliver(job, notice, delivery, interaction) is None:
            log.warning("cannot deliver the notice about the undeliverable result")

    async def _mark_undeliverable(self, job: Job) -> None:
        metrics.DELIVERIES.labels("nowhere").inc()
        await self._db.run(MARK_UNDELIVERABLE, job.id)

    async def _deliver(
        self,
        job: Job,
        result: OutgoingMessage,
        delivery: Delivery,
        interaction: Interaction | None,
        direct: OutgoingMessage | None = None,
    ) -> int | None:
        """The id of the message that shows the result; None when every route is closed.

        `direct` is sent in place of the result where it is a direct message.
        """
        if posted := await self._posted_before(delivery):
            return posted
        if _is_open(delivery, interaction):
            try:
                edited = await self._edit_answer(result, delivery, interaction)
                metrics.DELIVERIES.labels("answer").inc()
                return edited
            except RouteClosed as why:
                log.info("cannot edit the response to an interaction: %s", why)
        for to_channel in (False,) if delivery.private else (True, False):
            try:
                if to_channel:
                    message_id = await self._to_channel(job, result, delivery)
                else:
                    message_id = await self._post_new(
                        direct or result, delivery, await self._transport.direct_channel(job.person_id)
                    )
                metrics.DELIVERIES.labels("channel" if to_channel else "direct").inc()
                return message_id
            except RouteClosed as why:
                log.info("a delivery route is closed, trying the next: %s", why)
        return None

    async def _to_channel(self, job: Job, result: OutgoingMessage, delivery: Delivery) -> int:
        """Deliver to the channel of the request. Raises RouteClosed."""
        channel_id, message_id = job.channel_id, delivery.message_id
        if message_id is None:  # a crash may have come between posting it and storing its id
            found = await self._find_message(delivery, channel_id, delivery.created_at)
            if found is not None and found.ended:
                return found.message_id
            message_id = found.message_id if found else None
        if message_id is not None:
            try:
                await self._transport.edit(channel_id, message_id, result)
            except RouteClosed as why:
                log.info("the job's message was deleted or cannot be edited: %s", why)
            else:
                return message_id
        return await self._post_new(result, delivery, channel_id)

    async def _post_new(self, result: OutgoingMessage, delivery: Delivery, channel_id: int) -> int:
        """Post a new message. Raises RouteClosed."""
        await self._db.run(NOTE_DELIVERY_POSTING, posting_in=channel_id, now=now_ms(), job=delivery.job_id)
        nonce = await make_nonce(self._db, "job", delivery.job_id, channel_id=channel_id)
        return await self._transport.post(channel_id, result, nonce)

    async def _posted_before(self, delivery: Delivery) -> int | None:
        """The message that was posted before a crash, or by a request whose response was lost."""
        if delivery.posting_in is None or delivery.posting_at is None:
            return None
        found = await self._find_message(delivery, delivery.posting_in, delivery.posting_at)
        return found.message_id if found is not None and found.ended else None

    async def _edit_answer(self, message: OutgoingMessage, delivery: Delivery, interaction: Interaction | None) -> int:
        """Edit the interaction's response. Raises RouteClosed."""
        if interaction is not None:
            return await self._transport.edit_original(interaction, message)
        assert delivery.ticket is not None
        return await self._transport.edit_answer(delivery.ticket, delivery.message_id, message)

    async def _find_message(self, delivery: Delivery, channel_id: int, since: int) -> FoundMessage | None:
        """The bot's message about the job. None also where it may not read the channel: there the nonce must do."""
        try:
            return await self._transport.find(channel_id, delivery.job_id, since)
        except RouteClosed:
            return None

    def _attachments(
        self, job: Job, pictures: Sequence[Picture], limit: int, *, words: bool
    ) -> tuple[PictureFile, ...]:
        # The limit is for the whole message: the pictures share it.
        share = limit // max(1, len(pictures))
        made = [self._fit_or_none(self._pictures / picture.path, share, words=words) for picture in pictures]
        return tuple(attachment for attachment in made if attachment is not None)

    def _sheet(self, job: Job, pictures: Sequence[Picture], limit: int, *, words: bool) -> tuple[PictureFile, ...]:
        """All variants on one contact sheet, whose file holds no metadata but the mark of generated pictures."""
        del words
        if not pictures:
            return ()
        places = {picture.position: self._pictures / picture.path for picture in pictures}
        sheet = compose([places.get(number) for number in range(len(job.request.variants))], job.request)
        first = self._pictures / pictures[0].path
        return (self._signed.fitted(f"sheet-{job.id}.png", marked(sheet), limit, first),)

    def _fit_or_none(self, path: Path, limit: int, *, words: bool) -> PictureFile | None:
        """The picture, encoded within `limit` bytes; None when it was deleted or is damaged."""
        try:
            return self._signed.fit(path, limit, words=words)
        except DAMAGED as problem:
            log.warning("cannot send picture %s: %s", path, str(problem) or type(problem).__name__)
            return None


def _without_files(render: Callable[[], ui.LayoutView]) -> OutgoingMessage:
    return lambda: RenderedMessage(render())


def is_reachable(interaction: Interaction) -> bool:
    """Whether the bot may post in the channel itself; not where only the person installed it."""
    return interaction.is_guild_integration() or interaction.context.dm_channel is True


def _is_open(delivery: Delivery, interaction: Interaction | None) -> bool:
    """Whether the interaction's token is still valid for edits."""
    if interaction is not None:
        return not interaction.is_expired()
    return delivery.ticket is not None and now_ms() < delivery.created_at + TICKET_MS
