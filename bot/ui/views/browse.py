"""Lists with search, sorting and filters (market, bookmarks, gallery), as cards or compact lines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.config import CheckpointSettings
from bot.database.database import Database
from bot.database.loras.search import Sort
from bot.database.loras.tags import POPULAR_TAGS
from bot.database.people.preferences import find_preferences, save_preferences
from bot.i18n import _, label, later, number
from bot.i18n.texts import clipped, listed
from bot.requests.builder import usual_checkpoint
from bot.ui.access import checkpoints_here
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.rendered_message import Items, button_rows
from bot.ui.views.forms import LEFT_OUT, ChoiceField, Form, Option, SwitchField, TextField
from bot.ui.views.list_page import Cursor, Entry, Found, GoToPageButton, ListButton, ListPage, ListRef
from bot.ui.views.persistent_items import MENU, PersistentMenu, outdated_error
from bot.workspace.browsing import MAX_SEARCH, BrowseQuery, base_model_in, in_order, query_at, query_key
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category

MAX_OPTION = 100  # characters of an option of a menu; Discord's limit
COMPACT_PAGE = MENU  # entries on a page without cards: a menu opens them
MANY_PAGES = 5  # above so many pages of cards, the title suggests the compact list
_ANY = "-"  # the value of the option without a filter
ANY_TAG = "_"  # the same for tags, which may be a dash but never an underscore
_FEATURED = "featured"  # the value of the option for what staff feature


class BrowseList(ListPage[BrowseQuery, Entry]):
    """A list with search, order, category and filters. Its sentences are marked by `later`."""

    sorts: ClassVar[tuple[Sort, ...]]
    cards: ClassVar[int]  # cards on a page
    compact: ClassVar[bool] = False  # whether it can also show lines
    tags: ClassVar[bool] = False  # whether it filters by tags
    featured: ClassVar[bool] = False  # whether *Featured by staff* is one of the orders
    crowded: ClassVar[bool] = False  # whether cards leave no room for *Go to page* beside *Clear search*
    orders: ClassVar[Mapping[Sort, str]] = {}  # its own names of orders
    search_title: ClassVar[str]
    search_hint: ClassVar[str]  # which texts are searched

    async def at(self, interaction: Interaction, query: BrowseQuery, cursor: Cursor = Cursor()) -> ListRef:  # noqa: B008
        """A page of a query. Raises DatabaseError."""
        return ListRef(self.key, await query_key(interaction.client.db, interaction.user.id, query), cursor)

    async def query(self, interaction: Interaction, text: str) -> BrowseQuery:
        """The query with that key. Raises NothingThere for one that is too old."""
        return await query_at(interaction.client.db, interaction.user.id, text)

    def size(self, query: BrowseQuery) -> int:
        """How many entries stand on a page."""
        return COMPACT_PAGE if self.compact and query.compact else self.cards

    def order_of(self, query: BrowseQuery) -> str:
        """The order of a query, for menus and titles."""
        return _("Featured by staff") if query.featured else self.named(query.sort)

    def named(self, sort: Sort) -> str:
        """An order in words."""
        return _(self.orders[sort]) if sort in self.orders else in_order(sort)

    def facts(self, query: BrowseQuery, found: Found[Entry], count: str) -> list[str]:
        """The lines below a title: how many, filters, order and page; and that there are compact lists."""
        parts = [count, *active_filters(query), self.order_of(query)]
        if found.page is not None and found.pages is not None and found.pages > 1:
            page, pages = number(found.page + 1), number(found.pages)
            parts.append(_("page {page} of {pages}").format(page=page, pages=pages))
        lines = [f"-# {' · '.join(filter(None, parts))}"]
        if self.compact and not query.compact and (found.total or 0) > MANY_PAGES * self.cards:
            hint = _(
                "Many pages? Press *Filter* and choose *Show as a list*. A list has up to {count} entries per page."
            )
            lines.append("-# " + hint.format(count=COMPACT_PAGE))
        return lines

    def buttons(self, at: ListRef, query: BrowseQuery) -> Items:
        """Further buttons below the list."""
        return ()

    async def below(self, interaction: Interaction, at: ListRef, query: BrowseQuery, found: Found[Entry]) -> Items:
        """Search, filter and pages, and the menus of order and category."""
        pager = self.pager(at, found)
        buttons: list[ui.Item[Any]] = [SearchButton(at), FilterButton(at)]
        if query.search:
            buttons.insert(1, ClearSearchButton(at))
            if self.crowded and not query.compact:
                pager = [each for each in pager if not isinstance(each, GoToPageButton)]
        buttons += [*pager, *self.buttons(at, query)]
        menus = SortMenu.of(self, at, query), CategoryMenu.of(at, query)
        return [*button_rows(buttons), *(ui.ActionRow[Any](menu) for menu in menus)]


class BrowseButton(ListButton):
    """A button that changes the query of a list."""

    @property
    def browsed(self) -> BrowseList[Any]:
        """The list. Raises NothingThere for a forged id of another list."""
        return browsed(self.at)


def browsed(at: ListRef) -> BrowseList[Any]:
    """Return the list of a page. Raises NothingThere if it has no search."""
    if not isinstance(at.list, BrowseList):
        raise outdated_error()
    return at.list


async def show_query(
    interaction: Interaction,
    at: ListRef,
    query: BrowseQuery,
    cursor: Cursor = Cursor(),  # noqa: B008
) -> None:
    """Show a page of another query of the same list."""
    await (await browsed(at).at(interaction, query, cursor)).show(interaction)


class SearchButton(BrowseButton, prefix="fi"):
    """Opens the form for search words."""

    label, style = later("Search"), discord.ButtonStyle.primary
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        query = await self.browsed.query(interaction, self.at.query)
        await acknowledge.open_modal(interaction, SearchForm(self.at, query, interaction.id))


class ClearSearchButton(BrowseButton, prefix="cl"):
    """Clears the search words; the filters stay."""

    label = later("Clear search")

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page without search words."""
        query = await self.browsed.query(interaction, self.at.query)
        await show_query(interaction, self.at, query.but(search=""))


