"""The queue as a message: a person's own jobs; for staff the jobs of everybody, and a button that pauses the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.database.jobs import Job, unfinished_jobs, unfinished_of_all
from bot.errors import NotStaff
from bot.i18n import _, duration, later, ngettext, number
from bot.i18n.texts import plain, summary
from bot.ui.acknowledge import acknowledge, replace
from bot.ui.client import Interaction
from bot.ui.views.job_progress import CancelButton, queue_position_text
from bot.ui.views.permissions import is_operator, is_staff_of
from bot.ui.views.persistent_items import MAX_DISCORD_ID, PersistentButton
from inference.queue import EVERYWHERE

if TYPE_CHECKING:
    import re

    from bot.jobs.service import JobService

MAX_SHOWN = 8  # jobs with a button each; a message holds 40 components
MAX_TEXT = 3600  # characters about them; a message holds 4000
NO_JOBS = later("You have nothing in the queue. Paint something with /imagine.")


def progress_text(jobs: JobService, job: Job) -> str:
    """`painting · 20 seconds left`, or the position in the queue."""
    if jobs.forecasts.paints(job):
        left = jobs.forecasts.of(job).done
        return _("painting") if left is None else _("painting · about {time} left").format(time=duration(left))
    if jobs.is_paused(job.server_id):
        return _("waiting · the queue is paused")
    return queue_position_text(jobs.forecasts.of(job))


async def own_jobs_view(interaction: Interaction) -> ui.LayoutView:
    """The person's unfinished jobs. Raises DatabaseError."""
    service = interaction.client.jobs
    jobs = await unfinished_jobs(interaction.client.connection, interaction.user.id)
    entries = [
        (
            job,
            f"**{progress_text(service, job)}** · {plain(job.request.prompt, 100)}\n-# {summary(job.request)}",
        )
        for job in jobs[:MAX_SHOWN]
    ]
    view = _listed(entries, len(jobs), _(NO_JOBS), OwnJobCancelButton)
    buttons: list[PersistentButton] = [CancelAllButton()] if len(jobs) > 1 else []
    if is_staff_of(interaction, interaction.guild_id):
        buttons.append(AllJobsButton())
    if buttons:
        view.add_item(ui.ActionRow[Any](*buttons))
    return view


async def all_jobs_view(interaction: Interaction) -> ui.LayoutView:
    """Everybody's jobs without prompts: for staff those of their server, for operators all.

    Raises NotStaff or DatabaseError.
    """
    if not is_staff_of(interaction, interaction.guild_id):
        raise NotStaff
    service, scope = interaction.client.jobs, _scope(interaction)
    jobs = await unfinished_of_all(interaction.client.connection)
    seen = [job for job in jobs if scope in {EVERYWHERE, job.server_id}]
    entries = [
        (job, f"**{progress_text(service, job)}** · <@{job.person_id}>\n-# {summary(job.request)}")
        for job in seen[:MAX_SHOWN]
    ]
    view = _listed(entries, len(seen), _("Nobody here waits for anything."), AnyJobCancelButton)
    if elsewhere := len(jobs) - len(seen):
        text = ngettext("-# {count} job of other servers", "-# {count} jobs of other servers", elsewhere)
        view.add_item(ui.TextDisplay[Any](text.format(count=elsewhere)))
    view.add_item(ui.ActionRow[Any](PauseButton(scope, pauses=scope not in service.paused)))
    return view


def _scope(interaction: Interaction) -> int:
    """The queue that the person manages: all servers for an operator, their own server for staff."""
    return EVERYWHERE if is_operator(interaction) else interaction.guild_id or EVERYWHERE


def _listed(
    entries: list[tuple[Job, str]], count: int, nothing: str, cancel_button: type[CancelButton]
) -> ui.LayoutView:
    """A view of as many jobs as fit, each with its text and a cancel button."""
    view = ui.LayoutView(timeout=None)
    room, shown = MAX_TEXT, 0
    for job, text in entries:
        room -= len(text)
        if shown and room < 0:
            break
        view.add_item(ui.Section[Any](text, accessory=cancel_button(job.id)))
        shown += 1
    if not count:
        view.add_item(ui.TextDisplay[Any](nothing))
    elif count > shown:
        more = ngettext("… and {count} more.", "… and {count} more.", count - shown).format(count=count - shown)
        view.add_item(ui.TextDisplay[Any](more))
    return view


class OwnJobCancelButton(CancelButton, template=r"queue:cancel-own:(?P<job>\d{1,18})"):
    """Cancels a job in the list of the person's own jobs, and shows the list as it is then."""

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
        """The list in which the button stands. Raises NotStaff."""
        return await all_jobs_view(interaction)


class CancelAllButton(PersistentButton, template=r"queue:cancel-all"):
    """Cancels all of the person's own jobs, and shows the list as it is then."""

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
        jobs = await unfinished_jobs(client.connection, interaction.user.id)
        ended = [job for job in reversed(jobs) if await client.jobs.cancel(job.id)]
        view = await own_jobs_view(interaction)
        if count := sum(job.request.count for job in ended):
            text = ngettext("Cancelled {count} picture.", "Cancelled {count} pictures.", count)
            view.add_item(ui.TextDisplay[Any](text.format(count=number(count))))
        await replace(interaction, view, [])


class AllJobsButton(PersistentButton, template=r"queue:all"):
    """Shows staff the jobs of everybody."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label=_("Everybody's"), custom_id="queue:all"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls()

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show all jobs."""
        await replace(interaction, await all_jobs_view(interaction), [])


class PauseButton(PersistentButton, template=r"queue:(?P<way>pause|resume):(?P<scope>\d{1,19})"):
    """Pauses or resumes the queue of a server, or the whole queue. Running jobs finish; no new one starts."""

    def __init__(self, scope: int, *, pauses: bool) -> None:
        self.scope, self.pauses = scope, pauses
        label = _("Pause the queue") if pauses else _("Let it go on")
        way = "pause" if pauses else "resume"
        super().__init__(ui.Button(label=label, custom_id=f"queue:{way}:{scope}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        scope = int(match["scope"])
        if scope >= MAX_DISCORD_ID:
            raise ValueError(scope)
        return cls(scope, pauses=match["way"] == "pause")

    async def handle(self, interaction: Interaction) -> None:
        """Pause or resume. Raises NotStaff."""
        if not is_staff_of(interaction, self.scope):
            raise NotStaff
        jobs = interaction.client.jobs
        if self.pauses:
            await jobs.pause(self.scope, interaction.user.id)
        else:
            await jobs.unpause(self.scope)
        await replace(interaction, await all_jobs_view(interaction), [])
