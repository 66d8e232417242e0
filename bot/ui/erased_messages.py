"""Deletes the messages of a person who has all deleted, and ends what is being delivered to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiohttp
import discord

from bot.background import DiscordUnreachable
from bot.database.erasures import LeftMessage

SERVER_ERROR, TOO_MANY_REQUESTS, UNAUTHORIZED = 500, 429, 401
_NO_ANSWER = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, OSError)


class ErasedMessages:
    """Implements `DiscordSide` for a client. `stop` ends the deliveries to a person."""

    def __init__(self, client: discord.Client, stop: Callable[[int], Awaitable[None]]) -> None:
        self._client = client
        self._stop = stop

    async def stop_delivering(self, person_id: int) -> None:
        """End the deliveries to the person."""
        await self._stop(person_id)

    async def direct_channel(self, person_id: int) -> int | None:
        """Open the channel of direct messages; None for somebody whom Discord does not know any more."""
        try:
            return (await (await self._client.fetch_user(person_id)).create_dm()).id
        except discord.HTTPException as problem:
            _check_final(problem)
            return None
        except _NO_ANSWER as problem:
            raise DiscordUnreachable(str(problem)) from problem

    async def delete_message(self, message: LeftMessage) -> bool:
        """Delete it with the bot's token; one that is not there is gone."""
        channel = self._client.get_partial_messageable(message.channel_id)
        try:
            await channel.get_partial_message(message.message_id).delete()
        except discord.NotFound:
            return True
        except discord.HTTPException as problem:
            _check_final(problem)
            return False
        except _NO_ANSWER as problem:
            raise DiscordUnreachable(str(problem)) from problem
        return True


def _check_final(problem: discord.HTTPException) -> None:
    """Raise DiscordUnreachable unless the same request will be refused for ever."""
    if problem.status >= SERVER_ERROR or problem.status in {TOO_MANY_REQUESTS, UNAUTHORIZED}:
        raise DiscordUnreachable(str(problem)) from problem
