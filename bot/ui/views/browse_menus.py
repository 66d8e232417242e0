"""The menus of a list with pages: sort order, category and base model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

import discord
from discord import ui

from bot.config import CheckpointSettings
from bot.database.database import Database
from bot.database.loras.search import Sort
from bot.database.loras.tags import POPULAR_TAGS
from bot.database.people.preferences import find_preferences, save_preferences
from bot.i18n import _, label, listed
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.ui.client import Interaction
from bot.ui.page_kind import KIND, PageKind
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.browse import MAX_OPTION, MENU, PAGE_REF, PageLocation
from bot.ui.views.compact_lists import COMPACT_PAGE, page_size_of
from bot.ui.views.persistent_items import NO_CUSTOM_ID, PersistentSelect
from bot.workspace.browsing import BrowseQuery, base_model_in, page_ref_of
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category

_NO_FILTER = "-"  # the value of the option without a filter
_AS_LIST, _AS_CARDS = "list", "cards"  # the values of the options that change how entries are shown
_FEATURED = "featured"  # the value of the option for what staff feature


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

    def changed(self, query: BrowseQuery, chosen: str) -> BrowseQuery:
        """The query with the chosen value; unchanged for an unknown value."""
        raise NotImplementedError


class SortMenu(BrowseMenu, template=rf"{KIND}s:{PAGE_REF}"):
    """The sort order."""

    name = "s"

    @classmethod
    def of(cls, location: PageLocation, query: BrowseQuery, kind: PageKind) -> Self:
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
            text = _("Show cards with pictures") if query.compact else _("Show as a list, {count} per page")
            value = _AS_CARDS if query.compact else _AS_LIST
            options.append(discord.SelectOption(label=text.format(count=COMPACT_PAGE), value=value))
        return cls(location, options, _("Sort by"))

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page in another order; or show the entries in another way, which later lists begin with."""
        chosen = self.value
        if chosen not in (_AS_LIST, _AS_CARDS):
            await super().handle(interaction)
            return
        db, person_id = interaction.client.db, interaction.user.id
        preferences = await find_preferences(db, person_id)
        compact = chosen == _AS_LIST
        await save_preferences(db, person_id, preferences.model_copy(update={"compact_lists": compact}))
        before = await self.location.query(interaction)
        after = before.but(compact=compact)
        kind = self.location.page_kind()
        first = self.location.page_ref.page * page_size_of(kind, before)
        page_ref = await page_ref_of(db, person_id, after, first // page_size_of(kind, after))
        await PageLocation(self.location.kind, page_ref).show(interaction)

    def changed(self, query: BrowseQuery, chosen: str) -> BrowseQuery:
        """The query in another order."""
        if chosen == _FEATURED:  # all of it, also what does not fit the person's checkpoint
            return BrowseQuery(featured=True, sort=query.sort, compact=query.compact)
        return query.but(sort=Sort(chosen), featured=False) if chosen in Sort.__members__.values() else query


class CategoryMenu(BrowseMenu, template=rf"{KIND}c:{PAGE_REF}"):
    """The category, or a tag in the chosen category (in *other* when none is chosen)."""

    name = "c"

    @classmethod
    async def of(cls, location: PageLocation, query: BrowseQuery, db: Database, *, tags: bool) -> Self:
        """The menu with the current category or tag selected."""
        everything = query.category is None and not query.tag
        options = [discord.SelectOption(label=_("All categories"), value=_NO_FILTER, default=everything)]
        options += [
            discord.SelectOption(
                label=label(category), value=category.value, default=category is query.category and not query.tag
            )
            for category in Category
        ]
        if tags:
            options += await _tag_options(query, db, room=MENU - len(options))
        return cls(location, options, _("Category"))

    def changed(self, query: BrowseQuery, chosen: str) -> BrowseQuery:
        """The query with another category or tag."""
        if chosen.startswith("#"):
            return query.but(category=query.category or Category.OTHER, tag=chosen[1:])
        category = next((each for each in Category if each.value == chosen), None)
        return query.but(category=category, tag="")


async def _tag_options(query: BrowseQuery, db: Database, *, room: int) -> list[discord.SelectOption]:
    category = query.category or Category.OTHER
    found = await db.all(POPULAR_TAGS, category=category, limit=room)
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
        query: BrowseQuery,
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
        return cls(location, [*options[: MENU - 1], anything], _("Base model"))

    def changed(self, query: BrowseQuery, chosen: str) -> BrowseQuery:
        """The query with another base model."""
        return query.but(base_model=base_model_in(chosen))


def _base_label(base: BaseModelId, usual: CheckpointSettings | None) -> str:
    if usual is not None and base == usual.base_model:
        return _("Fits my model ({base_model})").format(base_model=base.label)
    return _("For {base_model}").format(base_model=base.label)


async def add_menus(
    page: RenderedMessage,
    db: Database,
    checkpoints: InstalledCheckpoints,
    usual: CheckpointSettings | None,
    kind: PageKind,
    location: PageLocation,
    query: BrowseQuery,
) -> None:
    """Add the three menus to a page: six components. `usual` is the person's checkpoint."""
    page.view.add_item(ui.ActionRow[Any](SortMenu.of(location, query, kind)))
    page.view.add_item(ui.ActionRow[Any](await CategoryMenu.of(location, query, db, tags=kind.tags)))
    page.view.add_item(ui.ActionRow[Any](BaseMenu.of(location, query, checkpoints.base_models, usual)))
