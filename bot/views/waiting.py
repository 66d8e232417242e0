"""The message of a job that waits or paints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.acknowledge import acknowledge
from bot.database.jobs import Job
from bot.errors import NothingThere
from bot.texts import summary
from bot.views.press import JobButton
from bot.words import _, later, ngettext

if TYPE_CHECKING:
    from bot.attachments import Attachment
    from bot.dispatcher import JobUpdate
    from bot.views.press import Interaction


class CancelButton(JobButton, template=r"cancel:(?P<job>\d{1,19})"):
    """Stops the job, whether it waits or paints."""

    name, label = "cancel", later("Cancel")

    async def press(self, interaction: Interaction) -> None:
        """Cancel; the message itself then tells so."""
        await self.own_job(interaction, _("Your own are under /queue."))
        await acknowledge(interaction)
        if await interaction.client.easel.generation.cancel(self.job_id) is None:
            raise NothingThere(what=_("It is too late to cancel: this job has ended."))


def waiting_view(job: Job, ahead: int) -> ui.LayoutView:
    """`ahead` jobs come before this one."""
    queued = ngettext("**Queued** · {count} before it", "**Queued** · {count} before it", ahead)
    return _view(job, queued.format(count=ahead) if ahead else _("**Queued** · next in line"), None)


def painting_view(update: JobUpdate, preview: Attachment | None) -> ui.LayoutView:
    """A step counter, and a small live picture when there is one."""
    progress = update.progress
    if progress is None or not progress.step:
        return _view(update.job, _("**Painting**"), preview)
    text = _("**Painting** · step {step} of {steps}").format(step=progress.step, steps=progress.steps)
    return _view(update.job, text, preview)


def _view(job: Job, state: str, preview: Attachment | None) -> ui.LayoutView:
    container = ui.Container[Any](ui.TextDisplay[Any](f"{state}\n-# {summary(job.request)}"))
    if preview is not None:
        picture = discord.MediaGalleryItem(f"attachment://{preview.name}", description=_("Preview"))
        container.add_item(ui.MediaGallery[Any](picture))
    view = ui.LayoutView(timeout=None)
    view.add_item(container)
    view.add_item(ui.ActionRow[Any](CancelButton(job.id)))
    return view
