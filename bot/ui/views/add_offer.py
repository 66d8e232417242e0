"""Offers to add a LoRA that somebody named and that is not here: by a link in /imagine, or by a hash in a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

from discord import ui

from bot.i18n import _
from bot.i18n.texts import clipped, on_a_label
from bot.requests.builder import LoraDraft, RequestDraft
from bot.servers.rights import Action
from bot.sources.choosing import choose
from bot.sources.links import CivitaiLink, HashLink, HubLink, Link, links_in, parse_link, without_links
from bot.ui.access import may
from bot.ui.client import Interaction
from bot.ui.replies import ErrorWithView, send_ephemeral
from bot.ui.views.adding import add_linked
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.remix import MatchedLora

MAX_OFFERS = 5  # buttons of one row
MAX_LINKS = 3  # that one request may have
MAX_NAME = 60


class AddLinkedButton(
    PersistentButton,
    template=r"addlink:(?P<what>[cr]:\d{0,12}:\d{0,12}|h:(?:[0-9a-f]{8}|[0-9a-f]{10}|[0-9a-f]{12}|[0-9a-f]{64}))",
):
    """Adds what was named."""

    command = "lora"
    sends_message = True

    def __init__(self, link: CivitaiLink | HashLink, name: str = "") -> None:
        self.link = link
        label = _("Add {name}").format(name=name) if name else _("Add it")
        super().__init__(ui.Button(label=on_a_label(label), custom_id=f"addlink:{_told(link)}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means. Raises ValueError for one that means nothing."""
        kind, *rest = match["what"].split(":")
        if kind == "h":
            return cls(HashLink(rest[0]))
        model, version = (int(digits) if digits else None for digits in rest)
        if not model and not version:
            raise ValueError(match["what"])
        return cls(CivitaiLink(model, version, red=kind == "r"))

    async def handle(self, interaction: Interaction) -> None:
        """Add it, in a message of its own."""
        await add_linked(interaction, self.link)


def _told(link: CivitaiLink | HashLink) -> str:
    if isinstance(link, HashLink):
        return f"h:{link.hash}"
    return f"{'r' if link.red else 'c'}:{link.model_id or ''}:{link.version_id or ''}"


class LoraNotHere(ErrorWithView):
    """A request names a LoRA by a link, and it is not here. `may_add`: whether the person may add it."""

    def __init__(self, name: str, link: Link, *, may_add: bool) -> None:
        super().__init__(name)
        self.name, self.link, self.may_add = name, link, may_add

    def view(self) -> ui.LayoutView:
        """What is missing, and the button that adds it."""
        view = ui.LayoutView(timeout=None)
        text = _("{name} is not here yet, so nothing was painted.").format(name=clipped(self.name, MAX_NAME))
        if not self.may_add:
            text += "\n" + _("Those whom this server's staff let may add it with /lora add.")
        elif isinstance(self.link, HubLink):
            text += "\n" + _("Add it with /lora add and the same link, then ask again.")
        view.add_item(ui.TextDisplay[Any](text))
        if self.may_add and not isinstance(self.link, HubLink):
            view.add_item(ui.ActionRow[Any](AddLinkedButton(self.link)))
        return view


async def with_linked(interaction: Interaction, draft: RequestDraft) -> RequestDraft:
    """The draft with the LoRAs that links in its prompt or options mean. Raises LoraNotHere or SourceError."""
    named = [(lora, parse_link(lora.name) if "://" in lora.name else None) for lora in draft.loras]
    linked = links_in(draft.prompt)[:MAX_LINKS]
    if not linked and all(link is None for _lora, link in named):
        return draft
    loras = [lora if link is None else await _here(interaction, link, lora) for lora, link in named]
    loras += [await _here(interaction, link, None) for link in linked]
    return draft.model_copy(update={"prompt": without_links(draft.prompt), "loras": tuple(loras)})


async def _here(interaction: Interaction, link: Link, lora: LoraDraft | None) -> LoraDraft:
    client = interaction.client
    model = await client.additions.look_ups.model(link, interaction.user.id, remembered=True)
    for version in model.versions:
        if (entry := await client.additions.here(version)) is not None:
            return (lora or LoraDraft(name=entry.name)).model_copy(update={"name": entry.name})
    version = choose(model, client.configuration.checkpoints, client.configuration.settings.sources)
    raise LoraNotHere(version.name, link, may_add=await may(interaction, Action.ADD_LORA))


async def offer_missing(interaction: Interaction, parts: Sequence[MatchedLora]) -> None:
    """Offer to add the LoRAs of a picture that are known by hash alone, to who may add some."""
    missing = [part.named for part in parts if part.lora is None and part.named.hash]
    names = {link: named.name for named in missing if isinstance(link := parse_link(named.hash or ""), HashLink)}
    enabled = interaction.client.configuration.settings.sources.enabled
    if not names or not enabled or not await may(interaction, Action.ADD_LORA):
        return
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay[Any](_("What is not here can be looked for at Civitai and added:")))
    buttons = [AddLinkedButton(link, name) for link, name in list(names.items())[:MAX_OFFERS]]
    view.add_item(ui.ActionRow[Any](*buttons))
    await send_ephemeral(interaction, view)
