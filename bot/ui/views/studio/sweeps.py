"""Orders contact sheets, from the studio or a picture: a LoRA at several weights, or with and without each LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.requests.builder import RequestDraft, draft_of
from bot.requests.regions import own_words
from bot.requests.variants import FEWEST, MOST, Sweep, read_weights, usual_weights
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.views.persistent_items import JobButton, ModalForm
from bot.ui.views.results.details import own_job_or_remix
from bot.ui.views.studio.buttons import StudioButton, panel_id
from bot.visible_text import is_blank

if TYPE_CHECKING:
    from bot.ui.studio_session import StudioSnapshot

MENU = 25  # choices of one menu; Discord's limit


class SweepButton(StudioButton, template=panel_id("sweep")):
    """Opens the modal for the weights at which the LoRA of the argument is painted."""

    command = "sweep"
    opens_modal = True
    name = "sweep"

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        lora = await self.lora(interaction)
        snapshot = await interaction.client.studios.snapshot(interaction)
        draft = _checked_draft(snapshot)
        position = [other.lora_id for other in snapshot.studio.loras].index(lora.lora_id)
        await acknowledge.open_modal(
            interaction,
            SweepForm(draft, [(position, row.name, row.weight) for row in [snapshot.rows[position]]], interaction.id),
        )


class CompareButton(StudioButton, template=panel_id("compare")):
    """Orders pictures with all LoRAs of the studio and without each of them."""

    sends_message = True
    name = "compare"

    async def handle(self, interaction: Interaction) -> None:
        """Order it."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        draft = _checked_draft(snapshot).model_copy(update={"compare": True})
        await interaction.client.orders.paint(interaction, draft)


class SweepJobButton(JobButton, template=r"sweep:(?P<job>\d{1,18})"):
    """Paints the person's own picture with a LoRA at other weights and the same seed."""

    command = "sweep"
    opens_modal = True
    name, label = "sweep", later("Try weights")

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal for LoRA and weights."""
        job = await own_job_or_remix(self, interaction, _("In the studio, press *Try weights* under a LoRA."))
        uses = job.request.loras
        if not uses:
            raise NothingThere(what=_("This picture was generated without LoRAs, so there is no weight to try."))
        tried = [(position, use.name, use.weight) for position, use in enumerate(uses)]
        await acknowledge.open_modal(interaction, SweepForm(draft_of(job.request), tried, interaction.id))


def _checked_draft(snapshot: StudioSnapshot) -> RequestDraft:
    """The draft of a studio with a prompt and without misfit LoRAs. Raises NothingThere."""
    if is_blank(own_words(snapshot.studio.draft)):
        raise NothingThere(what=_("Describe the picture first: press *Edit prompt*."))
    if snapshot.misfits:
        text = _("Not all LoRAs fit {checkpoint}. Remove the incompatible LoRAs, or choose another model first.")
        raise NothingThere(what=text.format(checkpoint=snapshot.checkpoint.name))
    return snapshot.draft()


class SweepForm(ModalForm):
    """The LoRA, and three to five weights. `loras` are the options: position in the draft, name, weight."""

    command = "sweep"

    def __init__(self, draft: RequestDraft, loras: Sequence[tuple[int, str, float]], opening: int) -> None:
        only = loras[0][1] if len(loras) == 1 else _("a LoRA")
        super().__init__(_("Try {lora} at other weights").format(lora=only), "sweep", opening)
        self._draft, self._position = draft, loras[0][0]
        self.lora: ui.Select[Any] | None = None
        if len(loras) > 1:
            options = [
                discord.SelectOption(label=name[:100], value=str(position), default=position == self._position)
                for position, name, _weight in loras[:MENU]
            ]
            self.lora = ui.Select(custom_id="lora", options=options)
            self.add_item(ui.Label[Any](text=_("LoRA to try"), component=self.lora))
        usual = " ".join(f"{weight:g}" for weight in usual_weights(loras[0][2]))
        self.weights: ui.TextInput[Any] = ui.TextInput(custom_id="weights", default=usual, max_length=60)
        hint = _("Enter {least} to {most} weights. All pictures use the same seed.").format(least=FEWEST, most=MOST)
        self.add_item(ui.Label[Any](text=_("Weights"), description=hint[:100], component=self.weights))

    async def submitted(self, interaction: Interaction) -> None:
        """Order the sweep."""
        position = int(self.lora.values[0]) if self.lora and self.lora.values else self._position
        sweep = Sweep(position=position, weights=read_weights(self.weights.value))
        await interaction.client.orders.paint(interaction, self._draft.model_copy(update={"sweep": sweep}))
