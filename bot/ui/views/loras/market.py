"""The market: all LoRAs of the library, sorted by popularity, filtered by menus and search words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ui

from bot.database.bookmarks.bookmarks import BOOKMARKED_AMONG, add_bookmarks
from bot.database.database import Database
from bot.database.gallery.features import FEATURED_LORAS, Feature
from bot.database.loras.catalogue import LoraPage, browse_loras, find_loras_by_id
from bot.database.loras.search import Sort
from bot.i18n import _, later, ngettext, number
from bot.i18n.texts import clipped
from bot.ui.access import checkpoints_here, published_here, shown_ratings
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items
from bot.ui.views.browse import active_filters
from bot.ui.views.gallery.feature_buttons import featured_text
from bot.ui.views.list_page import Cursor, Found, ListRef
from bot.ui.views.loras.lists import EntriesMenu, ListedLora, LoraList, hidden_line
from bot.ui.views.loras.page import BookmarkToggle, LoraPageButton, show_lora_page
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.browsing import BrowseQuery, first_in_market

MOST_FEATURED, NAMED = 100, 3  # LoRAs that staff feature in a server, and those that the first page names
MAX_NAME = 80  # characters of a name in a note


class MarketButton(PersistentButton, prefix="market"):
    """Opens the market for the person who presses."""

    command = "lora"
    label = later("Market")

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of the person's default query."""
        await open_market(interaction)


class OpenEntryMenu(EntriesMenu, prefix="mkl"):
    """Opens the page of an entry of the compact list."""

    command = "lora"

    async def handle(self, interaction: Interaction) -> None:
        """Show the page in an ephemeral message."""
        await show_lora_page(interaction, self.ids[0])


class BookmarkSeveralMenu(EntriesMenu, prefix="mkm"):
    """Saves several entries of the compact list at once."""

    command = "bookmarks"
    placeholder, several = later("Bookmark several LoRAs"), True

    async def handle(self, interaction: Interaction) -> None:
        """Save them, and show the page again with a note of how many are new."""
        added = await add_bookmarks(interaction.client.db, interaction.user.id, self.ids)
        text = ngettext(
            "Added {count} LoRA to your /bookmarks. /imagine suggests bookmarked LoRAs first.",
            "Added {count} LoRAs to your /bookmarks. /imagine suggests bookmarked LoRAs first.",
            added,
        )
        note = text.format(count=number(added)) if added else _("All chosen LoRAs are already in your /bookmarks.")
        await self.at.show(interaction, note)


class Market(LoraList):
    """The library. In a server, trending and top rated count what was published and liked there."""

    command, key = "lora", "mk"
    sorts = (Sort.TRENDING, Sort.TOP_RATED, Sort.MOST_USED, Sort.NEWEST, Sort.OLDEST, Sort.NAME)
    cards = 4  # of 7 components each; beside them 11 for title, menus and buttons
    tags, featured = True, True
    menus = (OpenEntryMenu, BookmarkSeveralMenu)
    search_title = later("Search the market")
    search_hint = later("Easel searches names, trigger words and descriptions, and tolerates typos")

    async def query(self, interaction: Interaction, text: str) -> BrowseQuery:
        """The query with that key; a search is in the whole market. Raises NothingThere for one that is too old."""
        query = await super().query(interaction, text)
        return query.but(featured=False) if query.search else query

    async def fetch(self, interaction: Interaction, query: BrowseQuery, cursor: Cursor) -> Found[ListedLora]:
        """The entries, those that are bookmarked marked."""
        db, size, features = interaction.client.db, self.size(query), await _features(interaction)
        bases = (await checkpoints_here(interaction)).lora_bases_for(query.base_model) if query.base_model else None
        if query.featured:
            loras = [
                lora
                for lora in await find_loras_by_id(db, [each.target_id for each in features])
                if query.category in (None, lora.category)
                and (bases is None or any(version.base_model in bases for version in lora.usable))
            ]
            found = LoraPage(loras[cursor.number * size :][:size], len(loras), more=False)
        else:
            found = await browse_loras(
                db,
                limit=size,
                offset=cursor.number * size,
                search=query.search,
                category=query.category,
                tag=query.tag or None,
                base_models=bases,
                shown=await shown_ratings(interaction),
                sort=query.sort,
                server_id=interaction.guild_id,
            )
        ids = [lora.id for lora in found.loras]
        remarks = dict.fromkeys(await db.all(BOOKMARKED_AMONG, person=interaction.user.id, ids=ids), _("bookmarked"))
        details = {each.target_id: [f"-# {featured_text(each)}"] for each in features}
        entries = [ListedLora(lora, remarks.get(lora.id, ""), details.get(lora.id, ())) for lora in found.loras]
        return Found.counted(entries, cursor, found.total, size, hidden_line(found.hidden))

    async def heading(self, interaction: Interaction, at: ListRef, query: BrowseQuery, found: Found[ListedLora]) -> str:
        """The number of matches, filters and order. The first page also has hints, and what staff feature."""
        db, lines = interaction.client.db, [f"## {_('Market')}"]
        if found.total:
            count = ngettext("{count} LoRA", "{count} LoRAs", found.total).format(count=number(found.total))
            lines += self.facts(query, found, count)
        lines += found.remarks or ([] if found.total else [_no_results_text(query)])
        if at.cursor.number:
            return "\n".join(lines)
        best_first = found.total and query.sort is Sort.TOP_RATED
        if best_first and query == await first_in_market(db, await checkpoints_here(interaction), interaction.user.id):
            lines.append(
                _("New here? *Details* shows what a LoRA does and lets you try it. *Bookmark* saves it for later.")
            )
        if not query.featured and not active_filters(query.but(base_model=None)):
            lines += await _featured_lines(db, await _features(interaction))
        return "\n".join(lines)

    def card(self, at: ListRef, entry: ListedLora, shown: ui.Item[Any]) -> Items:
        """An entry in a frame, with its buttons."""
        bookmark = BookmarkToggle(entry.lora.id, bool(entry.remark), at)
        return [ui.Container[Any](shown, ui.ActionRow[Any](LoraPageButton(entry.lora.id), bookmark))]


async def open_market(interaction: Interaction, query: BrowseQuery | None = None) -> None:
    """Show the market in an ephemeral message. None is the person's default query."""
    db, checkpoints = interaction.client.db, await checkpoints_here(interaction)
    wanted = query or await first_in_market(db, checkpoints, interaction.user.id)
    await (await Market().at(interaction, wanted)).open(interaction)


async def _features(interaction: Interaction) -> list[Feature]:
    """What the staff of a server feature, as far as the place shows it; nothing outside of servers."""
    if interaction.guild_id is None:
        return []
    place = (await published_here(interaction)).parameters
    return await interaction.client.db.all(
        FEATURED_LORAS, server=interaction.guild_id, since=0, limit=MOST_FEATURED, **place
    )


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


def _no_results_text(query: BrowseQuery) -> str:
    """The text for an empty result, with a suggestion."""
    filters = " · ".join(active_filters(query))
    if query.featured:
        return _("Staff are not featuring any LoRAs here right now.")
    if not filters:
        return _("There are no LoRAs here yet. The bot's operator can add LoRA files to the library.")
    text = _("No matches here for these filters: {filters}.").format(filters=filters)
    if query.search:
        return f"{text} " + _("Try other words, or choose *For any base model* under *Filter*.")
    return f"{text} " + _("Choose other filters below.")
