"""The button and form with which an operator says for whom a LoRA is."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.database.loras.catalogue import Lora
from bot.i18n import _, label, later
from bot.i18n.texts import plain
from bot.servers.rights import Action
from bot.ui.access import context_of, require
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.views.loras.buttons import LORA, LoraButton
from bot.ui.views.persistent_items import ModalForm
from inference.content_rating import ContentRating

_AS_FILES_SAY = "-"  # the value of the option without a rating of an operator's


class ContentRatingButton(LoraButton, template=rf"crate:{LORA}"):
    """Opens the form. Only operators see it, and the permission is checked again on use."""

    opens_modal = True
    name, label = "crate", later("Content rating")

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        await require(interaction, Action.RATE_LORA)
        form = ContentRatingForm(await self.lora(interaction), opening=interaction.id)
        await acknowledge.open_modal(interaction, form)


class ContentRatingForm(ModalForm):
    """For whom the LoRA's pictures are."""

    command = "lora"
    private = True

    def __init__(self, lora: Lora, *, opening: int) -> None:
        super().__init__(_("Content rating of {name}").format(name=lora.name), f"crated:{lora.id}", opening)
        self._lora_id, self._name = lora.id, lora.name
        descriptions = {
            ContentRating.GENERAL: _("For everyone"),
            ContentRating.TEEN: _("Mild: swimwear, fights"),
            ContentRating.MATURE: _("Suggestive or violent"),
            ContentRating.EXPLICIT: _("Sexual or graphically violent (only in age-restricted channels)"),
            ContentRating.BLOCKED: _("Cannot be used anywhere"),
        }
        options = [
            discord.SelectOption(
                label=label(rating), value=rating.value, description=text, default=rating is lora.content_rating
            )
            for rating, text in descriptions.items()
        ]
        none = discord.SelectOption(
            label=_("As stated in the LoRA's files"),
            value=_AS_FILES_SAY,
            description=_("The rating from the LoRA's files, or no rating if the files contain none"),
            default=lora.content_rating is None,
        )
        self.rating: ui.Select[Any] = ui.Select(custom_id="rating", options=[*options, none])
        self.add_item(ui.Label[Any](text=_("Content rating"), component=self.rating))

    async def submitted(self, interaction: Interaction) -> None:
        """Store the rating, which counts from now on, for pictures that wait too."""
        chosen = self.rating.values[0]
        rating = None if chosen == _AS_FILES_SAY else ContentRating(chosen)
        administration = interaction.client.servers.administration
        after = await administration.ratings.rate(context_of(interaction), self._lora_id, rating)
        text = _("{name} is now rated {rating}.") if after else _("{name} now has no content rating.")
        told = label(after) if after else ""
        await send_ephemeral_text(interaction, text.format(name=plain(self._name), rating=told))
