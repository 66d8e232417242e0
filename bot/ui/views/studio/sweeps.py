"""Orders contact sheets, from the studio or a picture: a LoRA at several weights, or with and without each LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.requests.builder import RequestDraft, draft_of
from bot.requests.regions import own_words
from bot.requests.variants import FEWEST, MOST, Sweep, read_weights, usual_weights
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.views.forms import LEFT_OUT, ChoiceField, Form, Option, TextField
from bot.ui.views.persistent_items import JobButton
from bot.ui.views.results.details import own_job_or_remix
from bot.ui.views.studio.buttons import StudioButton
from bot.visible_text import is_blank

if TYPE_CHECKING:
    from bot.ui.studio_session import StudioSnapshot


class SweepButton(StudioButton, prefix="stsweep"):
    """Opens the modal for the weights at which the LoRA of the argument is painted."""

    command, label = "sweep", later("Try weights")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        snapshot, row = await self.snapshot_and_row(interaction)
        tried = (snapshot.rows.index(row), row.name, row.weight)
        await acknowledge.open_modal(interaction, SweepForm(_checked_draft(snapshot), [tried], interaction.id))


class CompareButton(StudioButton, prefix="stcompare"):
    """Orders pictures with all LoRAs of the studio and without each of them."""

    sends_message, label = True, later("Compare")

    async def handle(self, interaction: Interaction) -> None:
        """Order it."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        draft = _checked_draft(snapshot).model_copy(update={"compare": True})
        await interaction.client.orders.paint(interaction, draft)


class SweepJobButton(JobButton, prefix="sweep"):
    """Paints the person's own picture with a LoRA at other weights and the same seed."""

    command = "sweep"
    opens_modal = True
    label = later("Try weights")

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


class SweepForm(Form, key="sweep"):
    """The LoRA, and three to five weights. `loras` are the options: position in the draft, name, weight."""

    command = "sweep"
    lora = ChoiceField(later("LoRA to try"))
    weights = TextField(
        later("Weights"), later("Enter {least} to {most} weights. All pictures use the same seed."), length=60
    )

    def __init__(self, draft: RequestDraft, loras: Sequence[tuple[int, str, float]], opening: int) -> None:
        only = loras[0][1] if len(loras) == 1 else _("a LoRA")
        first, _name, weight = loras[0]
        choices = [Option(str(position), name) for position, name, _weight in loras]
        usual = " ".join(f"{each:g}" for each in usual_weights(weight))
        hint = _(SweepForm.weights.hint).format(least=FEWEST, most=MOST)
        super().__init__(
            _("Try {lora} at other weights").format(lora=only),
            opening,
            lora=SweepForm.lora.but(choices=choices, value=str(first)) if len(choices) > 1 else LEFT_OUT,
            weights=SweepForm.weights.but(hint=hint, value=usual),
        )
        self._draft, self._first = draft, first

    async def submitted(self, interaction: Interaction) -> None:
        """Order the sweep."""
        position = int(self.lora) if self.lora else self._first
        sweep = Sweep(position=position, weights=read_weights(self.weights))
        await interaction.client.orders.paint(interaction, self._draft.model_copy(update={"sweep": sweep}))
