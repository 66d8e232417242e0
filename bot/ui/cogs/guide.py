"""`/guide`: what LoRAs are, and how to get on with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.ui.guide.chapters import CHAPTERS
from bot.ui.replies import whisper
from bot.ui.views.guide import guide_page

if TYPE_CHECKING:
    from bot.ui.bot import EaselBot

    Interaction = discord.Interaction[EaselBot]


class GuideCog(commands.Cog):
    """The guide, at any of its chapters."""

    def __init__(self, bot: EaselBot) -> None:
        self._bot = bot

    @app_commands.command(name="guide")
    @app_commands.describe(chapter="Where to open it")
    @app_commands.choices(chapter=[app_commands.Choice(name=each.title, value=each.key) for each in CHAPTERS])
    async def guide(self, interaction: Interaction, chapter: str = CHAPTERS[0].key) -> None:
        """What LoRAs are, which kind fits your goal, and what to do when a picture looks wrong."""
        page = await guide_page(self._bot.easel, chapter)
        await whisper(interaction, page.view, page.files)
