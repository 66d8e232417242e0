"""A LoRA's page, with its buttons for use, bookmark and rating."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Self

import discord
from discord import ui

from bot.database.bookmarks.bookmarks import add_bookmarks, find_bookmark, remove_bookmarks
from bot.database.database import Database
from bot.database.gallery.features import FeatureKind
from bot.database.loras.catalogue import Lora, often_used_with
from bot.database.loras.ratings import RATING_OF, STARS, UNRATE_LORA, rate_lora
from bot.database.loras.search import Shown
from bot.database.loras.tags import TAGS_OF_LORA
from bot.errors.ratings import NotShownHere
from bot.errors.rights import NotYours
from bot.i18n import _, explained, label, later, ngettext
from bot.i18n.texts import clipped, on_a_label, plain
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.pictures.lora_pictures import LoraPictures
from bot.requests.builder import LoraDraft, RequestDraft, usual_checkpoint
from bot.servers.rights import Authority
from bot.ui.access import checkpoints_here, context_of, hides_pictures, is_operator, shown_ratings
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import MAX_COMPONENTS, RenderedMessage, button_rows, view_of
from bot.ui.views.custom_ids import Switch
from bot.ui.views.forms import Form, TextField
from bot.ui.views.gallery.feature_buttons import feature_buttons, featured_line
from bot.ui.views.jobs.linked_request import paint_row, painted_with
from bot.ui.views.list_page import ListRef
from bot.ui.views.loras import text as lora_text
from bot.ui.views.loras.base_model_declaration import DeclareButton, ProposeButton
from bot.ui.views.loras.buttons import AddToStudioButton, LoraButton, LoraMenu, lora_option, require_lora
from bot.ui.views.loras.community_pictures import CommunityPicture, add_community, community_pictures
from bot.ui.views.loras.content_rating import ContentRatingButton
from bot.ui.views.loras.origin import add_provenance
from bot.ui.views.loras.pictures import MAX_SAMPLES, add_pictures
from bot.ui.views.persistent_items import PersistentButton, outdated_error
from bot.ui.views.reports.forms import ReportLoraButton
from bot.ui.views.servers.blocks import BlockThisLoraButton
from inference.bounds import MAX_PROMPT
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category

COMPANIONS = 5  # LoRAs that it was most often used with
MAX_SHOWN_NAME = 80  # characters of a name in a note
_NO_RATING = "0"


class UseButton(LoraButton, prefix="use"):
    """Opens a modal for a prompt, then paints with the LoRA on a checkpoint that fits."""

    command = "imagine"
    opens_modal = True
    label, style = later("Use now"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        lora = await self.lora(interaction)
        client, person_id = interaction.client, interaction.user.id
        checkpoints = await checkpoints_here(interaction)
        checkpoint = await checkpoint_for(client.db, checkpoints, person_id, lora)
        example = lora_text.example_prompt(checkpoints, lora, checkpoint)
        await acknowledge.open_modal(interaction, UseLoraForm(lora, checkpoint, example, interaction.id))


class BookmarkToggle(LoraButton, prefix="mark"):
    """Adds or removes the bookmark of a LoRA, on its page or in a list."""

    command = "bookmarks"

    bookmarked: Switch
    at: ListRef | None = None  # the list; None: the LoRA's page

    def text(self) -> str:
        """What it does, as its label."""
        return _("Remove bookmark") if self.bookmarked else _("Bookmark")

    async def handle(self, interaction: Interaction) -> None:
        """Change the bookmark and show the message again. In a list, a note says where bookmarks are found."""
        lora, change = await self.lora(interaction), remove_bookmarks if self.bookmarked else add_bookmarks
        await change(interaction.client.db, interaction.user.id, [lora.id])
        if self.at is None:
            await refresh_lora_page(interaction, lora.id)
        else:
            await self.at.show(interaction, "" if self.bookmarked else bookmarked_text(lora))


def bookmarked_text(lora: Lora) -> str:
    """What a person reads of a LoRA that they have just bookmarked."""
    text = _("{lora} is now in your /bookmarks, and /imagine suggests it first.")
    return text.format(lora=clipped(lora.name, MAX_SHOWN_NAME))


class LoraPageButton(LoraButton, prefix="lora"):
    """Opens a LoRA's page."""

    label = later("Details")

    @classmethod
    def named(cls, lora: Lora) -> Self:
        """The button with the name of its LoRA."""
        return cls(lora.id).labelled(on_a_label(lora.name))

    async def handle(self, interaction: Interaction) -> None:
        """Show the page in an ephemeral message."""
        await show_lora_page(interaction, self.lora_id)


