"""The market: all LoRAs of the library, sorted by popularity, filtered by menus and search words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

from discord import ui

from bot.database.bookmarks.bookmarks import BOOKMARKED_AMONG, add_bookmarks
from bot.database.database import Database
from bot.database.gallery.features import FEATURED_LORAS, Feature
from bot.database.gallery.pages import PlaceFilter
from bot.database.loras.catalogue import Lora, LoraPage, browse_loras, find_loras_by_id
from bot.database.loras.search import Shown, Sort
from bot.i18n import _, later, ngettext, number
from bot.i18n.texts import clipped
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.pictures.lora_pictures import LoraPictures
from bot.requests.builder import usual_checkpoint
from bot.ui.access import checkpoints_here, published_here, shown_ratings
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.page_kind import PageKind
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.browse import PAGE_REF, PageLocation, active_filters, hidden_line, page_buttons, page_of_text
from bot.ui.views.browse_menus import add_menus
from bot.ui.views.compact_lists import EntriesMenu, compact_hint, lines_text, page_size_of
from bot.ui.views.gallery.feature_buttons import featured_text
from bot.ui.views.loras import text as lora_text
from bot.ui.views.loras.buttons import LORA
from bot.ui.views.loras.page import LoraPageButton, bookmark_label, show_lora_page, toggle_bookmark
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.browsing import BrowseQuery, PageRef, first_in_market, page_ref_of, query_at

MOST_FEATURED, NAMED = 100, 3  # LoRAs that staff feature in a server, and those that the first page names
PAGE_SIZE = 4  # entries of 7 components each; beside them 12 for title, menus and buttons make Discord's 40
MAX_NAME = 80  # characters of a name in a note


class Market(PageKind):
    """The library, as a list with pages."""

    command, key = "lora", "mk"
    sorts = (Sort.TRENDING, Sort.TOP_RATED, Sort.MOST_USED, Sort.NEWEST, Sort.OLDEST, Sort.NAME)
    page_size = PAGE_SIZE
    tags, featured = True, True
    search_title = later("Search the market")
    search_hint = later("Easel searches names, trigger words and descriptions, and tolerates typos")

    async def page(self, interaction: Interaction, page_ref: PageRef) -> RenderedMessage:
        """One page of at most PAGE_SIZE entries."""
        return await _page(interaction, page_ref)


MARKET = Market()


class MarketButton(PersistentButton, template=r"market"):
    """Opens the market for the person who presses."""

    command = "lora"

    def __init__(self) -> None:
        super().__init__(ui.Button(label=_("Market"), custom_id="market"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls()

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of the person's default query."""
        await open_market(interaction)


class MarketBookmarkButton(PersistentButton, template=rf"mkk:{LORA}:(?P<bookmarked>[01]):{PAGE_REF}"):
    """Adds or removes the bookmark of an entry, on a page of the market."""

    command = "bookmarks"

    def __init__(self, lora_id: int, page_ref: PageRef, *, bookmarked: bool) -> None:
        self.lora_id, self.page_ref, self.bookmarked = lora_id, page_ref, bookmarked
        button: ui.Button[Any] = ui.Button(
            label=bookmark_label(bookmarked=bookmarked), custom_id=f"mkk:{lora_id}:{int(bookmarked)}:{page_ref}"
        )
        super().__init__(button)

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]), PageRef(int(match["page"]), match["key"]), bookmarked=match["bookmarked"] == "1")

    async def handle(self, interaction: Interaction) -> None:
        """Change the bookmark and show the page again, with a note that says where bookmarks are found."""
        lora = await toggle_bookmark(interaction, self.lora_id, bookmarked=self.bookmarked)
        note = "" if self.bookmarked else bookmarked_text(lora)
        await _show(interaction, self.page_ref, note)


class OpenEntryMenu(EntriesMenu, template=rf"mkl:{PAGE_REF}"):
    """Opens the page of an entry of the compact list."""

    command = "lora"
    name = "mkl"

    async def chosen(self, interaction: Interaction, lora_ids: Sequence[int]) -> None:
        """Show the page in an ephemeral message."""
        await show_lora_page(interaction, lora_ids[0])


class BookmarkSeveralMenu(EntriesMenu, template=rf"mkm:{PAGE_REF}"):
    """Saves several entries of the compact list at once."""

    command = "bookmarks"
    name = "mkm"

    async def chosen(self, interaction: Interaction, lora_ids: Sequence[int]) -> None:
        """Save them, and show the page again with a note of how many are new."""
        added = await add_bookmarks(interaction.client.db, interaction.user.id, lora_ids)
        text = ngettext(
            "Added {count} LoRA to your /bookmarks. /imagine suggests bookmarked LoRAs first.",
            "Added {count} LoRAs to your /bookmarks. /imagine suggests bookmarked LoRAs first.",
            added,
        )
        note = text.format(count=number(added)) if added else _("All chosen LoRAs are already in your /bookmarks.")
        await _show(interaction, self.page_ref, note)