class FilterButton(BrowseButton, prefix="fl"):
    """Opens the form for base model and tag, and for compact lists."""

    label = later("Filter")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        query = await self.browsed.query(interaction, self.at.query)
        await acknowledge.open_modal(interaction, await FilterForm.of(interaction, self.at, query))


class BrowseForm(Form):
    """A form that changes the query of a list."""

    sends_message = False

    def __init__(self, title: str, at: ListRef, query: BrowseQuery, opening: int, **values: Any) -> None:
        super().__init__(title, opening, **values)
        self._at, self._query = at, query

    @property
    def checked_command(self) -> str:
        """The command of the list."""
        return self._at.list.command

    async def change(self, interaction: Interaction, **changes: object) -> None:
        """Show the first page of the changed query."""
        await show_query(interaction, self._at, self._query.but(**changes))


class SearchForm(BrowseForm, key="search"):
    """The search words."""

    words = TextField(later("Words to search for"), length=MAX_SEARCH, required=False)

    def __init__(self, at: ListRef, query: BrowseQuery, opening: int) -> None:
        kind = browsed(at)
        words = SearchForm.words.but(value=query.search, hint=kind.search_hint)
        super().__init__(_(kind.search_title), at, query, opening, words=words)

    async def submitted(self, interaction: Interaction) -> None:
        """Show the first page of the results."""
        await self.change(interaction, search=" ".join(self.words.split()))


class FilterForm(BrowseForm, key="filter"):
    """Base model and tag, and whether entries are shown as cards or lines."""

    base = ChoiceField(later("Base model"))
    tag = ChoiceField(later("Tag"))
    compact = SwitchField(later("Show as a list"), later("Up to {count} entries per page, without pictures"))

    @classmethod
    async def of(cls, interaction: Interaction, at: ListRef, query: BrowseQuery) -> Self:
        """The form with the current filters. The base model of the person's checkpoint comes first."""
        db, kind = interaction.client.db, browsed(at)
        checkpoints = await checkpoints_here(interaction)
        usual = await usual_checkpoint(db, checkpoints, interaction.user.id)
        bases = _base_choices(query, checkpoints.base_models, usual)
        tags = await _tag_choices(query, db) if kind.tags else []
        hint = _(FilterForm.compact.hint).format(count=COMPACT_PAGE)
        return cls(
            _("Filter"),
            at,
            query,
            interaction.id,
            base=cls.base.but(choices=bases, value=query.base_model or _ANY),
            tag=cls.tag.but(choices=tags, value=query.tag or ANY_TAG) if tags else LEFT_OUT,
            compact=cls.compact.but(value=query.compact, hint=hint) if kind.compact else LEFT_OUT,
        )

    async def submitted(self, interaction: Interaction) -> None:
        """Show the matches, and later lists as cards or lines like this one. With the same filters, the page stays."""
        db, person_id = interaction.client.db, interaction.user.id
        shows_lines = browsed(self._at).compact
        if shows_lines and self.compact != self._query.compact:
            preferences = await find_preferences(db, person_id)
            await save_preferences(db, person_id, preferences.model_copy(update={"compact_lists": self.compact}))
        tag = "" if self.tag == ANY_TAG else self.tag
        category = self._query.category or Category.OTHER if tag else self._query.category
        compact = self.compact if shows_lines else self._query.compact
        base = base_model_in(self.base)
        query = self._query.but(base_model=base, tag=tag, category=category, compact=compact)
        await show_query(interaction, self._at, query, same_entries(self._at, self._query, query))


