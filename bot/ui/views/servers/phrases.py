"""The section about phrases that the server allows in prompts, which stands behind *Words*."""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.database.servers.allowed_phrases import AllowedPhrase
from bot.i18n import _, later, number
from bot.i18n.texts import code, mention
from bot.moderation.allowed_phrases import MAX_PHRASE
from bot.servers.administration.phrases import MAX_PHRASES
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.rendered_message import Items
from bot.ui.views.forms import TextField
from bot.ui.views.list_page import Cursor, Found, TurnPageButton
from bot.ui.views.servers.panel import (
    PanelButton,
    PanelForm,
    PanelPage,
    PanelSection,
    TargetButton,
    administration,
    shown,
)
from bot.ui.views.servers.phrase_question import what_phrases_do

LISTED = 8  # phrases on a page


class PhrasesSection(PanelSection[AllowedPhrase]):
    """The phrases, each with *Remove phrase*. *Words* leads here."""

    under = "words"
    key, title, none = "phrases", later("Allowed phrases"), later("No phrases yet.")

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[AllowedPhrase]:
        """A page of the phrases."""
        services, who = administration(interaction)
        phrases = await services.phrases.phrases(who, query.server_id)
        return Found.counted(phrases[cursor.number * LISTED :][:LISTED], cursor, len(phrases), LISTED)

    def above(self, page: PanelPage, found: Found[AllowedPhrase]) -> Items:
        """The effect of allowed phrases, and how many a server can have."""
        most = _(
            "Limit: {phrases} phrases. Members can request a phrase with *Ask staff* under a refused prompt."
        ).format(phrases=number(MAX_PHRASES))
        return [shown([what_phrases_do(), f"-# {most}"])]

    def row(self, interaction: Interaction, page: PanelPage, entry: AllowedPhrase) -> ui.Item[Any]:
        """A phrase, who allowed it, and its button."""
        facts = f"{mention(entry.allowed_by)} · <t:{entry.allowed_at // 1000}:d>"
        text = f"{code(entry.phrase, MAX_PHRASE)}\n-# {facts}"
        return ui.Section[Any](text, accessory=RemovePhraseButton(page, entry.id))

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[AllowedPhrase]) -> Items:
        """*Allow a phrase*, and the way back."""
        return [ui.ActionRow[Any](AddPhraseButton(page), all_lists_button(page))]


def all_lists_button(page: PanelPage) -> TurnPageButton:
    """Leads to the lists of words."""
    return TurnPageButton(PanelPage.of(page.server_id, "words")).labelled(_("All lists"))


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
        await self.page.about("").show(interaction)


class RemovePhraseButton(TargetButton, prefix="svphraserm"):
    """Lets a phrase count again."""

    label = later("Remove phrase")

    async def handle(self, interaction: Interaction) -> None:
        """Remove it, and show the others. Raises NothingThere."""
        services, who = administration(interaction)
        await services.phrases.remove(who, self.page.server_id, self.target)
        await self.page.show(interaction)
