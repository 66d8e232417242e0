"""The program with a feature that its packages do not know: `python -m tests.discord.added_feature run …`.

One command, one kind of list, one button and one error. Each is registered by its definition, so nothing else is
edited. The feature has a process of its own, because registrations hold for a process.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any, Self

from discord import app_commands, ui

from bot.cli.main import main
from bot.database.loras.catalogue import browse_loras
from bot.database.loras.search import Sort
from bot.i18n import later
from bot.ui.client import Cog, Interaction
from bot.ui.interactions.replies import send_ephemeral, send_ephemeral_text
from bot.ui.page_kind import PageKind
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.browse import PageLocation, page_buttons
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.browsing import BrowseQuery, PageRef, page_ref_of, query_at
from inference.errors import RequestError


@dataclass(eq=False)
class WallFull(RequestError):
    """There is no room for {lora} on the wall. Take another picture down first."""

    lora: str


class HangButton(PersistentButton, template=r"hang:(?P<lora>[A-Za-z]{1,20})"):
    """Hangs a LoRA's picture on the wall, where one has room."""

    command = "wall"

    def __init__(self, lora: str) -> None:
        self.lora = lora
        super().__init__(ui.Button(label="Hang up", custom_id=f"hang:{lora}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(match["lora"])

    async def handle(self, interaction: Interaction) -> None:
        if self.lora != "Bat":
            raise WallFull(lora=self.lora)
        await send_ephemeral_text(interaction, f"{self.lora} hangs on the wall.")


class Wall(PageKind):
    """The LoRAs of the library by name, one on a page."""

    command, key = "wall", "wall-"
    sorts = (Sort.NAME,)
    tags = False
    search_title = later("Search the wall")
    search_hint = later("Names")

    async def page(self, interaction: Interaction, page_ref: PageRef) -> RenderedMessage:
        db = interaction.client.db
        query = await query_at(db, interaction.user.id, page_ref)
        found = await browse_loras(db, limit=1, offset=page_ref.page, search=query.search, sort=query.sort)
        (lora,) = found.loras
        page = RenderedMessage()
        page.view.add_item(ui.TextDisplay[Any](f"{lora.name}, {page_ref.page + 1} of {found.total}"))
        buttons = page_buttons(PageLocation(self.key, page_ref), query, more=found.more)
        page.view.add_item(ui.ActionRow[Any](*buttons, HangButton(lora.name)))
        return page


class WallCog(Cog):
    """Opens the wall."""

    @app_commands.command(name="wall")
    async def wall(self, interaction: Interaction) -> None:
        """Look at the LoRAs one by one."""
        query = BrowseQuery(sort=Sort.NAME)
        page_ref = await page_ref_of(self._client.db, interaction.user.id, query)
        page = await Wall().page(interaction, page_ref)
        await send_ephemeral(interaction, page.view, page.files)


if __name__ == "__main__":
    sys.exit(main())
