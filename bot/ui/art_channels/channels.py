"""What Discord does with messages of the bot in art channels: posts, finds and deletes them.

A text channel or thread gets a message with a nonce. A forum gets a post, which takes no nonce: before anything is
posted again, its active and archived posts are searched. An archived thread is opened for a deletion.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import discord

from bot.community.discord_side import PostedMessage, PostRefused
from bot.ui.art_channels.tags import WantedTag, tags_for
from bot.ui.client import Client
from bot.ui.delivery.discord_transport import MAX_SEARCHED
from bot.ui.interactions.archived_threads import in_open_thread
from bot.ui.rendered_message import RenderedMessage

MAX_TITLE = 100  # characters of a forum post's title; Discord's limit


@dataclass(frozen=True)
class NewMessage:
    """A message that is to be posted. `title` and tags are those of a forum post; `chosen` are tags of the settings."""

    page: RenderedMessage
    nonce: str
    title: str
    wanted: Sequence[WantedTag] = ()
    chosen: Mapping[str, int] = field(default_factory=dict[str, int])


class ArtChannels:
    """The art channels of a client. Every method raises what discord.py raises."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def channel(self, channel_id: int) -> object:
        """The channel with what is known of it."""
        return self._client.get_channel(channel_id) or await self._client.fetch_channel(channel_id)

    async def post(self, channel: object, new: NewMessage) -> PostedMessage:
        """Post a message, in a forum as a post of its own. Raises PostRefused too."""
        page = new.page
        if isinstance(channel, discord.ForumChannel):
            tags = await tags_for(channel, new.wanted, new.chosen)
            made = await channel.create_thread(name=new.title, view=page.view, files=page.files, applied_tags=tags)
            return PostedMessage(made.thread.id, made.message.id)
        if not isinstance(channel, discord.abc.Messageable):
            raise PostRefused("nobody can write messages in this kind of channel")
        return place_of_message(await channel.send(view=page.view, files=page.files, nonce=new.nonce))

    async def find(
        self,
        channel_id: int,
        is_wanted: Callable[[discord.Message], bool],
        *,
        since: datetime | None = None,
        title: str | None = None,
    ) -> PostedMessage | None:
        """The message of the bot that is wanted: among the newest, or among the first `since` then.

        In a forum among all posts, or those with this title. None too where the channel was deleted.
        """
        with suppress(discord.NotFound):
            channel = await self.channel(channel_id)
            if isinstance(channel, discord.ForumChannel):
                return await self._find_post(channel, is_wanted, since, title)
            history = self._client.get_partial_messageable(channel_id).history(
                limit=MAX_SEARCHED, after=since, oldest_first=since is not None
            )
            async for message in history:
                if message.author == self._client.user and is_wanted(message):
                    return place_of_message(message)
        return None

    async def _find_post(
        self,
        forum: discord.ForumChannel,
        is_wanted: Callable[[discord.Message], bool],
        since: datetime | None,
        title: str | None,
    ) -> PostedMessage | None:
        async for thread in _posts_since(forum, since):
            own = self._client.user is not None and thread.owner_id == self._client.user.id
            if own and title in (None, thread.name):
                with suppress(discord.NotFound):  # its first message was deleted
                    if is_wanted(message := await thread.fetch_message(thread.id)):
                        return place_of_message(message)
        return None

    async def delete(self, message: PostedMessage, title: str) -> None:
        """Delete a message, in a forum the post. One that the bot may not delete is emptied and gets this `title`.

        It is archived then.
        """
        if message.channel_id != message.message_id:
            await self._delete_alone(message)
            return
        post = await self.channel(message.channel_id)
        if not isinstance(post, discord.Thread) or _manages(post):
            await self._client.http.delete_channel(message.channel_id)
            return
        with suppress(discord.NotFound):  # an earlier try deleted it, and did not come to the title
            await self._delete_alone(message)
        await post.edit(archived=False, name=title[:MAX_TITLE])  # an archived thread is opened to be renamed
        await post.edit(archived=True)

    async def _delete_alone(self, message: PostedMessage) -> None:
        there = self._client.get_partial_messageable(message.channel_id).get_partial_message(message.message_id)
        await in_open_thread(self._client, message.channel_id, there.delete)


def check_may_post(channel: object, *, files: bool) -> None:
    """Raise PostRefused where the bot is known to lack a permission to post, maybe with files: it would be in vain."""
    where = channel.parent if isinstance(channel, discord.Thread) else channel
    if not isinstance(where, discord.abc.GuildChannel):
        return
    own = where.permissions_for(where.guild.me)
    writes = own.send_messages_in_threads if isinstance(channel, discord.Thread) else own.send_messages
    if not (own.view_channel and writes and (own.attach_files or not files)):
        raise PostRefused("the bot may not view the channel, write in it or attach files")


def place_of_message(message: discord.Message) -> PostedMessage:
    """Where a message is."""
    return PostedMessage(message.channel.id, message.id)


def _manages(post: discord.Thread) -> bool:
    """Whether the bot may delete the post."""
    return post.parent is not None and post.permissions_for(post.guild.me).manage_threads


async def _posts_since(forum: discord.ForumChannel, since: datetime | None) -> AsyncIterator[discord.Thread]:
    """The posts of a forum that were opened since then, or all, also those that are archived by now."""
    for thread in await forum.guild.active_threads():
        if thread.parent_id == forum.id and (since is None or _opened_at(thread) >= since):
            yield thread
    async for thread in forum.archived_threads(limit=None):
        if since is not None and thread.archive_timestamp < since:
            return  # they come in this order, and none is archived before it is opened
        if since is None or _opened_at(thread) >= since:
            yield thread


def _opened_at(thread: discord.Thread) -> datetime:
    return thread.created_at or thread.archive_timestamp
