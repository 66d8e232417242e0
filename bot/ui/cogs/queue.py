"""`/queue` and `/cancel`: the state of a person's own jobs, and cancelling them."""

from __future__ import annotations

from discord import app_commands

from bot.database.jobs.jobs import FIND_JOB, UNFINISHED_JOBS, Job
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.i18n.texts import plain, prompt_text
from bot.ui.client import Cog, Interaction
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.views.jobs.queue import MY_QUEUE, NO_JOBS, progress_text


class QueueCog(Cog):
    """A person's own jobs."""

    @app_commands.command(name="queue")
    async def queue(self, interaction: Interaction) -> None:
        """See where your pictures are in the queue."""
        await MY_QUEUE.open(interaction)

    @app_commands.command(name="cancel")
    @app_commands.describe(job="Picture to cancel (default: your latest one)")
    async def cancel(self, interaction: Interaction, job: str | None = None) -> None:
        """Cancel a picture that is queued or being generated."""
        chosen = await self._own_job(interaction.user.id, job)
        if await self._client.jobs.cancel(chosen.id) is None:
            raise NothingThere(what=_("It is too late to cancel: this request has already ended."))
        await send_ephemeral_text(
            interaction, _("Cancelled: {prompt}").format(prompt=plain(prompt_text(chosen.request), 100))
        )

    @cancel.autocomplete("job")
    async def suggest_jobs(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The person's own unfinished jobs."""
        jobs = await self._client.db.all(UNFINISHED_JOBS, interaction.user.id)
        wanted = typed.casefold()
        return [
            app_commands.Choice(
                name=f"{progress_text(self._client.jobs, job)} · {prompt_text(job.request)}"[:100],
                value=str(job.id),
            )
            for job in jobs
            if wanted in job.request.own_words.casefold()
        ][:25]

    async def _own_job(self, person_id: int, typed: str | None) -> Job:
        if typed is None:
            jobs = await self._client.db.all(UNFINISHED_JOBS, person_id)
            if not jobs:
                raise NothingThere(what=_(NO_JOBS))
            return jobs[-1]
        known = typed.isdecimal() and len(typed) < 19
        job = await self._client.db.one(FIND_JOB, int(typed)) if known else None
        if job is None or job.person_id != person_id:
            raise NothingThere(what=_("Choose one of your own pictures from the list that appears as you type."))
        return job
