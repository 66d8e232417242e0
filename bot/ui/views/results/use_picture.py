"""The panel of *Use this picture…*, an entry in the menu of a message: actions for any user's picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
from discord import ui

from bot.database.jobs.jobs import Job
from bot.errors.gallery import NotPublished
from bot.errors.pictures import PictureCheckRunning
from bot.i18n import _, later
from bot.ui.access import checkpoints_here
from bot.ui.client import Interaction
from bot.ui.interactions.chosen_messages import ChosenMessage
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.message_lookup import ShownJob, attached_pictures, find_shown_job, keep_shown_picture, read_recipe
from bot.ui.rendered_message import view_of
from bot.ui.views.additions.offer import offer_missing
from bot.ui.views.custom_ids import DiscordId
from bot.ui.views.gallery.post import BookmarkPublishedButton, RemixPublishedButton, details_buttons
from bot.ui.views.persistent_items import PersistentButton, job_gone
from bot.ui.views.results.details import USE_PICTURE, bookmark_loras, job_details_view, remix_job
from bot.ui.views.results.origin import foreign_details_view
from bot.ui.views.results.result import UpscaleButton
from bot.workspace.remix import parts_of, remix
from inference.parameters import recipe_of


async def open_picture_panel(interaction: Interaction, message: discord.Message) -> None:
    """Show the panel of a message's picture in an ephemeral message. Raises NothingThere if it has none."""
    shown = await find_shown_job(interaction.client, message)
    if_gone = None
    if shown is None:
        attached_pictures(message)
    else:
        if_gone = job_gone() if shown.publication is None else NotPublished()
    chosen = ChosenMessage(interaction.user.id, message, if_gone)
    interaction.client.chosen_messages.note(interaction.id, chosen)
    buttons: list[PersistentButton] = [kind(interaction.id) for kind in BUTTONS]
    if shown is not None and shown.job.person_id == interaction.user.id:
        upscale = UpscaleButton(shown.job.id, shown.publication and shown.publication.position)
        buttons.insert(2, upscale.labelled(_(upscale.label)))
    text = f"### {_('Use this picture')}\n-# {_('What would you like to do with it?')}"
    await send_ephemeral(interaction, view_of(text, ui.ActionRow[Any](*buttons)))


class ChosenPictureButton(PersistentButton):
    """A button about the picture of the message that the user chose."""

    command = USE_PICTURE

    choice: DiscordId  # the interaction that chose the message

    async def handle(self, interaction: Interaction) -> None:
        """Find the message and use its picture. Raises NothingThere, or NotPublished for an unpublished picture."""
        chosen = interaction.client.chosen_messages.find(self.choice, interaction.user.id)
        shown = await find_shown_job(interaction.client, chosen.message)
        if shown is None and chosen.if_gone is not None:
            raise chosen.if_gone
        await self.use(interaction, chosen.message, shown)

    async def use(self, interaction: Interaction, message: discord.Message, shown: ShownJob | None) -> None:
        """Do what the button is for; `shown` is None for a picture that is not in a message of Easel."""
        raise NotImplementedError


class RemixChosenButton(ChosenPictureButton, prefix="useremix"):
    """Fills the studio from the picture."""

    label, style = later("Remix"), discord.ButtonStyle.primary

    async def use(self, interaction: Interaction, message: discord.Message, shown: ShownJob | None) -> None:
        """Fill and show it."""
        if shown is not None and shown.publication is not None:
            await RemixPublishedButton(shown.publication.id).handle(interaction)
            return
        client, person_id = interaction.client, interaction.user.id
        if shown is not None:
            recipe, draft = recipe_of(shown.job.request), await remix_job(interaction, shown.job)
        else:
            recipe, limit = await read_recipe(message), client.configuration.settings.limits.max_loras
            again = await remix(client.db, await checkpoints_here(interaction), recipe, person_id, limit=limit)
            draft = again.draft
            await client.studios.open_with(interaction, draft, "\n".join(again.notes))
        await offer_missing(interaction, await parts_of(client.db, recipe.loras), draft)


class StartFromChosenButton(ChosenPictureButton, prefix="usestart"):
    """Lets the studio start from the message's first picture."""

    label = later("Start from it")

    async def use(self, interaction: Interaction, message: discord.Message, shown: ShownJob | None) -> None:
        """Keep the picture and show the studio."""
        picture = await keep_shown_picture(interaction, message)
        await interaction.client.studios.start_from(interaction, picture)
        await interaction.client.studios.open(interaction)


class ChosenDetailsButton(ChosenPictureButton, prefix="usedetails"):
    """Shows the origin and the parameters of the picture."""

    label = later("Details")

    async def use(self, interaction: Interaction, message: discord.Message, shown: ShownJob | None) -> None:
        """Show them. Raises PictureCheckRunning: each user has one picture compared at a time."""
        if shown is not None:
            await send_ephemeral(interaction, await _details(interaction, shown))
            return
        person_id, compared_for = interaction.user.id, interaction.client.chosen_messages.compared_for
        if person_id in compared_for:
            raise PictureCheckRunning
        compared_for.add(person_id)
        try:
            await send_ephemeral(interaction, await foreign_details_view(interaction, message))
        finally:
            compared_for.remove(person_id)


class BookmarkChosenButton(ChosenPictureButton, prefix="usekeep"):
    """Bookmarks all LoRAs of the picture."""

    command = "Bookmark LoRAs"
    label = later("Bookmark LoRAs")

    async def use(self, interaction: Interaction, message: discord.Message, shown: ShownJob | None) -> None:
        """Bookmark them."""
        await bookmark_loras_of(interaction, message, shown)


BUTTONS: tuple[type[ChosenPictureButton], ...] = (
    RemixChosenButton,
    StartFromChosenButton,
    ChosenDetailsButton,
    BookmarkChosenButton,
)


async def bookmark_loras_of(interaction: Interaction, message: discord.Message, shown: ShownJob | None) -> None:
    """Bookmark all LoRAs of a message's picture. Raises NothingThere without any."""
    if shown is not None and shown.publication is not None:
        await BookmarkPublishedButton(shown.publication.id).handle(interaction)
        return
    recipe = recipe_of(shown.job.request) if shown else await read_recipe(message)
    await bookmark_loras(interaction, recipe.loras)


async def _details(interaction: Interaction, shown: ShownJob) -> ui.LayoutView:
    """The details of what a message shows: of a published picture, its own alone. Raises PictureReported."""
    job, publication = shown.job, shown.publication
    if publication is None:
        return await job_details_view(interaction, job)
    alone: Job = replace(job, request=job.request.only(publication.position))
    return await job_details_view(interaction, alone, details_buttons(publication, alone))
