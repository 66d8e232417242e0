"""The frame of a server's panel: pages, sections, and the base classes of its controls.

The custom_id of each control holds the whole page, so a panel works after a restart. What a control does is checked by
`bot.servers.administration` on each use: the server in a custom_id may be forged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self

import discord
from discord import ui

from bot.database.servers.settings import ServerSettings
from bot.i18n import _
from bot.i18n.texts import plain
from bot.servers.administration.services import Administration
from bot.servers.context import ActionContext
from bot.servers.rights import Action
from bot.ui.access import context_of, is_operator, require
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items, RenderedMessage, button_rows
from bot.ui.views.custom_ids import DiscordIdOrPseudonym, discord_id
from bot.ui.views.forms import Form
from bot.ui.views.list_page import Cursor, Entry, Found, ListPage, ListRef
from bot.ui.views.persistent_items import (
    Button,
    ItemT,
    PersistentButton,
    PersistentItem,
    PersistentMenu,
    outdated_error,
)
from inference.queue.policy import EVERYWHERE

HOME = "home"
ORDER = (HOME, "places", "art", "ratings", "words", "people", "limits", "blocks", "reports", "proposals", "audit")


@dataclass(frozen=True)
class PanelPage(ListRef):
    """A page of a section about a server. The query is the server, a dot, and the section's own `detail`.

    EVERYWHERE is for operators.
    """

    # The longest page of the audit log has 87 characters, so a control's prefix may have 12.
    QUERY: ClassVar[str] = r"[0-9]{1,19}[.][a-z0-9_.]{0,42}"
    ID_PATTERN: ClassVar[str] = rf"[a-z]{{2,9}}:{Cursor.ID_PATTERN}:{QUERY}"

    @classmethod
    def from_id(cls, text: str) -> Self:
        """Read what `str` wrote. Raises LookupError for a list that is no section."""
        page = super().from_id(text)
        if not isinstance(page.list, PanelSection):
            raise LookupError(page.key)
        return page

    @classmethod
    def of(cls, server_id: int, section: str = HOME, detail: str = "") -> Self:
        """The first page of a section."""
        return cls(section, f"{server_id}.{detail}")

    @property
    def server_id(self) -> int:
        """The server. Raises NothingThere for a number that is no id of Discord."""
        try:
            return discord_id(self.query.partition(".")[0])
        except ValueError:
            raise outdated_error() from None

    @property
    def detail(self) -> str:
        """What the page is about in its section; empty for all of it."""
        return self.query.partition(".")[2]

    def about(self, detail: str) -> PanelPage:
        """The first page about something else in the section."""
        return PanelPage.of(self.server_id, self.key, detail)

    async def settings(self, interaction: Interaction) -> ServerSettings:
        """The settings of the server. Raises a refusal of `bot.servers.rights`."""
        services, who = administration(interaction)
        return (await services.settings.setup(who, self.server_id)).settings

    async def change(self, interaction: Interaction, **changes: object) -> None:
        """Change settings of the server and show the page. Raises what `SettingsAdministration.change` raises."""
        services, who = administration(interaction)
        await services.settings.change(who, self.server_id, **changes)
        await self.show(interaction)


class PanelSection(ListPage[PanelPage, Entry], Generic[Entry]):
    """Section of the panel: a list (define `fetch` and `row`) or only settings (define `controls`)."""

    command = "server"
    title: ClassVar[str]
    none: ClassVar[str] = ""  # in place of the entries, where there are none
    under: ClassVar[str] = ""  # the section that leads here, if the menu of sections does not
    everywhere: ClassVar[bool] = False  # operators can also open it for all servers at once
    for_operators: ClassVar[bool] = False

    async def query(self, interaction: Interaction, text: str) -> PanelPage:
        """The first page of this server and detail. Raises NothingThere, or a refusal of `bot.servers.rights`."""
        if not re.fullmatch(PanelPage.QUERY, text):
            raise outdated_error()
        page = PanelPage(self.key, text)
        await require(interaction, Action.CONFIGURE, page.server_id)
        return page

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[Entry]:
        """No entries."""
        return Found(())

    async def heading(self, interaction: Interaction, at: ListRef, query: PanelPage, found: Found[Entry]) -> str:
        """The server and the section."""
        return f"## {server_name(interaction, query.server_id)}\n### {_(self.title)}"

    async def entries(
        self, interaction: Interaction, at: ListRef, query: PanelPage, found: Found[Entry], page: RenderedMessage
    ) -> Items:
        """The rows, or that there are none."""
        here = query.to(at.cursor)
        rows = self.rows(interaction, here, found)
        return [*self.above(here, found), *(rows or ([shown([_(self.none)])] if self.none else []))]

    def above(self, page: PanelPage, found: Found[Entry]) -> Items:
        """What stands above the entries."""
        return ()

    def rows(self, interaction: Interaction, page: PanelPage, found: Found[Entry]) -> Items:
        """The entries."""
        return [self.row(interaction, page, entry) for entry in found.entries]

    def row(self, interaction: Interaction, page: PanelPage, entry: Entry) -> ui.Item[Any]:
        """An entry, usually with a button beside it."""
        raise NotImplementedError

    async def below(self, interaction: Interaction, at: ListRef, query: PanelPage, found: Found[Entry]) -> Items:
        """The pages, the controls, and the menu of sections."""
        page = query.to(at.cursor)
        sections = SectionMenu.of(page, self.under or self.key, operator=is_operator(interaction))
        return [
            *button_rows(self.pager(page, found)),
            *await self.controls(interaction, page, found),
            ui.ActionRow[Any](sections),
        ]

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[Entry]) -> Items:
        """What stands below the entries. Raises a refusal of `bot.servers.rights`."""
        return ()


def administration(interaction: Interaction) -> tuple[Administration, ActionContext]:
    """The services of the panel, and who uses them."""
    return interaction.client.servers.administration, context_of(interaction)


def server_name(interaction: Interaction, server_id: int) -> str:
    """The name of a server, safe to show."""
    if server_id == EVERYWHERE:
        return _("All servers")
    server = interaction.client.get_guild(server_id)
    return plain(server.name, 100) if server else _("Server {id}").format(id=server_id)


def shown(parts: Sequence[str]) -> ui.TextDisplay[Any]:
    """Lines of text."""
    return ui.TextDisplay[Any]("\n".join(parts))


class PanelItem(PersistentItem[ItemT], Generic[ItemT]):
    """A control of the panel; it holds the page on which it stands."""

    command = "server"
    action = Action.CONFIGURE

    page: PanelPage

    @property
    def place(self) -> int:
        """The server of the page."""
        return self.page.server_id


class PanelButton(PanelItem[Button], PersistentButton):
    """A button of the panel."""


class TargetButton(PanelButton):
    """A button of the panel about a person, a role, or something with an id of ours."""

    target: DiscordIdOrPseudonym


class PanelMenu(PanelItem[ui.Item[Any]], PersistentMenu):
    """A menu of the panel, of options or of what Discord lists."""


class PanelForm(Form):
    """A form of the panel, which shows the panel again."""

    command = "server"
    sends_message = False

    def __init__(self, title: str, page: PanelPage, opening: int, **values: Any) -> None:
        super().__init__(title, opening, **values)
        self.page = page


class SectionMenu(PanelMenu, prefix="svsection"):
    """Leads to another section."""

    @classmethod
    def of(cls, page: PanelPage, current: str, *, operator: bool) -> Self:
        """The menu with the section `current` selected."""
        kinds = [kind for key in ORDER if isinstance(kind := ListPage.registered[key], PanelSection)]
        offered = [
            kind
            for kind in kinds
            if (kind.everywhere or page.server_id != EVERYWHERE) and (operator or not kind.for_operators)
        ]
        return cls(PanelPage.of(page.server_id)).offering(
            discord.SelectOption(label=_(kind.title), value=kind.key, default=kind.key == current) for kind in offered
        )

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of the section."""
        if self.value not in ORDER:
            raise outdated_error()
        await PanelPage.of(self.page.server_id, self.value).show(interaction)
