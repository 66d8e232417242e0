"""Requests that name LoRAs by link: what is here is used, what is not is offered, and then they go on by one press."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.database.database import Database
from bot.database.loras.catalogue import Lora
from bot.database.people.drafts import save_draft
from bot.database.people.preferences import find_preferences
from bot.errors.jobs import TooManyLinks
from bot.errors.missing import NothingThere
from bot.errors.ratings import LinkedNotShownHere
from bot.i18n import _, later
from bot.i18n.texts import clipped
from bot.moderation.word_rules import TextKind
from bot.requests.builder import LoraDraft, default_checkpoint, preferred
from bot.requests.drafts import PendingRequest, RequestDraft
from bot.requests.regions import by_sides, own_words
from bot.sources.choosing import choose
from bot.sources.claims.provenance import entry_from
from bot.sources.hubs.links import Link, links_in, parse_link, without_links
from bot.sources.hubs.remote import RemoteVersion
from bot.ui.access import checkpoints_here, context_of, shown_ratings, words_here
from bot.ui.client import Interaction
from bot.ui.interactions.replies import ErrorWithRows, error_message
from bot.ui.views.bookmarks.stack_draft import with_stack
from bot.ui.views.jobs.kept_drafts import DraftButton, kept_draft
from bot.visible_text import is_blank
from inference.errors import RequestError

MAX_LINKS = 3  # that one prompt may have
MAX_NAME = 60


class PaintWithItButton(DraftButton, prefix="addpaint"):
    """Goes on with what a person asked for, now that its LoRA was added."""

    command, label = "imagine", later("Generate with this LoRA")
    style = discord.ButtonStyle.primary
    sends_message = True

    async def handle(self, interaction: Interaction) -> None:
        """Order the picture, or offer the next LoRA that is not here."""
        request = await find_request(interaction.client.db, interaction.user.id, self.draft_id)
        await order(interaction, request, self.draft_id)


def _lora_not_here(name: str, position: int, draft_id: int | None, refusal: RequestError | None) -> ErrorWithRows:
    """A request names a LoRA by a link, and it is not here. It is kept as a draft, unless the person may not add one.

    Without a `name` it may not be named where the person is. The link has this `position` among those of the request.
    """
    text = _("{name} is not in the library yet, so Easel did not generate a picture.").format(
        name=clipped(name, MAX_NAME)
    )
    if not name:
        text = _("The LoRA in this link is not in the library yet, so Easel did not generate a picture.")
    if refusal is not None:
        text += f"\n{error_message(refusal)}"
    else:
        text += "\n" + _("Your request is saved. Add the LoRA, then press *Generate with this LoRA* to continue.")
    rows = [] if draft_id is None else [ui.ActionRow[Any](add_button(draft_id, position))]
    return ErrorWithRows(text, *rows)


def add_button(draft_id: int, position: int, name: str = "") -> ui.Button[Any]:
    """Adds what the link at this position of a request means: `AddLinkedButton` handles it."""
    label = _("Add {name}").format(name=name) if name else _("Add LoRA")
    return ui.Button(label=label, custom_id=f"addlink:{draft_id}:{position}")


async def find_request(db: Database, person_id: int, draft_id: int) -> PendingRequest:
    """What the person asked for. Raises NothingThere or DatabaseError."""
    return await kept_draft(db, person_id, draft_id, PendingRequest)


def links_of(request: PendingRequest) -> list[tuple[Link, LoraDraft | None]]:
    """The links and hashes that name LoRAs of a request, in a fixed order, with its LoRAs that they name."""
    named = [(link, lora) for lora in request.loras if (link := _link(lora)) is not None]
    linked = [link for link in links_in(request.prompt)[:MAX_LINKS] if link not in dict(named)]
    hashes = [(link, lora) for lora in request.also if (link := parse_link(lora.name)) is not None]
    return [*named, *((link, None) for link in linked), *hashes]


async def order(interaction: Interaction, request: PendingRequest, draft_id: int | None = None) -> None:
    """Order what a person asked for. Raises an ErrorWithRows with the LoRA, a RequestError, or as `Orders.paint`.

    With the id of its draft it goes on after a LoRA was added: without a checkpoint it takes one that all LoRAs fit.
    """
    client = interaction.client
    draft = await _with_linked(interaction, request, draft_id)
    preferences = await find_preferences(client.db, interaction.user.id)
    checkpoints = await checkpoints_here(interaction)
    default = default_checkpoint(checkpoints, preferences)
    if draft_id is not None and draft.checkpoint is None:
        fitting = checkpoints.names_for_all(await client.requests.loras_of(draft))
        if default is not None and fitting and default.name not in fitting:
            draft = draft.model_copy(update={"checkpoint": fitting[0]})
    if request.image_shape is not None and draft.size is None:
        name = draft.checkpoint or (default.name if default else None)
        draft = draft.model_copy(update={"size": str(checkpoints.nearest_size(name, *request.image_shape))})
    if request.stack is not None:
        draft = preferred(draft, checkpoints, preferences)
        shown = await shown_ratings(interaction)
        draft = await with_stack(client.db, client.requests, interaction.user.id, draft, request.stack, shown)
    await client.orders.paint(interaction, by_sides(draft), preferences)


async def _with_linked(interaction: Interaction, request: PendingRequest, draft_id: int | None) -> RequestDraft:
    """The draft with the LoRAs that its links mean. Raises TooManyLinks, SourceError, or an ErrorWithRows with it."""
    if (count := len(links_in(request.prompt))) > MAX_LINKS:
        raise TooManyLinks(count, MAX_LINKS)
    draft, links = request.draft(), links_of(request)
    if not links:
        return draft
    names: dict[Link, str] = {}
    for position, (link, lora) in enumerate(links):
        entry = await entry_from(interaction.client.db, link)
        if entry is None and lora not in request.also:
            entry = await _entry_at_hub(interaction, request, link, position, draft_id)
        if entry is not None:
            names[link] = f"#{entry.id}"
    loras = [
        lora if (link := _link(lora)) is None else lora.model_copy(update={"name": names[link]}) for lora in draft.loras
    ]
    loras += [LoraDraft(name=names[link]) for link, lora in links if lora is None]
    room = interaction.client.configuration.settings.limits.max_loras - len(loras)
    also = [
        lora.model_copy(update={"name": names[link]})
        for link, lora in links
        if lora is not None and lora in request.also and link in names
    ]
    prompt = without_links(draft.prompt)
    return draft.model_copy(update={"prompt": prompt, "loras": (*loras, *also[: max(0, room)])})


async def _entry_at_hub(
    interaction: Interaction, request: PendingRequest, link: Link, position: int, draft_id: int | None
) -> Lora:
    """The entry that has a file of the page of a link. Raises SourceError, or an ErrorWithRows that offers the LoRA."""
    client, person_id = interaction.client, interaction.user.id
    model = await client.additions.look_ups.model(link, person_id, remembered=True)
    for version in model.versions:
        if (entry := await client.additions.here(version)) is not None:
            return entry
    version = choose(model, client.configuration.checkpoints, client.configuration.settings.sources)
    hidden = await _why_not_named(interaction, version)
    refusal = hidden or await why_not_add(interaction)
    if refusal is None and draft_id is None:
        draft_id = await save_draft(client.db, person_id, request.model_dump_json())
    name = "" if hidden else version.name
    raise _lora_not_here(name, position, None if refusal else draft_id, refusal)


async def _why_not_named(interaction: Interaction, version: RemoteVersion) -> RequestError | None:
    """Why a version is neither named nor added here; None when it may be. Raises DatabaseError."""
    if version.rating not in await shown_ratings(interaction):
        return LinkedNotShownHere()
    try:
        await (await words_here(interaction)).check(version.name, TextKind.LORA_NAME)
    except RequestError as refusal:
        return refusal
    return None


async def why_not_add(interaction: Interaction) -> RequestError | None:
    """Why the person may not add a LoRA here now; None when they may. Raises DatabaseError."""
    try:
        await interaction.client.servers.adding.require(context_of(interaction))
    except RequestError as refusal:
        return refusal
    return None


def _link(lora: LoraDraft) -> Link | None:
    return parse_link(lora.name) if "/" in lora.name else None


# --- on the page of what was added ----------------------------------------------------------------------------------


async def paint_row(db: Database, person_id: int, draft_id: int | None) -> ui.ActionRow[Any] | None:
    """*Generate with it*, for a request that can go on; None without one. Raises DatabaseError."""
    if draft_id is None:
        return None
    try:
        request = await find_request(db, person_id, draft_id)
    except NothingThere:
        return None
    if is_blank(without_links(own_words(request))):
        return None
    return ui.ActionRow[Any](PaintWithItButton(draft_id))


async def add_row(db: Database, person_id: int, draft_id: int | None) -> ui.ActionRow[Any] | None:
    """*Add LoRA*, for a request whose LoRA was not added; None unless it is sure which. Raises DatabaseError."""
    if draft_id is None:
        return None
    try:
        request = await find_request(db, person_id, draft_id)
    except RequestError:
        return None
    missing = {
        position: lora for position, (link, lora) in enumerate(links_of(request)) if await entry_from(db, link) is None
    }
    needed = [position for position, lora in missing.items() if lora not in request.also]  # offered in this order
    chosen = needed[:1] or (list(missing) if len(missing) == 1 else [])
    return ui.ActionRow[Any](add_button(draft_id, chosen[0])) if chosen else None


def painted_with(message: discord.Message | None) -> int | None:
    """The draft that *Generate with it* of a message goes on with; None without one."""
    if message is None:
        return None
    view = ui.LayoutView.from_message(message, timeout=None)
    view.stop()
    found = (PaintWithItButton.from_text(str(getattr(each, "custom_id", ""))) for each in view.walk_children())
    return next((button.draft_id for button in found if button is not None), None)
