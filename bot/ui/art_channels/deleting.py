"""Deletes messages of art channels; an archived thread is opened for it."""

from __future__ import annotations

from contextlib import suppress

import discord

from bot.community.discord_side import PostedMessage
from bot.i18n import _
from bot.i18n.texts import on_a_label
from bot.ui.archived_threads import in_open_thread
from bot.ui.client import Client

MAX_TITLE = 100  # characters of a forum post's title; Discord's limit


async def delete_message(client: Client, message: PostedMessage) -> None:
    """Delete a message, in a forum the post. One that the bot may not delete loses its text and title, and is archived.

    Raises what discord.py raises.
    """
    if message.channel_id != message.message_id:
        await _delete_alone(client, message)
        return
    post = client.get_channel(message.channel_id) or await client.fetch_channel(message.channel_id)
    if not isinstance(post, discord.Thread) or _manages(post):
        await client.http.delete_channel(message.channel_id)
        return
    with suppress(discord.NotFound):  # an earlier try deleted it, and did not come to the title
        await _delete_alone(client, message)
    title = on_a_label(_("A picture that is not published any more"), MAX_TITLE)
    await post.edit(archived=False, name=title)  # an archived thread is opened to be renamed
    await post.edit(archived=True)


async def _delete_alone(client: Client, message: PostedMessage) -> None:
    there = client.get_partial_messageable(message.channel_id).get_partial_message(message.message_id)
    await in_open_thread(client, message.channel_id, there.delete)


def _manages(post: discord.Thread) -> bool:
    """Whether the bot may delete the post."""
    return post.parent is not None and post.permissions_for(post.guild.me).manage_threads
