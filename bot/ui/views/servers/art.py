"""The section about art channels: where people publish, what the bot lacks there, and whether prompts are shown."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.database.servers.settings import MAX_ART_CHANNELS, ArtChannel
from bot.errors.servers import TooManyArtChannels
from bot.i18n import _, later, listed
from bot.ui.client import Client, Interaction
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS, is_final
from bot.ui.rendered_message import Items
from bot.ui.views.list_page import Cursor, Found
from bot.ui.views.permissions import is_public, missing_permissions
from bot.ui.views.persistent_items import outdated_error
from bot.ui.views.servers.entity_menus import offering_channels
from bot.ui.views.servers.panel import (
    PanelMenu,
    PanelPage,
    PanelSection,
    TargetButton,
    shown,
)
from bot.ui.views.servers.places import PromptsMenu

LISTED = 6  # channels on a page, each with its button
KINDS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.public_thread,
    discord.ChannelType.news_thread,
]
ArtPlace = discord.TextChannel | discord.ForumChannel | discord.Thread


class ArtSection(PanelSection[ArtChannel]):
    """The art channels, each with what is wrong there."""

    key, title = "art", later("Art channels")

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[ArtChannel]:
        """A page of the channels."""
        channels = (await query.settings(interaction)).art_channels
        return Found.counted(channels[cursor.number * LISTED :][:LISTED], cursor, len(channels), LISTED)

    def above(self, page: PanelPage, found: Found[ArtChannel]) -> Items:
        """What art channels are for."""
        about = _(
            "Members press *Publish* under their pictures to post them in an art channel. The posts link to the LoRAs."
        )
        none = [] if found.entries else [_("There is no art channel, so members cannot publish pictures.")]
        return [shown([*none, about])]

    def row(self, interaction: Interaction, page: PanelPage, entry: ArtChannel) -> ui.Item[Any]:
        """A channel with its warnings, and *Remove*."""
        text = "\n".join([f"<#{entry.channel_id}>", *_warnings(interaction, page, entry)])
        return ui.Section[Any](ui.TextDisplay[Any](text), accessory=RemoveArtChannelButton(page, entry.channel_id))

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[ArtChannel]) -> Items:
        """A menu to add one, and the usual for prompts."""
        add = offering_channels(AddArtChannelMenu(page), interaction, (), _("Add an art channel"), types=KINDS, most=1)
        return [ui.ActionRow[Any](add), ui.ActionRow[Any](PromptsMenu.of(page, await page.settings(interaction)))]


def _warnings(interaction: Interaction, page: PanelPage, art: ArtChannel) -> list[str]:
    """What keeps the bot from publishing in a channel, as far as it knows that."""
    server = interaction.client.get_guild(page.server_id)
    channel = server.get_channel_or_thread(art.channel_id) if server else None
    if server is None or (channel is None and art.parent_id is not None):
        return []  # an archived thread
    if not isinstance(channel, ArtPlace):
        return [_warning(_("This channel no longer exists."))]
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return []
    own = channel.permissions_for(server.me)
    few = (
        []
        if is_public(channel)
        else [
            _("Not everyone can see this channel. /gallery shows its pictures only to members who can see the channel.")
        ]
    )
    missing = missing_permissions(own)
    lines = (
        [_warning(_("Easel is missing permissions here: {permissions}.").format(permissions=listed(missing)))]
        if missing
        else []
    )
    if isinstance(channel, discord.ForumChannel):
        lines += _about_forum(channel, own)
    return [*lines, *(f"-# {text}" for text in few)]


def _about_forum(forum: discord.ForumChannel, own: discord.Permissions) -> list[str]:
    lines: list[str] = []
    usable = [tag for tag in forum.available_tags if own.manage_threads or not tag.moderated]
    if forum.flags.require_tag and not usable and not own.manage_channels:
        lines.append(_warning(_("Posts here need a tag, but there is no tag that Easel can use.")))
    if not own.manage_threads:
        text = _(
            "To delete the post of an unpublished picture, Easel needs *Manage Threads*. Without this "
            "permission, Easel can only empty the post."
        )
        lines.append(f"-# {text}")
    return lines


def _warning(text: str) -> str:
    return f"**{text}**"


class AddArtChannelMenu(PanelMenu, prefix="svartadd"):
    """Adds an art channel."""

    async def handle(self, interaction: Interaction) -> None:
        """Save it. Raises TooManyArtChannels, and NothingThere for what is no channel of this server."""
        (chosen,) = self.discord_ids or (0,)
        before = await self.page.settings(interaction)
        if chosen and before.art_channel(chosen) is None:
            if len(before.art_channels) >= MAX_ART_CHANNELS:
                raise TooManyArtChannels(limit=MAX_ART_CHANNELS)
            added = await _art_channel(interaction.client, self.place, chosen)
            await self.page.change(interaction, art_channels=(*before.art_channels, added))
        else:
            await self.page.show(interaction)


async def _art_channel(client: Client, server_id: int, channel_id: int) -> ArtChannel:
    """A text channel, thread or forum of the server. Raises NothingThere for anything else."""
    try:
        channel = client.get_channel(channel_id) or await client.fetch_channel(channel_id)
    except DISCORD_ERRORS as problem:
        if not is_final(problem):
            raise
        raise outdated_error() from problem
    if not isinstance(channel, ArtPlace) or channel.guild.id != server_id or channel.type not in KINDS:
        raise outdated_error()
    parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
    return ArtChannel(channel_id=channel.id, parent_id=parent_id)


class RemoveArtChannelButton(TargetButton, prefix="svartout"):
    """Lets nothing more be published in a channel; what is there stays."""

    label = later("Remove")

    async def handle(self, interaction: Interaction) -> None:
        """Save it."""
        before = (await self.page.settings(interaction)).art_channels
        left = tuple(each for each in before if each.channel_id != self.target)
        await self.page.change(interaction, art_channels=left)
