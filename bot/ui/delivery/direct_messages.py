"""Direct messages that are sent once: named by a nonce, and looked for by how they end before they are sent again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import discord
from discord import ui

from bot.background import DiscordRefuses, DiscordUnreachable
from bot.ui.delivery.discord_transport import MAX_CLOCK_SKEW, MAX_SEARCHED
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS, is_final
from bot.ui.rendered_message import texts_of


class DirectMessages:
    """Those of a client. All methods raise DiscordRefuses and DiscordUnreachable."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def send(self, person_id: int, view: ui.LayoutView, nonce: str) -> int:
        """Send it with `enforce_nonce`; its id. The same nonce within minutes returns the existing message."""
        view.stop()
        with explained():
            return (await (await self._channel(person_id)).send(view=view, nonce=nonce)).id

    async def find(self, person_id: int, ending: str, since: int) -> int | None:
        """The bot's message that was sent since this unix ms and has a text with this end, or None."""
        with explained():
            channel = await self._channel(person_id)
            async for message in channel.history(limit=MAX_SEARCHED, after=before(since), oldest_first=True):
                if message.author == self._client.user and any(text.endswith(ending) for text in texts_of(message)):
                    return message.id
        return None

    async def _channel(self, person_id: int) -> discord.DMChannel:
        return await (await self._client.fetch_user(person_id)).create_dm()


@contextmanager
def explained() -> Generator[None]:
    """Raise DiscordRefuses for what will be refused again, DiscordUnreachable for what may succeed later."""
    try:
        yield
    except DISCORD_ERRORS as problem:
        raise (DiscordRefuses if is_final(problem) else DiscordUnreachable)(str(problem)) from problem


def before(since: int) -> datetime:
    """From when on to search for what was sent since this unix ms: clocks differ."""
    return datetime.fromtimestamp(since / 1000, UTC) - MAX_CLOCK_SKEW
