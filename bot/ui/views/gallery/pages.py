"""The gallery of a server: the pictures that people published in its art channels, several on a page."""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.database.database import Database
from bot.database.gallery.features import FEATURED_PUBLICATIONS
from bot.database.gallery.pages import (
    END,
    FIND_ALL_SHOWN,
    Anchor,
    GalleryPage,
    GallerySort,
    PlaceFilter,
    gallery_page,
    numbered_gallery_page,
    page_before,
)
from bot.database.gallery.publications import Publication
from bot.database.gallery.terms import GalleryFilter
from bot.database.loras.catalogue import find_lora
from bot.database.loras.search import Sort
from bot.database.search import search_words
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.i18n.texts import clipped, mention
from bot.ui.access import context_of, hides_pictures, published_here, server_settings
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items, RenderedMessage, hide_pictures
from bot.ui.views.browse import MAX_OPTION, BrowseButton, BrowseList, active_filters, show_query
from bot.ui.views.gallery.cards import FEATURED, featured_items, list_items
from bot.ui.views.gallery.links import GALLERY_KEY
from bot.ui.views.list_page import Cursor, Found, ListRef
from bot.ui.views.loras.buttons import named_here
from bot.workspace.browsing import BrowseQuery

PAGE_SIZE = 10 - FEATURED  # pictures of a page; a message carries 10 files


class Gallery(BrowseList[Publication]):
    """The published pictures of the server where the person is."""

    command, key = "gallery", GALLERY_KEY
    sorts = (Sort.NEWEST, Sort.TOP_RATED)
    orders = {Sort.TOP_RATED: later("Most liked this week")}  # noqa: RUF012
    cards, featured = PAGE_SIZE, True
    search_title = later("Search the gallery")
    search_hint = later("Searches models, LoRAs and the prompts shown with pictures")

    async def query(self, interaction: Interaction, text: str) -> BrowseQuery:
        """The query with that key; filters are for the whole gallery. Raises NothingThere for one that is too old."""
        query = await super().query(interaction, text)
        return query if query == BrowseQuery(sort=query.sort, featured=True) else query.but(featured=False)

    async def fetch(self, interaction: Interaction, query: BrowseQuery, cursor: Cursor) -> Found[Publication]:
        """The page from a picture, or of a number. Raises NothingThere outside of servers."""
        server_id, db = server_of(interaction), interaction.client.db
        place = await published_here(interaction)
        if query.featured:
            return await _featured_page(db, server_id, place, cursor)
        sort = GallerySort.MOST_LIKED if query.sort is Sort.TOP_RATED else GallerySort.NEWEST
        wanted, anchor = await _wanted(db, server_id, query), Anchor(*cursor.anchor)
        if not cursor.anchor:
            found = await numbered_gallery_page(db, wanted, place, sort, limit=PAGE_SIZE, number=cursor.number)
        elif cursor.back:
            found = await page_before(db, wanted, place, sort, limit=PAGE_SIZE, before=anchor)
        else:
            found = await gallery_page(db, wanted, place, sort, limit=PAGE_SIZE, after=anchor)
        return _found(found)

    async def heading(
        self, interaction: Interaction, at: ListRef, query: BrowseQuery, found: Found[Publication]
    ) -> str:
        """The filters and the order, or why there is nothing."""
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
        if found.entries:
            return f"{head}\n-# {' · '.join([*filters, self.order_of(query)])}"
        if query.featured:
            return f"{head}\n" + _("Staff are not featuring any pictures here right now.")
        if filters:
            return f"{head}\n" + _("No matches here for these filters: {filters}.").format(filters=" · ".join(filters))
        if query.sort is Sort.TOP_RATED:
            return f"{head}\n" + _("No pictures here were liked this week. To see all pictures, choose *Newest first*.")
        return f"{head}\n" + _(
            "No pictures have been published here yet. Use *Publish* under one of your own pictures."
        )

    async def entries(
        self,
        interaction: Interaction,
        at: ListRef,
        query: BrowseQuery,
        found: Found[Publication],
        page: RenderedMessage,
    ) -> Items:
        """The pictures; before the first of all, what staff feature."""
        first = found.back is None and query == BrowseQuery(sort=query.sort)
        featured = await featured_items(interaction, page, server_of(interaction)) if first else []
        return [*featured, *await list_items(interaction, page, found.entries)]

    def buttons(self, at: ListRef, query: BrowseQuery) -> Items:
        """*All pictures*, where those of a person or with a LoRA are shown."""
        return [] if query.lora is None and query.person is None else [EveryPictureButton(at)]

    async def render(
        self, interaction: Interaction, at: ListRef, note: str = "", accessory: ui.Item[Any] | None = None
    ) -> RenderedMessage:
        """The page, with its pictures as spoilers where the place wants that."""
        page = await super().render(interaction, at, note, accessory)
        if await hides_pictures(interaction):
            hide_pictures(page.view)
        return page


class EveryPictureButton(BrowseButton, prefix="every"):
    """Shows the pictures of everybody, with any LoRA; the other filters stay."""

    label = later("All pictures")

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show the first page of them."""
        query = await self.browsed.query(interaction, self.at.query)
        await show_query(interaction, self.at, query.but(lora=None, person=None))


async def open_gallery(interaction: Interaction, query: BrowseQuery) -> None:
    """Show the gallery of the server in an ephemeral message.

    Raises NothingThere outside of servers, and where staff have named no art channel.
    """
    server_of(interaction)
    if not (await server_settings(interaction)).art_channels:
        raise NothingThere(what=_("This server has no art channel yet. Its staff can choose one in /server."))
    await (await Gallery().at(interaction, query)).open(interaction)


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


def _found(page: GalleryPage) -> Found[Publication]:
    """The page, and those around it, from its first and its last picture."""
    shown = page.publications
    return Found(
        shown,
        _from(page.previous, back=True) if shown and page.before else None,
        _from(page.next, back=False) if shown and page.after else None,
    )


def _from(anchor: Anchor, *, back: bool) -> Cursor:
    return Cursor(anchor=(anchor.id, anchor.likes), back=back)


async def _featured_page(db: Database, server_id: int, place: PlaceFilter, cursor: Cursor) -> Found[Publication]:
    """A page of all that staff feature, counted: staff feature few."""
    features = await db.all(FEATURED_PUBLICATIONS, server=server_id, since=0, limit=END, offset=0, **place.parameters)
    ids = [each.target_id for each in features[cursor.number * PAGE_SIZE :][:PAGE_SIZE]]
    shown = {one.id: one for one in await db.all(FIND_ALL_SHOWN, ids=ids, **place.parameters)}
    return Found.counted([shown[each] for each in ids if each in shown], cursor, len(features), PAGE_SIZE)


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
