"""Implements `bot.ui.delivery.delivery.Transport` with discord.py."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import discord
from cryptography.fernet import Fernet, InvalidToken

from bot.ui.client import Interaction
from bot.ui.delivery.delivery import FoundMessage, OutgoingMessage, RouteClosed
from bot.ui.interactions import acknowledge
from bot.ui.interactions.archived_threads import in_open_thread
from bot.ui.interactions.discord_refusals import is_final
from bot.ui.interactions.lost import FirstResponses, InteractionLost
from bot.ui.rendered_message import custom_ids_of
from bot.ui.views.jobs.progress import CancelButton
from bot.ui.views.results.result import AgainButton, EditButton

MAX_CLOCK_SKEW = timedelta(minutes=2)  # between our clock and Discord's
MAX_SEARCHED = 300  # messages that are searched for one of the bot
RESULT_BUTTONS = (AgainButton, EditButton)  # every message of an ended job has one of them


class DiscordTransport:
    """The transport of a client. `key` encrypts the tokens of interactions: the token of the bot."""

    def __init__(self, client: discord.Client, key: str, responses: FirstResponses) -> None:
        self._client = client
        self._key = key
        self._responses = responses

    async def confirm(self, interaction: Interaction) -> None:
        """Defer the interaction, unless it has a response."""
        with self._first_response(interaction):
            await acknowledge.confirm(interaction)

    async def answer(self, interaction: Interaction, message: OutgoingMessage, *, private: bool) -> int | None:
        """Send the first response, or replace the deferred one."""
        with self._first_response(interaction):
            return await acknowledge.send(interaction, message().view, private=private)

    @contextmanager
    def _first_response(self, interaction: Interaction) -> Generator[None]:
        """Raise InteractionLost if the interaction is lost, and RouteClosed for other permanent refusals."""
        with _translated_errors():
            try:
                yield
            except discord.HTTPException as problem:
                if not self._responses.is_lost(interaction, problem):
                    raise
                raise InteractionLost(str(problem)) from problem

    async def edit_original(self, interaction: Interaction, message: OutgoingMessage) -> int:
        """Edit with the interaction's token."""
        with _translated_errors():
            return (await acknowledge.update(interaction, message())).id

    def ticket(self, interaction: Interaction, message_id: int | None = None) -> str | None:
        """The interaction's token, encrypted with a key derived from the bot's token.

        Without the id of the answer the message that was answered first is meant.
        """
        if message_id is None and acknowledge.edits_message(interaction):
            return None  # with the token alone, the result would replace the edited message
        return encrypt(interaction.token, self._key)

    async def edit_answer(self, ticket: str, message_id: int | None, message: OutgoingMessage) -> int:
        """Edit with the decrypted token, as a webhook."""
        token = decrypt(ticket, self._key)
        if token is None or self._client.application_id is None:
            raise RouteClosed("the bot's token has changed")
        webhook = discord.Webhook.partial(self._client.application_id, token, client=self._client)
        page, there = message(), cast("int", message_id or "@original")  # which discord.py types as an id alone
        with _translated_errors():
            return (await webhook.edit_message(there, view=page.view, attachments=page.files)).id

    async def edit(self, channel_id: int, message_id: int, message: OutgoingMessage) -> None:
        """Edit with the bot's token; an archived thread is opened for it."""
        there = self._client.get_partial_messageable(channel_id).get_partial_message(message_id)

        async def edit() -> None:
            page = message()
            await there.edit(view=page.view, attachments=page.files)

        with _translated_errors():
            await in_open_thread(self._client, channel_id, edit)

    async def find(self, channel_id: int, job_id: int, since: int) -> FoundMessage | None:
        """Search the channel's history from just before `since`; a message that shows the result is preferred."""
        results = {kind(job_id).custom_id for kind in RESULT_BUTTONS}
        waiting: FoundMessage | None = None
        after = datetime.fromtimestamp(since / 1000, UTC) - MAX_CLOCK_SKEW
        channel = self._client.get_partial_messageable(channel_id)
        with _translated_errors():
            async for message in channel.history(limit=MAX_SEARCHED, after=after, oldest_first=True):
                ids = custom_ids_of(message) if message.author == self._client.user else set[str]()
                if ids & results:
                    return FoundMessage(message.id, ended=True)
                if CancelButton(job_id).custom_id in ids:
                    waiting = FoundMessage(message.id, ended=False)
        return waiting

    async def post(self, channel_id: int, message: OutgoingMessage, nonce: str) -> int:
        """Post with `enforce_nonce`."""
        channel, page = self._client.get_partial_messageable(channel_id), message()
        with _translated_errors():
            return (await channel.send(view=page.view, files=page.files, nonce=nonce)).id

    async def direct_channel(self, person_id: int) -> int:
        """Open the DM if there is none yet."""
        with _translated_errors():
            return (await (await self._client.fetch_user(person_id)).create_dm()).id


@contextmanager
def _translated_errors() -> Generator[None]:
    """Turn permanent refusals of Discord into RouteClosed; what may pass is not changed."""
    try:
        yield
    except discord.HTTPException as problem:
        if not is_final(problem):
            raise
        raise RouteClosed(str(problem)) from problem


# --- interactions' tokens in the database, encrypted with a key derived from the bot's token ---


def encrypt(secret: str, key: str) -> str:
    """`secret` as a Fernet token; another one each time."""
    return _fernet(key).encrypt(secret.encode()).decode()


def decrypt(encrypted: str, key: str) -> str | None:
    """The secret; None when it was encrypted with another key, or changed."""
    try:
        return _fernet(key).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        return None


def _fernet(key: str) -> Fernet:
    # A bot's token is long and random, so a plain hash is enough; slow key derivation is for guessable passwords.
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
