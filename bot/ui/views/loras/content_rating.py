"""The button and form with which an operator says for whom a LoRA is."""

from __future__ import annotations

from bot.database.loras.catalogue import Lora
from bot.i18n import _, label, later
from bot.i18n.texts import plain
from bot.servers.rights import Action
from bot.ui.access import context_of, require
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.views.forms import ChoiceField, Form, Option
from bot.ui.views.loras.buttons import LoraButton
from inference.content_rating import ContentRating

_AS_FILES_SAY = "-"  # the choice without a rating of an operator's
_MEANINGS = {
    ContentRating.GENERAL: later("For everyone"),
    ContentRating.TEEN: later("Mild: swimwear, fights"),
    ContentRating.MATURE: later("Suggestive or violent"),
    ContentRating.EXPLICIT: later("Sexual or graphically violent (only in age-restricted channels)"),
    ContentRating.BLOCKED: later("Cannot be used anywhere"),
}


class ContentRatingButton(LoraButton, prefix="crate"):
    """Opens the form. Only operators see it, and the permission is checked again on use."""

    opens_modal = True
    label = later("Content rating")

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await require(interaction, Action.RATE_LORA)
        await acknowledge.open_modal(interaction, ContentRatingForm(await self.lora(interaction), interaction.id))


class ContentRatingForm(Form, key="crated"):
    """For whom the LoRA's pictures are."""

    command, private = "lora", True
    rating = ChoiceField(later("Content rating"))

    def __init__(self, lora: Lora, opening: int) -> None:
        as_files_say = Option(
            _AS_FILES_SAY,
            _("As stated in the LoRA's files"),
            _("The rating from the LoRA's files, or no rating if the files contain none"),
        )
        choices = [Option(rating, label(rating), _(text)) for rating, text in _MEANINGS.items()]
        rating = ContentRatingForm.rating.but(
            choices=[*choices, as_files_say], value=lora.content_rating or _AS_FILES_SAY
        )
        super().__init__(_("Content rating of {name}").format(name=lora.name), opening, rating=rating)
        self._lora_id, self._name = lora.id, lora.name

    async def submitted(self, interaction: Interaction) -> None:
        """Store the rating, which counts from now on, for pictures that wait too."""
        rating = None if self.rating == _AS_FILES_SAY else ContentRating(self.rating)
        administration = interaction.client.servers.administration
        after = await administration.ratings.rate(context_of(interaction), self._lora_id, rating)
        text = _("{name} is now rated {rating}.") if after else _("{name} now has no content rating.")
        told = label(after) if after else ""
        await send_ephemeral_text(interaction, text.format(name=plain(self._name), rating=told))
