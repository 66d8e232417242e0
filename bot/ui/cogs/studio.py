"""`/studio`: the generation panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.ui.cogs.choices import suggest_checkpoints, suggest_loras
from bot.workspace.studio_draft import Studio
from inference.errors import CheckpointNotFound

if TYPE_CHECKING:
    from bot.ui.bot import EaselBot

    Interaction = discord.Interaction[EaselBot]


class StudioCog(commands.Cog):
    """A person's draft."""

    def __init__(self, bot: EaselBot) -> None:
        self._bot = bot

    @app_commands.command(name="studio")
    @app_commands.describe(checkpoint="Which model paints", add="Put this LoRA in: your bookmarks come first")
    @app_commands.autocomplete(checkpoint=suggest_checkpoints, add=suggest_loras)
    async def studio(self, interaction: Interaction, checkpoint: str | None = None, add: str | None = None) -> None:
        """Put a picture together: prompt, checkpoint, LoRAs and weights. Kept until you come back."""
        desk, settings, person_id = self._bot.desk, self._bot.easel.settings, interaction.user.id
        if checkpoint is not None:
            found = settings.checkpoint(checkpoint)
            if found is None:
                installed = [each.name for each in settings.checkpoints]
                raise CheckpointNotFound(name=checkpoint[:100], installed=installed)

            def choose(studio: Studio) -> Studio:
                return studio.wished(checkpoint=found.name)

            await desk.change(person_id, choose)
        if add is not None:
            await desk.open_with_lora(interaction, await self._bot.easel.requests.lora(add))
        else:
            await desk.open(interaction)
