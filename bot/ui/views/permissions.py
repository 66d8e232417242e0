"""Discord's permissions: those that the bot needs, and whether a person and the bot may post in a channel."""

from __future__ import annotations

import discord

from bot.errors.gallery import MayNotPost
from bot.i18n import _, later
from bot.ui.client import Interaction

# The permissions that the bot needs in a channel: to post pictures, and to find its own messages again.
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
# What Discord calls them, by discord.py's names.
PERMISSION_NAMES = {
    "read_messages": later("View Channels"),
    "send_messages": later("Send Messages"),
    "send_messages_in_threads": later("Send Messages in Threads"),
    "embed_links": later("Embed Links"),
    "attach_files": later("Attach Files"),
    "read_message_history": later("Read Message History"),
}


def missing_permissions(held: discord.Permissions) -> list[str]:
    """The names of the permissions that the bot needs and does not have."""
    if held.administrator:
        return []
    return [_(PERMISSION_NAMES[name]) for name, needed in PERMISSIONS if needed and not getattr(held, name)]


def is_public(channel: object) -> bool:
    """Whether everybody in its server may read a channel, as far as the gateway has told."""
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return False
    return channel.permissions_for(channel.guild.default_role).view_channel


def check_may_post(interaction: Interaction) -> None:
    """Raises MayNotPost where the person or the bot may not write: people may press buttons in any channel they see."""
    if interaction.guild_id is None:
        return
    in_thread = isinstance(interaction.channel, discord.Thread)
    for who, allowed in ((later("You"), interaction.permissions), (later("Easel"), interaction.app_permissions)):
        if not (allowed.send_messages_in_threads if in_thread else allowed.send_messages):
            raise MayNotPost(who=who)
