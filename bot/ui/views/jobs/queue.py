"""The queue as a message: a person's own jobs; for staff the jobs of everybody, and a button that pauses the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.database.jobs.jobs import ALL_UNFINISHED_JOBS, UNFINISHED_JOBS, Job
from bot.database.servers.audit import AuditAction
from bot.i18n import _, duration, later, ngettext, number
from bot.i18n.texts import plain, prompt_text, summary
from bot.servers.rights import Action
from bot.ui.access import context_of, is_operator, may, require, shown_ratings
from bot.ui.client import Interaction
from bot.ui.interactions.acknowledge import acknowledge, replace
from bot.ui.views.jobs.progress import CancelButton, queue_position_text
from bot.ui.views.persistent_items import PersistentButton, discord_id
from bot.workspace.lora_names import request_named_for
from inference.messages.request import GenerationRequest
from inference.queue.policy import EVERYWHERE

if TYPE_CHECKING:
    import re

    from bot.jobs.service import JobService

MAX_SHOWN = 8  # jobs with a button each; a message holds 40 components
MAX_TEXT = 3600  # characters about them; a message holds 4000
NO_JOBS = later("You have nothing in the queue. Generate a picture with /imagine.")


def progress_text(jobs: JobService, job: Job) -> str:
    """`painting · 20 seconds left`, or the position in the queue."""
    if jobs.forecasts.paints(job):
        left = jobs.forecasts.of(job).done
        return _("running") if left is None else _("running · about {time} left").format(time=duration(left))
    if jobs.is_paused(job.server_id):
        return _("queued · the queue is paused")
    if jobs.is_stranded(job.checkpoint):
        return _("queued · no GPU is online right now")
    return queue_position_text(jobs.forecasts.of(job))


async def own_jobs_view(interaction: Interaction) -> ui.LayoutView:
    """The person's unfinished jobs. Raises DatabaseError."""
    service = interaction.client.jobs
    jobs = await interaction.client.db.all(UNFINISHED_JOBS, interaction.user.id)
    entries = [
        (
            job,
            f"**{progress_text(service, job)}** · {plain(prompt_text(job.request), 100)}\n"
            + await summary_here(interaction, job.request),
        )
        for job in jobs[:MAX_SHOWN]
    ]
    view = _listed(entries, len(jobs), _(NO_JOBS), OwnJobCancelButton)
    buttons: list[PersistentButton] = [CancelAllButton()] if len(jobs) > 1 else []
    if await may(interaction, Action.SEE_QUEUE, _scope(interaction)):
        buttons.append(AllJobsButton())
    if buttons:
        view.add_item(ui.ActionRow[Any](*buttons))
    return view


async def all_jobs_view(interaction: Interaction) -> ui.LayoutView:
    """Everybody's jobs without prompts: those of the server, for operators all.

    Raises a refusal of `bot.servers.rights`, or DatabaseError.
    """
    service, scope = interaction.client.jobs, _scope(interaction)
    await require(interaction, Action.SEE_QUEUE, scope)
    jobs = await interaction.client.db.all(ALL_UNFINISHED_JOBS)
    seen = [job for job in jobs if scope in {EVERYWHERE, job.server_id}]
    entries = [
        (
            job,
            f"**{progress_text(service, job)}** · <@{job.person_id}>\n" + await summary_here(interaction, job.request),
        )
        for job in seen[:MAX_SHOWN]
    ]
    cancels = await may(interaction, Action.CANCEL_ANY, scope)
    view = _listed(
        entries, len(seen), _("No one here has a request in the queue."), AnyJobCancelButton if cancels else None
    )
    if elsewhere := len(jobs) - len(seen):
        text = ngettext("-# {count} job from other servers", "-# {count} jobs from other servers", elsewhere)
        view.add_item(ui.TextDisplay[Any](text.format(count=elsewhere)))
    if await may(interaction, Action.PAUSE_QUEUE, scope):
        view.add_item(ui.ActionRow[Any](PauseButton(scope, pauses=scope not in service.paused)))
    return view


async def summary_here(interaction: Interaction, request: GenerationRequest) -> str:
    """The line about a request, for the place of an interaction."""
    shown = await shown_ratings(interaction)
    return f"-# {summary(await request_named_for(interaction.client.db, request, shown))}"


def _scope(interaction: Interaction) -> int:
    """The queue that the person sees: of all servers for an operator, of this server for others."""
    return EVERYWHERE if is_operator(interaction) else interaction.guild_id or EVERYWHERE


