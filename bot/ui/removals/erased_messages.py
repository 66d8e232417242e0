"""Deletes or changes the messages of a person who has all deleted, and ends what is being delivered to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import discord

from bot.background import DiscordUnreachable
from bot.database.privacy.erasure_leftovers import LeftMessage
from bot.ui.interactions.answers import AnswersUnderWay
from bot.ui.interactions.archived_threads import in_open_thread
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS, is_final

ANSWER_SECONDS = 30.0  # for what a person has asked for; then others go first


class ErasedMessages:
    """Implements `DiscordSide` for a client. `stop` ends the deliveries to a person.

    `write_report` writes the message to staff about a report anew; False when it is out of reach.
    """

    def __init__(
        self,
        client: discord.Client,
        answers: AnswersUnderWay,
        stop: Callable[[int], Awaitable[None]],
        write_report: Callable[[int], Awaitable[bool]],
    ) -> None:
        self._client = client
        self._answers = answers
        self._stop = stop
        self._write_report = write_report

    async def until_answered(self, person_id: int) -> None:
        """Wait for the answers that are under way, such as for an upload."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._answers.until_given(person_id)
        except TimeoutError as problem:
            raise DiscordUnreachable("The person is still being answered.") from problem

    async def stop_delivering(self, person_id: int) -> None:
        """End the deliveries to the person."""
        await self._stop(person_id)

    async def direct_channel(self, person_id: int) -> int | None:
        """Open the channel of direct messages; None for somebody whom Discord does not know any more."""
        try:
            return (await (await self._client.fetch_user(person_id)).create_dm()).id
        except DISCORD_ERRORS as problem:
            if is_final(problem):
                return None
            raise DiscordUnreachable(str(problem)) from problem

    async def own_messages(self, channel_id: int) -> list[LeftMessage]:
        """Read the whole channel; one that cannot be read any more has none."""
        found = list[LeftMessage]()
        try:
            async for message in self._client.get_partial_messageable(channel_id).history(limit=None):
                if message.author == self._client.user:
                    found.append(LeftMessage(channel_id, message.id))
        except DISCORD_ERRORS as problem:
            if is_final(problem):
                return found
            raise DiscordUnreachable(str(problem)) from problem
        return found

    async def write_report(self, report_id: int) -> bool:
        """Write the message to staff about a report anew."""
        return await self._write_report(report_id)

    async def delete_message(self, message: LeftMessage) -> bool:
        """Delete it with the bot's token; one that is not there is gone."""
        there = self._client.get_partial_messageable(message.channel_id).get_partial_message(message.message_id)
        try:
            await in_open_thread(self._client, message.channel_id, there.delete)
        except discord.NotFound:
            return True
        except DISCORD_ERRORS as problem:
            if is_final(problem):
                return False
            raise DiscordUnreachable(str(problem)) from problem
        return True
