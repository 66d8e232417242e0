"""The queue as a message: a person's own jobs; for staff the jobs of everybody, and a button that pauses the queue."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import discord
from discord import ui

from bot.database.jobs.jobs import ALL_UNFINISHED_JOBS, UNFINISHED_JOBS, Job
from bot.database.servers.audit import AuditAction
from bot.i18n import _, duration, later, ngettext, number
from bot.i18n.texts import plain, prompt_text, summary
from bot.servers.rights import Action
from bot.ui.access import context_of, is_operator, may, require, shown_ratings
from bot.ui.client import Interaction
from bot.ui.interactions.acknowledge import acknowledge
from bot.ui.rendered_message import Items, RenderedMessage, button_rows
from bot.ui.views.custom_ids import DiscordId, Switch
from bot.ui.views.jobs.progress import CancelButton, queue_position_text
from bot.ui.views.list_page import Cursor, Found, ListPage, ListRef, TurnPageButton
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.lora_names import request_named_for
from inference.messages.request import GenerationRequest
from inference.queue.policy import EVERYWHERE

if TYPE_CHECKING:
    from bot.jobs.service import JobService

MAX_SHOWN = 8  # jobs with a button each; a message holds 40 components
MAX_TEXT = 420  # characters about one; a message holds 4000
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


class JobList(ListPage[None, Job]):
    """A list of unfinished jobs, each with a button that cancels it."""

    command = "queue"

    async def query(self, interaction: Interaction, text: str) -> None:
        """These lists have no filters."""

    async def fetch(self, interaction: Interaction, query: None, cursor: Cursor) -> Found[Job]:
        """A page of the jobs in the order of the queue."""
        jobs, first = await self.jobs(interaction), cursor.number * MAX_SHOWN
        return Found.counted(jobs[first : first + MAX_SHOWN], cursor, len(jobs), MAX_SHOWN)

    @abstractmethod
    async def jobs(self, interaction: Interaction) -> Sequence[Job]:
        """All of them. Raises a refusal of `bot.servers.rights`, or DatabaseError."""


class OwnJobs(JobList):
    """The person's own unfinished jobs."""

    key = "myqueue"

    async def jobs(self, interaction: Interaction) -> Sequence[Job]:
        """All of them."""
        return await interaction.client.db.all(UNFINISHED_JOBS, interaction.user.id)

    async def heading(self, interaction: Interaction, at: ListRef, query: None, found: Found[Job]) -> str:
        """What the list is, or that it is empty."""
        return f"## {_('Your queue')}" if found.entries else _(NO_JOBS)

    async def entry(
        self, interaction: Interaction, at: ListRef, query: None, entry: Job, page: RenderedMessage
    ) -> Items:
        """How far it is, its prompt and parameters."""
        head = f"**{progress_text(interaction.client.jobs, entry)}** · {plain(prompt_text(entry.request), 100)}"
        text = f"{head}\n{await summary_here(interaction, entry.request)}"
        return [ui.Section[Any](text[:MAX_TEXT], accessory=OwnJobCancelButton(entry.id, at.cursor))]

    async def below(self, interaction: Interaction, at: ListRef, query: None, found: Found[Job]) -> Items:
        """The pages, *Cancel all*, and for staff *All jobs*."""
        buttons: list[PersistentButton] = [CancelAllButton()] if (found.total or 0) > 1 else []
        if await may(interaction, Action.SEE_QUEUE, _scope(interaction)):
            buttons.append(TurnPageButton(ALL_QUEUE).labelled(_("All jobs")))
        return [*button_rows(self.pager(at, found)), *button_rows(buttons)]


