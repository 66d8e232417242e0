"""Adding a LoRA from outside: a message with progress and *Cancel*, then its page."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot import background
from bot.database.additions.additions import FIND_ADDITION, AdditionState, LoraAddition
from bot.database.loras.catalogue import Lora, find_lora
from bot.errors.missing import NothingThere
from bot.errors.ratings import LinkedNotShownHere
from bot.errors.rights import NotYours
from bot.i18n import _, later
from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import TextKind
from bot.sources.additions import Received, Withdrawal
from bot.sources.choosing import why_not
from bot.sources.claims.further_pages import Namer
from bot.sources.downloads.attached import TakenFile
from bot.sources.downloads.placing import entry_name
from bot.sources.errors import AddingCancelled, AddingLeft
from bot.sources.hubs.remote import RemoteVersion
from bot.ui.access import context_of, shown_ratings, words_here
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS
from bot.ui.interactions.replies import refusal_card, send_ephemeral
from bot.ui.rendered_message import RenderedMessage, view_of
from bot.ui.views.additions.text import adding_text, ended_text, here_already_text
from bot.ui.views.custom_ids import Id
from bot.ui.views.jobs.linked_request import paint_row
from bot.ui.views.loras.page import category_row, lora_page_in, lora_page_of, may_correct
from bot.ui.views.loras.pictures import awaiting_text
from bot.ui.views.persistent_items import PersistentButton

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0  # between two edits of the message
SAMPLE_SECONDS = 2.0  # between two looks whether there are samples


class StopAddingButton(PersistentButton, prefix="addstop"):
    """Stops what the person adds."""

    command, action = "lora", None
    label = later("Cancel")

    addition_id: Id

    async def handle(self, interaction: Interaction) -> None:
        """Withdraw the person's request. Others who ask for it still get it."""
        client = interaction.client
        too_late = NothingThere(
            what=_("It is too late to cancel the import. This LoRA has already been added, or the import has failed.")
        )
        addition = await client.db.one(FIND_ADDITION, self.addition_id)
        if addition is None or addition.state is not AdditionState.WAITING:
            raise too_late
        version = RemoteVersion.model_validate_json(addition.source)
        if not await client.additions.requested_by(addition.id, interaction.user.id):
            raise NotYours(instead=_("You can cancel only imports that you requested."))
        withdrawal = await client.additions.cancel(addition.id, interaction.user.id)
        if withdrawal is Withdrawal.ENDED:
            raise too_late
        told = AddingCancelled if withdrawal is Withdrawal.CANCELLED else AddingLeft
        await acknowledge.replace(interaction, refusal_card(told(name=version.name)))


@dataclass(frozen=True)
class Offer:
    """The message whose button was pressed."""

    interaction: Interaction
    custom_id: str

    async def close(self) -> None:
        """Disable the button: what it offers has begun."""
        view = self._view(disabled=True)
        if view is not None:
            work = acknowledge.replace(self.interaction, view)
            await background.guard(work, "closing an offer", expected=DISCORD_ERRORS)

    async def open(self) -> None:
        """Enable it again: it was not added."""
        view = self._view(disabled=False)
        if view is not None and not self.interaction.is_expired():
            work = self.interaction.edit_original_response(view=view)
            await background.guard(work, "opening an offer again", expected=DISCORD_ERRORS)

    def _view(self, *, disabled: bool) -> ui.LayoutView | None:
        if self.interaction.message is None:
            return None
        view = ui.LayoutView.from_message(self.interaction.message, timeout=None)
        view.stop()
        for each in view.walk_children():
            if isinstance(each, ui.Button) and each.custom_id == self.custom_id:
                each.disabled = disabled
        return view


