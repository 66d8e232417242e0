"""The gallery of a server: the pictures that people published in its art channels, several on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

from discord import ui

from bot.database.database import Database
from bot.database.gallery.features import FEATURED_PUBLICATIONS
from bot.database.gallery.pages import (
    FIND_ALL_SHOWN,
    Anchor,
    GalleryPage,
    GallerySort,
    PlaceFilter,
    gallery_page,
    numbered_gallery_page,
    page_before,
)
from bot.database.gallery.terms import GalleryFilter
from bot.database.loras.catalogue import find_lora
from bot.database.loras.search import Sort
from bot.database.search import search_words
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.i18n.texts import clipped, mention
from bot.requests.builder import usual_checkpoint
from bot.ui.access import checkpoints_here, context_of, hides_pictures, published_here, server_settings
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.page_kind import PageKind
from bot.ui.rendered_message import RenderedMessage, hide_pictures
from bot.ui.views.browse import (
    MAX_OPTION,
    PAGE_REF,
    ClearSearchButton,
    GoToPageButton,
    PageLocation,
    SearchButton,
    TurnPageButton,
    active_filters,
)
from bot.ui.views.browse_menus import BaseMenu, CategoryMenu, SortMenu
from bot.ui.views.gallery.cards import FEATURED, add_featured, add_list
from bot.ui.views.loras.buttons import named_here
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.browsing import BrowseQuery, PageRef, page_ref_of, query_at

PAGE_SIZE = 10 - FEATURED  # pictures of a page; a message carries 10 files


class Gallery(PageKind):
    """The published pictures of the server where the person is."""

    command, key = "gallery", "ga-"
    sorts = (Sort.NEWEST, Sort.TOP_RATED)
    orders = {Sort.TOP_RATED: later("Most liked this week")}  # noqa: RUF012
    tags, featured = False, True
    search_title = later("Search the gallery")
    search_hint = later("Searches models, LoRAs and the prompts shown with pictures")

    async def page(self, interaction: Interaction, page_ref: PageRef) -> RenderedMessage:
        """The page with a number; the last one for one beyond it."""
        return await _page(interaction, page_ref)


GALLERY = Gallery()


@dataclass(frozen=True)
class Turn:
    """Towards which end of the list a page is turned, and from which picture."""

    anchor: Anchor
    back: bool


class TurnGalleryPageButton(
    PersistentButton, template=rf"ga-(?P<way>[ro]):(?P<id>\d{{1,18}})\.(?P<likes>\d{{1,9}}):{PAGE_REF}"
):
    """Shows the pictures behind or before one, however many there are: `o`n, or `r`eturning."""

    command = "gallery"

    def __init__(self, page_ref: PageRef, turn: Turn, *, disabled: bool = False) -> None:
        self.page_ref, self.turn = page_ref, turn
        way, anchor = "r" if turn.back else "o", turn.anchor
        custom_id = f"ga-{way}:{anchor.id}.{anchor.likes}:{page_ref}"
        super().__init__(ui.Button(label=_("Back") if turn.back else _("More"), custom_id=custom_id, disabled=disabled))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        anchor = Anchor(int(match["id"]), int(match["likes"]))
        return cls(PageRef(int(match["page"]), match["key"]), Turn(anchor, back=match["way"] == "r"))

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show that page."""
        page = await _page(interaction, self.page_ref, self.turn)
        await acknowledge.replace(interaction, page.view, page.files)


