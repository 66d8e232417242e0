"""Options that several commands share: members of an enumeration, and what narrows a list with pages."""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

from discord import app_commands

from bot.database.loras.search import Sort
from bot.ui.client import Interaction
from bot.ui.cogs.autocomplete import base_filter
from bot.workspace.browsing import BrowseQuery
from inference.lora.beside.categories import Category

Kind = TypeVar("Kind", bound=StrEnum)


class OneOf(app_commands.Transformer, Generic[Kind]):
    """`Annotated[Category, OneOf(Category)]`: a choice for each member, named by its translated value."""

    def __init__(self, kind: type[Kind]) -> None:
        super().__init__()
        self._kind = kind

    @property
    def choices(self) -> list[app_commands.Choice[str | int | float]]:
        """A choice for each member."""
        context = self._kind.__name__  # as `bot.i18n.label` has it
        return [
            app_commands.Choice(
                name=app_commands.locale_str(member.value.replace("_", " "), context=context), value=member.value
            )
            for member in self._kind
        ]

    async def transform(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, interaction: Interaction, value: str, /
    ) -> Kind:
        """The chosen member."""
        return self._kind(value)


def narrowed(
    query: BrowseQuery, *, search: str | None, category: Category | None, base: str | None, sort: Sort | None = None
) -> BrowseQuery:
    """The query with the options of a command; base model and order stay where none is chosen. Raises NothingThere."""
    return query.but(
        sort=sort or query.sort,
        category=category,
        base_model=base_filter(base) if base else query.base_model,
        search=" ".join((search or "").split()),
    )
