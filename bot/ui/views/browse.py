"""Lists with pages: which page of which list, and the buttons that turn pages and search.

The market, the bookmarks and the gallery share them. The custom_id of each control holds the page kind, the query and
the page number, so the controls work after a restart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

import discord
from discord import ui

from bot.i18n import _, label, ngettext, number
from bot.i18n.texts import clipped
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.page_kind import KIND, PageKind
from bot.ui.views.go_to_page import GoToPageForm, page_of_pages
from bot.ui.views.persistent_items import ModalForm, PersistentButton, outdated_error
from bot.workspace.browsing import MAX_SEARCH, BrowseQuery, PageRef, page_ref_of, query_at

MENU, MAX_OPTION = 25, 100  # options of a select menu, characters of an option; Discord's limits
PAGE_REF = r"(?P<page>\d{1,6}):(?P<key>.{2,80})"


@dataclass(frozen=True)
class PageLocation:
    """Which page of which list: what the custom_ids of all controls of a page have in common."""

    kind: str  # the key of the PageKind
    page_ref: PageRef

    @classmethod
    def of(cls, match: re.Match[str]) -> Self:
        """Parse a control's custom_id."""
        return cls(match["kind"], PageRef(int(match["page"]), match["key"]))

    def page_kind(self) -> PageKind:
        """The kind of list. Raises NothingThere for a forged key."""
        kind = PageKind.of(self.kind)
        if kind is None:
            raise outdated_error()
        return kind

    @property
    def command(self) -> str:
        """The slash command that opens such a page; "" for a forged key."""
        kind = PageKind.of(self.kind)
        return kind.command if kind else ""

    async def query(self, interaction: Interaction) -> BrowseQuery:
        """The query of the page. Raises NothingThere."""
        return await query_at(interaction.client.db, interaction.user.id, self.page_ref)

    async def show(self, interaction: Interaction) -> None:
        """Edit the message whose control was used to show the page."""
        page = await self.page_kind().page(interaction, self.page_ref)
        await acknowledge.replace(interaction, page.view, page.files)

    async def show_query(self, interaction: Interaction, query: BrowseQuery) -> None:
        """Show the first page of another query."""
        page_ref = await page_ref_of(interaction.client.db, interaction.user.id, query)
        await PageLocation(self.kind, page_ref).show(interaction)


def hidden_line(count: int) -> list[str]:
    """The line that says how many entries are rated above what this place shows; none without any."""
    text = ngettext(
        "{count} LoRA is not shown here because of its content rating. To see it, use an age-restricted "
        "channel in a server.",
        "{count} LoRAs are not shown here because of their content ratings. To see them, use an "
        "age-restricted channel in a server.",
        count,
    )
    return [f"-# {text.format(count=number(count))}"] if count else []


