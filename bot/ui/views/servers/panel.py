"""The frame of a server's panel: pages, sections, and the base classes of its controls.

The custom_id of each control holds the whole page, so a panel works after a restart. What a control does is checked by
`bot.servers.administration` on each use: the server in a custom_id may be forged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self

import discord
from discord import ui

from bot.database.servers.settings import ServerSettings
from bot.i18n import _, later
from bot.i18n.texts import plain
from bot.servers.administration.services import Administration
from bot.servers.context import ActionContext
from bot.servers.rights import Action
from bot.ui.access import context_of, is_operator
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import view_of
from bot.ui.views.custom_ids import DiscordIdOrPseudonym, discord_id
from bot.ui.views.forms import Form
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
MENU = 25  # options of a select menu; Discord's limit
ORDER = (HOME, "places", "art", "ratings", "words", "people", "limits", "blocks", "reports", "proposals", "audit")


@dataclass(frozen=True)
class PanelPage:
    """A page of a section about a server; `detail` is the section's own. EVERYWHERE is for operators."""

    server_id: int
    section: str = HOME
    page: int = 0
    detail: str = ""

    # The longest page of the audit log has 87 characters, so a control's prefix may have 12.
    ID_PATTERN: ClassVar[str] = r"[0-9]{1,19}:[a-z]{2,9}:[0-9]{1,18}:[a-z0-9_.]{0,42}"

    @classmethod
    def from_id(cls, text: str) -> Self:
        """Read what `str` wrote. Raises ValueError for a number that is no id of Discord."""
        server, section, page, detail = text.split(":")
        return cls(discord_id(server), section, int(page), detail)

    def __str__(self) -> str:
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
        title = f"## {server_name(interaction, self.server_id)}\n### {_(section.title)}"
        return view_of(title, *items, ui.ActionRow[Any](SectionMenu.of(self, operator=is_operator(interaction))))

    async def settings(self, interaction: Interaction) -> ServerSettings:
        """The settings of the server. Raises a refusal of `bot.servers.rights`."""
        services, who = administration(interaction)
        return (await services.settings.setup(who, self.server_id)).settings

    async def change(self, interaction: Interaction, **changes: object) -> None:
        """Change settings of the server and show the page. Raises what `SettingsAdministration.change` raises."""
        services, who = administration(interaction)
        await services.settings.change(who, self.server_id, **changes)
        await self.show(interaction)

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
    def of(cls, page: PanelPage, *, operator: bool) -> Self:
        """The menu with the current one selected."""
        kinds = sorted(PanelSection.registered.values(), key=lambda kind: ORDER.index(kind.key))
        offered = [
            kind
            for kind in kinds
            if (kind.everywhere or page.server_id != EVERYWHERE) and (operator or not kind.for_operators)
        ]
        return cls(PanelPage(page.server_id)).offering(
            discord.SelectOption(label=_(kind.title), value=kind.key, default=kind.key == page.section)
            for kind in offered
        )

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of the section."""
        await PanelPage(self.page.server_id, self.value).show(interaction)


class GoButton(PanelButton, prefix="svgo"):
    """Shows another page."""

    label = later("Back")

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show it."""
        await self.page.show(interaction)


def turning(page: PanelPage, *, more: bool) -> list[ui.ActionRow[Any]]:
    """The row that turns the pages of a list; none where there is one page."""
    if not page.page and not more:
        return []
    back = GoButton(page.at(max(0, page.page - 1))).labelled(_("Back"), disabled=not page.page)
    forward = GoButton(page.at(min(page.page + 1, 10**6))).labelled(_("More"), disabled=not more)
    return [ui.ActionRow[Any](back, forward)]