def bookmarked_text(lora: Lora) -> str:
    """What a person reads of a LoRA that they have just bookmarked."""
    text = _("{lora} is now in your /bookmarks, and /imagine suggests it first.")
    return text.format(lora=clipped(lora.name, MAX_NAME))


async def open_market(interaction: Interaction, query: BrowseQuery | None = None) -> None:
    """Show the market in an ephemeral message. None is the person's default query."""
    db, person_id = interaction.client.db, interaction.user.id
    wanted = query or await first_in_market(db, await checkpoints_here(interaction), person_id)
    page = await _page(interaction, await page_ref_of(db, person_id, wanted))
    await send_ephemeral(interaction, page.view, page.files)


async def _show(interaction: Interaction, page_ref: PageRef, note: str) -> None:
    """Edit the message to show the page, with a note of what was just done."""
    page = await _page(interaction, page_ref, note)
    await acknowledge.replace(interaction, page.view, page.files)


async def _page(interaction: Interaction, page_ref: PageRef, note: str = "") -> RenderedMessage:
    client, shown = interaction.client, await shown_ratings(interaction)
    checkpoints, person_id = await checkpoints_here(interaction), interaction.user.id
    features = await _features(client.db, interaction.guild_id, await published_here(interaction))
    return await market_page(
        client.db, checkpoints, client.lora_pictures, person_id, page_ref, note, shown=shown,
        server_id=interaction.guild_id, features=features,
    )  # fmt: skip


async def _features(db: Database, server_id: int | None, place: PlaceFilter) -> list[Feature]:
    """What the staff of a server feature, as far as the place shows it; nothing outside of servers."""
    if server_id is None:
        return []
    return await db.all(FEATURED_LORAS, server=server_id, since=0, limit=MOST_FEATURED, **place.parameters)


