"""The pages of a person's bookmarks. Where a page stands is written on its buttons, so pages survive restarts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from discord import ui

from bot import acknowledge
from bot.assembly import Easel
from bot.database.bookmarks import Bookmark, list_bookmarks, remove_bookmark
from bot.database.loras import Sort
from bot.texts import base_models, plain, several
from bot.views.lora import LoraPageButton, UseButton
from bot.views.market import MarketButton
from bot.views.page import Page
from bot.views.press import PressButton
from inference.base_models import BaseModelId
from inference.lora.sidecar import Category

if TYPE_CHECKING:
    from bot.views.press import Interaction

PAGE_SIZE = 4  # bookmarks of up to 7 components each, in a message of at most 40
MAX_SEARCH = 30  # characters; the search is written on every button of the page, whose id holds 100

MAX_TRIGGERS = 150  # characters of trigger words; four bookmarks share the 4000 of a message

_SORTS = {sort.value[:2]: sort for sort in Sort}  # newest and name begin alike
_CATEGORIES = {category.value[0]: category for category in Category}
_PATTERN = r"(?P<page>\d{1,6}):(?P<sort>[a-z]{2})(?P<category>[a-z-]):(?P<base>[a-z0-9/.\-]{0,64}):(?P<search>.{0,30})"


@dataclass(frozen=True)
class Query:
    """Which bookmarks to show: page from 0, order, filters, search."""

    page: int = 0
    sort: Sort = Sort.NEWEST
    category: Category | None = None
    base: BaseModelId | None = None
    search: str = ""

    def __str__(self) -> str:
        category = self.category.value[0] if self.category else "-"
        return f"{self.page}:{self.sort.value[:2]}{category}:{self.base or ''}:{self.search[:MAX_SEARCH]}"

    @classmethod
    def of(cls, match: re.Match[str]) -> Query:
        """Read it back from a button's id."""
        base = BaseModelId(match["base"]) if match["base"] else None
        sort, category = _SORTS.get(match["sort"], Sort.NEWEST), _CATEGORIES.get(match["category"])
        return cls(int(match["page"]), sort, category, base, match["search"])


class PageButton(PressButton, template=rf"bm(?P<way>[pn]):{_PATTERN}"):
    """Turns to another page."""

    def __init__(self, query: Query, *, way: str, disabled: bool = False) -> None:
        self.query, self.way = query, way
        label = "Newer page" if way == "p" else "More"
        super().__init__(ui.Button(label=label, custom_id=f"bm{way}:{query}"[:100], disabled=disabled))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(Query.of(match), way=match["way"])

    async def press(self, interaction: Interaction) -> None:
        """Show that page in place of this one."""
        await _show(interaction, self.query)


class RemoveButton(PressButton, template=rf"bmx:(?P<lora>\d{{1,19}}):{_PATTERN}"):
    """Takes a bookmark away."""

    def __init__(self, lora_id: int, query: Query) -> None:
        self.lora_id, self.query = lora_id, query
        super().__init__(ui.Button(label="Remove", custom_id=f"bmx:{lora_id}:{query}"[:100]))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]), Query.of(match))

    async def press(self, interaction: Interaction) -> None:
        """Remove it and show the page without it."""
        await remove_bookmark(interaction.client.easel.connection, interaction.user.id, self.lora_id)
        await _show(interaction, self.query)


async def _show(interaction: Interaction, query: Query) -> None:
    page = await bookmarks_page(interaction.client.easel, interaction.user.id, query)
    await acknowledge.replace(interaction, page.view, page.files)


async def bookmarks_page(easel: Easel, person_id: int, query: Query) -> Page:
    """One page of the collection, with previews where there are any."""
    found = await list_bookmarks(
        easel.connection,
        person_id,
        limit=PAGE_SIZE,
        offset=query.page * PAGE_SIZE,
        search=query.search,
        category=query.category,
        base_models=None if query.base is None else [query.base],
        sort=query.sort,
    )
    if not found.bookmarks and query.page:  # the last one of the last page was removed
        return await bookmarks_page(easel, person_id, replace(query, page=query.page - 1))
    page = Page()
    page.view.add_item(ui.TextDisplay[Any](_title(query, found.total)))
    for bookmark in found.bookmarks:
        await _add(page, easel, bookmark, query)
    if not found.total:
        page.view.add_item(ui.ActionRow[Any](MarketButton()))
    last = (query.page + 1) * PAGE_SIZE >= found.total
    if query.page or not last:
        earlier = PageButton(replace(query, page=max(0, query.page - 1)), way="p", disabled=query.page == 0)
        later = PageButton(replace(query, page=query.page + 1), way="n", disabled=last)
        page.view.add_item(ui.ActionRow[Any](earlier, later))
    return page


def _title(query: Query, total: int) -> str:
    filters = [
        f"“{plain(query.search)}”" if query.search else "",
        query.category or "",
        query.base.label if query.base else "",
    ]
    chosen = " · ".join(text for text in filters if text)
    if total:
        pages = -(-total // PAGE_SIZE)
        place = f" · page {query.page + 1} of {pages}" if pages > 1 else ""
        return f"## Your bookmarks\n-# {total} in all{place}{' · ' + chosen if chosen else ''}"
    if chosen:
        return f"## Your bookmarks\nNothing of yours matches {chosen}."
    return "## Your bookmarks\nNone yet. Look at a LoRA with /lora info, or press *Bookmark LoRAs* under a picture."


async def _add(page: Page, easel: Easel, bookmark: Bookmark, query: Query) -> None:
    lora = bookmark.lora
    note = f"\n> {plain(bookmark.note, 200)}" if bookmark.note else ""
    words = next((version.trigger_words for version in lora.usable if version.trigger_words), ())
    triggers = f"\n-# {several(words, MAX_TRIGGERS)}" if words else ""
    gone = "" if lora.usable else "\n-# its file is not in the library any more"
    text = f"**{plain(lora.name)}** · {lora.category} · {base_models(lora)}{triggers}{note}{gone}"
    preview = await page.attach_preview(easel, lora)
    container = ui.Container[Any]()
    if preview is None:
        container.add_item(ui.TextDisplay[Any](text))
    else:
        container.add_item(ui.Section[Any](text, accessory=ui.Thumbnail[Any](preview, description="Preview")))
    container.add_item(ui.ActionRow[Any](UseButton(lora.id), LoraPageButton(lora.id), RemoveButton(lora.id, query)))
    page.view.add_item(container)
