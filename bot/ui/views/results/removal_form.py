"""The form in which staff say why they remove a picture from their server. The picture's author reads the reason."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.i18n import _
from bot.servers.administration.reasons import MAX_REASON
from bot.ui.views.persistent_items import ModalForm


def reason_field(*, required: bool, max_length: int) -> tuple[ui.TextInput[Any], ui.Label[Any]]:
    """The field for the reason that the picture's author reads, with its label."""
    field: ui.TextInput[Any] = ui.TextInput(
        custom_id="note", style=discord.TextStyle.paragraph, required=required, max_length=max_length
    )
    hint = _("The picture's author will see this reason, but not your name")
    return field, ui.Label[Any](text=_("Reason"), description=hint, component=field)


class RemovalForm(ModalForm):
    """Says what a removal does, and asks for the reason. Subclasses check the rights again, and remove."""

    command, action = "history", None

    def __init__(self, key: str, text: str, *, opening: int) -> None:
        super().__init__(_("Remove this picture from this server?"), key, opening)
        self.add_item(ui.TextDisplay[Any](text))
        self.reason, label = reason_field(required=True, max_length=MAX_REASON)
        self.add_item(label)
