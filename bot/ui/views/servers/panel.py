"""The frame of a server's panel: pages, sections, and the base classes of its controls.

The custom_id of each control holds the whole page, so a panel works after a restart. What a control does is checked by
`bot.servers.administration` on each use: the server in a custom_id may be forged.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, cast

import discord
from discord import ui

from bot.i18n import _, later
from bot.i18n.texts import plain
from bot.servers.administration.services import Administration
from bot.servers.context import ActionContext
from bot.servers.rights import Action
from bot.ui.access import context_of, is_operator
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.views.persistent_items import (
    NO_CUSTOM_ID,
    ModalForm,
    PersistentButton,
    PersistentItem,
    discord_id,
    is_discord_id,
    outdated_error,
)
from inference.queue.policy import EVERYWHERE

# The longest page of the audit log has 87 characters, so a control's name may have 12.
PAGE = r"(?P<server>\d{1,19}):(?P<section>[a-z]{2,9}):(?P<page>\d{1,18}):(?P<detail>[a-z0-9_.]{0,42})"
TARGET = r"(?P<target>-?\d{1,19})"  # negative: the keyed hash of a person who has all deleted
HOME = "home"
MENU = 25  # options of a select menu; Discord's limit
ORDER = (HOME, "places", "art", "ratings", "words", "people", "limits", "blocks", "reports", "proposals", "audit")


@dataclass(frozen=True)
class PanelPage:
    """A page of a section about a server; `detail` is the section's own. EVERYWHERE is for operators."""

    server_id: int
    section: str = HOME
    page: int = 0
    detail: str = ""

    @classmethod
    def of(cls, match: re.Match[str]) -> Self:
        """The page in a custom_id. Raises ValueError for a number that is no id of Discord."""
        return cls(discord_id(match["server"]), match["section"], int(match["page"]), match["detail"])

    def __str__(self) -> str:
        """The page as PAGE reads it."""
        return f"{self.server_id}:{self.section}:{self.page}:{self.detail}"

    def at(self, page: int) -> PanelPage:
        """Another page of the same list."""
        return replace(self, page=page)

    def about(self, detail: str) -> PanelPage:
        """The first page about something else in the section."""
        return replace(self, page=0, detail=detail)

    async def view(self, interaction: Interaction) -> ui.LayoutView:
        """The panel. Raises a refusal of `bot.servers.rights`, or that it is outdated."""
        section = PanelSection.registered.get(self.section)
        if section is None:
            raise outdated_error()
        items = await section().items(interaction, self)
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.TextDisplay[Any](f"## {server_name(interaction, self.server_id)}\n### {_(section.title)}"))
        for item in items:
            view.add_item(item)
        view.add_item(ui.ActionRow[Any](SectionMenu.of(self, operator=is_operator(interaction))))
        return view

    async def show(self, interaction: Interaction) -> None:
        """Edit the message whose control was used to show the page."""
        await acknowledge.replace(interaction, await self.view(interaction), [])

    async def open(self, interaction: Interaction) -> None:
        """Show the page in an ephemeral message."""
        await send_ephemeral(interaction, await self.view(interaction))


class PanelSection(ABC):
    """A section of the panel. Defining a subclass registers it; sentences are marked by `later`."""

    registered: ClassVar[dict[str, type[PanelSection]]] = {}

    key: ClassVar[str]
    title: ClassVar[str]
    everywhere: ClassVar[bool] = False  # operators have it also for all servers together
    for_operators: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        PanelSection.registered[cls.key] = cls

    @abstractmethod
    async def items(self, interaction: Interaction, page: PanelPage) -> Sequence[ui.Item[Any]]:
        """What the page shows. Raises a refusal of `bot.servers.rights`."""


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


