"""`/status` and `/reload`: for staff and operators.

Discord offers them to those who manage a server, unless a server decides otherwise. An operator who does not manage it
finds them in a direct message.
"""

from __future__ import annotations

from discord import app_commands

from bot.ui.client import Cog, Interaction
from bot.ui.interactions.replies import send_ephemeral, send_ephemeral_text
from bot.ui.views.status import reload_and_report, status_view


class StatusCog(Cog):
    """Status and reload for staff and operators."""

    @app_commands.command(name="status")
    @app_commands.default_permissions(manage_guild=True)
    async def status(self, interaction: Interaction) -> None:
        """See the bot's status: workers, queue, library, database. For staff."""
        await send_ephemeral(interaction, await status_view(interaction))

    @app_commands.command(name="reload")
    @app_commands.default_permissions(manage_guild=True)
    async def reload(self, interaction: Interaction) -> None:
        """Reload the bot's settings and checkpoints. For the bot's operators."""
        await send_ephemeral_text(interaction, await reload_and_report(interaction))