class AllJobs(JobList):
    """Everybody's jobs without prompts: those of the server, for operators all."""

    key = "allqueue"

    async def jobs(self, interaction: Interaction) -> Sequence[Job]:
        """All of them. Raises a refusal."""
        scope = _scope(interaction)
        await require(interaction, Action.SEE_QUEUE, scope)
        jobs = await interaction.client.db.all(ALL_UNFINISHED_JOBS)
        return [job for job in jobs if scope in {EVERYWHERE, job.server_id}]

    async def heading(self, interaction: Interaction, at: ListRef, query: None, found: Found[Job]) -> str:
        """What the list is, or that it is empty."""
        return f"## {_('All jobs')}" if found.entries else _("No one here has a request in the queue.")

    async def entry(
        self, interaction: Interaction, at: ListRef, query: None, entry: Job, page: RenderedMessage
    ) -> Items:
        """How far it is, whose it is, and its parameters."""
        head = f"**{progress_text(interaction.client.jobs, entry)}** · <@{entry.person_id}>"
        text = ui.TextDisplay[Any](f"{head}\n{await summary_here(interaction, entry.request)}"[:MAX_TEXT])
        cancels = await may(interaction, Action.CANCEL_ANY, _scope(interaction))
        return [ui.Section[Any](text, accessory=AnyJobCancelButton(entry.id, at.cursor)) if cancels else text]

    async def below(self, interaction: Interaction, at: ListRef, query: None, found: Found[Job]) -> Items:
        """How many jobs other servers have, the pages, and the button that pauses the queue."""
        items: list[ui.Item[Any]] = []
        everywhere = await interaction.client.db.all(ALL_UNFINISHED_JOBS)
        if elsewhere := len(everywhere) - (found.total or 0):
            text = ngettext("-# {count} job from other servers", "-# {count} jobs from other servers", elsewhere)
            items.append(ui.TextDisplay[Any](text.format(count=elsewhere)))
        items += button_rows(self.pager(at, found))
        if await may(interaction, Action.PAUSE_QUEUE, scope := _scope(interaction)):
            pauses = scope not in interaction.client.jobs.paused
            items.append(ui.ActionRow[Any](PauseButton(pauses, scope)))
        return items


MY_QUEUE, ALL_QUEUE = ListRef(OwnJobs.key), ListRef(AllJobs.key)


async def summary_here(interaction: Interaction, request: GenerationRequest) -> str:
    """The line about a request, for the place of an interaction."""
    shown = await shown_ratings(interaction)
    return f"-# {summary(await request_named_for(interaction.client.db, request, shown))}"


def _scope(interaction: Interaction) -> int:
    """The queue that the person sees: of all servers for an operator, of this server for others."""
    return EVERYWHERE if is_operator(interaction) else interaction.guild_id or EVERYWHERE


class OwnJobCancelButton(CancelButton, prefix="queue:cancel-own"):
    """Cancels a job in the list of one's own jobs, and updates the list."""

    command = "queue"
    in_message_of_job = False

    jobs: ClassVar[ListRef] = MY_QUEUE

    cursor: Cursor  # of the page on which the button stands

    async def handle(self, interaction: Interaction) -> None:
        """Cancel the job, then show the list again even if this failed. Raises as for one job."""
        try:
            await super().handle(interaction)
        finally:
            await self.jobs.to(self.cursor).show(interaction)


class AnyJobCancelButton(OwnJobCancelButton, prefix="queue:cancel-any"):
    """The same, in the list of everybody's jobs."""

    jobs = ALL_QUEUE


class CancelAllButton(PersistentButton, prefix="queue:cancel-all"):
    """Cancels all of the person's own jobs, and updates the list."""

    command, action = "queue", None
    label, style = later("Cancel all"), discord.ButtonStyle.danger

    async def handle(self, interaction: Interaction) -> None:
        """Cancel them, the newest first, so that none begins in the place of one that was cancelled before it."""
        await acknowledge(interaction)
        client = interaction.client
        jobs = await client.db.all(UNFINISHED_JOBS, interaction.user.id)
        ended = [job for job in reversed(jobs) if await client.jobs.cancel(job.id)]
        count = sum(job.request.count for job in ended)
        text = ngettext("Cancelled {count} picture.", "Cancelled {count} pictures.", count)
        await MY_QUEUE.show(interaction, text.format(count=number(count)) if count else "")


class PauseButton(PersistentButton, prefix="queue:pause"):
    """Pauses or resumes the queue of a server, or the whole queue. Running jobs finish; no new one starts."""

    command = "queue"

    pauses: Switch
    scope: DiscordId

    def text(self) -> str:
        """What it does."""
        return _("Pause queue") if self.pauses else _("Resume queue")

    async def handle(self, interaction: Interaction) -> None:
        """Pause or resume. Raises a refusal of `bot.servers.rights`."""
        await require(interaction, Action.PAUSE_QUEUE, self.scope)
        jobs = interaction.client.jobs
        before = self.scope in jobs.paused
        await (jobs.pause(self.scope, interaction.user.id) if self.pauses else jobs.unpause(self.scope))
        if before != self.pauses:
            action = AuditAction.PAUSE_QUEUE if self.pauses else AuditAction.RESUME_QUEUE
            audit = interaction.client.servers.administration.audit
            await audit.record(context_of(interaction), self.scope, action, {"paused": (before, self.pauses)})
        await ALL_QUEUE.show(interaction)
