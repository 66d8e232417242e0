"""Which art channels a person may view, by what the gateway has told of channels and roles: no request is sent."""

from __future__ import annotations

from collections.abc import Mapping

import discord

from bot.database.gallery.publications import CHANNELS_WITH_PUBLICATIONS
from bot.ui.client import Interaction


async def unseen_channels(interaction: Interaction, parents: Mapping[int, int | None]) -> tuple[int, ...]:
    """The channels with publications of the server that the person may not view, or of which nothing is known.

    `parents` are the channels of threads, by thread. The channel where the person acts is seen. Raises DatabaseError.
    """
    server_id, channel = interaction.guild_id, interaction.channel
    if server_id is None:
        return ()
    here = {interaction.channel_id, channel.parent_id if isinstance(channel, discord.Thread) else None}
    found = await interaction.client.db.all(CHANNELS_WITH_PUBLICATIONS, server=server_id)
    return tuple(each for each in found if each not in here and not _may_view(interaction, each, parents.get(each)))


def _may_view(interaction: Interaction, channel_id: int, parent_id: int | None) -> bool:
    server, person = interaction.client.get_guild(interaction.guild_id or 0), interaction.user
    if server is None or not isinstance(person, discord.Member):
        return False
    channel = known_channel(server, channel_id, parent_id)
    return channel is not None and channel.permissions_for(person).view_channel


def known_channel(server: discord.Guild, channel_id: int, parent_id: int | None) -> discord.abc.GuildChannel | None:
    """The channel, of a thread that above it: an archived thread is not told, but its channel is."""
    found = server.get_channel_or_thread(channel_id)
    if isinstance(found, discord.Thread):
        return found.parent
    return found or server.get_channel(parent_id or 0)
