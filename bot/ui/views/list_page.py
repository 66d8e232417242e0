"""Lists with pages. A list defines how to fetch and show entries; this module adds the pager.

The custom_id of each control holds the list, the page and the query, so the controls work after a restart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

from discord import ui

from bot.errors.missing import NothingThere
from bot.i18n import _, later, number
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import Items, RenderedMessage, button_rows
from bot.ui.views.forms import Form, TextField
from bot.ui.views.persistent_items import PersistentButton

Query = TypeVar("Query")
Entry = TypeVar("Entry")
Each = TypeVar("Each")

BACK, NEXT = later("Back"), later("Next")  # the words of every pager
MAX_PAGE_DIGITS = 6
_NO_PAGE = (
    10**MAX_PAGE_DIGITS - 1
)  # page number in a disabled *Next*, so that its custom_id differs from that of *Back*


@dataclass(frozen=True)
class Cursor:
    """Position in a list: a page number from 0, or the entries after an `anchor`, with `back` those before it.

    The anchor is what the list sorts by, such as an entry's id. Pages from an anchor cost the same wherever they are.
    """

    number: int = 0
    anchor: tuple[int, ...] = ()
    back: bool = False

    ID_PATTERN: ClassVar[str] = r"(?:[0-9]{1,6}|[<>][0-9]{1,18}(?:[.][0-9]{1,9})?)"

    @classmethod
    def from_id(cls, text: str) -> Self:
        """Parse the output of `str`."""
        if text[0] not in "<>":
            return cls(int(text))
        return cls(anchor=tuple(map(int, text[1:].split("."))), back=text[0] == "<")

    def __str__(self) -> str:
        if not self.anchor:
            return str(self.number)
        return f"{'<' if self.back else '>'}{'.'.join(map(str, self.anchor))}"


@dataclass(frozen=True)
class Found(Generic[Entry]):
    """The entries of a page, and the positions of the pages around it. `total` is None if the list does not count.

    `remarks` are lines for the heading, such as how many entries are not shown.
    """

    entries: Sequence[Entry]
    back: Cursor | None = None
    on: Cursor | None = None
    total: int | None = None
    page: int | None = None  # from 0, of `pages`
    pages: int | None = None
    remarks: Sequence[str] = ()

    @staticmethod
    def counted(
        entries: Sequence[Each], cursor: Cursor, total: int, size: int, remarks: Sequence[str] = ()
    ) -> Found[Each]:
        """Build a page of a list that counts its entries. A page has up to `size` entries."""
        pages = max(1, -(-total // size))
        back, on = _around(cursor, more=cursor.number + 1 < pages)
        return Found(entries, back, on, total, cursor.number, pages, remarks)

    @staticmethod
    def peeked(entries: Sequence[Each], cursor: Cursor, size: int) -> Found[Each]:
        """Build a page from up to `size + 1` entries. The extra entry only proves that there is a next page."""
        back, on = _around(cursor, more=len(entries) > size)
        return Found(entries[:size], back, on)


def _around(cursor: Cursor, *, more: bool) -> tuple[Cursor | None, Cursor | None]:
    back = Cursor(cursor.number - 1) if cursor.number else None
    return back, Cursor(cursor.number + 1) if more and cursor.number + 1 < 10**MAX_PAGE_DIGITS else None


class ListPage(ABC, Generic[Query, Entry]):
    """A list. Defining a subclass with a `key` registers it."""

    registered: ClassVar[dict[str, ListPage[Any, Any]]] = {}

    key: ClassVar[str]  # two to nine letters, in the custom_ids of its controls
    command: ClassVar[str]  # the slash command that opens it
    numbered: ClassVar[bool] = True  # whether the pager has *Go to page*

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "key" in vars(cls):
            ListPage.registered[cls.key] = cls()

    @abstractmethod
    async def query(self, interaction: Interaction, text: str) -> Query:
        """The query that `text` in a custom_id means. Raises NothingThere."""

    @abstractmethod
    async def fetch(self, interaction: Interaction, query: Query, cursor: Cursor) -> Found[Entry]:
        """A page of the entries. Raises DatabaseError, or a refusal."""

    @abstractmethod
    async def heading(self, interaction: Interaction, at: ListRef, query: Query, found: Found[Entry]) -> str:
        """What stands above the entries, or says why there are none."""

    async def entry(
        self, interaction: Interaction, at: ListRef, query: Query, entry: Entry, page: RenderedMessage
    ) -> Items:
        """An entry, whose pictures are attached to `page`. A list defines this, or `entries`."""
        raise NotImplementedError

    async def entries(
        self, interaction: Interaction, at: ListRef, query: Query, found: Found[Entry], page: RenderedMessage
    ) -> Items:
        """All entries of a page."""
        return [item for entry in found.entries for item in await self.entry(interaction, at, query, entry, page)]

    async def below(self, interaction: Interaction, at: ListRef, query: Query, found: Found[Entry]) -> Items:
        """What stands below the entries: `pager`, further buttons and menus."""
        return button_rows(self.pager(at, found))

    def pager(self, at: ListRef, found: Found[Entry]) -> list[PersistentButton]:
        """The buttons *Back*, *Page 2 of 9* and *Next*; none where there is one page."""
        if found.back is None and found.on is None:
            return []
        back = TurnPageButton(at.to(found.back or Cursor())).labelled(_(BACK), disabled=found.back is None)
        on = TurnPageButton(at.to(found.on or Cursor(_NO_PAGE))).labelled(_(NEXT), disabled=found.on is None)
        if not self.numbered:
            return [back, on]
        counted = found.page is not None and found.pages is not None
        where = page_of_pages(found.page or 0, found.pages or 1) if counted else _("Go to page")
        return [back, GoToPageButton(at).labelled(where), on]

    async def render(
        self, interaction: Interaction, at: ListRef, note: str = "", accessory: ui.Item[Any] | None = None
    ) -> RenderedMessage:
        """The page as the person sees it. `note` says what was just done; `accessory` stands beside it.

        Beyond the end, a list that counts shows its last page, and another list its first. Raises as `query` and
        `fetch` do.
        """
        query = await self.query(interaction, at.query)
        found = await self.fetch(interaction, query, at.cursor)
        if not found.entries and at.cursor != Cursor():
            last = Cursor(found.pages - 1) if found.pages else Cursor()
            if last != at.cursor:
                return await self.render(interaction, at.to(last), note, accessory)
        page = RenderedMessage()
        heading = ui.TextDisplay[Any](f"{await self.heading(interaction, at, query, found)}\n{note}".rstrip())
        page.view.add_item(heading if accessory is None else ui.Section[Any](heading, accessory=accessory))
        for item in await self.entries(interaction, at, query, found, page):
            page.view.add_item(item)
        for item in await self.below(interaction, at, query, found):
            page.view.add_item(item)
        return page


@dataclass(frozen=True)
class ListRef:
    """A page of a list: the list's key, which page, and the query as the list writes it."""

    key: str
    query: str = ""
    cursor: Cursor = Cursor()

    ID_PATTERN: ClassVar[str] = rf"[a-z]{{2,9}}:{Cursor.ID_PATTERN}:.{{0,80}}"

    @classmethod
    def from_id(cls, text: str) -> Self:
        """Parse the output of `str`. Raises LookupError for a list that does not exist."""
        key, cursor, query = text.split(":", 2)
        if key not in ListPage.registered:
            raise LookupError(key)
        return cls(key, query, Cursor.from_id(cursor))

    def __str__(self) -> str:
        return f"{self.key}:{self.cursor}:{self.query}"

    @property
    def list(self) -> ListPage[Any, Any]:
        """The list."""
        return ListPage.registered[self.key]

    def to(self, cursor: Cursor) -> Self:
        """Another page of the same list and query."""
        return replace(self, cursor=cursor)

    async def show(self, interaction: Interaction, note: str = "", accessory: ui.Item[Any] | None = None) -> None:
        """Edit the message whose control was used to show the page. Raises as `ListPage.render` does."""
        await acknowledge.replace(interaction, await self.list.render(interaction, self, note, accessory))

    async def open(self, interaction: Interaction, note: str = "") -> None:
        """Show the page in an ephemeral message. Raises as `ListPage.render` does."""
        await send_ephemeral(interaction, await self.list.render(interaction, self, note))