async def add_attachment(interaction: Interaction, file: discord.Attachment) -> None:
    """Add a file that a person attached. Raises SourceError and other RequestErrors."""
    await require_may_add(interaction)
    additions = interaction.client.additions
    await (await words_here(interaction)).check(file.filename, TextKind.LORA_NAME)

    async def read() -> bytes:
        await require_may_add(interaction)  # other files of the person were taken meanwhile
        return await file.read()

    async with additions.taking(file.filename, file.size, read) as taken:
        version = await additions.describe_attached(taken, interaction.user.id)
        configuration = interaction.client.configuration
        refusal = why_not(version, configuration.checkpoints, configuration.settings.sources)
        if refusal is not None:
            raise refusal
        begun = await _begin(interaction, version, taken)
    await _show(interaction, begun)


async def require_may_add(interaction: Interaction) -> None:
    """Raise why the person may not add a LoRA here and now. It is judged again when the request is stored."""
    await interaction.client.servers.adding.require(context_of(interaction))


async def add_version(
    interaction: Interaction, version: RemoteVersion, draft_id: int | None = None, offer: Offer | None = None
) -> None:
    """Add a version, as `Additions.described` tells it. With a draft, its page goes on with that.

    Raises SourceError and other RequestErrors.
    """
    begun = await _begin(interaction, version)
    if offer is not None:
        await offer.close()
    added = await _show(interaction, begun, draft_id)
    if offer is not None and not added:
        await offer.open()


async def _show(interaction: Interaction, begun: LoraAddition | Lora, draft_id: int | None = None) -> bool:
    """Show what `_begin` began until it has ended, or found; whether it is here then."""
    if isinstance(begun, LoraAddition):
        return await follow(interaction, begun, draft_id)
    here = await find_lora(interaction.client.db, begun.id) or begun  # its page may have raised its rating
    if here.content_rating not in await shown_ratings(interaction):
        raise LinkedNotShownHere
    await send_ephemeral(interaction, await _page(interaction, begun, here_already_text(begun.name), draft_id))
    return True


async def _begin(
    interaction: Interaction, version: RemoteVersion, attached: TakenFile | None = None
) -> LoraAddition | Lora:
    """Begin to add a version, with the file that a person attached, if they did; the entry of what is here already."""
    client, who = interaction.client, context_of(interaction)
    version = await as_allowed(version, await words_here(interaction))
    if version.rating not in await shown_ratings(interaction):
        raise LinkedNotShownHere
    additions, admission = client.additions, await client.servers.adding.admission(who)
    here = await additions.here(version)
    if here is not None:
        await additions.note_page(here, version, Namer(who.person_id, who.server_id, admission))
        return here
    if attached is None:
        return await additions.add(version, who.person_id, who.server_id, admission)
    return await additions.add_attached(version, attached, who.person_id, who.server_id, admission)


async def as_allowed(version: RemoteVersion, words: WordRules) -> RemoteVersion:
    """A version without what breaks a rule of its description and tags. Raises what a person is told whose LoRA's
    names or words break one."""
    names = (version.name, entry_name(version), version.version, version.creator, version.terms.licence)
    for text in (*filter(None, names), ", ".join(version.trigger_words)):
        await words.check(text, TextKind.LORA_NAME, version.rating)
    return await asyncio.to_thread(_without_refused, version, words)


def _without_refused(version: RemoteVersion, words: WordRules) -> RemoteVersion:
    tags = tuple(tag for tag in version.tags if words.allows(tag, TextKind.NOTE))
    described = version.description if words.allows(version.description, TextKind.NOTE) else ""
    return version.model_copy(update={"tags": tags, "description": described})


async def follow(interaction: Interaction, addition: LoraAddition, draft_id: int | None = None) -> bool:
    """Show how far an addition is until it has ended, then what became of it, and its samples once they are painted.

    Whether it is here then.
    """
    notices, person_id = interaction.client.addition_notices, interaction.user.id
    with notices.following(addition.id, person_id):
        message_id = await acknowledge.send(interaction, adding_view(addition, None), private=True)
        await notices.note_answer(interaction, addition.id, message_id, draft_id)
        ended = await _until_ended(interaction, addition)
        if ended is None:
            return False
        page = await ended_page(interaction, ended, draft_id)
        problem = await background.failure(_update(interaction, page))
        if problem is None:
            await notices.told(addition.id, person_id)
        else:
            log.info("sending the result of an import in a new message: %s", problem)
            return ended.state is AdditionState.ADDED
    await background.guard(_show_samples(interaction, ended, draft_id), "showing samples", expected=DISCORD_ERRORS)
    return ended.state is AdditionState.ADDED


