"""The section about proposed base models: operators confirm or reject them."""

from __future__ import annotations

from typing import Any, ClassVar

import discord
from discord import ui

from bot.database.loras.base_model_proposals import BaseModelProposal
from bot.i18n import _, later
from bot.i18n.texts import clipped, mention
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.rendered_message import Items
from bot.ui.views.list_page import Cursor, Found
from bot.ui.views.loras.text import prediction_text
from bot.ui.views.servers.panel import (
    PanelPage,
    PanelSection,
    TargetButton,
    administration,
    server_name,
    shown,
)

LISTED = 4  # proposals on a page: each has six components
MAX_SHOWN_REASON = 500  # characters


class ProposalsSection(PanelSection[BaseModelProposal]):
    """The open proposals of all servers, the oldest first."""

    key, title, everywhere, for_operators = "proposals", later("Proposed base models"), True, True
    numbered = False
    none = later("No open proposals. Staff can propose a base model on a LoRA's page.")

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[BaseModelProposal]:
        """A page of the proposals."""
        services, who = administration(interaction)
        found = await services.base_models.page(who, limit=LISTED + 1, offset=cursor.number * LISTED)
        return Found.peeked(found, cursor, LISTED)

    def rows(self, interaction: Interaction, page: PanelPage, found: Found[BaseModelProposal]) -> Items:
        """Each with its buttons."""
        return [
            item
            for each in found.entries
            for item in (
                shown([_text(interaction, each)]),
                ui.ActionRow[Any](ConfirmButton(page, each.id), RejectButton(page, each.id)),
            )
        ]


def _text(interaction: Interaction, proposal: BaseModelProposal) -> str:
    base = proposal.base_model.label
    head = _("{name} was trained on **{base}**").format(name=f"**{clipped(proposal.name, 100)}**", base=base)
    if proposal.prediction is not None:
        head += "\n" + _("Prediction type: {prediction}").format(prediction=prediction_text(proposal.prediction))
    facts = (
        mention(proposal.proposed_by),
        server_name(interaction, proposal.server_id),
        f"<t:{proposal.created_at // 1000}:R>",
        f"`{proposal.sha256[:10]}`",
    )
    return f"{head}\n> {clipped(proposal.reason, MAX_SHOWN_REASON)}\n-# {' · '.join(facts)}"


class DecideButton(TargetButton):
    """Decides a proposal and shows the list as it is then."""

    confirms: ClassVar[bool] = False

    async def handle(self, interaction: Interaction) -> None:
        """Decide. Confirming matches the library again, which takes a while for a large one."""
        await acknowledge.acknowledge(interaction)
        services, who = administration(interaction)
        await services.base_models.decide(who, self.target, confirmed=self.confirms)
        await self.page.show(interaction)


class ConfirmButton(DecideButton, prefix="svconfirm"):
    """Declares what was proposed."""

    label, style, confirms = later("Confirm"), discord.ButtonStyle.success, True


class RejectButton(DecideButton, prefix="svreject"):
    """Leaves the file as it is."""

    label = later("Reject")
