"""`/guide`: what LoRAs are, and how to use them."""

from __future__ import annotations

from discord import app_commands

from bot.ui.access import checkpoints_here
from bot.ui.client import Cog, Interaction
from bot.ui.guide.chapters import CHAPTERS
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.views.guide import guide_page


class GuideCog(Cog):
    """The guide, opened at any chapter."""

    @app_commands.command(name="guide")
    @app_commands.describe(chapter="Chapter to open")
    @app_commands.choices(chapter=[app_commands.Choice(name=each.title, value=each.key) for each in CHAPTERS])
    async def guide(self, interaction: Interaction, chapter: str = CHAPTERS[0].key) -> None:
        """Learn what LoRAs are, which kind fits your goal, and what to do when a picture looks wrong."""
        page = await guide_page(self._client.db, await checkpoints_here(interaction), chapter)
        await send_ephemeral(interaction, page)
