"""Lists without cards: a line for each entry, and a menu that opens them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

import discord
from discord import ui

from bot.database.loras.catalogue import Lora
from bot.i18n import _, label
from bot.i18n.texts import base_models, clipped
from bot.ui.client import Interaction
from bot.ui.page_kind import PageKind
from bot.ui.views.browse import MAX_OPTION, MENU
from bot.ui.views.persistent_items import NO_CUSTOM_ID, PersistentSelect
from bot.workspace.browsing import BrowseQuery, PageRef

COMPACT_PAGE = MENU  # entries on a page without cards: a menu opens them
MAX_LINE_NAME, MAX_LINE_BASES = 50, 40  # characters of an entry's line; 25 lines share the 4000 of a message
MAX_LINES, MAX_REMARK = 3300, 100  # characters of all lines, and of what is put behind one
MANY_PAGES = 5  # pages of cards from which on a title tells of compact lists


def page_size_of(kind: PageKind, query: BrowseQuery) -> int:
    """How many entries stand on a page."""
    return COMPACT_PAGE if query.compact or not kind.page_size else kind.page_size


def compact_hint(query: BrowseQuery, total: int, page_size: int) -> list[str]:
    """A line of a title that tells of compact lists where cards take many pages; none elsewhere."""
    if query.compact or total <= MANY_PAGES * page_size:
        return []
    text = _(
        "Many pages? Choose *Show as a list* in the first menu below. A list has up to {count} entries per "
        "page, and you can jump to any page."
    )
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
