"""Permission checks: operators run the program, staff manage their own server."""

from __future__ import annotations

import discord

from bot.errors import MayNotPost
from bot.i18n import later
from bot.ui.client import Interaction


def is_operator(interaction: Interaction) -> bool:
    """Whether the person is named in `[discord] operators`."""
    return interaction.user.id in interaction.client.configuration.settings.discord.operators


def is_staff_of(interaction: Interaction, server_id: int | None) -> bool:
    """Whether the person may manage the bot in a server: operators in any, others with *Manage Server* in that one."""
    if is_operator(interaction):
        return True
    return server_id is not None and interaction.guild_id == server_id and interaction.permissions.manage_guild


def check_may_post(interaction: Interaction) -> None:
    """Raises MayNotPost where the person or the bot may not write: people may press buttons in any channel they see."""
    if interaction.guild_id is None:
        return
    in_thread = isinstance(interaction.channel, discord.Thread)
    for who, allowed in ((later("You"), interaction.permissions), (later("Easel"), interaction.app_permissions)):
        if not (allowed.send_messages_in_threads if in_thread else allowed.send_messages):
            raise MayNotPost(who=who)
