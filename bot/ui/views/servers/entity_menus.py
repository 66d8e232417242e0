"""Menus of channels, roles and people.

In the server itself Discord lists them. For another server, which an operator looks at from elsewhere, the bot lists
what it knows, as far as a menu has room.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import discord
from discord import ui

from bot.ui.client import Interaction
from bot.ui.views.servers.panel import MENU, PanelPage

CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.voice,
    discord.ChannelType.category,
]
Named = discord.abc.GuildChannel | discord.Role
_CHANNEL, _ROLE = discord.SelectDefaultValueType.channel, discord.SelectDefaultValueType.role


def channel_menu(interaction: Interaction, page: PanelPage, chosen: Collection[int], placeholder: str) -> Any:
    """The arguments of a menu of channels and categories of the server with the `chosen` ones selected."""
    server = interaction.client.get_guild(page.server_id)
    known = [channel for channel in server.channels if channel.type in CHANNELS] if server else []
    if interaction.guild_id == page.server_id:
        return {
            "menu": ui.ChannelSelect,
            "channel_types": CHANNELS,
            **_native(known, chosen, _CHANNEL, placeholder),
        }
    return _listed(known, chosen, placeholder)


def role_menu(interaction: Interaction, page: PanelPage, chosen: Collection[int], placeholder: str) -> Any:
    """The arguments of a menu of the server's roles with the `chosen` ones selected."""
    server = interaction.client.get_guild(page.server_id)
    known = list(reversed(server.roles)) if server else []
    if interaction.guild_id == page.server_id:
        return {"menu": ui.RoleSelect, **_native(known, chosen, _ROLE, placeholder)}
    return _listed(known, chosen, placeholder)


def _native(
    known: Sequence[Named], chosen: Collection[int], kind: discord.SelectDefaultValueType, placeholder: str
) -> dict[str, Any]:
    """Of the chosen ones that were deleted Discord knows nothing."""
    still_there = [each for each in chosen if not known or each in {one.id for one in known}]
    return {
        "min_values": 0,
        "max_values": MENU,
        "default_values": [discord.SelectDefaultValue(id=each, type=kind) for each in still_there[:MENU]],
        "placeholder": placeholder,
    }


def _listed(known: Sequence[Named], chosen: Collection[int], placeholder: str) -> dict[str, Any]:
    """A menu of strings, the chosen ones first."""
    options = [
        discord.SelectOption(label=each.name[:100], value=str(each.id), default=each.id in chosen)
        for each in sorted(known, key=lambda each: each.id not in chosen)[:MENU]
    ]
    nothing = not options  # Discord takes no menu without options
    return {
        "min_values": 0,
        "max_values": max(1, len(options)),
        "options": options or [discord.SelectOption(label="…", value="0")],
        "placeholder": placeholder,
        "disabled": nothing,
    }
