"""The form that asks for the number of a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from discord import ui

from bot.errors.missing import NothingThere
from bot.i18n import _, number
from bot.ui.client import Interaction
from bot.ui.views.persistent_items import ModalForm

MAX_PAGE_DIGITS = 6

ShowPage = Callable[[Interaction, int], Awaitable[None]]


class GoToPageForm(ModalForm):
    """The number of a page. `show` edits the message to show a page, counted from 0; the last one for one beyond it."""

    sends_message = False

    def __init__(self, show: ShowPage, *, command: str, here: int | None, opening: int) -> None:
        super().__init__(_("Go to a page"), "jump", opening)
        self._show, self.command = show, command
        default = None if here is None else str(min(here + 1, 10**MAX_PAGE_DIGITS - 1))
        self.page: ui.TextInput[Any] = ui.TextInput(custom_id="page", default=default, max_length=MAX_PAGE_DIGITS)
        description = _("If the number is too high, Easel opens the last page")
        self.add_item(ui.Label[Any](text=_("Page"), description=description, component=self.page))

    async def submitted(self, interaction: Interaction) -> None:
        """Show the page. Raises NothingThere for what is no number."""
        typed = self.page.value.strip()
        if not typed.isdecimal() or not int(typed):
            raise NothingThere(what=_("Enter a page number, such as 2."))
        await self._show(interaction, int(typed) - 1)


def page_of_pages(page: int, pages: int) -> str:
    """`Page 2 of 3`, on the button that opens the form; `page` is counted from 0."""
    return _("Page {page} of {pages}").format(page=number(page + 1), pages=number(pages))
