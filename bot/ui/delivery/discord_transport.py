"""Discord's side of deliveries: `bot.ui.delivery.delivery.Transport` with discord.py."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import discord
from discord import ui

from bot.ui import acknowledge
from bot.ui.client import Client, Interaction
from bot.ui.delivery.delivery import FoundMessage, OutgoingMessage, RouteClosed
from bot.ui.delivery.seal import seal, unseal
from bot.ui.views.result import AgainButton, EditButton
from bot.ui.views.waiting import CancelButton

SKEW = timedelta(minutes=2)  # how far our clock may be from Discord's
LOOK_AT = 300  # messages from then on that are searched for one of ours
RESULT_BUTTONS = (AgainButton, EditButton)  # every message that shows how a job ended has one of them
SERVER_ERROR = 500  # below it, the request is refused and would be again; from there on, it may be repeated
TOO_MANY, UNAUTHORIZED = 429, 401
STALE_ANSWER = 50027  # Discord's code for an interaction's token that is over


class DiscordTransport:
    """Implements `bot.ui.delivery.delivery.Transport`."""

    def __init__(self, bot: Client) -> None:
        self._bot = bot

    async def answer(self, interaction: Interaction, message: OutgoingMessage, *, private: bool) -> int | None:
        """The first answer; where one was promised already, it takes its place."""
        with _refusals():
            return await acknowledge.send(interaction, message.view(), private=private)

    async def edit_original(self, interaction: Interaction, message: OutgoingMessage) -> int:
        """By the interaction's token."""
        with _refusals():
            return (await acknowledge.update(interaction, message.view(), message.files())).id

    def ticket(self, interaction: Interaction) -> str:
        """The interaction's token, sealed with the bot's."""
        return seal(interaction.token, self._key)

    async def edit_answer(self, ticket: str, message_id: int | None, message: OutgoingMessage) -> int:
        """By the token of an interaction that the program has forgotten."""
        token = unseal(ticket, self._key)
        if token is None or self._bot.application_id is None:
            raise RouteClosed("the bot's token has changed")
        webhook = discord.Webhook.partial(self._bot.application_id, token, client=self._bot)
        with _refusals():
            there = cast("int", message_id or "@original")  # which discord.py types as an id alone
            edited = await webhook.edit_message(there, view=message.view(), attachments=message.files())
            return edited.id

    @property
    def _key(self) -> str:
        return self._bot.easel.settings.discord.token.get_secret_value()

    async def edit(self, channel_id: int, message_id: int, message: OutgoingMessage) -> None:
        """By the bot's token."""
        with _refusals():
            there = self._bot.get_partial_messageable(channel_id).get_partial_message(message_id)
            await there.edit(view=message.view(), attachments=message.files())

    async def find(self, channel_id: int, job_id: int, since: int) -> FoundMessage | None:
        """Reads the channel's history from just before `since` on, and prefers a message that shows the result."""
        results = {f"{button.name}:{job_id}" for button in RESULT_BUTTONS}
        waiting: FoundMessage | None = None
        after = datetime.fromtimestamp(since / 1000, UTC) - SKEW
        channel = self._bot.get_partial_messageable(channel_id)
        with _refusals():
            async for message in channel.history(limit=LOOK_AT, after=after, oldest_first=True):
                ids = _custom_ids(message) if message.author == self._bot.user else set[str]()
                if ids & results:
                    return FoundMessage(message.id, ended=True)
                if f"{CancelButton.name}:{job_id}" in ids:
                    waiting = FoundMessage(message.id, ended=False)
        return waiting

    async def post(self, channel_id: int, message: OutgoingMessage, nonce: str) -> int:
        """With the nonce enforced."""
        channel = self._bot.get_partial_messageable(channel_id)
        with _refusals():
            return (await channel.send(view=message.view(), files=message.files(), nonce=nonce)).id

    async def direct_channel(self, person_id: int) -> int:
        """Opens it where it is not yet open."""
        with _refusals():
            return (await (await self._bot.fetch_user(person_id)).create_dm()).id


@contextmanager
def _refusals() -> Generator[None]:
    """What Discord refuses for good becomes Closed. Errors of its own and rate limits pass through.

    So does that it does not know the bot's token: with a new one, the same way is open after a restart.
    """
    try:
        yield
    except discord.HTTPException as problem:
        locked_out = problem.status == UNAUTHORIZED and problem.code != STALE_ANSWER
        if problem.status >= SERVER_ERROR or problem.status == TOO_MANY or locked_out:
            raise
        raise RouteClosed(str(problem)) from problem


def _custom_ids(message: discord.Message) -> set[str]:
    view = ui.LayoutView.from_message(message, timeout=None)
    return {item.custom_id for item in view.walk_children() if isinstance(item, ui.Button) and item.custom_id}
