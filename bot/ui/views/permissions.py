"""Who may do what only some may: operators run the program, staff look after their own server."""

from __future__ import annotations

from bot.ui.client import Interaction


def is_operator(interaction: Interaction) -> bool:
    """Whether the person is named in `[discord] operators`."""
    return interaction.user.id in interaction.client.easel.settings.discord.operators


def is_staff_of(interaction: Interaction, server_id: int | None) -> bool:
    """Whether the person may look after what happens in this server: operators anywhere, Manage Server in their own."""
    if is_operator(interaction):
        return True
    return server_id is not None and interaction.guild_id == server_id and interaction.permissions.manage_guild
