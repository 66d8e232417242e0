"""Where a LoRA comes from, on its page: what its hub says now, and a button for each newer version."""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.database.loras.catalogue import Lora
from bot.i18n import _
from bot.i18n.texts import on_a_label
from bot.servers.rights import Action
from bot.sources.claims.provenance import HubFile, Provenance, provenance_of
from bot.ui.access import may
from bot.ui.client import Interaction
from bot.ui.rendered_message import MAX_COMPONENTS
from bot.ui.views.loras.origin_text import newer_text, provenance_lines

MAX_TEXT = 4000  # of a message; Discord's limit
MAX_BUTTONS = 5  # of a row; Discord's limit


async def add_provenance(interaction: Interaction, view: ui.LayoutView, lora: Lora) -> Provenance:
    """Add what there is room for. Raises DatabaseError."""
    known = await provenance_of(interaction.client.db, lora)
    lines = [newer_text(file) for file in known.newer] + [f"-# {line}" for line in provenance_lines(known)]
    _add_lines(view, lines)
    if known.newer and await may_add(interaction) and view.total_children_count + len(known.newer) < MAX_COMPONENTS:
        view.add_item(ui.ActionRow[Any](*map(newer_button, known.newer[:MAX_BUTTONS])))
    return known


def _add_lines(view: ui.LayoutView, lines: list[str]) -> None:
    """The first of the lines, as many as a message has room for."""
    room = MAX_TEXT - view.content_length()
    while lines and len("\n".join(lines)) > room:
        lines.pop()
    if lines and view.total_children_count < MAX_COMPONENTS:
        view.add_item(ui.TextDisplay[Any]("\n".join(lines)))


async def may_add(interaction: Interaction) -> bool:
    """Whether the person may add LoRAs here. Raises DatabaseError."""
    enabled = interaction.client.configuration.settings.sources.enabled
    return enabled and await may(interaction, Action.ADD_LORA)


def newer_button(file: HubFile) -> ui.Button[Any]:
    """Adds the newer version of a file: `AddNewerButton` handles it."""
    assert file.newer is not None
    label = _("Add {name}").format(name=file.newer.version)
    return ui.Button(label=on_a_label(label), custom_id=f"newer:{file.look.newer_sha256}")