def same_entries(at: ListRef, before: BrowseQuery, after: BrowseQuery) -> Cursor:
    """The page of `after` with the first entry of a page of `before`; the first page if they list other entries."""
    if after == before:
        return at.cursor
    kind = browsed(at)
    if after.but(compact=before.compact) != before:
        return Cursor()
    return Cursor(at.cursor.number * kind.size(before) // kind.size(after))


def _base_choices(
    query: BrowseQuery, installed: Mapping[BaseModelId, Sequence[str]], usual: CheckpointSettings | None
) -> list[Option]:
    first = [base for base in (usual and usual.base_model, query.base_model) if base is not None]
    choices = [
        Option(base, _base_text(base, usual), listed(installed.get(base, ())))
        for base in dict.fromkeys([*first, *installed])
    ]
    return [*choices[: MENU - 1], Option(_ANY, _("For any base model"))]


def _base_text(base: BaseModelId, usual: CheckpointSettings | None) -> str:
    if usual is not None and base == usual.base_model:
        return _("Fits my model ({base_model})").format(base_model=base.label)
    return _("For {base_model}").format(base_model=base.label)


async def _tag_choices(query: BrowseQuery, db: Database) -> list[Option]:
    """The most used tags of the category, or of *other*."""
    found = await db.all(POPULAR_TAGS, category=query.category or Category.OTHER, limit=MENU - 1)
    tags = dict.fromkeys(tag for tag in (query.tag, *(each.tag for each in found)) if tag)
    return [Option(ANY_TAG, _("All tags")), *(Option(tag, tag) for tag in tags)] if tags else []


class BrowseMenu(PersistentMenu):
    """A select menu that changes the query. Subclasses define `changed`."""

    at: ListRef

    @property
    def checked_command(self) -> str:
        """The command of the list."""
        return self.at.list.command

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of the changed query."""
        query = await browsed(self.at).query(interaction, self.at.query)
        await show_query(interaction, self.at, self.changed(query, self.value))

    @abstractmethod
    def changed(self, query: BrowseQuery, chosen: str) -> BrowseQuery:
        """The query with the chosen value; unchanged for an unknown value."""


class SortMenu(BrowseMenu, prefix="so"):
    """The sort order."""

    @classmethod
    def of(cls, kind: BrowseList[Any], at: ListRef, query: BrowseQuery) -> Self:
        """The menu with the current order selected."""
        offered = kind.sorts if query.sort in kind.sorts else (query.sort, *kind.sorts)
        chosen = None if query.featured else query.sort
        options = [
            discord.SelectOption(label=kind.named(sort), value=sort.value, default=sort is chosen) for sort in offered
        ]
        if kind.featured:
            text = kind.order_of(query.but(featured=True))
            options.append(discord.SelectOption(label=text, value=_FEATURED, default=query.featured))
        return cls(at).offering(options, _("Sort by"))

    def changed(self, query: BrowseQuery, chosen: str) -> BrowseQuery:
        """The query in another order."""
        if chosen == _FEATURED:  # drops all filters, the base model too
            return BrowseQuery(featured=True, sort=query.sort, compact=query.compact)
        return query.but(sort=Sort(chosen), featured=False) if chosen in Sort.__members__.values() else query


class CategoryMenu(BrowseMenu, prefix="ca"):
    """The category."""

    @classmethod
    def of(cls, at: ListRef, query: BrowseQuery) -> Self:
        """The menu with the current category selected."""
        options = [discord.SelectOption(label=_("All categories"), value=_ANY, default=query.category is None)]
        options += [
            discord.SelectOption(label=label(category), value=category.value, default=category is query.category)
            for category in Category
        ]
        return cls(at).offering(options, _("Category"))

    def changed(self, query: BrowseQuery, chosen: str) -> BrowseQuery:
        """The query with another category."""
        category = next((each for each in Category if each.value == chosen), None)
        return query.but(category=category, tag="")


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
