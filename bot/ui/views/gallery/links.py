"""The button that opens the gallery of the server: whole, of one person, or of one LoRA."""

from __future__ import annotations

import re
from typing import ClassVar, Self

from discord import ui

from bot.database.loras.search import Sort
from bot.i18n import _
from bot.ui.client import Interaction
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.page_kind import PageKind
from bot.ui.views.persistent_items import PersistentButton, discord_id, outdated_error
from bot.workspace.browsing import BrowseQuery, page_ref_of

GALLERY_KEY = "ga-"


class OpenGalleryButton(PersistentButton, template=r"ga-g:(?P<lora>\d{0,18}):(?P<person>\d{0,20})"):
    """Opens the gallery for the person who presses."""

    command = "gallery"
    whole: ClassVar[str] = "ga-g::"  # the custom_id of the button for the whole gallery

    def __init__(self, *, lora_id: int | None = None, person_id: int | None = None) -> None:
        self.lora_id, self.person_id = lora_id, person_id
        text = _("Gallery") if lora_id is None else _("More pictures with this LoRA")
        text = text if person_id is None else _("More pictures by this member")
        custom_id = f"ga-g:{'' if lora_id is None else lora_id}:{'' if person_id is None else person_id}"
        super().__init__(ui.Button(label=text, custom_id=custom_id))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        lora_id = int(match["lora"]) if match["lora"] else None
        return cls(lora_id=lora_id, person_id=discord_id(match["person"]) if match["person"] else None)

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page in an ephemeral message."""
        kind = PageKind.of(GALLERY_KEY)
        if kind is None:
            raise outdated_error()
        query = BrowseQuery(sort=Sort.NEWEST, lora=self.lora_id, person=self.person_id)
        page_ref = await page_ref_of(interaction.client.db, interaction.user.id, query)
        page = await kind.page(interaction, page_ref)
        await send_ephemeral(interaction, page.view, page.files)
