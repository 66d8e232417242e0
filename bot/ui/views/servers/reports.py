"""The section about reports: those that wait, where they are posted, and whether operators see them."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.database.reports.reports import ReportState, Subject
from bot.database.servers.settings import ServerSettings
from bot.errors.servers import PublicReportsChannel
from bot.i18n import _, later, ngettext, number
from bot.i18n.texts import clipped, mention
from bot.reports.reporting import Case
from bot.servers.rights import Action
from bot.ui.access import context_of
from bot.ui.client import Interaction
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import Items
from bot.ui.views.custom_ids import Switch
from bot.ui.views.list_page import Cursor, Found
from bot.ui.views.permissions import is_public
from bot.ui.views.persistent_items import outdated_error
from bot.ui.views.reports.case import render_case
from bot.ui.views.servers.entity_menus import offering_channels
from bot.ui.views.servers.home import mentions
from bot.ui.views.servers.panel import (
    PanelButton,
    PanelMenu,
    PanelPage,
    PanelSection,
    TargetButton,
    server_name,
    shown,
)
from inference.queue.policy import EVERYWHERE

LISTED = 6  # reports on a page, each with its button


class ReportsSection(PanelSection[Case]):
    """The reports that wait, the oldest first; of all servers the operators' own, and those that servers share."""

    key, title, everywhere, none = "reports", later("Reports"), True, later("No open reports.")
    numbered = False

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[Case]:
        """A page of the reports."""
        reporting, who = interaction.client.reporting, context_of(interaction)
        found = await reporting.waiting(who, query.server_id, limit=LISTED + 1, offset=cursor.number * LISTED)
        return Found.peeked(found, cursor, LISTED)

    def row(self, interaction: Interaction, page: PanelPage, entry: Case) -> ui.Item[Any]:
        """A report, and *Review*."""
        return ui.Section[Any](_line(interaction, page, entry), accessory=CaseOpenButton(page, entry.report.id))

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[Case]) -> Items:
        """The settings of a server; of all servers, where reports are posted."""
        if page.server_id == EVERYWHERE:
            channel_id = await interaction.client.reporting.channel_of(EVERYWHERE)
            none = _("none (the operator can set a channel in the bot's configuration)")
            text = _("Channel for reports about LoRAs, and about pictures that are not in a server: **{names}**")
            return [shown([text.format(names=mentions("#", [channel_id] if channel_id else [], none))])]
        settings = await page.settings(interaction)
        chosen = [settings.reports_channel] if settings.reports_channel else []
        text, types = _("Staff channel for reports"), [discord.ChannelType.text]
        menu = offering_channels(ReportsChannelMenu(page), interaction, chosen, text, types=types, most=1)
        return [
            shown(_settings(interaction, page, settings)),
            ui.ActionRow[Any](menu),
            ui.ActionRow[Any](ShareReportsButton(page, not settings.shares_reports)),
        ]


def _line(interaction: Interaction, page: PanelPage, case: Case) -> str:
    """What is reported, by how many, since when, and on the operators' page in which server."""
    people = len(case.complaints)
    if case.report.kind is Subject.LORA:
        subject = _("The LoRA {name}").format(name=clipped(case.lora.name, 100) if case.lora else "…")
    else:
        subject = _("A picture by {person}").format(person=mention(case.report.owner_id or 0))
    facts = [
        ngettext("reported by {count} user", "reported by {count} users", people).format(count=number(people)),
        f"<t:{case.report.created_at // 1000}:R>",
    ]
    if case.report.state is ReportState.APPEALED:
        facts.append(_("appealed"))
    if page.server_id == EVERYWHERE and case.report.server_id != EVERYWHERE:
        facts.append(server_name(interaction, case.report.server_id))
    return f"**{subject}**\n-# {' · '.join(facts)}"


def _settings(interaction: Interaction, page: PanelPage, settings: ServerSettings) -> list[str]:
    channel_id = settings.reports_channel
    where = mentions("#", [channel_id] if channel_id else [], _("none (reports appear only in this panel)"))
    lines = [_("Reports channel: **{names}**").format(names=where)]
    server = interaction.client.get_guild(page.server_id)
    if server is not None and channel_id is not None:
        channel = server.get_channel(channel_id)
        own = discord.Permissions.none() if channel is None else channel.permissions_for(server.me)
        if not (own.view_channel and own.send_messages and own.attach_files):
            text = _("Easel cannot post in that channel. Allow it to view the channel, send messages and attach files.")
            lines.append(f"**{text}**")
        if is_public(channel):
            text = _(
                "Everyone can read that channel, so Easel posts no reports there. Choose a channel that "
                "only staff can read."
            )
            lines.append(f"**{text}**")
    choice = (
        _("this server's staff and the bot's operators") if settings.shares_reports else _("only this server's staff")
    )
    return [*lines, _("New reports are visible to: **{choice}**").format(choice=choice)]


class CaseOpenButton(TargetButton, prefix="svcase"):
    """Shows a report with its buttons."""

    label, action = later("Review"), Action.MODERATE

    async def handle(self, interaction: Interaction) -> None:
        """Show it in an ephemeral message. Raises what `Reporting.case` raises."""
        client = interaction.client
        case = await client.reporting.case(context_of(interaction), self.target)
        page = await render_case(client.db, client.thumbnails, case)
        await send_ephemeral(interaction, page)


class ReportsChannelMenu(PanelMenu, prefix="svrpchannel"):
    """The channel in which reports are posted."""

    async def handle(self, interaction: Interaction) -> None:
        """Save it. Raises PublicReportsChannel, and NothingThere for a channel that is not this server's."""
        chosen = self.discord_ids
        server = interaction.client.get_guild(self.page.server_id)
        channels = [server and server.get_channel(each) for each in chosen]
        if len(chosen) > 1 or not all(channels):
            raise outdated_error()
        if any(map(is_public, channels)):
            raise PublicReportsChannel
        await self.page.change(interaction, reports_channel=chosen[0] if chosen else None)
        interaction.client.reporting.changed()


class ShareReportsButton(PanelButton, prefix="svrpshare"):
    """Lets operators see reports from now on, or not any more."""

    shares: Switch

    def text(self) -> str:
        """What it does."""
        return _("Share new reports with operators") if self.shares else _("Stop sharing new reports with operators")

    async def handle(self, interaction: Interaction) -> None:
        """Save it."""
        await self.page.change(interaction, shares_reports=self.shares)
