"""`/server`: how staff run the bot in their server, and operators in all."""

from __future__ import annotations

from discord import app_commands

from bot.ui.client import Cog, Interaction
from bot.ui.views.servers.panel import PanelPage
from inference.queue.policy import EVERYWHERE


class ServerCog(Cog):
    """The panel of a server. An operator finds all servers in a direct message."""

    @app_commands.command(name="server")
    @app_commands.default_permissions(manage_guild=True)
    async def server(self, interaction: Interaction) -> None:
        """Set up this server: channels, roles, limits, blocks, audit log. For staff."""
        await PanelPage.of(interaction.guild_id or EVERYWHERE).open(interaction)
