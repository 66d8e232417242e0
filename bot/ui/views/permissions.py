"""Permission checks: operators run the program, staff manage their own server."""

from __future__ import annotations

from bot.ui.client import Interaction


def is_operator(interaction: Interaction) -> bool:
    """Whether the person is named in `[discord] operators`."""
    return interaction.user.id in interaction.client.configuration.settings.discord.operators


def is_staff_of(interaction: Interaction, server_id: int | None) -> bool:
    """Whether the person may manage the bot in a server: operators in any, others with *Manage Server* in that one."""
    if is_operator(interaction):
        return True
    return server_id is not None and interaction.guild_id == server_id and interaction.permissions.manage_guild
