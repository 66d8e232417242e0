"""`/status` and `/reload`: for who looks after the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.ui.replies import whisper, whisper_text
from bot.ui.views.status import reload_and_tell, status_view

if TYPE_CHECKING:
    from bot.ui.bot import EaselBot

    Interaction = discord.Interaction[EaselBot]


class StatusCog(commands.Cog):
    """What staff and operators look at."""

    def __init__(self, bot: EaselBot) -> None:
        self._bot = bot

    @app_commands.command(name="status")
    async def status(self, interaction: Interaction) -> None:
        """How the bot stands: workers, queue, library, database. For who manages this server."""
        await whisper(interaction, await status_view(interaction))

    @app_commands.command(name="reload")
    async def reload(self, interaction: Interaction) -> None:
        """Read the bot's settings again, with its checkpoints. For the bot's operators."""
        await whisper_text(interaction, await reload_and_tell(interaction))
