"""The buttons of the studio panel. Their custom_ids hold the revision of the draft that the panel shows.

Panels are ephemeral, so the person who presses is the owner of the studio.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar

from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.views.custom_ids import IdPart, number_of
from bot.ui.views.forms import Form
from bot.ui.views.persistent_items import PersistentButton
from bot.ui.views.studio.forms import AdjustForm, AdvancedForm, OptionsForm, PromptForm, RegionsForm, StrengthForm
from bot.workspace.studio_draft import Row

if TYPE_CHECKING:
    from bot.ui.studio_session import StudioSnapshot

NUDGE = 0.1  # change of a weight by one press

Revision = Annotated[int, number_of(15)]
Argument = Annotated[str, IdPart(r"[\w:.-]{0,40}")]


class StudioButton(PersistentButton):
    """A button of the panel."""

    command = "studio"

    revision: Revision  # of the draft that the panel shows
    argument: Argument = ""

    async def snapshot_and_row(self, interaction: Interaction) -> tuple[StudioSnapshot, Row]:
        """The studio, and its LoRA whose id begins the argument. Raises NothingThere."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        for row in snapshot.rows:
            if str(row.lora.lora_id) == self.argument.split(":")[0]:
                return snapshot, row
        raise NothingThere(what=_("This LoRA is no longer in your studio."))


class FormButton(StudioButton):
    """Opens the `form` about the studio, which may refuse."""

    opens_modal = True
    form: ClassVar[Callable[[StudioSnapshot, int], Form]]

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        await acknowledge.open_modal(interaction, type(self).form(snapshot, interaction.id))


class PromptButton(FormButton, prefix="stprompt"):
    """Opens the form for the prompt."""

    label, form = later("Edit prompt"), PromptForm


class RegionsButton(FormButton, prefix="stparts"):
    """Opens the form for regions of the picture with words and LoRAs of their own."""

    form = RegionsForm


class OptionsButton(FormButton, prefix="stoptions"):
    """Opens the form for size, number of pictures and seed."""

    label, form = later("Options"), OptionsForm


class AdvancedButton(FormButton, prefix="stadvanced"):
    """Opens the form for steps, guidance, sampler, spacing and clip skip."""

    label, form = later("Advanced"), AdvancedForm


class StrengthButton(FormButton, prefix="ststrength"):
    """Opens the form for how much of the starting picture is changed."""

    label, form = later("Strength"), StrengthForm


class UndoDraftButton(StudioButton, prefix="stundo"):
    """Restores the draft from before the studio was filled from a picture or stack."""

    label = later("Restore my draft")

    async def handle(self, interaction: Interaction) -> None:
        """Restore it and redraw the panel."""
        studios = interaction.client.studios
        await studios.redraw(interaction, await studios.undo(interaction), _("Easel restored your earlier draft."))


class NudgeButton(StudioButton, prefix="stnudge"):
    """Increases or decreases a LoRA's weight by NUDGE. The argument is `ID:1` or `ID:-1`."""

    async def handle(self, interaction: Interaction) -> None:
        """Change the current weight, even if this panel is outdated."""
        _snapshot, row = await self.snapshot_and_row(interaction)
        step = NUDGE * (-1 if self.argument.endswith(":-1") else 1)
        studios = interaction.client.studios
        await studios.apply(interaction, lambda studio: studio.nudged(row.lora.lora_id, step, row.weight))


class AdjustButton(StudioButton, prefix="stadjust"):
    """Opens the form for a LoRA's weight and trigger words."""

    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        snapshot, row = await self.snapshot_and_row(interaction)
        await acknowledge.open_modal(interaction, AdjustForm(snapshot, row, interaction.id))


class RemovePictureButton(StudioButton, prefix="stnopicture"):
    """Removes the starting picture from the draft."""

    label = later("Remove picture")

    async def handle(self, interaction: Interaction) -> None:
        """Remove it and redraw the panel."""
        await interaction.client.studios.apply(interaction, lambda studio: studio.with_draft(image=None))


class RemoveLoraButton(StudioButton, prefix="stout"):
    """Removes a LoRA and its trigger words from the draft; without an argument all LoRAs that do not fit."""

    async def handle(self, interaction: Interaction) -> None:
        """Remove and redraw the panel."""
        studios = interaction.client.studios
        if self.argument:
            going = {int(self.argument)} if self.argument.isdecimal() else set[int]()
        else:
            going = {row.lora.lora_id for row in (await studios.snapshot(interaction)).misfits}
        await studios.apply(interaction, lambda studio: studio.without(going))
