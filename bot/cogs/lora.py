"""`/lora info`: a LoRA's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.choices import suggest_loras
from bot.replies import whisper
from bot.views.lora import lora_page

if TYPE_CHECKING:
    from bot.client import EaselBot

    Interaction = discord.Interaction[EaselBot]


class LoraCog(commands.GroupCog, group_name="lora", group_description="Find out about LoRAs"):
    """The LoRAs of the library."""

    def __init__(self, bot: EaselBot) -> None:
        self._bot = bot
        super().__init__()

    @app_commands.command(name="info")
    @app_commands.describe(name="Its name")
    @app_commands.autocomplete(name=suggest_loras)
    async def info(self, interaction: Interaction, name: str) -> None:
        """What a LoRA is, what it was trained on, and its trigger words."""
        lora = await self._bot.easel.requests.lora(name)
        page = await lora_page(self._bot.easel, interaction.user.id, lora)
        await whisper(interaction, page.view, page.files)
