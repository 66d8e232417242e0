"""The first section: what is set, what the bot lacks, and for operators the choice of another server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import ui

from bot.database.clock import now_ms
from bot.database.reports.reports import COUNT_WAITING_REPORTS
from bot.i18n import _, later, listed, ngettext, number
from bot.i18n.texts import on_a_label, several
from bot.servers.server_cache import ServerSetup
from bot.ui.access import is_operator
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items, RenderedMessage
from bot.ui.views.list_page import Cursor, Found, ListRef
from bot.ui.views.permissions import missing_permissions
from bot.ui.views.persistent_items import MENU
from bot.ui.views.servers.panel import (
    HOME,
    PanelMenu,
    PanelPage,
    PanelSection,
    administration,
    shown,
)
from inference.queue.policy import EVERYWHERE

LISTED = MENU - 1  # servers on a page: the menu has one option more
MAX_MENTIONS = 10  # channels or roles that are named


class HomeSection(PanelSection[discord.Guild]):
    """What is set, in a few lines."""

    key, title, everywhere = HOME, later("Overview"), True

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[discord.Guild]:
        """A page of the servers, for operators."""
        if not is_operator(interaction):
            return Found(())
        servers = sorted(interaction.client.guilds, key=lambda server: (server.name.casefold(), server.id))
        return Found.counted(servers[cursor.number * LISTED :][:LISTED], cursor, len(servers), LISTED)

    async def entries(
        self,
        interaction: Interaction,
        at: ListRef,
        query: PanelPage,
        found: Found[discord.Guild],
        page: RenderedMessage,
    ) -> Items:
        """The lines, and for operators the menu of servers."""
        services, who = administration(interaction)
        setup = await services.settings.setup(who, query.server_id)
        lines = [_("This overview is for all servers. Choose a single server below.")]
        if query.server_id != EVERYWHERE:
            waiting = await interaction.client.db.get(COUNT_WAITING_REPORTS, query.server_id)
            lines = _summary(setup, await services.limits.count(who, query.server_id), waiting)
        items: list[ui.Item[Any]] = [shown(lines)]
        if lacking := _lacking(interaction, query.server_id):
            text = _(
                "Easel is missing permissions here: {names}. Give these permissions to Easel's role so that "
                "Easel works properly."
            )
            items.append(shown(["**" + text.format(names=listed(lacking)) + "**"]))
        if found.entries:
            items.append(ui.ActionRow[Any](ServerMenu.of(query.to(at.cursor), found.entries)))
        return items


def mentions(prefix: str, ids: Sequence[int], usual: str) -> str:
    """Channels (`#`) or roles (`@&`) as Discord shows them; `usual` for none."""
    if not ids:
        return usual
    named = [f"<{prefix}{each}>" for each in ids[:MAX_MENTIONS]]
    rest = len(ids) - len(named)
    return listed([*named, *([ngettext("{count} more", "{count} more", rest).format(count=rest)] if rest else [])])


def _summary(setup: ServerSetup, limits: int, waiting: int) -> list[str]:
    settings, now = setup.settings, now_ms()
    blocked = sum(block.holds(now) for block in setup.lora_blocks.values())
    reports = ngettext(
        "**{count} report is waiting for your decision**, under *Reports*.",
        "**{count} reports are waiting for your decision**, under *Reports*.",
        waiting,
    ).format(count=number(waiting))
    return [
        *([reports] if waiting else []),
        _("Channels: {names}").format(names=mentions("#", settings.channels, _("all"))),
        _("Models: {names}").format(names=several(settings.checkpoints) or _("all")),
        _("Staff, besides members who manage the server: {names}").format(
            names=mentions("@&", settings.staff_roles, _("no one"))
        ),
        _("Limits set: {count}").format(count=number(limits)),
        _("Blocked LoRAs: {count}").format(count=number(blocked)),
        "-# " + _("Choose a section in the menu below. Changes take effect immediately."),
    ]


def _lacking(interaction: Interaction, server_id: int) -> list[str]:
    """The permissions that the bot lacks: in this channel, or in another server as a whole."""
    if interaction.guild_id == server_id:
        return missing_permissions(interaction.app_permissions) if interaction.is_guild_integration() else []
    server = interaction.client.get_guild(server_id)
    return missing_permissions(server.me.guild_permissions) if server else []


class ServerMenu(PanelMenu, prefix="svserver"):
    """Leads an operator to another server."""

    @classmethod
    def of(cls, page: PanelPage, servers: Sequence[discord.Guild]) -> Self:
        """The menu with the current one selected."""
        options = [discord.SelectOption(label=_("All servers"), value=str(EVERYWHERE), default=not page.server_id)]
        options += [
            discord.SelectOption(
                label=on_a_label(server.name, 90), value=str(server.id), default=server.id == page.server_id
            )
            for server in servers
        ]
        return cls(page).offering(options)

    async def handle(self, interaction: Interaction) -> None:
        """Show what is set there."""
        server_id = EVERYWHERE if self.value == str(EVERYWHERE) else self.discord_ids[0]
        await PanelPage.of(server_id).to(self.page.cursor).show(interaction)
