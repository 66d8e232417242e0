"""The page about phrases that the server allows in prompts, in the section about words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ui

from bot.database.servers.allowed_phrases import AllowedPhrase
from bot.i18n import _, later, number
from bot.i18n.texts import code, mention
from bot.moderation.allowed_phrases import MAX_PHRASE
from bot.servers.administration.phrases import MAX_PHRASES
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.views.forms import TextField
from bot.ui.views.servers.panel import (
    GoButton,
    PanelButton,
    PanelForm,
    PanelPage,
    TargetButton,
    administration,
    shown,
    turning,
)
from bot.ui.views.servers.phrase_question import what_phrases_do

PHRASES = "phrases"  # the detail of the page
LISTED = 8  # phrases on a page


def phrases_page(page: PanelPage, phrases: Sequence[AllowedPhrase]) -> list[ui.Item[Any]]:
    """A page of the phrases, each with its button."""
    page = page.at(min(page.page, max(0, len(phrases) - 1) // LISTED))
    first = page.page * LISTED
    most = _("Limit: {phrases} phrases. Members can request a phrase with *Ask staff* under a refused prompt.").format(
        phrases=number(MAX_PHRASES)
    )
    heading = "**" + _("Allowed phrases") + "**"
    items: list[ui.Item[Any]] = [shown([heading, what_phrases_do(), f"-# {most}"])]
    items += [
        ui.Section[Any](
            ui.TextDisplay[Any](
                f"{code(each.phrase, MAX_PHRASE)}\n-# {mention(each.allowed_by)} · <t:{each.allowed_at // 1000}:d>"
            ),
            accessory=RemovePhraseButton(page, each.id),
        )
        for each in phrases[first : first + LISTED]
    ] or [shown([_("No phrases yet.")])]
    items += turning(page, more=len(phrases) > first + LISTED)
    return [*items, ui.ActionRow[Any](AddPhraseButton(page), GoButton(page.about("")).labelled(_("All lists")))]


class AddPhraseButton(PanelButton, prefix="svphraseadd"):
    """Opens the form for a phrase that no member asked for."""

    label = later("Allow a phrase")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await acknowledge.open_modal(interaction, AddPhraseForm(_("Allow a phrase"), self.page, interaction.id))


class AddPhraseForm(PanelForm, key="svphraseadd"):
    """A phrase to allow."""

    phrase = TextField(
        later("Phrase"),
        later("Enter the refused word together with the words around it, for example: blood orange"),
        length=MAX_PHRASE,
    )

    async def submitted(self, interaction: Interaction) -> None:
        """Allow it, and show all. Raises what `PhraseAdministration.add` raises."""
        services, who = administration(interaction)
        await services.phrases.add(who, self.page.server_id, self.phrase)
        await self.page.about(PHRASES).show(interaction)


class RemovePhraseButton(TargetButton, prefix="svphraserm"):
    """Lets a phrase count again."""

    label = later("Remove phrase")

    async def handle(self, interaction: Interaction) -> None:
        """Remove it, and show the others. Raises NothingThere."""
        services, who = administration(interaction)
        await services.phrases.remove(who, self.page.server_id, self.target)
        await self.page.show(interaction)
