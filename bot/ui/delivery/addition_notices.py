"""Tells people once how what they added has ended, where the message of their command could not: after a restart, or
after more than fifteen minutes.

The answer to the command is edited while its token is valid; that does no harm when it is done again. Later a direct
message is sent: what may have been sent before a crash is looked for by the number at its end. Whom Discord lets nobody
write to is told after the next command.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from discord import ui

from bot.background import DiscordRefuses, DiscordUnreachable, Recurring, attempt
from bot.database.additions.additions import (
    FIND_ADDITION,
    FIND_ADDITION_REQUEST,
    MARK_REQUEST_POSTING,
    MARK_REQUEST_REFUSED,
    MARK_REQUEST_TOLD,
    NOTE_ANSWER,
    UNREACHED_REQUESTS,
    UNTOLD_REQUESTS,
    AdditionRequest,
    LoraAddition,
)
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people.people import FIND_LOCALE
from bot.i18n import _, speaking
from bot.sources.additions import Additions
from bot.ui.client import Interaction
from bot.ui.delivery.delivery import TICKET_MS, OutgoingMessage, RouteClosed
from bot.ui.delivery.nonces import make_nonce
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import RenderedMessage, view_of
from bot.ui.views.additions.text import ended_text
from bot.ui.views.jobs.linked_request import add_row, paint_row
from bot.ui.views.loras.page import LoraPageButton, category_row

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0  # until what could not be told is tried again


class EditableAnswers(Protocol):
    """Edits answers to commands after their run of the program; `DiscordTransport` does."""

    def ticket(self, interaction: Interaction, message_id: int | None = None) -> str | None:
        """What a later run needs to edit the answer, which has this id; None when it cannot."""
        ...

    async def edit_answer(self, ticket: str, message_id: int | None, message: OutgoingMessage) -> int:
        """Edit the answer; its id. Raises RouteClosed, or one of DISCORD_ERRORS."""
        ...


class DirectChannel(Protocol):
    """Sends direct messages; `DirectMessages` does. Both methods raise DiscordRefuses and DiscordUnreachable."""

    async def send(self, person_id: int, view: ui.LayoutView, nonce: str) -> int:
        """Send a message; its id."""
        ...

    async def find(self, person_id: int, ending: str, since: int) -> int | None:
        """The message with this end that was sent since this unix ms, or None."""
        ...


class AdditionNotices:
    """Tells the people of a database."""

    def __init__(self, db: Database, additions: Additions, answers: EditableAnswers, direct: DirectChannel) -> None:
        self._db = db
        self._additions = additions
        self._answers = answers
        self._direct = direct
        self._followed = Counter[tuple[int, int]]()
        self._telling_here = asyncio.Lock()
        self._recurring = Recurring("telling of additions", self.tell_all, RETRY_SECONDS)
        additions.ended = self._recurring.wake

    async def run(self) -> None:
        """Tell whoever does not know, now and as additions end. Runs until cancelled."""
        await self._recurring.run()

    @contextmanager
    def following(self, addition_id: int, person_id: int) -> Generator[None]:
        """While this is open a message of its own tells the person; what it has not told then is told here."""
        key = addition_id, person_id
        self._followed[key] += 1
        try:
            yield
        finally:
            self._followed[key] -= 1
            if not self._followed[key]:
                del self._followed[key]
            self._recurring.wake()

    async def note_answer(
        self, interaction: Interaction, addition_id: int, message_id: int | None, draft_id: int | None = None
    ) -> None:
        """Note the answer in which the person sees how far it is, and what goes on with it. Raises DatabaseError."""
        ticket = self._answers.ticket(interaction, message_id)
        await self._db.run(
            NOTE_ANSWER, addition=addition_id, person=interaction.user.id, ticket=ticket, message=message_id,
            now=now_ms(), draft=draft_id,
        )  # fmt: skip

    async def told(self, addition_id: int, person_id: int) -> None:
        """The person has been told. Raises DatabaseError."""
        await self._db.run(MARK_REQUEST_TOLD, addition=addition_id, person=person_id)

    async def tell_all(self) -> None:
        """Tell everybody who does not know; what cannot be told now stays for the next time. Raises DatabaseError."""
        for request in await self._db.all(UNTOLD_REQUESTS):
            if (request.addition_id, request.person_id) not in self._followed:
                await attempt(self._tell(request), f"telling of the addition {request.addition_id}")

    async def tell_here(self, interaction: Interaction) -> None:
        """Tell the person who used a command of what no direct message could. Raises DatabaseError."""
        person_id = interaction.user.id
        if not await self._db.all(UNREACHED_REQUESTS, person_id):
            return
        async with self._telling_here:
            for request in await self._db.all(UNREACHED_REQUESTS, person_id):
                view = await self._view(request)
                if view is not None:
                    await send_ephemeral(interaction, view)
                await self.told(request.addition_id, person_id)

    async def _tell(self, request: AdditionRequest) -> None:
        """Raises DiscordUnreachable or DatabaseError."""
        if await self._tell_once(request):
            await self.told(request.addition_id, request.person_id)

    async def _tell_once(self, request: AdditionRequest) -> bool:
        """Whether the person knows it now; False when no way is open."""
        view = await self._view(request)
        if view is None or await self._tell_in_answer(request, view):
            return True
        reference, person_id = _reference(request), request.person_id
        try:
            if request.posting_at is not None:
                if await self._direct.find(person_id, reference, request.posting_at) is not None:
                    return True
            else:
                await self._db.run(MARK_REQUEST_POSTING, now=now_ms(), addition=request.addition_id, person=person_id)
            nonce = await make_nonce(self._db, "addition", request.addition_id, person_id=person_id)
            await self._direct.send(person_id, view, nonce)
        except DiscordRefuses as problem:
            log.info("the user who added a LoRA is notified at the next command: %s", problem)
            await self._db.run(MARK_REQUEST_REFUSED, addition=request.addition_id, person=person_id)
            return False
        return True

    async def _tell_in_answer(self, request: AdditionRequest, view: ui.LayoutView) -> bool:
        """Whether the answer to the command tells it now."""
        if request.ticket is None or request.ticket_at is None or now_ms() >= request.ticket_at + TICKET_MS:
            return False
        try:
            await self._answers.edit_answer(request.ticket, request.message_id, lambda: RenderedMessage(view))
        except RouteClosed as why:
            log.info("cannot edit the reply to the user who added a LoRA: %s", why)
            return False
        except DISCORD_ERRORS as problem:
            raise DiscordUnreachable(str(problem)) from problem
        return True

    async def _view(self, request: AdditionRequest) -> ui.LayoutView | None:
        """How it ended, in the person's language; None when they do not want it any more. Raises DatabaseError."""
        addition = await self._db.one(FIND_ADDITION, request.addition_id)
        if (
            addition is None
            or await self._db.one(FIND_ADDITION_REQUEST, addition=addition.id, person=request.person_id) is None
        ):
            return None
        with speaking(await self._db.one(FIND_LOCALE, request.person_id)):
            return await self._ended_view(addition, request)

    async def _ended_view(self, addition: LoraAddition, request: AdditionRequest) -> ui.LayoutView:
        lora = await self._additions.entry_of(addition.sha256) if addition.sha256 else None
        numbered = _("If you have questions, please quote this reference: {number}").format(number=_reference(request))
        corrects = lora is not None and lora.added_by == request.person_id
        if lora is None:
            rows = [await add_row(self._db, request.person_id, request.draft_id)]
        else:
            row = await paint_row(self._db, request.person_id, request.draft_id) or ui.ActionRow[Any]()
            rows = [row.add_item(LoraPageButton(lora.id)), category_row(lora) if corrects else None]
        text = f"{ended_text(addition, lora, corrects=corrects)}\n-# {numbered}"
        return view_of(text, *filter(None, rows))


def _reference(request: AdditionRequest) -> str:
    """By which the message is found again: it ends with it in any language."""
    return f"L{request.addition_id}"
