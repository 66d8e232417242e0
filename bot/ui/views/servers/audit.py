"""The section with the audit log: the newest first, filtered by action and person, and as a file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import discord
from discord import ui

from bot.database.servers.audit import AuditAction, AuditEntry, AuditFilter
from bot.i18n import _, later, ngettext, number
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import Items, view_of
from bot.ui.views.custom_ids import discord_id
from bot.ui.views.list_page import Cursor, Found, TurnPageButton
from bot.ui.views.persistent_items import PersistentButton, outdated_error
from bot.ui.views.servers.audit_words import action_label, entry_text
from bot.ui.views.servers.panel import (
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
    """Which entries are shown, as the detail of a page."""

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


class AuditSection(PanelSection[AuditEntry]):
    """A page of the log with its filters."""

    key, title, everywhere, numbered = "audit", later("Audit log"), True, False

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[AuditEntry]:
        """The entries beyond the one at the cursor, as many as fit. Raises NothingThere."""
        services, who = administration(interaction)
        wanted, anchor = Shown.of(query).filter, None
        if cursor.anchor:
            anchor = await services.audit.entry(who, query.server_id, cursor.anchor[0])
        way: Final = {"after" if cursor.back else "before": anchor}
        found = await services.audit.page(who, query.server_id, wanted, limit=LISTED, **way)
        here = _fitting(found.entries, last=cursor.back)
        if not here:
            return Found(())
        newer = Cursor(anchor=(here[0].id,), back=True) if found.newer or here[0] != found.entries[0] else None
        older = Cursor(anchor=(here[-1].id,)) if found.older or here[-1] != found.entries[-1] else None
        return Found(here, newer, older)

    def rows(self, interaction: Interaction, page: PanelPage, found: Found[AuditEntry]) -> Items:
        """The entries in one text, which is less than 4000 characters."""
        texts = [entry_text(entry)[:MAX_TEXT] for entry in found.entries]
        return [shown(texts or [_none(Shown.of(page))])]

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[AuditEntry]) -> Items:
        """The filters, the export, and the way to the newest entries."""
        wanted, first = Shown.of(page), page.to(Cursor())
        person = [] if wanted.person_id is None else [_person_default(wanted.person_id)]
        menu = AuditPersonMenu(first).offering(
            placeholder=_("Filter by user"), min_values=0, max_values=1, default_values=person
        )
        buttons: list[PersistentButton] = [ExportButton(first)]
        if found.back:
            buttons.append(TurnPageButton(first).labelled(_("Newest")))
        return [
            ui.ActionRow[Any](AuditActionMenu.of(first, wanted)),
            ui.ActionRow[Any](menu),
            ui.ActionRow[Any](*buttons),
        ]


def _fitting(entries: Sequence[AuditEntry], *, last: bool) -> Sequence[AuditEntry]:
    """The first entries whose texts fit into a message, or the last ones; at least one if there is one."""
    room, chosen = MAX_TEXT, list[AuditEntry]()
    for entry in reversed(entries) if last else entries:
        room -= len(entry_text(entry))
        if chosen and room < 0:
            break
        chosen.append(entry)
    return chosen[::-1] if last else chosen


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
        return cls(page).offering(options, _("All actions"), min_values=0)

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
        await send_ephemeral(interaction, view_of(shown(lines), ui.File[Any](file)), [file])