async def _show_samples(interaction: Interaction, addition: LoraAddition, draft_id: int | None) -> None:
    """Show the page anew with its samples, unless the message shows something else by then.

    Raises one of DISCORD_ERRORS, or DatabaseError.
    """
    additions, pictures = interaction.client.additions, interaction.client.lora_pictures
    lora = await additions.entry_of(addition.sha256) if addition.sha256 else None
    if lora is None or not await pictures.awaits_samples(lora):
        return
    while await pictures.awaits_samples(lora):
        if interaction.is_expired():
            return
        await asyncio.sleep(SAMPLE_SECONDS)
    message = await acknowledge.sent(interaction)
    shown = ui.LayoutView.from_message(message, timeout=None)
    shown.stop()
    texts = [each.content for each in shown.walk_children() if isinstance(each, ui.TextDisplay)]
    if awaiting_text() not in texts or not any(lora.name in each for each in texts):
        return
    text = ended_text(addition, lora, corrects=may_correct(interaction, lora))
    new = text in texts  # else they have corrected its category, which shows the page alone
    page = (
        await ended_page(interaction, addition, draft_id) if new else await lora_page_in(interaction, message, lora.id)
    )
    await _update(interaction, page)


async def _until_ended(interaction: Interaction, addition: LoraAddition) -> LoraAddition | None:
    """The addition when it has ended; until then its message shows how far it is.

    None once the person does not ask for it any more, or the message cannot be edited any more.
    """
    additions, shown = interaction.client.additions, None
    while not interaction.is_expired():
        now = await additions.until_ended(addition.id, LOOK_SECONDS)
        if now is None or now.state is AdditionState.CANCELLED:
            return None  # the button has said so
        if now.state is not AdditionState.WAITING:
            return now
        if not await additions.requested_by(addition.id, interaction.user.id):
            return None
        if (received := additions.received(addition.id)) != shown:
            shown = received
            work = _update(interaction, RenderedMessage(adding_view(addition, received)))
            await background.guard(work, "showing an addition", expected=DISCORD_ERRORS)
    return None


async def ended_page(interaction: Interaction, addition: LoraAddition, draft_id: int | None = None) -> RenderedMessage:
    """The page of what was added, or why it was not."""
    lora = await interaction.client.additions.entry_of(addition.sha256) if addition.sha256 else None
    if lora is None:
        return RenderedMessage(refusal_card(ended_text(addition, None)))
    corrects = may_correct(interaction, lora)
    text = ended_text(addition, lora, corrects=corrects)
    return await _page(interaction, lora, text, draft_id, corrects=corrects)


async def _page(
    interaction: Interaction, lora: Lora, above: str, draft_id: int | None = None, *, corrects: bool = False
) -> RenderedMessage:
    """A LoRA's page under a text, with *Generate with it* for a draft.

    Who `corrects` its category does it by buttons, in place of the page's menu.
    """
    page = await lora_page_of(interaction, lora.id, corrects=not corrects)
    goes_on = await paint_row(interaction.client.db, interaction.user.id, draft_id)
    page.add_above(ui.TextDisplay[Any](above), category_row(lora) if corrects else None, goes_on)
    return page


def adding_view(addition: LoraAddition, received: Received | None) -> ui.LayoutView:
    """What is being added, with a button to stop it."""
    version = RemoteVersion.model_validate_json(addition.source)
    return view_of(adding_text(version, received), ui.ActionRow[Any](StopAddingButton(addition.id)))


async def _update(interaction: Interaction, page: RenderedMessage) -> None:
    await acknowledge.update(interaction, page)
