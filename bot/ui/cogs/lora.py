"""`/lora browse`: the market; `/lora info`: a LoRA's page; `/lora add`: a LoRA from outside."""

from __future__ import annotations

from typing import Annotated

import discord
from discord import app_commands
from discord.ext import commands

from bot.database.loras.search import Sort
from bot.database.loras.tags import MAX_TAG, tag_key
from bot.servers.rights import Action
from bot.sources.errors import NoLink
from bot.sources.hubs.links import MAX_TYPED
from bot.ui.access import checkpoints_here
from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_base_filters, suggest_loras, suggest_tags
from bot.ui.cogs.options import OneOf, narrowed
from bot.ui.views.additions.links import add_by_link
from bot.ui.views.additions.progress import add_attachment
from bot.ui.views.loras.market import open_market
from bot.ui.views.loras.page import show_lora_page
from bot.workspace.browsing import MAX_SEARCH, first_in_market
from inference.lora.beside.categories import Category


class LoraCog(Cog, commands.GroupCog, group_name="lora", group_description="Browse, look up and add LoRAs"):
    """The LoRAs of the library."""

    @app_commands.command(name="browse")
    @app_commands.describe(
        search="Words to find in names, trigger words and descriptions",
        category="Category of the LoRA",
        base="LoRAs that fit this base model (default: your model's)",
        sort="Sort order (default: trending first)",
        tag="Tag within a category, such as lighting or camera",
    )
    @app_commands.autocomplete(base=suggest_base_filters, tag=suggest_tags)
    async def browse(
        self,
        interaction: Interaction,
        search: app_commands.Range[str, 1, MAX_SEARCH] | None = None,
        category: Annotated[Category, OneOf(Category)] | None = None,
        base: str | None = None,
        sort: Annotated[Sort, OneOf(Sort)] | None = None,
        tag: app_commands.Range[str, 1, MAX_TAG] | None = None,
    ) -> None:
        """Browse all LoRAs in the market. Sort them by age, name, use or star rating."""
        query = await first_in_market(self._client.db, await checkpoints_here(interaction), interaction.user.id)
        if search or category or tag or base:  # the order for newcomers is for the unfiltered list
            query = query.but(sort=Sort.TRENDING)
        query = narrowed(query, search=search, category=category, base=base, sort=sort)
        await open_market(interaction, query.but(tag=tag_key(tag or "")))

    @app_commands.command(name="info")
    @app_commands.describe(name="Name of the LoRA")
    @app_commands.autocomplete(name=suggest_loras)
    async def info(self, interaction: Interaction, name: str) -> None:
        """See a LoRA's page with pictures, base model, trigger words and star rating."""
        lora = await self._client.requests.lora(name)
        await show_lora_page(interaction, lora.id)

    @app_commands.command(name="add", extras={"action": Action.ADD_LORA})
    @app_commands.describe(
        link="Link from Civitai or Hugging Face, or a Civitai version number",
        file="LoRA file, instead of a link",
    )
    async def add(
        self,
        interaction: Interaction,
        link: app_commands.Range[str, 1, MAX_TYPED] | None = None,
        file: discord.Attachment | None = None,
    ) -> None:
        """Add a new LoRA from a link or a file. Staff decide who can add LoRAs."""
        if file is not None and link is None:
            await add_attachment(interaction, file)
        elif link is not None and file is None:
            await add_by_link(interaction, link)
        else:
            raise NoLink
