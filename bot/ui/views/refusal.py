"""The reply when LoRAs do not fit the checkpoint or each other: the reason, and buttons for alternatives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import discord
from discord import ui

from bot.errors.jobs import TwoFewStepRecipes
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.i18n.texts import on_a_label
from bot.requests.builder import LoraDraft, RequestDraft
from bot.ui.client import Interaction
from bot.ui.interactions.replies import ErrorWithView, error_message
from bot.ui.studio_session import request_is_in_studio
from bot.ui.views.jobs.kept_drafts import DraftButton, kept_draft
from bot.ui.views.persistent_items import PersistentButton
from inference.errors import LoraMisfit, RegionsNotOffered

MAX_CHECKPOINTS = 5  # buttons of one row


@dataclass(frozen=True)
class Alternative:
    """A bookmarked LoRA of the same category that fits."""

    lora_id: int
    name: str


class MisfitRefusal(ErrorWithView):
    """A refused request with alternatives, stored as a draft. `position` is the index of the misfit LoRA in it.

    `checkpoints` are those that all its LoRAs fit.
    """

    def __init__(
        self,
        refusal: LoraMisfit,
        draft_id: int,
        position: int,
        checkpoints: Sequence[str],
        alternatives: tuple[Alternative, ...],
    ) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.draft_id = draft_id
        self.position = position
        self.checkpoints = checkpoints
        self.alternatives = alternatives

    def view(self) -> ui.LayoutView:
        """The reason, and the alternatives as buttons."""
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.TextDisplay[Any](error_message(self.refusal)))
        if self.checkpoints:
            names = self.checkpoints[:MAX_CHECKPOINTS]
            view.add_item(ui.ActionRow[Any](*(PaintOnButton(self.draft_id, name) for name in names)))
        elif self.refusal.fitting_checkpoints:
            text = _("No model here fits all of these LoRAs. Open the studio to remove those that do not fit.")
            view.add_item(ui.TextDisplay[Any](text))
            view.add_item(ui.ActionRow[Any](OpenDraftButton(self.draft_id)))
        if self.alternatives:
            swaps = [SwapButton(self.draft_id, self.position, a.lora_id, a.name) for a in self.alternatives]
            view.add_item(ui.ActionRow[Any](*swaps))
        return view


class RecipesRefusal(ErrorWithView):
    """A refused request with several few-step recipes, stored as a draft that the studio opens."""

    def __init__(self, refusal: TwoFewStepRecipes, draft_id: int) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.draft_id = draft_id

    def view(self) -> ui.LayoutView:
        """The reason, and the way to the studio."""
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.TextDisplay[Any](error_message(self.refusal)))
        view.add_item(ui.ActionRow[Any](OpenDraftButton(self.draft_id)))
        return view


class RegionsRefusal(ErrorWithView):
    """A refused request with regions, stored as a draft, and the `checkpoints` that paint it."""

    def __init__(self, refusal: RegionsNotOffered, draft_id: int, checkpoints: Sequence[str]) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.draft_id = draft_id
        self.checkpoints = checkpoints

    def view(self) -> ui.LayoutView:
        """The reason, the checkpoints, and the way to the studio."""
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.TextDisplay[Any](error_message(self.refusal)))
        others = [PaintOnButton(self.draft_id, name) for name in self.checkpoints[: MAX_CHECKPOINTS - 1]]
        view.add_item(ui.ActionRow[Any](*others, OpenDraftButton(self.draft_id)))
        return view


class PaintOnButton(PersistentButton, template=r"on:(?P<draft>\d{1,18}):(?P<checkpoint>.{1,64})"):
    """Orders the draft again on a checkpoint that all its LoRAs fit."""

    command = "imagine"
    sends_message = True

    def __init__(self, draft_id: int, checkpoint: str) -> None:
        self.draft_id, self.checkpoint = draft_id, checkpoint
        button: ui.Button[Any] = ui.Button(
            label=_("Generate with {checkpoint}").format(checkpoint=checkpoint)[:80],
            style=discord.ButtonStyle.primary,
            custom_id=f"on:{draft_id}:{checkpoint}",
        )
        super().__init__(button)

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["draft"]), match["checkpoint"])

    async def handle(self, interaction: Interaction) -> None:
        """Order it with the other checkpoint."""
        draft = await _draft(interaction, self.draft_id)
        await interaction.client.orders.paint(interaction, draft.model_copy(update={"checkpoint": self.checkpoint}))


class SwapButton(PersistentButton, template=r"swap:(?P<draft>\d{1,18}):(?P<position>\d{1,2}):(?P<lora>\d{1,18})"):
    """Orders the draft again with a LoRA that fits instead of the misfit one."""

    command = "imagine"
    sends_message = True

    def __init__(self, draft_id: int, position: int, lora_id: int, name: str = "") -> None:
        self.draft_id, self.position, self.lora_id = draft_id, position, lora_id
        button: ui.Button[Any] = ui.Button(
            label=_("Use {name} instead").format(name=on_a_label(name))[:80],
            custom_id=f"swap:{draft_id}:{position}:{lora_id}",
        )
        super().__init__(button)

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["draft"]), int(match["position"]), int(match["lora"]))

    async def handle(self, interaction: Interaction) -> None:
        """Order it with the other LoRA, at its recommended weight."""
        draft = await _draft(interaction, self.draft_id)
        loras = list(draft.loras)
        if self.position >= len(loras):
            raise NothingThere(what=_("This button is from another message. Run the command again."))
        loras[self.position] = LoraDraft(name=f"#{self.lora_id}", region=loras[self.position].region)
        await interaction.client.orders.paint(interaction, draft.model_copy(update={"loras": tuple(loras)}))


class OpenDraftButton(DraftButton, template=r"stdraft:(?P<draft>\d{1,18})"):
    """Opens the refused draft in the studio, where it can be corrected."""

    command, name, label = "studio", "stdraft", later("Open in studio")

    async def handle(self, interaction: Interaction) -> None:
        """Fill the studio with the draft."""
        draft = await _draft(interaction, self.draft_id)
        await interaction.client.studios.open_with(interaction, draft, request_is_in_studio())


async def _draft(interaction: Interaction, draft_id: int) -> RequestDraft:
    return await kept_draft(interaction.client.db, interaction.user.id, draft_id, RequestDraft)
