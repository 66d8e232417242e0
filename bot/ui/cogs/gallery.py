"""`/gallery`: what the people of a server published."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import discord
from discord import app_commands

from bot.database.loras.search import Sort
from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_base_filters, suggest_loras
from bot.ui.cogs.options import OneOf, narrowed
from bot.ui.views.gallery.pages import open_gallery
from bot.workspace.browsing import MAX_SEARCH, BrowseQuery
from inference.lora.beside.categories import Category


class GalleryOrder(StrEnum):
    """In which order pictures are shown."""

    NEWEST = "newest"
    MOST_LIKED = "most_liked_this_week"
    FEATURED = "featured_by_staff"


class GalleryCog(Cog):
    """The published pictures of a server."""

    @app_commands.command(name="gallery")
    @app_commands.describe(
        search="Words to find in prompts, model names and LoRA names",
        lora="Pictures with this LoRA",
        person="Pictures by this member",
        category="Pictures with a LoRA of this category",
        base="Pictures from models with this base model",
        sort="Sort order (default: newest first)",
    )
    @app_commands.autocomplete(base=suggest_base_filters, lora=suggest_loras)
    async def gallery(
        self,
        interaction: Interaction,
        search: app_commands.Range[str, 1, MAX_SEARCH] | None = None,
        lora: str | None = None,
        person: discord.User | None = None,
        category: Annotated[Category, OneOf(Category)] | None = None,
        base: str | None = None,
        sort: Annotated[GalleryOrder, OneOf(GalleryOrder)] | None = None,
    ) -> None:
        """See pictures that members of this server published, with the LoRAs they used."""
        query = BrowseQuery(
            sort=Sort.TOP_RATED if sort is GalleryOrder.MOST_LIKED else Sort.NEWEST,
            featured=sort is GalleryOrder.FEATURED,
            lora=(await self._client.requests.lora(lora)).id if lora else None,
            person=person.id if person else None,
        )
        await open_gallery(interaction, narrowed(query, search=search, category=category, base=base))
