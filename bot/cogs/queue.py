"""`/queue` and `/cancel`: where my jobs are, and stopping them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.database.jobs import Job, JobState, find_job, unfinished_jobs
from bot.errors import NothingThere
from bot.replies import whisper, whisper_text
from bot.texts import plain, summary
from bot.views.waiting import CancelButton
from bot.words import _, later, ngettext

if TYPE_CHECKING:
    from bot.client import EaselBot

    Interaction = discord.Interaction[EaselBot]

SHOWN = 8  # jobs with a button each; a message holds 40 components
MAX_TEXT = 3900  # characters about them; a message holds 4000

_NOTHING = later("You have nothing in the queue. Paint something with /imagine.")


class QueueCog(commands.Cog):
    """A person's own jobs."""

    def __init__(self, bot: EaselBot) -> None:
        self._bot = bot

    @app_commands.command(name="queue")
    async def queue(self, interaction: Interaction) -> None:
        """See where your pictures are in the queue."""
        jobs = await unfinished_jobs(self._bot.easel.connection, interaction.user.id)
        if not jobs:
            await whisper_text(interaction, _(_NOTHING))
            return
        view = ui.LayoutView(timeout=None)
        shown = self._shown(jobs)
        for job, text in shown:
            view.add_item(ui.Section[Any](text, accessory=CancelButton(job.id)))
        if len(jobs) > len(shown):
            more = len(jobs) - len(shown)
            text = ngettext("… and {count} more.", "… and {count} more.", more).format(count=more)
            view.add_item(ui.TextDisplay[Any](text))
        await whisper(interaction, view)

    @app_commands.command(name="cancel")
    @app_commands.describe(job="Which one; left out, the one you asked for last")
    async def cancel(self, interaction: Interaction, job: str | None = None) -> None:
        """Stop a picture that waits or is being painted."""
        chosen = await self._mine(interaction.user.id, job)
        if await self._bot.easel.generation.cancel(chosen.id) is None:
            raise NothingThere(what=_("It is too late to cancel: this job has ended."))
        await whisper_text(interaction, _("Cancelled: {prompt}").format(prompt=plain(chosen.request.prompt, 100)))

    @cancel.autocomplete("job")
    async def suggest_jobs(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The person's own jobs."""
        jobs = await unfinished_jobs(self._bot.easel.connection, interaction.user.id)
        wanted = typed.casefold()
        return [
            app_commands.Choice(name=f"{self._place(job)} · {job.request.prompt}"[:100], value=str(job.id))
            for job in jobs
            if wanted in job.request.prompt.casefold()
        ][:25]

    def _shown(self, jobs: tuple[Job, ...]) -> list[tuple[Job, str]]:
        """The first jobs with what is said about each, as many as have room."""
        shown: list[tuple[Job, str]] = []
        room = MAX_TEXT
        for job in jobs[:SHOWN]:
            text = f"**{self._place(job)}** · {plain(job.request.prompt, 100)}\n-# {summary(job.request)}"
            room -= len(text)
            if shown and room < 0:
                break
            shown.append((job, text))
        return shown

    def _place(self, job: Job) -> str:
        if job.state is JobState.RUNNING:
            return _("painting")
        ahead = self._bot.easel.generation.position(job.id)
        if not ahead:
            return _("next")
        return ngettext("{count} before it", "{count} before it", ahead).format(count=ahead)

    async def _mine(self, person_id: int, typed: str | None) -> Job:
        if typed is None:
            jobs = await unfinished_jobs(self._bot.easel.connection, person_id)
            if not jobs:
                raise NothingThere(what=_(_NOTHING))
            return jobs[-1]
        job = await find_job(self._bot.easel.connection, int(typed)) if typed.isdecimal() and len(typed) < 19 else None
        if job is None or job.person_id != person_id:
            raise NothingThere(what=_("Choose one of your own jobs from the list that opens while you type."))
        return job
