"""Kinds of lists with pages, such as the market. Each registers itself, and the custom_ids of its controls name it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from bot.database.loras.search import Sort
from bot.i18n import _
from bot.ui.client import Interaction
from bot.ui.rendered_message import RenderedMessage
from bot.workspace.browsing import BrowseQuery, PageRef, in_order

# How a control's custom_id names its kind. All but the first two end in a hyphen, so that no other custom_id begins so.
KIND = r"(?P<kind>mk|bm|[a-z]{2,8}-)"


class PageKind(ABC):
    """A list, such as the market. Defining a subclass registers it; the sentences are marked by `later`."""

    registered: ClassVar[dict[str, type[PageKind]]] = {}

    command: ClassVar[str]  # the slash command that opens it
    key: ClassVar[str]  # the prefix of its controls' custom_ids; see KIND
    sorts: ClassVar[tuple[Sort, ...]]
    page_size: ClassVar[int] = 0  # cards on a page, of a kind that can also show its entries as a compact list
    tags: ClassVar[bool]  # whether the category menu offers tags
    featured: ClassVar[bool] = False  # whether the menu of orders offers what staff feature
    orders: ClassVar[Mapping[Sort, str]] = {}  # its own names of orders
    search_title: ClassVar[str]
    search_hint: ClassVar[str]  # which texts are searched

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        PageKind.registered[cls.key] = cls

    @staticmethod
    def of(key: str) -> PageKind | None:
        """The kind with that key; None for a forged key."""
        kind = PageKind.registered.get(key)
        return kind() if kind else None

    def order_of(self, query: BrowseQuery) -> str:
        """The order of a query, for menus and titles."""
        return _("Featured by staff") if query.featured else self.named(query.sort)

    def named(self, sort: Sort) -> str:
        """An order in words."""
        return _(self.orders[sort]) if sort in self.orders else in_order(sort)

    @abstractmethod
    async def page(self, interaction: Interaction, page_ref: PageRef) -> RenderedMessage:
        """The page as the person sees it. Raises NothingThere when the stored query is gone."""