class PanelButton(PersistentButton, template=NO_CUSTOM_ID):
    """A button of the panel. Its `label` is marked by `later`.

    Where the template ends with a TARGET, the custom_id holds the id of what the button is about besides.
    """

    command = "server"
    action = Action.CONFIGURE
    name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, page: PanelPage, target: int | None = None) -> None:
        self.page, self.target, self.server_id = page, target or 0, page.server_id
        custom_id = f"{self.name}:{page}" if target is None else f"{self.name}:{page}:{target}"
        super().__init__(ui.Button(label=_(self.label), style=self.style, custom_id=custom_id))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        target = match.groupdict().get("target")
        if target is None:
            return cls(PanelPage.of(match))
        discord_id(target.removeprefix("-"))  # a pseudonym is negative
        return cls(PanelPage.of(match), int(target))


class PanelMenu(PersistentItem[ui.Item[Any]], template=NO_CUSTOM_ID):
    """A menu of the panel, of strings or of what Discord lists."""

    command = "server"
    action = Action.CONFIGURE
    name: ClassVar[str] = ""

    def __init__(self, page: PanelPage, menu: Any = ui.Select, **options: Any) -> None:
        self.page, self.server_id = page, page.server_id
        super().__init__(menu(custom_id=f"{self.name}:{page}", **options))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The menu that this custom_id means."""
        return cls(PanelPage.of(match))

    def values(self, interaction: Interaction) -> list[str]:
        """The chosen values, ids as text. They are untrusted input."""
        data = cast("dict[str, Any]", interaction.data or {})
        return [str(value) for value in data.get("values", ())]

    def value(self, interaction: Interaction) -> str:
        """The only chosen value. Raises NothingThere unless it is one."""
        values = self.values(interaction)
        if len(values) != 1:
            raise outdated_error()
        return values[0]

    def ids(self, interaction: Interaction) -> tuple[int, ...]:
        """The chosen ids of Discord. Raises NothingThere for what is none."""
        values = self.values(interaction)
        if not all(map(is_discord_id, values)):
            raise outdated_error()
        return tuple(map(int, values))


class PanelForm(ModalForm):
    """A form of the panel, which shows the panel again."""

    command = "server"
    sends_message = False

    def __init__(self, title: str, name: str, page: PanelPage, *, opening: int) -> None:
        super().__init__(title, f"{name}:{page.server_id}", opening)
        self.page = page


class SectionMenu(PanelMenu, template=rf"svsection:{PAGE}"):
    """Leads to another section."""

    name = "svsection"

    @classmethod
    def of(cls, page: PanelPage, *, operator: bool) -> Self:
        """The menu with the current one selected."""
        kinds = sorted(PanelSection.registered.values(), key=lambda kind: ORDER.index(kind.key))
        offered = [
            kind
            for kind in kinds
            if (kind.everywhere or page.server_id != EVERYWHERE) and (operator or not kind.for_operators)
        ]
        options = [
            discord.SelectOption(label=_(kind.title), value=kind.key, default=kind.key == page.section)
            for kind in offered
        ]
        return cls(PanelPage(page.server_id), options=options)

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of the section."""
        await PanelPage(self.page.server_id, self.value(interaction)).show(interaction)


class GoButton(PanelButton, template=rf"svgo:{PAGE}"):
    """Shows another page."""

    name = "svgo"
    label = later("Back")

    @classmethod
    def to(cls, page: PanelPage, label: str, *, disabled: bool = False) -> Self:
        """The button with this label."""
        button = cls(page)
        button.item.label, button.item.disabled = label, disabled
        return button

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show it."""
        await self.page.show(interaction)


def turning(page: PanelPage, *, more: bool) -> list[ui.ActionRow[Any]]:
    """The row that turns the pages of a list; none where there is one page."""
    if not page.page and not more:
        return []
    back = GoButton.to(page.at(max(0, page.page - 1)), _("Back"), disabled=not page.page)
    forward = GoButton.to(page.at(min(page.page + 1, 10**6)), _("More"), disabled=not more)
    return [ui.ActionRow[Any](back, forward)]
