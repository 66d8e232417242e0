"""`/privacy`: what is kept of a person, a copy of it, and its deletion. Open to everybody, also to who is blocked."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.ui.client import Cog, Interaction
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.views.people.privacy import deletion_view, send_export, stored_view


class PrivacyCog(Cog, commands.GroupCog, group_name="privacy", group_description="Your stored data"):
    """A person's own data."""

    @app_commands.command(name="show", extras={"action": None})
    async def show(self, interaction: Interaction) -> None:
        """See what data Easel stores about you, for how long, and how far a deletion has progressed."""
        await send_ephemeral(interaction, await stored_view(interaction))

    @app_commands.command(name="export", extras={"action": None})
    async def export(self, interaction: Interaction) -> None:
        """Get ZIP files with all data that Easel stores about you, including pictures."""
        await send_export(interaction)

    @app_commands.command(name="delete", extras={"action": None})
    async def delete(self, interaction: Interaction) -> None:
        """Delete all data that Easel stores about you. Easel asks you to confirm first."""
        await send_ephemeral(interaction, deletion_view())
