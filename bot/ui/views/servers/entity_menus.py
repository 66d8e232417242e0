"""Menus of channels and roles.

In the server itself Discord lists them. For another server, which an operator looks at from elsewhere, the bot lists
what it knows, as far as a menu has room.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, TypeVar

import discord
from discord import ui

from bot.ui.client import Interaction
from bot.ui.views.persistent_items import MENU
from bot.ui.views.servers.panel import PanelMenu

CHANNELS = (
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.voice,
    discord.ChannelType.category,
)
MenuT = TypeVar("MenuT", bound=PanelMenu)


def offering_channels(
    menu: MenuT,
    interaction: Interaction,
    chosen: Collection[int],
    placeholder: str,
    *,
    types: Sequence[discord.ChannelType] = CHANNELS,
    most: int = MENU,
) -> MenuT:
    """The menu, of channels and categories of the server with the `chosen` ones selected."""
    server = interaction.client.get_guild(menu.place)
    known = [channel for channel in server.channels if channel.type in types] if server else []
    native = partial(ui.ChannelSelect[Any], channel_types=list(types))
    return _offering(menu, interaction, native, known, chosen, placeholder=placeholder, min_values=0, max_values=most)


def offering_roles(
    menu: MenuT,
    interaction: Interaction,
    chosen: Collection[int],
    placeholder: str,
    *,
    least: int = 0,
    most: int = MENU,
) -> MenuT:
    """The menu, of the server's roles with the `chosen` ones selected."""
    server = interaction.client.get_guild(menu.place)
    known = list(reversed(server.roles)) if server else []
    shown: dict[str, Any] = {"placeholder": placeholder, "min_values": least, "max_values": most}
    return _offering(menu, interaction, ui.RoleSelect[Any], known, chosen, **shown)


def _offering(
    menu: MenuT,
    interaction: Interaction,
    native: Callable[..., ui.Item[Any]],
    known: Sequence[discord.abc.GuildChannel | discord.Role],
    chosen: Collection[int],
    *,
    max_values: int,
    **more: Any,
) -> MenuT:
    if interaction.guild_id == menu.place:
        there = {each.id for each in known} or chosen  # Discord knows nothing of those that were deleted
        selected = [discord.Object(each) for each in chosen if each in there][:MENU]
        menu.item = native(custom_id=menu.custom_id, default_values=selected, max_values=max_values, **more)
        return menu
    options = [
        discord.SelectOption(label=each.name[:100], value=str(each.id), default=each.id in chosen)
        for each in sorted(known, key=lambda each: each.id not in chosen)[:MENU]
    ]
    nothing = discord.SelectOption(label="…", value="0")  # Discord takes no menu without options
    most = min(max_values, len(options) or 1)
    return menu.offering(options or [nothing], disabled=not options, max_values=most, **more)
