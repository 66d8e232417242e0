"""The buttons of the studio panel. Their custom_ids hold the revision of the draft that the panel shows.

Panels are ephemeral, so the person who presses is the owner of the studio.
"""

from __future__ import annotations

from typing import Annotated

from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.views.custom_ids import IdPart, number_of
from bot.ui.views.persistent_items import PersistentButton
from bot.ui.views.studio.forms import AdjustForm, AdvancedForm, OptionsForm, PromptForm, RegionsForm, StrengthForm
from bot.workspace.studio_draft import StudioLora
from inference.errors import RegionsNotOffered

NUDGE = 0.1  # change of a weight by one press


Revision = Annotated[int, number_of(15)]
Argument = Annotated[str, IdPart(r"[\w:.-]{0,40}")]


class StudioButton(PersistentButton):
    """A button of the panel."""

    command = "studio"

    revision: Revision  # of the draft that the panel shows
    argument: Argument = ""

    async def lora(self, interaction: Interaction) -> StudioLora:
        """The LoRA of the draft whose id begins the argument. Raises NothingThere."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        found = [lora for lora in snapshot.studio.loras if str(lora.lora_id) == self.argument.split(":")[0]]
        if not found:
            raise NothingThere(what=_("This LoRA is no longer in your studio."))
        return found[0]


class PromptButton(StudioButton, prefix="stprompt"):
    """Opens the modal for the prompt."""

    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        await acknowledge.open_modal(interaction, PromptForm(snapshot, interaction.id))


class RegionsButton(StudioButton, prefix="stparts"):
    """Opens the modal for regions of the picture with words and LoRAs of their own."""

    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal. Raises RegionsNotOffered on a checkpoint that paints none, unless the draft has some.

        The panel does not show the button then, but an older one may.
        """
        snapshot = await interaction.client.studios.snapshot(interaction)
        if not snapshot.studio.draft.regions and not snapshot.checkpoint.capability.regions:
            raise RegionsNotOffered(checkpoint=snapshot.checkpoint.name)
        await acknowledge.open_modal(interaction, RegionsForm(snapshot, interaction.id))


class OptionsButton(StudioButton, prefix="stoptions"):
    """Opens the modal for size, number of pictures and seed."""

    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Ask for them."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        await acknowledge.open_modal(interaction, OptionsForm(snapshot, interaction.id))


class AdvancedButton(StudioButton, prefix="stadvanced"):
    """Opens the modal for steps, guidance, sampler, spacing and clip skip."""

    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Ask for them."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        await acknowledge.open_modal(interaction, AdvancedForm(snapshot, interaction.id))


class UndoDraftButton(StudioButton, prefix="stundo"):
    """Restores the draft from before the studio was filled from a picture or stack."""

    async def handle(self, interaction: Interaction) -> None:
        """Restore it and redraw the panel."""
        studios = interaction.client.studios
        await studios.redraw(interaction, await studios.undo(interaction), _("Easel restored your earlier draft."))


class NudgeButton(StudioButton, prefix="stnudge"):
    """Increases or decreases a LoRA's weight by NUDGE. The argument is `ID:1` or `ID:-1`."""

    async def handle(self, interaction: Interaction) -> None:
        """Change the current weight, even if this panel is outdated."""
        lora = await self.lora(interaction)
        studios = interaction.client.studios
        snapshot = await studios.snapshot(interaction)
        step = NUDGE * (-1 if self.argument.endswith(":-1") else 1)
        usual = next(row.weight for row in snapshot.rows if row.lora.lora_id == lora.lora_id)
        changed = await studios.change(
            interaction,
            lambda studio: studio.nudged(lora.lora_id, step, usual),
        )
        await studios.redraw(interaction, changed)


class AdjustButton(StudioButton, prefix="stadjust"):
    """Opens the modal for a LoRA's weight and trigger words."""

    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Ask for them."""
        lora = await self.lora(interaction)
        snapshot = await interaction.client.studios.snapshot(interaction)
        row = next(row for row in snapshot.rows if row.lora.lora_id == lora.lora_id)
        others = [each for each in snapshot.fitting if each is not row] if row in snapshot.fitting else []
        layout = [region.name for region in snapshot.studio.draft.regions]
        await acknowledge.open_modal(interaction, AdjustForm(row, others, layout, interaction.id))


class StrengthButton(StudioButton, prefix="ststrength"):
    """Opens the modal for how much of the starting picture is changed."""

    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        image = (await interaction.client.studios.snapshot(interaction)).studio.draft.image
        if image is None:
            raise NothingThere(what=_("Your studio no longer has a start picture."))
        await acknowledge.open_modal(interaction, StrengthForm(image.strength, interaction.id))


class RemovePictureButton(StudioButton, prefix="stnopicture"):
    """Removes the starting picture from the draft."""

    async def handle(self, interaction: Interaction) -> None:
        """Remove it and redraw the panel."""
        studios = interaction.client.studios
        changed = await studios.change(interaction, lambda studio: studio.with_draft(image=None))
        await studios.redraw(interaction, changed)


class RemoveLoraButton(StudioButton, prefix="stout"):
    """Removes a LoRA and its trigger words from the draft; without an argument all LoRAs that do not fit."""

    async def handle(self, interaction: Interaction) -> None:
        """Remove and redraw the panel."""
        studios = interaction.client.studios
        if self.argument:
            going = {int(self.argument)} if self.argument.isdecimal() else set[int]()
        else:
            going = {row.lora.lora_id for row in (await studios.snapshot(interaction)).misfits}
        changed = await studios.change(interaction, lambda studio: studio.without(going))
        await studios.redraw(interaction, changed)
