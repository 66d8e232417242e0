"""The message of a job that has ended, and its buttons."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.acknowledge import acknowledge
from bot.database.bookmarks import add_bookmark
from bot.database.jobs import Job, JobState
from bot.database.loras import find_lora, find_version
from bot.database.pictures import forget_picture, pictures_of_job
from bot.errors import NothingThere
from bot.replies import sentence, whisper_text
from bot.texts import plain, summary
from bot.views.press import JobButton

if TYPE_CHECKING:
    from bot.attachments import Attachment
    from bot.views.press import Interaction


class AgainButton(JobButton, template=r"again:(?P<job>\d{1,19})"):
    """The same request with another seed, as a new message."""

    posts = True
    name, label, style = "again", "Again", discord.ButtonStyle.primary

    async def press(self, interaction: Interaction) -> None:
        """Order it again."""
        job = await self.own_job(interaction, "Paint one of your own with /imagine.")
        bot = interaction.client
        await bot.orders.order(interaction, await bot.easel.requests.again(job.request))


class BookmarkLorasButton(JobButton, template=r"keep:(?P<job>\d{1,19})"):
    """Keeps the picture's LoRAs for whoever presses: finding them under somebody's picture is what it is for."""

    name, label = "keep", "Bookmark LoRAs"

    async def press(self, interaction: Interaction) -> None:
        """Bookmark all of them and say which are new."""
        job = await self.job(interaction)
        connection = interaction.client.easel.connection
        kept: list[str] = []
        for use in job.request.loras:
            version = await find_version(connection, use.sha256)
            lora = await find_lora(connection, version.lora_id) if version else None
            if lora is not None:
                await add_bookmark(connection, interaction.user.id, lora.id)
                kept.append(plain(lora.name))
        if not kept:
            raise NothingThere(what="This picture was painted without LoRAs that are still in the library.")
        await whisper_text(interaction, f"Bookmarked {', '.join(kept)}. They are first in /imagine, and in /bookmarks.")


class DeleteButton(JobButton, template=r"delete:(?P<job>\d{1,19})"):
    """Takes the message away and deletes its pictures."""

    name, label, style = "delete", "Delete", discord.ButtonStyle.danger

    async def press(self, interaction: Interaction) -> None:
        """Delete message, files and rows."""
        await self.own_job(interaction, "Only they can delete it.")
        await acknowledge(interaction)
        easel = interaction.client.easel
        for picture in await pictures_of_job(easel.connection, self.job_id):
            path = easel.settings.storage.pictures / picture.path
            await asyncio.to_thread(path.unlink, missing_ok=True)
            await forget_picture(easel.connection, picture.id)
        with suppress(discord.NotFound):  # pressed twice, or somebody else was faster
            await interaction.delete_original_response()


def result_view(job: Job, attachments: tuple[Attachment, ...]) -> ui.LayoutView:
    """The pictures, one line on how they were painted, and the buttons."""
    seconds = f" · {job.seconds:.1f} s" if job.seconds is not None else ""
    told = [*(plain(note) for note in job.notes), *dict.fromkeys(a.note for a in attachments if a.note)]
    notes = "".join(f"\n-# {note}" for note in told)
    items = [discord.MediaGalleryItem(f"attachment://{attachment.name}") for attachment in attachments]
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.MediaGallery[Any](*items))
    view.add_item(ui.TextDisplay[Any](f"-# {summary(job.request)}{seconds}{notes}"))
    buttons = [AgainButton(job.id), BookmarkLorasButton(job.id), DeleteButton(job.id)]
    if not job.request.loras:
        del buttons[1]
    view.add_item(ui.ActionRow[Any](*buttons))
    return view


_ENDS = {
    JobState.CANCELLED: "**Cancelled**",
    JobState.FAILED: "**Not painted**",
    JobState.SUCCEEDED: "**Painted, but the pictures are not there any more**",
}


def ended_view(job: Job) -> ui.LayoutView:
    """What became of a job that left no picture."""
    text = _ENDS[job.state]
    if job.failure is not None:
        text += f"\n{sentence(job.failure)}\n-# job {job.id}"
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay[Any](f"{text}\n-# {summary(job.request)}"))
    view.add_item(ui.ActionRow[Any](AgainButton(job.id)))
    return view
