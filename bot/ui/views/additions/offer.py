"""Offers to add a LoRA that somebody named and that is not here: by a link in /imagine, or by a hash in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ui

from bot.database.people.drafts import save_draft
from bot.i18n import _, later
from bot.i18n.texts import on_a_label
from bot.requests.builder import LoraDraft, RequestDraft
from bot.requests.drafts import PendingRequest
from bot.sources.hubs.links import HashLink, parse_link
from bot.ui.client import Interaction
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import view_of
from bot.ui.views.additions.links import add_linked
from bot.ui.views.additions.progress import Offer, require_may_add
from bot.ui.views.custom_ids import Position
from bot.ui.views.jobs.kept_drafts import DraftButton
from bot.ui.views.jobs.linked_request import add_button, find_request, links_of, why_not_add
from bot.ui.views.persistent_items import outdated_error
from bot.workspace.remix import MatchedLora

MAX_OFFERS = 5  # buttons of one row


class AddLinkedButton(DraftButton, prefix="addlink"):
    """Adds what a link or hash of a request means, in a message of its own. The button is closed while and once it is.

    Its label says what it adds: `add_button` makes it.
    """

    command = "lora"
    label = later("Add LoRA")

    position: Position

    async def handle(self, interaction: Interaction) -> None:
        """Add it. Raises NothingThere, SourceError and other RequestErrors."""
        await require_may_add(interaction)
        request = await find_request(interaction.client.db, interaction.user.id, self.draft_id)
        links = links_of(request)
        if self.position >= len(links):
            raise outdated_error()
        link, _lora = links[self.position]
        await add_linked(interaction, link, self.draft_id, Offer(interaction, self.custom_id))


async def offer_missing(interaction: Interaction, parts: Sequence[MatchedLora], draft: RequestDraft) -> None:
    """Offer to add the LoRAs of a picture that are known by hash alone, to who may add some.

    The `draft` has the others; it goes on with those that were added.
    """
    missing = [part.named for part in parts if part.lora is None and part.named.hash]
    names = {link: named for named in missing if isinstance(link := parse_link(named.hash or ""), HashLink)}
    if not names or await why_not_add(interaction) is not None:
        return
    offered = list(names.items())[:MAX_OFFERS]
    also = tuple(
        LoraDraft(name=link.hash, weight=named.weight, trigger_words=named.trigger_words) for link, named in offered
    )
    request = PendingRequest.model_validate({**draft.model_dump(), "also": [each.model_dump() for each in also]})
    draft_id = await save_draft(interaction.client.db, interaction.user.id, request.model_dump_json())
    first = len(links_of(request)) - len(also)
    text = _("The following LoRAs are not in the library. Easel can look for each LoRA on Civitai and add it:")
    buttons = [add_button(draft_id, first + n, on_a_label(named.name)) for n, (_link, named) in enumerate(offered)]
    await send_ephemeral(interaction, view_of(text, ui.ActionRow[Any](*buttons)))
