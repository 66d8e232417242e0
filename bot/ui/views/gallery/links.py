"""The button that opens the gallery of the server: whole, of one person, or of one LoRA."""

from __future__ import annotations

from bot.database.loras.search import Sort
from bot.i18n import _
from bot.ui.client import Interaction
from bot.ui.views.custom_ids import OptionalDiscordId, OptionalId
from bot.ui.views.list_page import ListRef
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.browsing import BrowseQuery, query_key

GALLERY_KEY = "ga"


class OpenGalleryButton(PersistentButton, prefix="gallery"):
    """Opens the gallery for the person who presses."""

    command = "gallery"

    lora_id: OptionalId = None
    person_id: OptionalDiscordId = None

    def text(self) -> str:
        """Which pictures it shows."""
        if self.person_id is not None:
            return _("More pictures by this member")
        return _("Gallery") if self.lora_id is None else _("More pictures with this LoRA")

    async def handle(self, interaction: Interaction) -> None:
        """Show the first page in an ephemeral message."""
        query = BrowseQuery(sort=Sort.NEWEST, lora=self.lora_id, person=self.person_id)
        key = await query_key(interaction.client.db, interaction.user.id, query)
        await ListRef(GALLERY_KEY, key).open(interaction)