class ListButton(PersistentButton):
    """A button below a list."""

    at: ListRef

    @property
    def checked_command(self) -> str:
        """The command of the list."""
        return self.at.list.command


class TurnPageButton(ListButton, prefix="pg"):
    """Shows a page of a list, or leads back to it."""

    label = BACK

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show the page."""
        await self.at.show(interaction)


class GoToPageButton(ListButton, prefix="go"):
    """Says which page is shown, and opens the form for another."""

    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        await acknowledge.open_modal(interaction, GoToPageForm(self.at, interaction.id))


class GoToPageForm(Form, key="goto"):
    """The number of a page."""

    sends_message = False
    page = TextField(
        later("Page"), later("If the number is too high, Easel opens the last page"), length=MAX_PAGE_DIGITS
    )

    def __init__(self, at: ListRef, opening: int) -> None:
        super().__init__(_("Go to page"), opening, page=None if at.cursor.anchor else at.cursor.number + 1)
        self._at = at

    @property
    def checked_command(self) -> str:
        """The command of the list."""
        return self._at.list.command

    async def submitted(self, interaction: Interaction) -> None:
        """Show the page. Raises NothingThere for what is no number."""
        typed = self.page.strip()
        if not typed.isdecimal() or len(typed) > MAX_PAGE_DIGITS or not int(typed):
            raise NothingThere(what=_("Enter a page number, such as 2."))
        await self._at.to(Cursor(int(typed) - 1)).show(interaction)


def page_of_pages(page: int, pages: int) -> str:
    """`Page 2 of 3`; `page` is counted from 0."""
    return _("Page {page} of {pages}").format(page=number(page + 1), pages=number(pages))
