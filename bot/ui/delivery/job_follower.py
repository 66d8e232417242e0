"""Follows each job until it ends: edits its message with the progress, then delivers the result."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tenacity import AsyncRetrying, RetryCallState, RetryError

from bot import background
from bot.background import RepeatedError, wait_times
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.deliveries import FIND_DELIVERY, PENDING_DELIVERIES
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.i18n import speak
from bot.jobs.active_jobs import JobUpdate
from bot.jobs.service import JobService
from bot.pictures.attachments import PictureFile
from bot.servers.services import ServerServices
from bot.ui.client import Interaction
from bot.ui.delivery.delivered_results import UNREACHABLE, language_of
from bot.ui.delivery.delivery import TICKET_MS, Deliverer, RouteClosed, is_reachable
from bot.ui.rendered_message import RenderedMessage, hide_pictures
from bot.ui.views.jobs.progress import interrupted_view, last_edit_view, painting_view, waiting_view
from inference.messages.events import Progress
from inference.processes.logs import about

EDIT_SECONDS = 3.0  # between two progress edits of a message
CHANNEL_SECONDS = 1.0  # between two progress edits in a channel: Discord allows five in five seconds
LAST_EDIT_SECONDS = TICKET_MS / 1000 - 10.0  # after an order: soon only the bot's own token can edit messages
# Between attempts to deliver: a lost connection is often back at once, an outage lasts.
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
STOP_SECONDS = 30.0  # for what is being delivered to a person of whom all is deleted
SHUTDOWN_NOTICE_SECONDS, MAX_SHUTDOWN_NOTICES = 3.0, 50  # edits that say at shutdown that a job continues later

log = logging.getLogger(__name__)


class JobFollower:
    """Holds a task for every job whose result is not delivered, from its order or from the program's start."""

    def __init__(
        self,
        db: Database,
        jobs: JobService,
        deliverer: Deliverer,
        spool: Path,
        servers: ServerServices,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._spool = spool
        self._servers = servers
        self._checks = servers.checks
        self._deliverer = deliverer
        self._tasks: dict[asyncio.Task[None], tuple[Job, Interaction | None]] = {}
        self._edit_limit = ChannelEditLimit()

    async def close(self) -> None:
        """Cancel all tasks, and tell people that their pictures come after the restart."""
        followed = dict(self._tasks)
        for task in followed:
            task.cancel()
        await asyncio.gather(*followed, return_exceptions=True)  # while Discord and the database are still open
        unfinished = [job_and_interaction for task, job_and_interaction in followed.items() if task.cancelled()][
            :MAX_SHUTDOWN_NOTICES
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_NOTICE_SECONDS):
                await asyncio.gather(
                    *(background.guard(self._send_shutdown_notice(*one), "a shutdown notice") for one in unfinished)
                )

    async def stop(self, person_id: int) -> None:
        """End the tasks of a person's jobs, which have all ended: soon by themselves, else they are cancelled."""
        tasks = {task for task, (job, _) in self._tasks.items() if job.person_id == person_id}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def undelivered_jobs(self) -> list[Job]:
        """The jobs whose results an earlier run did not deliver. Call it before the first order."""
        pending = await self._db.all(PENDING_DELIVERIES)
        found = [await self._db.one(FIND_JOB, delivery.job_id) for delivery in pending]
        return [job for job in found if job is not None]

    def follow(self, job: Job, interaction: Interaction | None) -> None:
        """Follow `job` until it is delivered. `interaction` is the one that ordered it, None after a restart."""
        with about(job.id):
            task = background.start(self._follow(job, interaction), f"following job {job.id}")
        self._tasks[task] = job, interaction
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _follow(self, job: Job, interaction: Interaction | None) -> None:
        """Retry until the result is delivered; a permanent error ends in a notice instead of the result."""
        try:
            await _retry(self._show_and_deliver, job, interaction)
        except RetryError as failed:
            log.error("gave up the delivery; its pictures are saved", exc_info=failed.last_attempt.exception())
            await _retry(self._deliverer.give_up, job, interaction)

    async def _show_and_deliver(self, job: Job, interaction: Interaction | None) -> None:
        """Show the progress until the job ends, then deliver the result."""
        speak(await language_of(self._db, self._servers, job))
        async with self._jobs.following(job.id) as updates:
            throttle = _EditThrottle(self._edit_limit, job.channel_id)
            repeated = RepeatedError(*UNREACHABLE)
            shows, update = True, None
            last_edit = await self._last_edit_at(job, interaction)
            while True:
                try:
                    async with asyncio.timeout(last_edit and max(0.0, last_edit - now_ms() / 1000)):
                        update = await _newest(updates, update)
                except TimeoutError:
                    shows, last_edit = False, None  # another edit would hide the notice
                    await background.guard(self._show_last(job, interaction), "the last edit of an answer")
                    continue
                while shows and update.urgent and not throttle.allows_edit():
                    await asyncio.sleep(CHANNEL_SECONDS)  # it is told in any case: nothing may follow for hours
                    update = _drained(updates, update)
                if update.job.state.final:
                    break
                if shows and (update.urgent or (update.progress and throttle.allows(update.progress))):
                    allowed = await self._checks.why_not_delivered(update.job) is None
                    problem = await background.failure(self._show(update, interaction)) if allowed else None
                    shows = allowed and (problem is None or self._keeps_editing(problem, repeated))
        # What was open when it was ordered may be closed by now.
        refusal = await self._checks.why_not_delivered(update.job) if update.pictures else None
        unsent = await self._checks.why_not_sent(update.job) if update.pictures else None
        hidden = await self._checks.hides_pictures(update.job)
        await self._deliverer.deliver(update.job, update.pictures, interaction, refusal, unsent, hidden=hidden)
        self._jobs.forecasts.delivered(update.job)

    async def _last_edit_at(self, job: Job, interaction: Interaction | None) -> float | None:
        """When to edit the message for the last time, in Unix seconds; None if the bot's own token can edit it."""
        delivery = await self._db.one(FIND_DELIVERY, job.id)
        guest = interaction is not None and not is_reachable(interaction)
        if delivery is None or not (delivery.private or guest):
            return None
        return job.created_at / 1000 + LAST_EDIT_SECONDS

    async def _show_last(self, job: Job, interaction: Interaction | None) -> None:
        with suppress(RouteClosed, *UNREACHABLE):
            await self._deliverer.show(job, lambda: RenderedMessage(last_edit_view(job)), interaction)

    async def _show(self, update: JobUpdate, interaction: Interaction | None) -> None:
        """Edit the message to show the progress, or that the job waits for a worker."""
        shown = await self._checks.shows_unfinished(update.job)
        preview = await asyncio.to_thread(self._preview, update) if shown else None
        hidden = await self._checks.hides_pictures(update.job)

        def render() -> RenderedMessage:
            if update.stranded is None:
                view = painting_view(update, preview)
            else:
                job, forecast = update.job, self._jobs.forecasts.of(update.job)
                view = waiting_view(job, forecast, paused=self._jobs.is_paused(job.server_id), stranded=update.stranded)
            return RenderedMessage(hide_pictures(view) if hidden else view, [preview.file()] if preview else [])

        await self._deliverer.show(update.job, render, interaction)

    def _keeps_editing(self, problem: Exception, repeated: RepeatedError) -> bool:
        """Whether to show the next progress after this edit failed."""
        if isinstance(problem, RouteClosed):
            log.info("stopped editing the job's message: %s", problem)
            return False
        if isinstance(problem, UNREACHABLE):
            log.info("cannot send a progress edit: %s", problem)
        else:
            log.error("a progress edit failed", exc_info=problem)
        return not repeated.is_permanent(problem)

    async def _send_shutdown_notice(self, job: Job, interaction: Interaction | None) -> None:
        now = await self._db.one(FIND_JOB, job.id)
        if now is None or now.state.final:
            return
        speak(await language_of(self._db, self._servers, job))
        with suppress(RouteClosed, *UNREACHABLE):
            await self._deliverer.show(job, lambda: RenderedMessage(interrupted_view(job)), interaction)

    def _preview(self, update: JobUpdate) -> PictureFile | None:
        name = update.progress.preview if update.progress else None
        if name is None:
            return None
        try:
            return PictureFile("preview.png", (self._spool / Path(name).name).read_bytes())
        except OSError:  # the job has just ended
            return None


async def _retry(
    work: Callable[[Job, Interaction | None], Awaitable[None]], job: Job, interaction: Interaction | None
) -> None:
    """Run `work`, and retry it with back-off after any error. Raises RetryError once an error is permanent."""
    again = AsyncRetrying(stop=RepeatedError(*UNREACHABLE), wait=wait_times(RETRY_SECONDS), before_sleep=_log)
    await again(work, job, interaction)


def _log(state: RetryCallState) -> None:
    problem = state.outcome.exception() if state.outcome else None
    if isinstance(problem, UNREACHABLE):
        log.warning("cannot deliver the result, will retry: %s", problem)
    else:
        log.error("delivery failed, retrying", exc_info=problem)


class ChannelEditLimit:
    """Limits progress edits to one per channel and second."""

    def __init__(self) -> None:
        self._edited: dict[int, float] = {}

    def take(self, channel_id: int, now: float) -> bool:
        """Whether a message in the channel may be edited now; if so, the edit is counted."""
        self._edited = {channel: at for channel, at in self._edited.items() if now - at < CHANNEL_SECONDS}
        if channel_id in self._edited:
            return False
        self._edited[channel_id] = now
        return True

    def __len__(self) -> int:
        return len(self._edited)


class _EditThrottle:
    """Decides when a message is edited: when painting begins, with the first preview, then every few seconds.

    An edit is skipped if the channel's limit is reached; the next one shows the newer progress.
    """

    def __init__(self, edit_limit: ChannelEditLimit, channel_id: int) -> None:
        self._edit_limit = edit_limit
        self._channel_id = channel_id
        self._shown_once = False
        self._last = time.monotonic()
        self._shown_preview = False

    def allows_edit(self) -> bool:
        """Whether the channel's limit allows an edit now; if so, it is counted."""
        return self._edit_limit.take(self._channel_id, time.monotonic())

    def allows(self, progress: Progress) -> bool:
        """Whether to show `progress` now; if so, the edit is counted."""
        if not self._wants(progress):
            return False
        now = time.monotonic()
        if not self._edit_limit.take(self._channel_id, now):
            return False
        if self._shown_once:
            self._last = now
        self._shown_once = True
        self._shown_preview = self._shown_preview or progress.preview is not None
        return True

    def _wants(self, progress: Progress) -> bool:
        if not progress.step:
            return not self._shown_once
        waited = time.monotonic() - self._last >= EDIT_SECONDS
        return waited or (progress.preview is not None and not self._shown_preview)


async def _newest(updates: asyncio.Queue[JobUpdate], before: JobUpdate | None) -> JobUpdate:
    """Wait for an update and return the newest one in the queue, with the newest preview there has been."""
    return _drained(updates, _with_preview_of(before, await updates.get()))


def _drained(updates: asyncio.Queue[JobUpdate], update: JobUpdate) -> JobUpdate:
    """The newest update in the queue, else this one, with what none after it has replaced."""
    while not updates.empty():
        stranded, silent, update = update.stranded, update.silent, _with_preview_of(update, updates.get_nowait())
        if not update.urgent and update.progress is None:
            update = replace(update, stranded=stranded, silent=silent)
    return update


def _with_preview_of(before: JobUpdate | None, update: JobUpdate) -> JobUpdate:
    """The update; one that reports a step without a preview gets the one `before` it, so that none vanishes.

    One that reports silence gets the step before it.
    """
    old, new = before and before.progress, update.progress
    if update.silent and new is None:
        return replace(update, progress=old)
    if old is None or new is None or new.preview is not None:
        return update
    return replace(update, progress=new.model_copy(update={"preview": old.preview}))
