"""The button that adds a LoRA to the person's studio."""

from __future__ import annotations

from bot.i18n import later
from bot.ui.client import Interaction
from bot.ui.views.loras.buttons import LoraButton, stored_lora


class AddToStudioButton(LoraButton, prefix="tostudio"):
    """Adds a LoRA to the studio of the person who presses, beside the ones that are there."""

    command = "studio"
    label = later("Add to studio")

    async def handle(self, interaction: Interaction) -> None:
        """Add it and show the studio."""
        await interaction.client.studios.open_with_lora(interaction, await stored_lora(interaction, self.lora_id))
