"""The base classes of buttons and menus about one LoRA, and the entry that its id means."""

from __future__ import annotations

from dataclasses import replace

import discord

from bot.database.loras.catalogue import Lora, find_lora
from bot.errors.missing import NothingThere
from bot.i18n import _, label, later
from bot.i18n.texts import base_models, lora_name
from bot.ui.access import shown_ratings
from bot.ui.client import Interaction
from bot.ui.views.custom_ids import Id
from bot.ui.views.persistent_items import PersistentButton, PersistentMenu

MAX_OPTION = 100  # characters of an option of a menu; Discord's limit


async def require_lora(interaction: Interaction, lora_id: int) -> Lora:
    """The catalogue entry of a LoRA id, named as `named_here` does. Raises NothingThere."""
    return await named_here(interaction, await stored_lora(interaction, lora_id))


async def stored_lora(interaction: Interaction, lora_id: int) -> Lora:
    """The catalogue entry of a LoRA id, for what is stored. Raises NothingThere."""
    lora = await find_lora(interaction.client.db, lora_id)
    if lora is None:
        raise NothingThere(what=_("This LoRA is no longer in the library."))
    return lora


async def named_here(interaction: Interaction, lora: Lora) -> Lora:
    """The entry for texts where the person is: without its name if its content rating is not shown there."""
    return replace(lora, name=lora_name(lora, await shown_ratings(interaction)))


class LoraButton(PersistentButton):
    """A button about one entry of the catalogue."""

    command = "lora"

    lora_id: Id

    async def lora(self, interaction: Interaction) -> Lora:
        """The entry. Raises NothingThere."""
        return await require_lora(interaction, self.lora_id)


class AddToStudioButton(LoraButton, prefix="tostudio"):
    """Adds a LoRA to the user's studio and keeps the LoRAs that are already there."""

    command = "studio"
    label = later("Add to studio")

    async def handle(self, interaction: Interaction) -> None:
        """Add it and show the studio. Raises TooManyLoras."""
        studios = interaction.client.studios
        await studios.open(interaction, await studios.add(interaction, await stored_lora(interaction, self.lora_id)))


def lora_option(lora: Lora) -> discord.SelectOption:
    """The option of a menu for an entry."""
    about = f"{label(lora.category)} · {base_models(lora)}"
    return discord.SelectOption(label=lora.name[:MAX_OPTION], value=str(lora.id), description=about[:MAX_OPTION])


class LoraMenu(PersistentMenu):
    """A menu about one entry of the catalogue."""

    command = "lora"

    lora_id: Id