class RateMenu(LoraMenu, prefix="rate"):
    """Sets, changes or removes the person's rating of one to five stars."""

    @classmethod
    def of(cls, lora: Lora, mine: int | None) -> Self:
        """The menu with their rating selected."""
        options = [
            discord.SelectOption(
                label=lora_text.stars_text(count),
                value=str(count),
                description=ngettext("{count} star", "{count} stars", count).format(count=count),
                default=count == mine,
            )
            for count in reversed(STARS)
        ]
        if mine is not None:
            options.append(discord.SelectOption(label=_("Remove my rating"), value=_NO_RATING))
        return cls(lora.id).offering(options, _("Rate this LoRA"))

    async def handle(self, interaction: Interaction) -> None:
        """Store the rating and show the page again."""
        db, person_id = interaction.client.db, interaction.user.id
        lora = await require_lora(interaction, self.lora_id)
        if self.value == _NO_RATING:
            await db.run(UNRATE_LORA, person=person_id, lora=lora.id)
        elif self.value in map(str, STARS):
            await rate_lora(db, person_id, lora.id, int(self.value))
        await refresh_lora_page(interaction, lora.id)


class AddedCategoryMenu(LoraMenu, prefix="addcat"):
    """Corrects what a LoRA is for. Who added it and operators may."""

    @classmethod
    def of(cls, lora: Lora) -> Self:
        """The menu with the category selected."""
        options = [
            discord.SelectOption(label=label(each), value=each, default=each is lora.category) for each in Category
        ]
        return cls(lora.id).offering(options, _("Change category"))

    async def handle(self, interaction: Interaction) -> None:
        """Store the category and show the page again."""
        if self.value not in set(Category):
            raise outdated_error()
        await correct_category(interaction, self.lora_id, Category(self.value))


class AddedCategoryButton(LoraButton, prefix="addis"):
    """Corrects by one press what a LoRA was filed under when it was added. Who added it and operators may."""

    category: Category

    def text(self) -> str:
        """The category."""
        return label(self.category)

    async def handle(self, interaction: Interaction) -> None:
        """Store the category and show the LoRA's page."""
        await correct_category(interaction, self.lora_id, self.category)


def category_row(lora: Lora) -> ui.ActionRow[Any]:
    """A button for each category under which the LoRA is not filed."""
    return ui.ActionRow[Any](*(AddedCategoryButton(lora.id, each) for each in Category if each is not lora.category))


async def correct_category(interaction: Interaction, lora_id: int, category: Category) -> None:
    """Store what an added LoRA is for, and show its page. Raises NothingThere, NotYours or SourceError."""
    lora = await require_lora(interaction, lora_id)
    if not may_correct(interaction, lora):
        raise NotYours(instead=_("Only the user who added this LoRA can change its category."))
    await interaction.client.additions.correct_category(lora, category)
    await refresh_lora_page(interaction, lora.id)


def may_correct(interaction: Interaction, lora: Lora) -> bool:
    """Whether the person may correct what is known of an entry that was added in Discord."""
    return lora.added_by is not None and (lora.added_by == interaction.user.id or is_operator(interaction))


class CompanionMenu(LoraMenu, prefix="with"):
    """The LoRAs that are often used with this one; choosing one opens its page."""

    @classmethod
    def of(cls, lora: Lora, companions: Sequence[Lora]) -> Self:
        """The menu of these."""
        text = _("Open a LoRA that is often used with this one")
        return cls(lora.id).offering(map(lora_option, companions), text)

    async def handle(self, interaction: Interaction) -> None:
        """Show the page of the chosen LoRA in an ephemeral message."""
        await show_lora_page(interaction, self.ids[0])


class UseLoraForm(Form, key="prompt"):
    """The prompt of a picture with this LoRA; `example` is filled in."""

    command = "imagine"
    prompt = TextField(later("Prompt"), length=MAX_PROMPT, long=True)

    def __init__(self, lora: Lora, checkpoint: str | None, example: str, opening: int) -> None:
        where = _("This LoRA fits no model here. Easel explains the reason after you submit this form.")
        if checkpoint:
            where = _("Model: {checkpoint}").format(checkpoint=checkpoint)
        title = _("Generate with {lora}").format(lora=lora.name)
        super().__init__(title, opening, prompt=UseLoraForm.prompt.but(hint=where, value=example))
        self._lora_id, self._checkpoint = lora.id, checkpoint

    async def submitted(self, interaction: Interaction) -> None:
        """Order the picture."""
        loras = (LoraDraft(name=f"#{self._lora_id}"),)
        draft = RequestDraft(prompt=self.prompt, checkpoint=self._checkpoint, loras=loras)
        await interaction.client.orders.paint(interaction, draft)


async def show_lora_page(interaction: Interaction, lora_id: int) -> None:
    """Show a LoRA's page in an ephemeral message. Raises NothingThere."""
    await send_ephemeral(interaction, await lora_page_of(interaction, lora_id))


async def refresh_lora_page(interaction: Interaction, lora_id: int) -> None:
    """Edit the message whose component was used to show the LoRA's current page. Raises NothingThere."""
    await acknowledge.replace(interaction, await lora_page_in(interaction, interaction.message, lora_id))


async def lora_page_in(interaction: Interaction, message: discord.Message | None, lora_id: int) -> RenderedMessage:
    """A LoRA's page for a message that shows it already: its *Generate with it* stays. Raises as `lora_page_of`."""
    page = await lora_page_of(interaction, lora_id)
    page.add_above(await paint_row(interaction.client.db, interaction.user.id, painted_with(message)))
    return page


