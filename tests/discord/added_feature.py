"""The program with a feature that its packages do not know: `python -m tests.discord.added_feature run …`.

One command, one kind of list, one button and one error. Each is registered by its definition, so nothing else is
edited. The feature has a process of its own, because registrations hold for a process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from discord import app_commands, ui

from bot.cli.main import main
from bot.database.loras.catalogue import Lora, browse_loras
from bot.database.loras.search import Sort
from bot.i18n import later
from bot.ui.client import Cog, Interaction
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.browse import BrowseList
from bot.ui.views.custom_ids import IdPart
from bot.ui.views.list_page import Cursor, Found, ListRef
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.browsing import BrowseQuery
from inference.errors import RequestError


@dataclass(eq=False)
class WallFull(RequestError):
    """There is no room for {lora} on the wall. Take another picture down first."""

    lora: str


class HangButton(PersistentButton, prefix="hang"):
    """Hangs a LoRA's picture on the wall, where one has room."""

    command = "wall"
    label = "Hang up"

    lora: Annotated[str, IdPart(r"[A-Za-z]{1,20}")]

    async def handle(self, interaction: Interaction) -> None:
        if self.lora != "Bat":
            raise WallFull(lora=self.lora)
        await send_ephemeral_text(interaction, f"{self.lora} hangs on the wall.")


class Wall(BrowseList[Lora]):
    """The LoRAs of the library by name, one on a page."""

    command, key, cards = "wall", "wall", 1
    sorts = (Sort.NAME,)
    search_title = later("Search the wall")
    search_hint = later("Names")

    async def fetch(self, interaction: Interaction, query: BrowseQuery, cursor: Cursor) -> Found[Lora]:
        db = interaction.client.db
        found = await browse_loras(db, limit=1, offset=cursor.number, search=query.search, sort=query.sort)
        return Found.counted(found.loras, cursor, found.total, 1)

    async def heading(self, interaction: Interaction, at: ListRef, query: BrowseQuery, found: Found[Lora]) -> str:
        return f"{found.total} LoRAs"

    async def entry(
        self, interaction: Interaction, at: ListRef, query: BrowseQuery, entry: Lora, page: RenderedMessage
    ) -> Sequence[ui.Item[Any]]:
        return [ui.TextDisplay[Any](f"**{entry.name}**"), ui.ActionRow[Any](HangButton(entry.name))]


class WallCog(Cog):
    """Opens the wall."""

    @app_commands.command(name="wall")
    async def wall(self, interaction: Interaction) -> None:
        """Look at the LoRAs one by one."""
        await (await Wall().at(interaction, BrowseQuery(sort=Sort.NAME))).open(interaction)


if __name__ == "__main__":
    sys.exit(main())