def _listed(
    entries: list[tuple[Job, str]], count: int, nothing: str, cancel_button: type[CancelButton] | None
) -> ui.LayoutView:
    """A view of as many jobs as fit, each with its text and a cancel button if there may be one."""
    view = ui.LayoutView(timeout=None)
    room, shown = MAX_TEXT, 0
    for job, text in entries:
        room -= len(text)
        if shown and room < 0:
            break
        item = ui.TextDisplay[Any](text)
        view.add_item(item if cancel_button is None else ui.Section[Any](item, accessory=cancel_button(job.id)))
        shown += 1
    if not count:
        view.add_item(ui.TextDisplay[Any](nothing))
    elif count > shown:
        more = ngettext("… and {count} more.", "… and {count} more.", count - shown).format(count=count - shown)
        view.add_item(ui.TextDisplay[Any](more))
    return view


class OwnJobCancelButton(CancelButton, template=r"queue:cancel-own:(?P<job>\d{1,18})"):
    """Cancels a job in the list of the person's own jobs, and shows the list as it is then."""

    command = "queue"
    name = "queue:cancel-own"
    in_message_of_job = False

    async def handle(self, interaction: Interaction) -> None:
        """Cancel the job and edit the list. Raises as `cancel`; the list is edited then too."""
        try:
            await self.cancel(interaction)
        finally:
            await replace(interaction, await self.list_view(interaction), [])

    async def list_view(self, interaction: Interaction) -> ui.LayoutView:
        """The list in which the button stands."""
        return await own_jobs_view(interaction)


class AnyJobCancelButton(OwnJobCancelButton, template=r"queue:cancel-any:(?P<job>\d{1,18})"):
    """Cancels a job in the list of everybody's jobs, and shows the list as it is then."""

    name = "queue:cancel-any"

    async def list_view(self, interaction: Interaction) -> ui.LayoutView:
        """The list in which the button stands. Raises a refusal."""
        return await all_jobs_view(interaction)


class CancelAllButton(PersistentButton, template=r"queue:cancel-all"):
    """Cancels all of the person's own jobs, and shows the list as it is then."""

    command, action = "queue", None

    def __init__(self) -> None:
        super().__init__(
            ui.Button(label=_("Cancel all"), style=discord.ButtonStyle.danger, custom_id="queue:cancel-all")
        )

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls()

    async def handle(self, interaction: Interaction) -> None:
        """Cancel them, the newest first, so that none begins in the place of one that was cancelled before it."""
        await acknowledge(interaction)
        client = interaction.client
        jobs = await client.db.all(UNFINISHED_JOBS, interaction.user.id)
        ended = [job for job in reversed(jobs) if await client.jobs.cancel(job.id)]
        view = await own_jobs_view(interaction)
        if count := sum(job.request.count for job in ended):
            text = ngettext("Cancelled {count} picture.", "Cancelled {count} pictures.", count)
            view.add_item(ui.TextDisplay[Any](text.format(count=number(count))))
        await replace(interaction, view, [])


class AllJobsButton(PersistentButton, template=r"queue:all"):
    """Shows staff the jobs of everybody."""

    command = "queue"

    def __init__(self) -> None:
        super().__init__(ui.Button(label=_("All jobs"), custom_id="queue:all"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls()

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show all jobs."""
        await replace(interaction, await all_jobs_view(interaction), [])


class PauseButton(PersistentButton, template=r"queue:(?P<way>pause|resume):(?P<scope>\d{1,19})"):
    """Pauses or resumes the queue of a server, or the whole queue. Running jobs finish; no new one starts."""

    command = "queue"

    def __init__(self, scope: int, *, pauses: bool) -> None:
        self.scope, self.pauses = scope, pauses
        label = _("Pause queue") if pauses else _("Resume queue")
        way = "pause" if pauses else "resume"
        super().__init__(ui.Button(label=label, custom_id=f"queue:{way}:{scope}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(discord_id(match["scope"]), pauses=match["way"] == "pause")

    async def handle(self, interaction: Interaction) -> None:
        """Pause or resume. Raises a refusal of `bot.servers.rights`."""
        await require(interaction, Action.PAUSE_QUEUE, self.scope)
        jobs = interaction.client.jobs
        before = self.scope in jobs.paused
        if self.pauses:
            await jobs.pause(self.scope, interaction.user.id)
        else:
            await jobs.unpause(self.scope)
        if before != self.pauses:
            action = AuditAction.PAUSE_QUEUE if self.pauses else AuditAction.RESUME_QUEUE
            audit = interaction.client.servers.administration.audit
            await audit.record(context_of(interaction), self.scope, action, {"paused": (before, self.pauses)})
        await replace(interaction, await all_jobs_view(interaction), [])
