"""The commands of a message's menu, for pictures of Easel and others.

*Remix*, *Start from picture*, *Bookmark LoRAs*, *Picture details*, *Report*.
"""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import app_commands, ui

from bot.errors.missing import NothingThere
from bot.errors.pictures import PictureCheckRunning
from bot.i18n import _
from bot.ui.access import checkpoints_here, require_open
from bot.ui.client import Client, Cog, Interaction
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.message_lookup import ShownJob, find_shown_job, keep_shown_picture, read_recipe
from bot.ui.views.additions.offer import offer_missing
from bot.ui.views.gallery.post import details_buttons
from bot.ui.views.gallery.published import bookmark_published, remix_published
from bot.ui.views.reports.forms import open_report_form
from bot.ui.views.results.details import bookmark_loras, job_details_view
from bot.ui.views.results.origin import foreign_details_view
from bot.workspace.remix import parts_of, remix, remixed
from inference.parameters import recipe_of


class ContextMenusCog(Cog):
    """Commands for any message with a picture."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._comparing = set[int]()  # users for whom a picture is downloaded and compared
        self._menus = [
            app_commands.ContextMenu(name="Remix", callback=self.remix),
            app_commands.ContextMenu(name="Start from picture", callback=self.start_from_picture),
            app_commands.ContextMenu(name="Bookmark LoRAs", callback=self.bookmark_loras),
            app_commands.ContextMenu(name="Picture details", callback=self.details),
            app_commands.ContextMenu(name="Report", callback=self.report, extras={"opens_modal": True}),
        ]

    async def cog_load(self) -> None:
        """Add the context menus to the tree; discord.py does not do it for cogs."""
        for menu in self._menus:
            self._client.tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Remove the context menus from the tree."""
        for menu in self._menus:
            self._client.tree.remove_command(menu.name, type=menu.type)

    async def remix(self, interaction: Interaction, message: discord.Message) -> None:
        """Fill the studio from the picture."""
        shown = await find_shown_job(self._client, message)
        if shown is not None and shown.publication is not None:
            await remix_published(interaction, shown.publication.id)
            return
        db, checkpoints = self._client.db, await checkpoints_here(interaction)
        limit, person_id = self._client.configuration.settings.limits.max_loras, interaction.user.id
        if shown is not None:
            await require_open(interaction, shown.job)
            recipe = recipe_of(shown.job.request)
            again = await remixed(db, checkpoints, shown.job, person_id, limit=limit)
        else:
            recipe = await read_recipe(message)
            again = await remix(db, checkpoints, recipe, person_id, limit=limit)
        await self._client.studios.open_with(interaction, again.draft, "\n".join(again.notes))
        await offer_missing(interaction, await parts_of(db, recipe.loras), again.draft)

    async def start_from_picture(self, interaction: Interaction, message: discord.Message) -> None:
        """Let the studio start from the message's first picture."""
        picture = await keep_shown_picture(interaction, message)
        await self._client.studios.start_from(interaction, picture)
        await self._client.studios.open(interaction)

    async def bookmark_loras(self, interaction: Interaction, message: discord.Message) -> None:
        """Bookmark all LoRAs of the picture."""
        shown = await find_shown_job(self._client, message)
        if shown is not None and shown.publication is not None:
            await bookmark_published(interaction, shown.publication.id)
            return
        recipe = recipe_of(shown.job.request) if shown else await read_recipe(message)
        await bookmark_loras(interaction, recipe.loras)

    async def details(self, interaction: Interaction, message: discord.Message) -> None:
        """Show the parameters of the picture."""
        if shown := await find_shown_job(self._client, message):
            view = await _details(interaction, shown)
        else:
            view = await self._foreign_details(interaction, message)
        await send_ephemeral(interaction, view)

    async def _foreign_details(self, interaction: Interaction, message: discord.Message) -> ui.LayoutView:
        """Raises PictureCheckRunning: each user has one picture compared at a time, because all share a thread."""
        person_id = interaction.user.id
        if person_id in self._comparing:
            raise PictureCheckRunning
        self._comparing.add(person_id)
        try:
            return await foreign_details_view(interaction, message)
        finally:
            self._comparing.remove(person_id)

    async def report(self, interaction: Interaction, message: discord.Message) -> None:
        """Ask why the person reports the picture."""
        shown = await find_shown_job(self._client, message)
        if shown is None and self._client.user == message.author:
            raise NothingThere(what=_("This message shows no picture that you could report."))
        if shown is None:
            raise NothingThere(
                what=_("This message is not from Easel. To report other messages, use Discord's own report function.")
            )
        await open_report_form(interaction, shown.job)


async def _details(interaction: Interaction, shown: ShownJob) -> ui.LayoutView:
    """The details of what a message shows: of a published picture, its own alone. Raises PictureReported."""
    job, publication = shown.job, shown.publication
    if publication is None:
        return await job_details_view(interaction, job)
    alone = replace(job, request=job.request.only(publication.position))
    return await job_details_view(interaction, alone, details_buttons(publication, alone))
