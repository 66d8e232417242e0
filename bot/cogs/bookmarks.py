"""`/bookmarks`: the LoRAs that a person saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.choices import suggest_loras
from bot.cogs.options import OneOf
from bot.database.bookmarks import add_bookmark
from bot.database.loras import Sort
from bot.errors import NothingThere
from bot.replies import whisper
from bot.views.bookmarks import MAX_SEARCH, Query, bookmarks_page
from inference.base_models import BaseModelId
from inference.lora.sidecar import Category

if TYPE_CHECKING:
    from bot.client import EaselBot

    Interaction = discord.Interaction[EaselBot]


class BookmarksCog(commands.Cog):
    """A person's collection."""

    def __init__(self, bot: EaselBot) -> None:
        self._bot = bot

    @app_commands.command(name="bookmarks")
    @app_commands.describe(
        search="Words from a name, a trigger word or your note",
        category="What it is for",
        base="Only what was trained on this base model",
        sort="Newest first if you choose nothing",
        add="Save this LoRA first",
        note="A note to the one you save",
    )
    @app_commands.autocomplete(add=suggest_loras)
    async def bookmarks(
        self,
        interaction: Interaction,
        search: app_commands.Range[str, 1, MAX_SEARCH] | None = None,
        category: Annotated[Category, OneOf(Category)] | None = None,
        base: str | None = None,
        sort: Annotated[Sort, OneOf(Sort)] = Sort.NEWEST,
        add: str | None = None,
        note: app_commands.Range[str, 0, 1000] | None = None,
    ) -> None:
        """Your saved LoRAs: see, search, use or remove them."""
        easel = self._bot.easel
        if add:
            lora = await easel.requests.lora(add)
            await add_bookmark(easel.connection, interaction.user.id, lora.id, note or "")
        query = Query(0, sort, category, _known(base), " ".join((search or "").split()))
        page = await bookmarks_page(easel, interaction.user.id, query)
        await whisper(interaction, page.view, page.files)

    @bookmarks.autocomplete("base")
    async def suggest_bases(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The base models of the installed checkpoints."""
        bases = dict.fromkeys(spec.base_model for spec in self._bot.easel.checkpoints)
        wanted = typed.casefold()
        return [app_commands.Choice(name=b.label, value=b) for b in bases if wanted in b.label.casefold()][:25]


def _known(base: str | None) -> BaseModelId | None:
    """A base model as typed. Raises NothingThere."""
    if base is None:
        return None
    try:
        return BaseModelId(base.strip().lower())
    except ValueError as problem:
        raise NothingThere(what=f"This base model cannot be filtered by: {problem}.") from None