class EveryPictureButton(PersistentButton, template=rf"ga-a:{PAGE_REF}"):
    """Shows the pictures of everybody, with any LoRA; the other filters stay."""

    command = "gallery"

    def __init__(self, page_ref: PageRef) -> None:
        self.page_ref = page_ref
        super().__init__(ui.Button(label=_("All pictures"), custom_id=f"ga-a:{page_ref}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(PageRef(int(match["page"]), match["key"]))

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show the first page of them."""
        location = PageLocation(GALLERY.key, self.page_ref)
        query = await location.query(interaction)
        await location.show_query(interaction, query.but(lora=None, person=None))


async def open_gallery(interaction: Interaction, query: BrowseQuery) -> None:
    """Show the gallery of the server in an ephemeral message.

    Raises NothingThere outside of servers, and where staff have named no art channel.
    """
    server_of(interaction)
    if not (await server_settings(interaction)).art_channels:
        raise NothingThere(what=_("This server has no art channel yet. Its staff can choose one in /server."))
    db, person_id = interaction.client.db, interaction.user.id
    page = await _page(interaction, await page_ref_of(db, person_id, query))
    await send_ephemeral(interaction, page.view, page.files)


def server_of(interaction: Interaction) -> int:
    """The server whose gallery is meant. Raises NothingThere outside of servers, and where the bot is not in it."""
    if interaction.guild_id is None or not context_of(interaction).bot_in_server:
        raise NothingThere(
            what=_(
                "The gallery is available only in servers that have added Easel. Please "
                "open it in one of those servers."
            )
        )
    return interaction.guild_id


async def _page(interaction: Interaction, page_ref: PageRef, turn: Turn | None = None) -> RenderedMessage:
    server_id, client = server_of(interaction), interaction.client
    query = await query_at(client.db, interaction.user.id, page_ref)
    if query.but(sort=Sort.NEWEST, compact=False) != BrowseQuery(sort=Sort.NEWEST, featured=True):
        query = query.but(featured=False)  # filters are for the whole gallery
    place = await published_here(interaction)
    found = await _found(client.db, server_id, place, query, page_ref, turn)
    page = RenderedMessage()
    page.view.add_item(ui.TextDisplay[Any](await _title(interaction, query, found)))
    plain_list = query.but(sort=Sort.NEWEST) == BrowseQuery(sort=Sort.NEWEST, compact=query.compact)
    if plain_list and not found.before:
        await add_featured(interaction, page, server_id, place)
    await add_list(interaction, page, found.publications)
    await _add_controls(interaction, page, query, page_ref, found)
    if await hides_pictures(interaction):
        hide_pictures(page.view)
    return page


async def _found(
    db: Database,
    server_id: int,
    place: PlaceFilter,
    query: BrowseQuery,
    page_ref: PageRef,
    turn: Turn | None,
) -> GalleryPage:
    if query.featured:
        return await _featured_page(db, server_id, place, page_ref.page)
    sort = GallerySort.MOST_LIKED if query.sort is Sort.TOP_RATED else GallerySort.NEWEST
    wanted = await _wanted(db, server_id, query)
    if turn is None:
        return await numbered_gallery_page(db, wanted, place, sort, limit=PAGE_SIZE, number=page_ref.page)
    if turn.back:
        return await page_before(db, wanted, place, sort, limit=PAGE_SIZE, before=turn.anchor)
    return await gallery_page(db, wanted, place, sort, limit=PAGE_SIZE, after=turn.anchor)


async def _featured_page(db: Database, server_id: int, place: PlaceFilter, number: int) -> GalleryPage:
    """A page of all that staff feature, by number: staff feature few."""
    first = number * PAGE_SIZE
    features = await db.all(
        FEATURED_PUBLICATIONS, server=server_id, since=0, limit=PAGE_SIZE + 1, offset=first, **place.parameters
    )
    ids = [each.target_id for each in features[:PAGE_SIZE]]
    shown = {one.id: one for one in await db.all(FIND_ALL_SHOWN, ids=ids, **place.parameters)}
    in_order = tuple(shown[each.target_id] for each in features if each.target_id in shown)
    return GalleryPage(in_order, before=number > 0, after=len(features) > PAGE_SIZE)


async def _wanted(db: Database, server_id: int, query: BrowseQuery) -> GalleryFilter:
    files = None
    if query.lora is not None:
        lora = await find_lora(db, query.lora)
        files = [version.sha256 for version in lora.versions if version.sha256] if lora else []
    return GalleryFilter(
        server_id,
        loras=files,
        person_id=query.person,
        base_model=query.base_model,
        category=query.category,
        words=search_words(query.search),
    )


# --- what a page shows ----------------------------------------------------------------------------------------------


async def _title(interaction: Interaction, query: BrowseQuery, found: GalleryPage) -> str:
    head = f"## {_('Gallery')}"
    filters = active_filters(query)
    if query.person is not None:
        filters.append(_("by {person}").format(person=mention(query.person)))
    if query.lora is not None:
        lora = await find_lora(interaction.client.db, query.lora)
        filters.append(
            _("with {lora}").format(
                lora=clipped((await named_here(interaction, lora)).name, MAX_OPTION) if lora else "?"
            )
        )
    if found.publications:
        return f"{head}\n-# {' · '.join([*filters, GALLERY.order_of(query)])}"
    if query.featured:
        return f"{head}\n" + _("Staff are not featuring any pictures here right now.")
    if filters:
        return f"{head}\n" + _("No matches here for these filters: {filters}.").format(filters=" · ".join(filters))
    if query.sort is Sort.TOP_RATED:
        return f"{head}\n" + _("No pictures here were liked this week. To see all pictures, choose *Newest first*.")
    return f"{head}\n" + _("No pictures have been published here yet. Use *Publish* under one of your own pictures.")


async def _add_controls(
    interaction: Interaction, page: RenderedMessage, query: BrowseQuery, page_ref: PageRef, found: GalleryPage
) -> None:
    """Search and pages, and the menus of order, category and base model."""
    location, db = PageLocation(GALLERY.key, page_ref), interaction.client.db
    checkpoints = await checkpoints_here(interaction)
    usual = await usual_checkpoint(db, checkpoints, interaction.user.id)
    row: list[PersistentButton] = [SearchButton(location)]
    if query.search:
        row.append(ClearSearchButton(location))
    if query.lora is not None or query.person is not None:
        row.append(EveryPictureButton(page_ref))
    page.view.add_item(ui.ActionRow[Any](*row))
    if found.publications and (found.before or found.after):
        page.view.add_item(ui.ActionRow[Any](*_turns(location, query, found)))
    page.view.add_item(ui.ActionRow[Any](SortMenu.of(location, query, GALLERY)))
    page.view.add_item(ui.ActionRow[Any](await CategoryMenu.of(location, query, db, tags=False)))
    page.view.add_item(ui.ActionRow[Any](BaseMenu.of(location, query, checkpoints.base_models, usual)))


def _turns(location: PageLocation, query: BrowseQuery, found: GalleryPage) -> list[PersistentButton]:
    """Back, the form for a page, and on: what staff feature by number, else from the first and last picture shown."""
    jump = GoToPageButton(location)
    jump.item.label = _("Go to a page")
    if query.featured:
        back, on = (PageLocation(location.kind, location.page_ref.moved(step)) for step in (-1, 1))
        return [
            TurnPageButton(back, way="p", disabled=not found.before),
            jump,
            TurnPageButton(on, way="n", disabled=not found.after),
        ]
    return [
        TurnGalleryPageButton(location.page_ref, Turn(found.previous, back=True), disabled=not found.before),
        jump,
        TurnGalleryPageButton(location.page_ref, Turn(found.next, back=False), disabled=not found.after),
    ]