async def market_page(
    db: Database,
    checkpoints: InstalledCheckpoints,
    pictures: LoraPictures,
    person_id: int,
    page_ref: PageRef,
    note: str = "",
    *,
    shown: Shown = None,
    server_id: int | None = None,
    features: Sequence[Feature] = (),
) -> RenderedMessage:
    """One page of the market; `note` says what was just done, `shown` are the content ratings that are shown.

    In a server, trending and top rated count what was published and liked there; `features` are what its staff feature.
    Raises NothingThere when the stored query is gone.
    """
    query = await query_at(db, person_id, page_ref)
    if query.search:  # in the whole market
        query = query.but(featured=False)
    page_size = page_size_of(MARKET, query)
    offset = page_ref.page * page_size
    if query.featured:
        found = await _featured(db, checkpoints, query, features, limit=page_size, offset=offset)
    else:
        found = await browse_loras(
            db,
            limit=page_size,
            offset=offset,
            search=query.search,
            category=query.category,
            tag=query.tag or None,
            base_models=checkpoints.lora_bases_for(query.base_model) if query.base_model else None,
            shown=shown,
            sort=query.sort,
            server_id=server_id,
        )
    if not found.loras and page_ref.page:  # the library has become smaller, or somebody jumped beyond the end
        last = PageRef((max(found.total, 1) - 1) // page_size, page_ref.key)
        return await market_page(
            db, checkpoints, pictures, person_id, last, shown=shown, server_id=server_id, features=features
        )
    page = RenderedMessage()
    newcomer = query.sort is Sort.TOP_RATED and query == await first_in_market(db, checkpoints, person_id)
    title = _title(query, page_ref, found, newcomer=newcomer)
    if not page_ref.page and not query.featured and not active_filters(query.but(base_model=None)):
        title = "\n".join([title, *await _featured_lines(db, features)])
    by_lora = {each.target_id: each for each in features}
    page.view.add_item(ui.TextDisplay[Any](f"{title}\n{note}".rstrip()))
    usual = await usual_checkpoint(db, checkpoints, person_id)
    base_model = query.base_model or (usual.base_model if usual else None)
    bookmarked = await db.all(BOOKMARKED_AMONG, person=person_id, ids=[lora.id for lora in found.loras])
    if query.compact and found.loras:
        remarks = dict.fromkeys(bookmarked, _("bookmarked"))
        page.view.add_item(ui.TextDisplay[Any](lines_text(found.loras, page_ref.page * page_size + 1, remarks)))
        page.view.add_item(ui.ActionRow[Any](OpenEntryMenu(page_ref, found.loras, _("Open a LoRA"))))
        several = BookmarkSeveralMenu(page_ref, found.loras, _("Bookmark several LoRAs"), several=True)
        page.view.add_item(ui.ActionRow[Any](several))
    for lora in () if query.compact else found.loras:
        preview = page.attach_if(await pictures.preview(lora, base_model))
        text = lora_text.entry_text(checkpoints, lora, usual.name if usual else None)
        if lora.id in by_lora:
            text += f"\n-# {featured_text(by_lora[lora.id])}"
        page.view.add_item(_entry(text, preview, lora, page_ref, bookmarked=lora.id in bookmarked))
    location = PageLocation(MARKET.key, page_ref)
    pages = -(-found.total // page_size) if query.compact else None
    page.view.add_item(ui.ActionRow[Any](*page_buttons(location, query, more=found.more, pages=pages)))
    await add_menus(page, db, checkpoints, usual, MARKET, location, query)
    return page


async def _featured(
    db: Database,
    checkpoints: InstalledCheckpoints,
    query: BrowseQuery,
    features: Sequence[Feature],
    *,
    limit: int,
    offset: int,
) -> LoraPage:
    """A page of what staff feature, narrowed down by the menus."""
    bases = checkpoints.lora_bases_for(query.base_model) if query.base_model else None
    loras = [
        lora
        for lora in await find_loras_by_id(db, [each.target_id for each in features])
        if query.category in (None, lora.category)
        and (bases is None or any(version.base_model in bases for version in lora.usable))
    ]
    return LoraPage(loras[offset : offset + limit], len(loras), more=offset + limit < len(loras))


async def _featured_lines(db: Database, features: Sequence[Feature]) -> list[str]:
    """The section of what staff have featured last, with who and when."""
    if not features:
        return []
    named = {lora.id: lora for lora in await find_loras_by_id(db, [each.target_id for each in features[:NAMED]])}
    lines = [
        f"- **{clipped(named[each.target_id].name, MAX_NAME)}** · {featured_text(each)}"
        for each in features[:NAMED]
        if each.target_id in named
    ]
    hint = _("To see all featured LoRAs, choose *Featured by staff* in the first menu below.")
    return [f"**{_('Featured')}**", *lines, f"-# {hint}"]


def _title(query: BrowseQuery, page_ref: PageRef, found: LoraPage, *, newcomer: bool) -> str:
    """The heading: number of matches, filters and order; for a newcomer also a hint."""
    lines = [f"## {_('Market')}"]
    if not found.total:
        return "\n".join([*lines, *(hidden_line(found.hidden) or [_no_results_text(query)])])
    count = ngettext("{count} LoRA", "{count} LoRAs", found.total).format(count=number(found.total))
    parts = [count, *active_filters(query), MARKET.order_of(query)]
    parts += filter(None, [page_of_text(page_ref, found.total, page_size_of(MARKET, query))])
    lines += [f"-# {' · '.join(parts)}", *compact_hint(query, found.total, PAGE_SIZE), *hidden_line(found.hidden)]
    if newcomer and not page_ref.page:
        lines.append(
            _("New here? *Details* shows what a LoRA does and lets you try it. *Bookmark* saves it for later.")
        )
    return "\n".join(lines)


def _no_results_text(query: BrowseQuery) -> str:
    """The text for an empty result, with a suggestion."""
    filters = " · ".join(active_filters(query))
    if query.featured:
        return _("Staff are not featuring any LoRAs here right now.")
    if not filters:
        return _("There are no LoRAs here yet. The bot's operator can add LoRA files to the library.")
    text = _("No matches here for these filters: {filters}.").format(filters=filters)
    if query.search:
        return f"{text} " + _("Try other words, or choose *For any base model* below.")
    return f"{text} " + _("Choose other filters below.")


def _entry(text: str, preview: str | None, lora: Lora, page_ref: PageRef, *, bookmarked: bool) -> ui.Container[Any]:
    """An entry of the list: its preview, text and buttons."""
    container = ui.Container[Any]()
    if preview is None:
        container.add_item(ui.TextDisplay[Any](text))
    else:
        container.add_item(ui.Section[Any](text, accessory=ui.Thumbnail[Any](preview, description=_("Preview"))))
    container.add_item(
        ui.ActionRow[Any](LoraPageButton(lora.id), MarketBookmarkButton(lora.id, page_ref, bookmarked=bookmarked))
    )
    return container