async def lora_page_of(interaction: Interaction, lora_id: int, *, corrects: bool = True) -> RenderedMessage:
    """A LoRA's page as the person sees it where they are. Raises NothingThere or DatabaseError.

    Without `corrects` it has no menu for the category, for a message that has buttons for it.
    """
    client, lora, shown = interaction.client, await require_lora(interaction, lora_id), await shown_ratings(interaction)
    checkpoints, staff = await checkpoints_here(interaction), await _staff_buttons(interaction, lora)
    if lora.content_rating not in shown:
        text = f"## {clipped(lora.name, lora_text.MAX_NAME)}\n{explained(NotShownHere(name=plain(lora.name)))}"
        return RenderedMessage(view_of(text, *button_rows(staff)))
    page = await lora_page(
        client.db, checkpoints, client.lora_pictures, interaction.user.id, lora, staff, shown,
        featured=await featured_line(interaction, FeatureKind.LORA, lora.id),
        community=await community_pictures(interaction, lora),
        hides=await hides_pictures(interaction),
    )  # fmt: skip
    known = await add_provenance(interaction, page.view, lora)
    has_room = page.view.total_children_count < MAX_COMPONENTS - 2
    if corrects and has_room and known.origin is not None and may_correct(interaction, lora):
        page.add(ui.ActionRow[Any](AddedCategoryMenu.of(lora)))
    return page


async def _staff_buttons(interaction: Interaction, lora: Lora) -> list[PersistentButton]:
    """The buttons for operators and staff; of a direct message they are about all servers."""
    who = context_of(interaction)
    authority = await interaction.client.servers.rights.authority(who)
    if authority not in {Authority.OPERATOR, Authority.STAFF}:
        return []
    operates = authority is Authority.OPERATOR
    kind = DeclareButton if operates else ProposeButton
    return [
        *([kind(lora.id)] if lora.usable else []),
        *([ContentRatingButton(lora.id)] if operates else []),
        BlockThisLoraButton(who.place, lora.id),
        *await feature_buttons(interaction, FeatureKind.LORA, lora.id),
    ]


def require_rating_shown(lora: Lora, shown: Collection[ContentRating | None]) -> None:
    """Raise NotShownHere unless the content rating of a LoRA is one of those `shown`."""
    if lora.content_rating not in shown:
        raise NotShownHere(name=lora.name)


async def checkpoint_for(db: Database, checkpoints: InstalledCheckpoints, person_id: int, lora: Lora) -> str | None:
    """The checkpoint for the LoRA: the person's usual one if the LoRA fits it, else the first that it fits."""
    fitting, usual = checkpoints.names_for(lora), await usual_checkpoint(db, checkpoints, person_id)
    return usual.name if usual and usual.name in fitting else next(iter(fitting), None)


async def lora_page(
    db: Database,
    checkpoints: InstalledCheckpoints,
    pictures: LoraPictures,
    person_id: int,
    lora: Lora,
    staff_buttons: Sequence[PersistentButton] = (),
    shown: Shown = None,
    *,
    featured: Sequence[str] = (),
    community: Sequence[CommunityPicture] = (),
    hides: bool = False,
) -> RenderedMessage:
    """The page of a LoRA: description, versions, sample pictures, statistics, pictures of the server and buttons.

    Other LoRAs are named only where their content rating is one of those `shown`; left out, all are. `featured` are
    lines on who features it. Pictures of the `community` are spoilers where the place `hides` pictures.
    """
    page, usual = RenderedMessage(), await usual_checkpoint(db, checkpoints, person_id)
    used_with = await often_used_with(db, lora.id, limit=COMPANIONS)
    often_with = tuple(other for other in used_with if shown is None or other.content_rating in shown)
    container = ui.Container[Any]()
    head = lora_text.head_text(lora, await db.all(TAGS_OF_LORA, lora.id))
    await add_pictures(page, container, pictures, lora, head, usual, room=MAX_SAMPLES - len(community))
    container.add_item(ui.TextDisplay[Any](lora_text.versions_text(checkpoints, lora, usual.name if usual else None)))
    container.add_item(ui.TextDisplay[Any]("\n".join([lora_text.facts_text(lora, often_with), *featured])))
    add_community(page.add(container), lora, community, hidden=hides)
    if often_with:
        page.add(ui.ActionRow[Any](CompanionMenu.of(lora, often_with)))
    mine = await db.one(RATING_OF, person=person_id, lora=lora.id)
    bookmarked = await find_bookmark(db, person_id, lora.id) is not None
    buttons: list[PersistentButton] = [UseButton(lora.id), AddToStudioButton(lora.id)] if lora.usable else []
    buttons += [BookmarkToggle(lora.id, bookmarked=bookmarked), ReportLoraButton(lora.id)]
    return page.add(ui.ActionRow[Any](RateMenu.of(lora, mine)), *button_rows(buttons), *button_rows(staff_buttons))
