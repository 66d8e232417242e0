"""`/studio`: the generation panel."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_checkpoints, suggest_loras
from bot.ui.uploads import take_upload


class StudioCog(Cog):
    """Opens the studio panel."""

    @app_commands.command(name="studio")
    @app_commands.describe(
        checkpoint="Model to use",
        add="LoRA to add; your bookmarks come first",
        image="Start picture, which the model changes",
    )
    @app_commands.autocomplete(checkpoint=suggest_checkpoints, add=suggest_loras)
    async def studio(
        self,
        interaction: Interaction,
        checkpoint: str | None = None,
        add: str | None = None,
        image: discord.Attachment | None = None,
    ) -> None:
        """Build a picture from a prompt, a model and LoRAs with weights. Easel saves your draft."""
        studios, note = self._client.studios, ""
        if checkpoint is not None:
            note = await studios.choose_checkpoint(interaction, checkpoint)
        if image is not None:
            await studios.start_from(interaction, await take_upload(interaction, image))
        if add is not None:
            note = await studios.add(interaction, await self._client.requests.lora(add)) or note
        await studios.open(interaction, note)
