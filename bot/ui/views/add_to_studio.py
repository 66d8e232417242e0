"""The button that adds a LoRA to the person's studio."""

from __future__ import annotations

import re
from typing import Self

from discord import ui

from bot.database.loras import find_lora
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.ui.client import Interaction
from bot.ui.views.persistent_items import PersistentButton


class AddToStudioButton(PersistentButton, template=r"tostudio:(?P<lora>\d{1,18})"):
    """Adds a LoRA to the studio of the person who presses, beside the ones that are there."""

    command = "studio"

    def __init__(self, lora_id: int) -> None:
        self.lora_id = lora_id
        super().__init__(ui.Button(label=_("Add to studio"), custom_id=f"tostudio:{lora_id}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]))

    async def handle(self, interaction: Interaction) -> None:
        """Add it and show the studio."""
        lora = await find_lora(interaction.client.connection, self.lora_id)
        if lora is None:
            raise NothingThere(what=_("This LoRA is not in the library any more."))
        await interaction.client.studios.open_with_lora(interaction, lora)
