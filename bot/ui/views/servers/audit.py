"""The section with the audit log: the newest first, filtered by action and person, and as a file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import discord
from discord import ui

from bot.database.servers.audit import AuditAction, AuditFilter
from bot.i18n import _, later, ngettext, number
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.views.custom_ids import discord_id
from bot.ui.views.persistent_items import outdated_error
from bot.ui.views.servers.audit_words import action_label, entry_text
from bot.ui.views.servers.panel import (
    GoButton,
    PanelButton,
    PanelMenu,
    PanelPage,
    PanelSection,
    administration,
    shown,
)

LISTED = 8  # entries on a page
MAX_TEXT = 3200  # characters of them; a message holds 4000


@dataclass(frozen=True)
class Shown:
    """Which entries are shown, as the detail of a page. The page's number is the id of the entry before the first."""

    action: AuditAction | None = None
    person_id: int | None = None

    @classmethod
    def of(cls, page: PanelPage) -> Self:
        """What a page shows. Raises NothingThere for what means nothing."""
        action, _dot, person = page.detail.partition(".")
        try:
            return cls(AuditAction(action) if action else None, discord_id(person) if person else None)
        except ValueError:
            raise outdated_error() from None

    def __str__(self) -> str:
        """The detail of a page."""
        return f"{self.action.value if self.action else ''}.{self.person_id or ''}"

    @property
    def filter(self) -> AuditFilter:
        """As the log takes it."""
        return AuditFilter(person_id=self.person_id, action=self.action)


class AuditSection(PanelSection):
    """A page of the log with its filters."""

    key, title, everywhere = "audit", later("Audit log"), True

    async def items(self, interaction: Interaction, page: PanelPage) -> Sequence[ui.Item[Any]]:
        """The entries after `page.page`, as many as fit; 0 is the newest."""
        services, who = administration(interaction)
        wanted = Shown.of(page)
        before = await services.audit.entry(who, page.server_id, page.page) if page.page else None
        found = await services.audit.page(who, page.server_id, wanted.filter, limit=LISTED, before=before)
        texts = list(map(entry_text, found.entries))
        fitting = max(1, sum(sum(map(len, texts[:count])) <= MAX_TEXT for count in range(1, len(texts) + 1)))
        here = found.entries[:fitting]
        older = found.older or len(found.entries) > fitting
        person = [] if wanted.person_id is None else [_person_default(wanted.person_id)]
        buttons: list[PanelButton] = [
            ExportButton(page),
            GoButton(page.at(0)).labelled(_("Newest"), disabled=not page.page),
        ]
        if older:
            buttons.append(GoButton(page.at(here[-1].id)).labelled(_("Older")))
        menu = AuditPersonMenu(page).offering(
            placeholder=_("Filter by user"), min_values=0, max_values=1, default_values=person
        )
        return [
            shown([text[:MAX_TEXT] for text in texts[:fitting]] or [_none(wanted)]),
            ui.ActionRow[Any](AuditActionMenu.of(page, wanted)),
            ui.ActionRow[Any](menu),
            ui.ActionRow[Any](*buttons),
        ]


def _none(wanted: Shown) -> str:
    return _("No entries yet.") if wanted == Shown() else _("No matching entries.")


def _person_default(person_id: int) -> discord.SelectDefaultValue:
    return discord.SelectDefaultValue(id=person_id, type=discord.SelectDefaultValueType.user)


class AuditActionMenu(PanelMenu, prefix="svaction"):
    """Shows the entries of one action alone."""

    @classmethod
    def of(cls, page: PanelPage, wanted: Shown) -> Self:
        """The menu with the current one selected."""
        options = [
            discord.SelectOption(label=action_label(each), value=each.value, default=each is wanted.action)
            for each in AuditAction
        ]
        return cls(page.at(0)).offering(options, _("All actions"), min_values=0)

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of them."""
        known = {each.value: each for each in AuditAction}
        action = next(map(known.get, self.values), None)
        chosen = Shown(action, Shown.of(self.page).person_id)
        await self.page.about(str(chosen)).show(interaction)


class AuditPersonMenu(PanelMenu, prefix="svauditwho"):
    """Shows the entries of one person alone: what they did, and what was done to them."""

    kind = ui.UserSelect

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page of them."""
        wanted = Shown(Shown.of(self.page).action, next(iter(self.discord_ids), None))
        await self.page.about(str(wanted)).show(interaction)


class ExportButton(PanelButton, prefix="svjson"):
    """Sends the entries of the filter as a file."""

    label = later("Export as JSON")

    async def handle(self, interaction: Interaction) -> None:
        """Send as many as fit into a file, the newest first."""
        await acknowledge.acknowledge(interaction)
        services, who = administration(interaction)
        wanted = Shown.of(self.page).filter
        limit = interaction.filesize_limit
        made = await services.audit.export(who, self.page.server_id, wanted, max_bytes=limit)
        text = ngettext("Exported {count} audit log entry.", "Exported {count} audit log entries.", made.entries)
        lines = [text.format(count=number(made.entries))]
        if not made.complete:
            lines.append(
                _(
                    "Older entries were left out because the file would exceed Discord's size limit here. Filter "
                    "the log to get them."
                )
            )
        file = discord.File(io.BytesIO(made.data), made.name)
        view = ui.LayoutView(timeout=None)
        view.add_item(shown(lines))
        view.add_item(ui.File[Any](file))
        await send_ephemeral(interaction, view, [file])
