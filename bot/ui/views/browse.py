"""Controls for browsing a list of LoRAs: pages, sort order, category, base model and search words.

The market and the bookmarks share them. The custom_id of each control holds the page kind, the query and the page
number, so the controls work after a restart.
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
from bot.database.tags import popular_tags
from bot.i18n import _, label, listed
from bot.i18n.texts import clipped
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.ui import acknowledge
from bot.ui.client import Interaction
from bot.ui.page_kind import KIND, PageKind
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.persistent_items import NO_CUSTOM_ID, ModalForm, PersistentButton, PersistentSelect, outdated_error
from bot.workspace.browsing import MAX_SEARCH, PageRef, Query, base_model_in, in_order, page_ref_of, query_at
from inference.base_models import BaseModelId
from inference.lora.sidecar import Category

MENU, MAX_OPTION = 25, 100  # options of a select menu, characters of an option; Discord's limits
PAGE_REF = r"(?P<page>\d{1,6}):(?P<key>.{2,80})"
_NO_FILTER = "-"  # the value of the option without a filter


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


class TurnPageButton(PersistentButton, template=rf"{KIND}(?P<way>[pn]):{PAGE_REF}"):
    """Shows another page, or leads back to the list."""

    def __init__(self, location: PageLocation, *, way: str, disabled: bool = False) -> None:
        self.location = location
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


class SearchButton(PersistentButton, template=rf"{KIND}f:{PAGE_REF}"):
    """Opens the modal for search words."""

    opens_modal = True

    def __init__(self, location: PageLocation) -> None:
        self.location = location
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
        self.location = location
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
        self._location, self._query = location, query
        self.words: ui.TextInput[Any] = ui.TextInput(
            custom_id="words", default=query.search or None, required=False, max_length=MAX_SEARCH
        )
        self.add_item(ui.Label[Any](text=_("Words"), description=_(kind.search_hint), component=self.words))

    async def submitted(self, interaction: Interaction) -> None:
        """Show the first page of the results."""
        await self._location.show_query(interaction, self._query.but(search=" ".join(self.words.value.split())))


class BrowseMenu(PersistentSelect, template=NO_CUSTOM_ID):
    """A select menu that changes the query. Subclasses define `changed`."""

    name = ""

    def __init__(
        self, location: PageLocation, options: Sequence[discord.SelectOption] = (), placeholder: str = "…"
    ) -> None:
        self.location = location
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
        (chosen,) = self.values
        await self.location.show_query(interaction, self.changed(query, chosen))

    def changed(self, query: Query, chosen: str) -> Query:
        """The query with the chosen value; unchanged for an unknown value."""
        raise NotImplementedError


class SortMenu(BrowseMenu, template=rf"{KIND}s:{PAGE_REF}"):
    """The sort order."""

    name = "s"

    @classmethod
    def of(cls, location: PageLocation, query: Query, sorts: Sequence[Sort]) -> Self:
        """The menu with the current order selected."""
        offered = sorts if query.sort in sorts else (query.sort, *sorts)
        options = [
            discord.SelectOption(label=in_order(sort), value=sort.value, default=sort is query.sort) for sort in offered
        ]
        return cls(location, options, _("In which order"))

    def changed(self, query: Query, chosen: str) -> Query:
        """The query in another order."""
        return query.but(sort=Sort(chosen)) if chosen in Sort.__members__.values() else query


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


def page_buttons(location: PageLocation, query: Query, *, more: bool) -> list[PersistentButton]:
    """The search button, and the buttons for other pages if there are any."""
    buttons: list[PersistentButton] = [SearchButton(location)]
    if query.search:
        buttons.append(ClearSearchButton(location))
    if location.page_ref.page or more:
        back, on = (
            PageLocation(location.kind, location.page_ref.moved(-1)),
            PageLocation(location.kind, location.page_ref.moved(1)),
        )
        buttons.append(TurnPageButton(back, way="p", disabled=not location.page_ref.page))
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
    page.view.add_item(ui.ActionRow[Any](SortMenu.of(location, query, kind.sorts)))
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
