"""Looks which messages are in art channels, a page at a time, and whether one is there."""

from __future__ import annotations

from datetime import datetime

import discord
from discord.utils import snowflake_time, time_snowflake

from bot.community.discord_side import ArtChannelUnreachable, ChannelClosed, MessageGone, SeenMessages
from bot.database.gallery.pages import END
from bot.database.gallery.publications import Publication
from bot.ui.art_channels.translations import looking
from bot.ui.client import Client

PAGE = 100  # messages or archived posts of one request; Discord's limit
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE = 10003, 10008  # Discord's codes for what was deleted


class PostedMessages:
    """Implements `bot.community.discord_side.PostedSide` for a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def messages_before(self, server_id: int, channel_id: int, before: int, newest: int) -> SeenMessages:
        """A page of messages; of a forum, its active posts at first, and a page of archived ones."""
        server = self._client.get_guild(server_id)
        if server is None:
            raise ChannelClosed("the bot is not in the server")
        if server.unavailable:
            raise ArtChannelUnreachable("the server is not available")
        known = server.get_channel_or_thread(channel_id)
        with looking():
            try:
                if isinstance(known, discord.ForumChannel):
                    return await self._posts(known, before)
                return await self._messages(channel_id, min(before, newest + 1))
            except discord.NotFound as problem:
                if known is None and problem.code == UNKNOWN_CHANNEL:
                    raise MessageGone(str(problem)) from problem
                raise

    async def _messages(self, channel_id: int, before: int) -> SeenMessages:
        there = self._client.get_partial_messageable(channel_id)
        found = {message.id async for message in there.history(limit=PAGE, before=discord.Object(before))}
        return SeenMessages(frozenset(found), min(found) if len(found) == PAGE else 0)

    async def _posts(self, forum: discord.ForumChannel, before: int) -> SeenMessages:
        """Archived posts come by when they were archived, which is after they were opened."""
        found = set[int]()
        archived_before: datetime | None = None
        if before == END:
            found = {thread.id for thread in await forum.guild.active_threads() if thread.parent_id == forum.id}
        else:
            archived_before = snowflake_time(before)
        page = [thread async for thread in forum.archived_threads(limit=PAGE, before=archived_before)]
        found |= {thread.id for thread in page}
        down_to = time_snowflake(page[-1].archive_timestamp) if len(page) == PAGE else 0
        return SeenMessages(frozenset(found), down_to, in_part=True)

    async def is_there(self, publication: Publication) -> bool:
        """Ask for the message; for nothing but its absence, ArtChannelUnreachable is raised."""
        with looking():
            try:
                there = self._client.get_partial_messageable(publication.channel_id or 0)
                await there.fetch_message(publication.message_id or 0)
            except discord.NotFound as problem:
                if problem.code not in {UNKNOWN_CHANNEL, UNKNOWN_MESSAGE}:
                    raise
                return False
            return True
