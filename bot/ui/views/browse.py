"""Controls for browsing a list: pages, sort order, category, base model and search words.

The market, the bookmarks and the gallery share them. The custom_id of each control holds the page kind, the query and
the page number, so the controls work after a restart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import aiosqlite
import discord
from discord import ui

from bot.config import CheckpointSettings
from bot.database.lora_search import Sort
from bot.database.loras import Lora
from bot.database.preferences import find_preferences, save_preferences
from bot.database.tags import popular_tags
from bot.i18n import _, label, listed, ngettext, number
from bot.i18n.texts import base_models, clipped
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.ui import acknowledge
from bot.ui.client import Interaction
from bot.ui.page_kind import KIND, PageKind
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.go_to_page import GoToPageForm, page_of_pages
from bot.ui.views.persistent_items import NO_CUSTOM_ID, ModalForm, PersistentButton, PersistentSelect, outdated_error
from bot.workspace.browsing import MAX_SEARCH, PageRef, Query, base_model_in, page_ref_of, query_at
from inference.base_models import BaseModelId
from inference.lora.sidecar import Category

MENU, MAX_OPTION = 25, 100  # options of a select menu, characters of an option; Discord's limits
PAGE_REF = r"(?P<page>\d{1,6}):(?P<key>.{2,80})"
_NO_FILTER = "-"  # the value of the option without a filter
_AS_LIST, _AS_CARDS = "list", "cards"  # the values of the options that change how entries are shown
_FEATURED = "featured"  # the value of the option for what staff feature
COMPACT_PAGE = MENU  # entries on a page without cards: a menu opens them
MAX_LINE_NAME, MAX_LINE_BASES = 50, 40  # characters of an entry's line; 25 lines share the 4000 of a message
MAX_LINES, MAX_REMARK = 3300, 100  # characters of all lines, and of what is put behind one
MANY_PAGES = 5  # pages of cards from which on a title tells of compact lists


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
        """The kind of list. Raises NothingThere for one of another version of Easel."""
        kind = PageKind.of(self.kind)
        if kind is None:
            raise outdated_error()
        return kind

    @property
    def command(self) -> str:
        """The slash command that opens such a page; "" for a kind of another version of Easel."""
        kind = PageKind.of(self.kind)
        return kind.command if kind else ""

    async def query(self, interaction: Interaction) -> Query:
        """The query of the page. Raises NothingThere."""
        return await query_at(interaction.client.connection, interaction.user.id, self.page_ref)

    async def show(self, interaction: Interaction) -> None:
        """Edit the message whose control was used to show the page."""
        page = await self.page_kind().page(interaction, self.page_ref)
        await acknowledge.replace(interaction, page.view, page.files)

    async def show_query(self, interaction: Interaction, query: Query) -> None:
        """Show the first page of another query."""
        page_ref = await page_ref_of(interaction.client.connection, interaction.user.id, query)
        await PageLocation(self.kind, page_ref).show(interaction)


def hidden_line(count: int) -> list[str]:
    """The line that says how many entries are rated above what this place shows; none without any."""
    text = ngettext(
        "{count} more is rated above what is shown here: age-restricted channels of a server show it.",
        "{count} more are rated above what is shown here: age-restricted channels of a server show them.",
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
        super().__init__(ui.Button(label=_("Without search"), custom_id=f"{location.kind}x:{location.page_ref}"))

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

    def __init__(self, kind: PageKind, location: PageLocation, query: Query, *, opening: int) -> None:
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


class BrowseMenu(PersistentSelect, template=NO_CUSTOM_ID):
    """A select menu that changes the query. Subclasses define `changed`."""

    name = ""

    def __init__(
        self, location: PageLocation, options: Sequence[discord.SelectOption] = (), placeholder: str = "…"
    ) -> None:
        self.location, self.command = location, location.command
        menu: ui.Select[Any] = ui.Select(
            custom_id=f"{location.kind}{self.name}:{location.page_ref}",
            options=list(options)[:MENU],
            placeholder=placeholder,
        )
        super().__init__(menu)

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The menu that this custom_id means."""
        return cls(PageLocation.of(match))

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of the changed query."""
        query = await self.location.query(interaction)
        chosen = self.value
        await self.location.show_query(interaction, self.changed(query, chosen))

    def changed(self, query: Query, chosen: str) -> Query:
        """The query with the chosen value; unchanged for an unknown value."""
        raise NotImplementedError


class SortMenu(BrowseMenu, template=rf"{KIND}s:{PAGE_REF}"):
    """The sort order."""

    name = "s"

    @classmethod
    def of(cls, location: PageLocation, query: Query, kind: PageKind) -> Self:
        """The menu with the current order selected."""
        sorts = kind.sorts
        offered = sorts if query.sort in sorts else (query.sort, *sorts)
        options = [
            discord.SelectOption(
                label=kind.named(sort), value=sort.value, default=sort is query.sort and not query.featured
            )
            for sort in offered
        ]
        if kind.featured:
            text = kind.order_of(query.but(featured=True))
            options.append(discord.SelectOption(label=text, value=_FEATURED, default=query.featured))
        if kind.page_size:
            text = _("Show cards with pictures") if query.compact else _("Show as a list, {count} on a page")
            value = _AS_CARDS if query.compact else _AS_LIST
            options.append(discord.SelectOption(label=text.format(count=COMPACT_PAGE), value=value))
        return cls(location, options, _("In which order"))

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page in another order; or show the entries in another way, which later lists begin with."""
        chosen = self.value
        if chosen not in (_AS_LIST, _AS_CARDS):
            await super().handle(interaction)
            return
        connection, person_id = interaction.client.connection, interaction.user.id
        preferences = await find_preferences(connection, person_id)
        compact = chosen == _AS_LIST
        await save_preferences(connection, person_id, preferences.model_copy(update={"compact_lists": compact}))
        before = await self.location.query(interaction)
        after = before.but(compact=compact)
        kind = self.location.page_kind()
        first = self.location.page_ref.page * page_size_of(kind, before)
        page_ref = await page_ref_of(connection, person_id, after, first // page_size_of(kind, after))
        await PageLocation(self.location.kind, page_ref).show(interaction)

    def changed(self, query: Query, chosen: str) -> Query:
        """The query in another order."""
        if chosen == _FEATURED:  # all of it, also what does not fit the person's checkpoint
            return Query(featured=True, sort=query.sort, compact=query.compact)
        return query.but(sort=Sort(chosen), featured=False) if chosen in Sort.__members__.values() else query


class CategoryMenu(BrowseMenu, template=rf"{KIND}c:{PAGE_REF}"):
    """The category, or a tag in the chosen category (in *other* when none is chosen)."""

    name = "c"

    @classmethod
    async def of(cls, location: PageLocation, query: Query, connection: aiosqlite.Connection, *, tags: bool) -> Self:
        """The menu with the current category or tag selected."""
        everything = query.category is None and not query.tag
        options = [discord.SelectOption(label=_("Every category"), value=_NO_FILTER, default=everything)]
        options += [
            discord.SelectOption(
                label=label(category), value=category.value, default=category is query.category and not query.tag
            )
            for category in Category
        ]
        if tags:
            options += await _tag_options(query, connection, room=MENU - len(options))
        return cls(location, options, _("Which category"))

    def changed(self, query: Query, chosen: str) -> Query:
        """The query with another category or tag."""
        if chosen.startswith("#"):
            return query.but(category=query.category or Category.OTHER, tag=chosen[1:])
        category = next((each for each in Category if each.value == chosen), None)
        return query.but(category=category, tag="")


async def _tag_options(query: Query, connection: aiosqlite.Connection, *, room: int) -> list[discord.SelectOption]:
    category = query.category or Category.OTHER
    found = await popular_tags(connection, category, limit=room)
    tags = dict.fromkeys([*([query.tag] if query.tag else []), *(each.tag for each in found)])
    return [
        discord.SelectOption(label=f"{label(category)} · {tag}"[:MAX_OPTION], value=f"#{tag}", default=tag == query.tag)
        for tag in tags
    ]


class BaseMenu(BrowseMenu, template=rf"{KIND}b:{PAGE_REF}"):
    """The base model that the LoRAs have to fit."""

    name = "b"

    @classmethod
    def of(
        cls,
        location: PageLocation,
        query: Query,
        installed: Mapping[BaseModelId, Sequence[str]],
        usual: CheckpointSettings | None,
    ) -> Self:
        """The menu with the current base model selected; the one of the person's `usual` checkpoint comes first.

        `installed` are the base models with the names of their checkpoints.
        """
        first = [base for base in (usual and usual.base_model, query.base_model) if base is not None]
        options = [
            discord.SelectOption(
                label=_base_label(base, usual)[:MAX_OPTION],
                value=base,
                description=listed(installed.get(base, ()))[:MAX_OPTION] or None,
                default=base == query.base_model,
            )
            for base in dict.fromkeys([*first, *installed])
        ]
        anything = discord.SelectOption(
            label=_("For any base model"), value=_NO_FILTER, default=query.base_model is None
        )
        return cls(location, [*options[: MENU - 1], anything], _("For which base model"))

    def changed(self, query: Query, chosen: str) -> Query:
        """The query with another base model."""
        return query.but(base_model=base_model_in(chosen))


def _base_label(base: BaseModelId, usual: CheckpointSettings | None) -> str:
    if usual is not None and base == usual.base_model:
        return _("Fits my checkpoint ({base_model})").format(base_model=base.label)
    return _("For {base_model}").format(base_model=base.label)


def page_size_of(kind: PageKind, query: Query) -> int:
    """How many entries stand on a page."""
    return COMPACT_PAGE if query.compact or not kind.page_size else kind.page_size


def page_of_text(page_ref: PageRef, total: int, page_size: int) -> str:
    """`page 2 of 3`, for a title; empty for a single page."""
    if total <= page_size:
        return ""
    pages = -(-total // page_size)
    return _("page {page} of {pages}").format(page=number(page_ref.page + 1), pages=number(pages))


def compact_hint(query: Query, total: int, page_size: int) -> list[str]:
    """A line of a title that tells of compact lists where cards take many pages; none elsewhere."""
    if query.compact or total <= MANY_PAGES * page_size:
        return []
    text = _("Many pages? In the first menu below, *Show as a list* has {count} on a page, and a jump.")
    return ["-# " + text.format(count=COMPACT_PAGE)]


def lines_text(loras: Sequence[Lora], first: int, remarks: Mapping[int, str]) -> str:
    """The entries of a compact list, a line each; `first` is the number of the first one, from 1.

    `remarks` are put behind them, by id. Long ones are cut where many lines have one.
    """
    lines = [
        f"{n}. **{clipped(lora.name, MAX_LINE_NAME)}** · {label(lora.category)}"
        f" · {clipped(base_models(lora), MAX_LINE_BASES)}"
        for n, lora in enumerate(loras, first)
    ]
    room = (MAX_LINES - len("\n".join(lines))) // max(len(remarks), 1) - len(" · ")
    shown = {lora_id: clipped(remark, max(1, min(room, MAX_REMARK))) for lora_id, remark in remarks.items()}
    return "\n".join(
        f"{line} · {shown[lora.id]}" if lora.id in shown else line for line, lora in zip(lines, loras, strict=True)
    )


def entry_options(loras: Sequence[Lora]) -> list[discord.SelectOption]:
    """The entries of a compact list as options of a menu, by id."""
    return [
        discord.SelectOption(
            label=lora.name[:MAX_OPTION],
            value=str(lora.id),
            description=f"{label(lora.category)} · {base_models(lora)}"[:MAX_OPTION],
        )
        for lora in loras[:MENU]
    ]


class EntriesMenu(PersistentSelect, template=NO_CUSTOM_ID):
    """A menu of the entries of a compact list. Subclasses define `chosen`."""

    name = ""

    def __init__(
        self, page_ref: PageRef, loras: Sequence[Lora] = (), placeholder: str = "…", *, several: bool = False
    ) -> None:
        self.page_ref = page_ref
        options = entry_options(loras)
        menu: ui.Select[Any] = ui.Select(
            custom_id=f"{self.name}:{page_ref}",
            options=options,
            placeholder=placeholder,
            max_values=len(options) if several and options else 1,
        )
        super().__init__(menu)

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The menu that this custom_id means."""
        return cls(PageRef(int(match["page"]), match["key"]))

    async def handle(self, interaction: Interaction) -> None:
        """Do what the menu is for with the chosen entries. Raises NothingThere for what is none."""
        await self.chosen(interaction, self.ids)

    async def chosen(self, interaction: Interaction, lora_ids: Sequence[int]) -> None:
        """The entries with these ids were chosen."""
        raise NotImplementedError


def page_buttons(
    location: PageLocation, query: Query, *, more: bool, pages: int | None = None
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


async def add_menus(
    page: RenderedMessage,
    connection: aiosqlite.Connection,
    checkpoints: InstalledCheckpoints,
    usual: CheckpointSettings | None,
    kind: PageKind,
    location: PageLocation,
    query: Query,
) -> None:
    """Add the three menus to a page: six components. `usual` is the person's checkpoint."""
    page.view.add_item(ui.ActionRow[Any](SortMenu.of(location, query, kind)))
    page.view.add_item(ui.ActionRow[Any](await CategoryMenu.of(location, query, connection, tags=kind.tags)))
    page.view.add_item(ui.ActionRow[Any](BaseMenu.of(location, query, checkpoints.base_models, usual)))


def active_filters(query: Query) -> list[str]:
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
