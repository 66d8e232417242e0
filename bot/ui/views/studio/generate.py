"""The buttons that order the studio's picture. The result is a new message; LoRAs are left out only if confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.errors.missing import NothingThere
from bot.i18n import _, later, ngettext
from bot.i18n.texts import bounded_lines, several
from bot.requests.regions import own_words
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import error_message, send_ephemeral
from bot.ui.rendered_message import view_of
from bot.ui.views.studio.buttons import StudioButton
from bot.ui.views.studio.forms import PromptForm
from bot.ui.views.studio.menus import outdated
from bot.visible_text import is_blank

if TYPE_CHECKING:
    from bot.ui.studio_session import StudioSnapshot

MAX_REASONS = 2500  # characters of the reasons why LoRAs do not fit


class GenerateButton(StudioButton, prefix="stgenerate"):
    """Orders the picture. Without a prompt it asks for one; with misfit LoRAs it asks whether to leave them out."""

    opens_modal = True
    sends_message = True
    label, style = later("Generate"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Order the picture, or ask first."""
        studios = interaction.client.studios
        snapshot = await studios.snapshot(interaction)
        if snapshot.revision != self.revision:  # the panel does not show the current draft
            await studios.redraw(interaction, snapshot, outdated())
        elif is_blank(own_words(snapshot.studio.draft)):
            await acknowledge.open_modal(interaction, PromptToGenerateForm(snapshot, interaction.id))
        else:
            await _generate(interaction, snapshot)


class PromptToGenerateForm(PromptForm):
    """Asks for the missing prompt, then orders the picture as *Generate* does."""

    async def submitted(self, interaction: Interaction) -> None:
        """Keep the prompt, then order. The panel is edited first, so the picture is a follow-up message."""
        await _generate(interaction, await self.keep(interaction))


async def _generate(interaction: Interaction, snapshot: StudioSnapshot) -> None:
    """Order the picture; with misfit LoRAs ask whether to leave them out."""
    if snapshot.misfits:
        await send_ephemeral(interaction, _confirmation(snapshot))
    else:
        await interaction.client.orders.paint(interaction, snapshot.draft())


class GenerateWithoutButton(StudioButton, prefix="stwithout"):
    """Orders the picture without the misfit LoRAs that the confirmation named."""

    sends_message = True
    style = discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Order it."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        if snapshot.revision != self.revision:
            raise NothingThere(what=_("Your studio has changed. Press *Generate* in the studio again."))
        await interaction.client.orders.paint(interaction, snapshot.draft(without_misfits=True))


def _confirmation(snapshot: StudioSnapshot) -> ui.LayoutView:
    names = several((row.name for row in snapshot.misfits), 300)
    count = len(snapshot.misfits)
    question = ngettext("Generate without {names}?", "Generate without {names}?", count).format(names=names)
    reasons = [error_message(row.refusal) for row in snapshot.misfits if row.refusal]
    label = ngettext("Generate without this LoRA", "Generate without these LoRAs", count)
    button = GenerateWithoutButton(snapshot.revision).labelled(label)
    text = "\n".join([f"**{question}**", *bounded_lines(reasons, MAX_REASONS)])
    return view_of(text, ui.ActionRow[Any](button))
