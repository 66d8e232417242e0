"""Kinds of lists that people page through. Each registers itself, and is found again by the ids of its controls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from bot.app.assembly import Easel
from bot.database.lora_search import Sort
from bot.ui.rendered_message import RenderedMessage
from bot.workspace.browsing import PageRef

# How a control's custom_id names its kind. Messages that people have keep their buttons, so the first two stay as they
# were; a later kind's key ends in a hyphen, which begins no other custom_id.
KIND = r"(?P<kind>mk|bm|[a-z]{2,8}-)"


class PageKind(ABC):
    """A list of LoRAs, such as the market. Defining a subclass registers it; the sentences are marked by `later`."""

    registered: ClassVar[dict[str, type[PageKind]]] = {}

    key: ClassVar[str]  # begins the custom_ids of its controls; see KIND
    sorts: ClassVar[tuple[Sort, ...]]
    tags: ClassVar[bool]  # whether a category can be narrowed down further
    search_title: ClassVar[str]
    search_hint: ClassVar[str]  # what the words are looked for in

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        PageKind.registered[cls.key] = cls

    @staticmethod
    def of(key: str) -> PageKind | None:
        """The kind of that key; None for one of another version of Easel."""
        kind = PageKind.registered.get(key)
        return kind() if kind else None

    @abstractmethod
    async def page(self, easel: Easel, person_id: int, page_ref: PageRef) -> RenderedMessage:
        """What the person sees at a place. Raises NothingThere for one that is too old."""