class TurnPageButton(PersistentButton, template=rf"{KIND}(?P<way>[pn]):{PAGE_REF}"):
    """Shows another page, or leads back to the list."""

    def __init__(self, location: PageLocation, *, way: str, disabled: bool = False) -> None:
        self.location, self.command = location, location.command
        text = _("Back") if way == "p" else _("More")
        super().__init__(
            ui.Button(label=text, custom_id=f"{location.kind}{way}:{location.page_ref}", disabled=disabled)
        )

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(PageLocation.of(match), way=match["way"])

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show that page."""
        await self.location.show(interaction)


class GoToPageButton(PersistentButton, template=rf"{KIND}j:{PAGE_REF}"):
    """Says on which page one is, and opens the modal for another. A compact list has room for it."""

    opens_modal = True

    def __init__(self, location: PageLocation, pages: int = 1) -> None:
        self.location, self.command = location, location.command
        text = page_of_pages(location.page_ref.page, pages)
        super().__init__(ui.Button(label=text, custom_id=f"{location.kind}j:{location.page_ref}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(PageLocation.of(match))

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        here = self.location.page_ref.page
        await acknowledge.open_modal(
            interaction, GoToPageForm(self._show, command=self.command, here=here, opening=interaction.id)
        )

    async def _show(self, interaction: Interaction, page: int) -> None:
        await PageLocation(self.location.kind, PageRef(page, self.location.page_ref.key)).show(interaction)


class SearchButton(PersistentButton, template=rf"{KIND}f:{PAGE_REF}"):
    """Opens the modal for search words."""

    opens_modal = True

    def __init__(self, location: PageLocation) -> None:
        self.location, self.command = location, location.command
        custom_id = f"{location.kind}f:{location.page_ref}"
        super().__init__(ui.Button(label=_("Search"), style=discord.ButtonStyle.primary, custom_id=custom_id))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(PageLocation.of(match))

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        kind = self.location.page_kind()
        query = await self.location.query(interaction)
        await acknowledge.open_modal(interaction, SearchForm(kind, self.location, query, opening=interaction.id))


class ClearSearchButton(PersistentButton, template=rf"{KIND}x:{PAGE_REF}"):
    """Clears the search words; the filters of the menus stay."""

    def __init__(self, location: PageLocation) -> None:
        self.location, self.command = location, location.command
        super().__init__(ui.Button(label=_("Clear search"), custom_id=f"{location.kind}x:{location.page_ref}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(PageLocation.of(match))

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page without search words."""
        query = await self.location.query(interaction)
        await self.location.show_query(interaction, query.but(search=""))


class SearchForm(ModalForm):
    """The search words."""

    sends_message = False

    def __init__(self, kind: PageKind, location: PageLocation, query: BrowseQuery, *, opening: int) -> None:
        super().__init__(_(kind.search_title), f"{kind.key}search", opening)
        self._location, self._query, self.command = location, query, location.command
        self.words: ui.TextInput[Any] = ui.TextInput(
            custom_id="words", default=query.search or None, required=False, max_length=MAX_SEARCH
        )
        self.add_item(
            ui.Label[Any](text=_("Words to search for"), description=_(kind.search_hint), component=self.words)
        )

    async def submitted(self, interaction: Interaction) -> None:
        """Show the first page of the results."""
        await self._location.show_query(interaction, self._query.but(search=" ".join(self.words.value.split())))


def page_of_text(page_ref: PageRef, total: int, page_size: int) -> str:
    """`page 2 of 3`, for a title; empty for a single page."""
    if total <= page_size:
        return ""
    pages = -(-total // page_size)
    return _("page {page} of {pages}").format(page=number(page_ref.page + 1), pages=number(pages))


def page_buttons(
    location: PageLocation, query: BrowseQuery, *, more: bool, pages: int | None = None
) -> list[PersistentButton]:
    """The search button, and the buttons for other pages if there are any; with a jump where `pages` are given."""
    buttons: list[PersistentButton] = [SearchButton(location)]
    if query.search:
        buttons.append(ClearSearchButton(location))
    if location.page_ref.page or more:
        back, on = (
            PageLocation(location.kind, location.page_ref.moved(-1)),
            PageLocation(location.kind, location.page_ref.moved(1)),
        )
        buttons.append(TurnPageButton(back, way="p", disabled=not location.page_ref.page))
        if pages is not None and pages > 1:
            buttons.append(GoToPageButton(location, pages))
        buttons.append(TurnPageButton(on, way="n", disabled=not more))
    return buttons


def active_filters(query: BrowseQuery) -> list[str]:
    """The active filters, as text."""
    kind = f"{label(query.category)} · {clipped(query.tag, MAX_OPTION)}" if query.category and query.tag else ""
    return [
        part
        for part in (
            f"“{clipped(query.search, 2 * MAX_SEARCH)}”" if query.search else "",
            kind or (label(query.category) if query.category else clipped(query.tag, MAX_OPTION)),
            _("For {base_model}").format(base_model=query.base_model.label) if query.base_model else "",
        )
        if part
    ]
