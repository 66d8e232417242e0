"""The button and form with which an operator says for whom a LoRA is."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import ui

from bot.database.loras import Lora, find_lora
from bot.errors.missing import NothingThere
from bot.i18n import _, label
from bot.i18n.texts import plain
from bot.servers.rights import Action
from bot.ui import acknowledge
from bot.ui.access import context_of, require
from bot.ui.client import Interaction
from bot.ui.replies import send_ephemeral_text
from bot.ui.views.persistent_items import ModalForm, PersistentButton
from inference.content_rating import ContentRating

_AS_FILES_SAY = "-"  # the value of the option without a rating of an operator's


class ContentRatingButton(PersistentButton, template=r"crate:(?P<lora>\d{1,18})"):
    """Opens the form. Only operators see it, and the permission is checked again on use."""

    command = "lora"
    opens_modal = True

    def __init__(self, lora_id: int) -> None:
        self.lora_id = lora_id
        super().__init__(ui.Button(label=_("Content rating"), custom_id=f"crate:{lora_id}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]))

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        await require(interaction, Action.RATE_LORA)
        lora = await find_lora(interaction.client.connection, self.lora_id)
        if lora is None:
            raise NothingThere(what=_("This LoRA is not in the library any more."))
        await acknowledge.open_modal(interaction, ContentRatingForm(lora, opening=interaction.id))


class ContentRatingForm(ModalForm):
    """For whom the LoRA's pictures are."""

    command = "lora"
    private = True

    def __init__(self, lora: Lora, *, opening: int) -> None:
        super().__init__(_("For whom is {name}?").format(name=lora.name), f"crated:{lora.id}", opening)
        self._lora_id, self._name = lora.id, lora.name
        descriptions = {
            ContentRating.GENERAL: _("For everybody"),
            ContentRating.TEEN: _("Mild: swimwear, fights"),
            ContentRating.MATURE: _("Suggestive or violent"),
            ContentRating.EXPLICIT: _("Sexual or cruel; age-restricted channels alone"),
            ContentRating.BLOCKED: _("Used nowhere"),
        }
        options = [
            discord.SelectOption(
                label=label(rating), value=rating.value, description=text, default=rating is lora.content_rating
            )
            for rating, text in descriptions.items()
        ]
        none = discord.SelectOption(
            label=_("As its files say"),
            value=_AS_FILES_SAY,
            description=_("What stands in them; else it is unrated"),
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
        text = _("{name} is rated {rating} now.") if after else _("{name} has no content rating now.")
        told = label(after) if after else ""
        await send_ephemeral_text(interaction, text.format(name=plain(self._name), rating=told))
