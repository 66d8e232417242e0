"""The reply when LoRAs do not fit the checkpoint or each other: the reason, and buttons for alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import discord
from discord import ui

from bot.database.loras.catalogue import Lora
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.i18n.texts import on_a_label
from bot.requests.builder import LoraDraft, RequestDraft
from bot.ui.client import Interaction
from bot.ui.interactions.replies import ErrorWithRows
from bot.ui.studio_session import request_is_in_studio
from bot.ui.views.custom_ids import Id, IdPart, Position
from bot.ui.views.jobs.kept_drafts import DraftButton, kept_draft
from inference.errors import LoraMisfit, RequestError

MAX_CHECKPOINTS = 5  # buttons of one row


def misfit_refusal(
    refusal: LoraMisfit, draft_id: int, position: int, checkpoints: Sequence[str], alternatives: Sequence[Lora]
) -> ErrorWithRows:
    """A refused request with LoRAs instead, stored as a draft. `position` is the index of the misfit LoRA in it.

    `checkpoints` are those that all its LoRAs fit.
    """
    rows: list[ui.Item[Any]] = []
    if checkpoints:
        rows.append(ui.ActionRow[Any](*(PaintOnButton(draft_id, name) for name in checkpoints[:MAX_CHECKPOINTS])))
    elif refusal.fitting_checkpoints:
        text = _("No model here fits all of these LoRAs. Open the studio to remove those that do not fit.")
        rows += [ui.TextDisplay[Any](text), ui.ActionRow[Any](OpenDraftButton(draft_id))]
    if alternatives:
        text = _("Use {name} instead")
        names = {each.id: text.format(name=on_a_label(each.name)) for each in alternatives}
        swaps = (SwapButton(draft_id, position, lora_id).labelled(name) for lora_id, name in names.items())
        rows.append(ui.ActionRow[Any](*swaps))
    return ErrorWithRows(refusal, *rows)


def refusal_for_studio(refusal: RequestError, draft_id: int, checkpoints: Sequence[str] = ()) -> ErrorWithRows:
    """A refused request, stored as a draft that the studio opens, and the `checkpoints` that paint it."""
    others = [PaintOnButton(draft_id, name) for name in checkpoints[: MAX_CHECKPOINTS - 1]]
    return ErrorWithRows(refusal, ui.ActionRow[Any](*others, OpenDraftButton(draft_id)))


class PaintOnButton(DraftButton, prefix="on"):
    """Orders the draft again on a checkpoint that all its LoRAs fit."""

    command, style = "imagine", discord.ButtonStyle.primary
    sends_message = True

    checkpoint: Annotated[str, IdPart(".{1,64}")]

    def text(self) -> str:
        """The checkpoint."""
        return _("Generate with {checkpoint}").format(checkpoint=self.checkpoint)

    async def handle(self, interaction: Interaction) -> None:
        """Order it with the other checkpoint."""
        draft = await _draft(interaction, self.draft_id)
        await interaction.client.orders.paint(interaction, draft.model_copy(update={"checkpoint": self.checkpoint}))


class SwapButton(DraftButton, prefix="swap"):
    """Orders the draft again with a LoRA that fits instead of the misfit one."""

    command = "imagine"
    sends_message = True

    position: Position
    lora_id: Id

    async def handle(self, interaction: Interaction) -> None:
        """Order it with the other LoRA, at its recommended weight."""
        draft = await _draft(interaction, self.draft_id)
        loras = list(draft.loras)
        if self.position >= len(loras):
            raise NothingThere(what=_("This button is from another message. Run the command again."))
        loras[self.position] = LoraDraft(name=f"#{self.lora_id}", region=loras[self.position].region)
        await interaction.client.orders.paint(interaction, draft.model_copy(update={"loras": tuple(loras)}))


class OpenDraftButton(DraftButton, prefix="stdraft"):
    """Opens the refused draft in the studio, where it can be corrected."""

    command, label = "studio", later("Open in studio")

    async def handle(self, interaction: Interaction) -> None:
        """Fill the studio with the draft."""
        draft = await _draft(interaction, self.draft_id)
        await interaction.client.studios.open_with(interaction, draft, request_is_in_studio())


async def _draft(interaction: Interaction, draft_id: int) -> RequestDraft:
    return await kept_draft(interaction.client.db, interaction.user.id, draft_id, RequestDraft)
