"""The message of a job that is queued or being painted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.database.jobs.jobs import Job
from bot.database.servers.audit import AuditAction
from bot.errors.missing import NothingThere
from bot.errors.rights import NotYours
from bot.i18n import _, duration, later, ngettext
from bot.i18n.texts import plain, summary_of_job
from bot.requests.few_steps import few_step_note
from bot.requests.regions import words_note
from bot.requests.trigger_words import joined_note
from bot.servers.rights import Action
from bot.ui.access import context_of, may
from bot.ui.client import Interaction
from bot.ui.interactions.acknowledge import acknowledge
from bot.ui.rendered_message import view_of
from bot.ui.views.persistent_items import JobButton
from inference.queue.policy import EVERYWHERE
from inference.queue.request_cost import slots
from inference.queue.simulation import Forecast

if TYPE_CHECKING:
    from bot.jobs.active_jobs import JobUpdate
    from bot.pictures.attachments import PictureFile

MAX_NOTE = 250  # characters about a few-step LoRA


class CancelButton(JobButton, prefix="cancel"):
    """Cancels a queued or running job: the person's own, or for staff any in their server."""

    command, action = "cancel", None
    label = later("Cancel")

    async def handle(self, interaction: Interaction) -> None:
        """Cancel the job; its message is edited by the delivery. Raises NotYours or NothingThere."""
        job = await self.job(interaction)
        own, server_id = job.person_id == interaction.user.id, job.server_id or EVERYWHERE
        if not own and not await may(interaction, Action.CANCEL_ANY, server_id):
            raise NotYours(instead=_("Your own requests are in /queue."))
        await acknowledge(interaction)
        if await interaction.client.jobs.cancel(self.job_id) is None:
            raise NothingThere(what=_("It is too late to cancel: this request has already ended."))
        if not own:
            audit, changes = interaction.client.servers.administration.audit, {"state": (job.state.value, "cancelled")}
            who, target = context_of(interaction), f"job {job.id}"
            await audit.record(who, server_id, AuditAction.CANCEL_JOB, changes, target, job.person_id)


def queue_position_text(forecast: Forecast) -> str:
    """`3 wait before it · ready in about 2 minutes`: of the jobs before it, those that are painted do not count."""
    before = _("next in the queue")
    if ahead := forecast.ahead:
        before = ngettext("{count} request ahead", "{count} requests ahead", ahead).format(count=ahead)
    if forecast.done is None:
        return before
    return _("{place} · ready in about {time}").format(place=before, time=duration(forecast.done))


def waiting_view(
    job: Job, forecast: Forecast, *, paused: bool = False, stranded: bool = False, reachable: bool = True
) -> ui.LayoutView:
    """A queued job; `reachable` is False if only the interaction's token can post in the channel.

    `stranded` says that no worker is there for it.
    """
    state = _("**Queued** · {place}").format(place=queue_position_text(forecast))
    if stranded:
        state = _("**Queued** · no GPU is online right now, but your picture keeps its place in the queue")
    if paused:
        state = _("**Queued** · the queue is paused, but your picture keeps its place")
    if not reachable:
        note = _(
            "Easel has not been added to this server or chat, so it can update this message for only 15 "
            "minutes. After that, you will get the picture as a direct message or in /history."
        )
        state = f"{state}\n-# {note}"
    return _view(job, state, None)


def interrupted_view(job: Job) -> ui.LayoutView:
    """A job that continues after a restart of the program."""
    return _view(
        job, _("**Easel is restarting** · your picture keeps its place in the queue and will appear here"), None
    )


def last_edit_view(job: Job) -> ui.LayoutView:
    """The last state of a message that Discord lets Easel edit for 15 minutes only."""
    state = _("**Still working** · this message can no longer be updated")
    note = _("You will get your picture as a direct message. It will also be in /history.")
    return _view(job, f"{state}\n-# {note}", None)


def painting_view(update: JobUpdate, preview: PictureFile | None) -> ui.LayoutView:
    """The step counter, and a live preview if there is one. After a worker's death the counter may go back."""
    progress = update.progress
    text = _("**Generating**")
    if progress is not None and progress.step:
        text = _("**Generating** · step {step} of {steps}").format(step=progress.step, steps=progress.steps)
    if update.silent:
        silent = _("The GPU is not responding. If this continues, Easel restarts the generation of your picture.")
        return _view(update.job, f"{text}\n-# {silent}", preview)
    if progress is None or not progress.step:
        return _view(update.job, text, preview)
    if update.job.deaths:
        text += "\n-# " + _("Easel resumed generating your picture after a problem.")
    return _view(update.job, text, preview)


def _view(job: Job, state: str, preview: PictureFile | None) -> ui.LayoutView:
    made = few_step_note(job.request)
    lines = [state, f"-# {summary_of_job(job)}", *([f"-# {plain(made, MAX_NOTE)}"] if made else [])]
    if job.request.regions:
        count = slots(job.request)
        told = ngettext(
            "A picture with areas takes longer to generate, so this request counts as {count} picture in the queue.",
            "A picture with areas takes longer to generate, so this request counts as {count} pictures in the queue.",
            count,
        )
        lines.append(f"-# {told.format(count=count)}")
    lines += [f"-# {note}" for note in (joined_note(job.request), words_note(job.request)) if note]
    container = ui.Container[Any](ui.TextDisplay[Any]("\n".join(lines)))
    if preview is not None:
        picture = discord.MediaGalleryItem(f"attachment://{preview.name}", description=_("Preview"))
        container.add_item(ui.MediaGallery[Any](picture))
    return view_of(container, ui.ActionRow[Any](CancelButton(job.id)))
