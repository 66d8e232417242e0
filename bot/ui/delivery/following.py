"""Jobs are followed to their end: the message that tells of one is kept up to date, and the result delivered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import discord
from tenacity import AsyncRetrying, RetryCallState, RetryError

from bot import background
from bot.app.assembly import Easel
from bot.database.deliveries import pending_deliveries
from bot.database.errors import DatabaseError
from bot.database.jobs import Job, find_job
from bot.database.people import locale_of
from bot.i18n import speak
from bot.jobs.retrying import Poison, waits
from bot.jobs.updates import JobUpdate
from bot.pictures.attachments import PictureFile
from bot.ui.client import Interaction
from bot.ui.delivery.delivery import Deliverer, JobMessage, RouteClosed
from bot.ui.views.waiting import interrupted_view, painting_view
from inference.logs import about
from inference.messages import Progress

EDIT_SECONDS = 3.0  # between two edits of a message while it paints
CHANNEL_SECONDS = 1.0  # between two such edits in one channel, whosever messages: Discord allows five in five seconds
# Between attempts to deliver: a cut connection is often back at once, an outage lasts.
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
# What passes, however long it lasts: Discord, the way to it or the database cannot be reached.
UNREACHABLE = (
    discord.HTTPException, discord.RateLimited, aiohttp.ClientError, ConnectionError, TimeoutError, DatabaseError,
)  # fmt: skip
FAREWELL_SECONDS, FAREWELLS = 3.0, 50  # how long, and how many, people are told when the program ends

log = logging.getLogger(__name__)


class Following:
    """Every job that is owed to somebody on Discord has a task here, from its order or the program's start."""

    def __init__(self, easel: Easel, deliverer: Deliverer) -> None:
        self._easel = easel
        self._deliverer = deliverer
        self._tasks: dict[asyncio.Task[None], tuple[Job, Interaction | None]] = {}
        self._channels = Channels()

    async def close(self) -> None:
        """Follow no more, and tell people that their pictures come after the next start."""
        followed = dict(self._tasks)
        for task in followed:
            task.cancel()
        await asyncio.gather(*followed, return_exceptions=True)  # while Discord and the database are still there
        unfinished = [job_and_asker for task, job_and_asker in followed.items() if task.cancelled()][:FAREWELLS]
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await asyncio.gather(*(background.guard(self._farewell(*one), "a farewell") for one in unfinished))

    async def owed(self) -> list[Job]:
        """The jobs whose results an earlier run of the program did not deliver. To be asked before anybody orders."""
        pending = await pending_deliveries(self._easel.connection)
        found = [await find_job(self._easel.connection, delivery.job_id) for delivery in pending]
        return [job for job in found if job is not None]

    def follow(self, job: Job, interaction: Interaction | None) -> None:
        """Follow `job` to its delivery. `interaction` asked for it, unless that was before the start."""
        with about(job.id):
            task = background.start(self._follow(job, interaction), f"following job {job.id}")
        self._tasks[task] = job, interaction
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _follow(self, job: Job, interaction: Interaction | None) -> None:
        """Deliver, whatever goes wrong meanwhile; what stays wrong is told in place of the result."""
        try:
            await _again_and_again(self._attend, job, interaction)
        except RetryError as given_up:
            log.error("it is given up, and its pictures are kept", exc_info=given_up.last_attempt.exception())
            await _again_and_again(self._deliverer.give_up, job, interaction)

    async def _attend(self, job: Job, interaction: Interaction | None) -> None:
        """Show how it gets on until it ends, then deliver."""
        speak(await locale_of(self._easel.connection, job.person_id))
        async with self._easel.generation.following(job.id) as updates:
            pace = _Pace(self._channels, job.channel_id)
            poison = Poison(*UNREACHABLE)
            shows = True
            while True:
                update = await _newest(updates)
                if update.job.state.final:
                    break
                if shows and update.progress and pace.allows(update.progress):
                    problem = await background.failure(self._show(update, interaction))
                    shows = problem is None or self._goes_on(problem, poison)
        await self._deliverer.deliver(update.job, update.pictures, interaction)
        self._easel.generation.delivered(update.job)

    async def _show(self, update: JobUpdate, interaction: Interaction | None) -> None:
        """Show how far it is."""
        preview = await asyncio.to_thread(self._preview, update)
        await self._deliverer.show(update.job, JobMessage(lambda: painting_view(update, preview), preview), interaction)

    def _goes_on(self, problem: Exception, poison: Poison) -> bool:
        """Whether the next progress is shown although this one could not be."""
        if isinstance(problem, RouteClosed):
            log.info("the message that tells of the job is not edited any more: %s", problem)
            return False
        if isinstance(problem, UNREACHABLE):
            log.info("a progress edit did not get through: %s", problem)
        else:
            log.error("a progress edit failed", exc_info=problem)
        return not poison.stays(problem)

    async def _farewell(self, job: Job, interaction: Interaction | None) -> None:
        now = await find_job(self._easel.connection, job.id)
        if now is None or now.state.final:
            return
        speak(await locale_of(self._easel.connection, job.person_id))
        with suppress(RouteClosed, *UNREACHABLE):
            await self._deliverer.show(job, JobMessage(lambda: interrupted_view(job)), interaction)

    def _preview(self, update: JobUpdate) -> PictureFile | None:
        name = update.progress.preview if update.progress else None
        if name is None:
            return None
        try:
            return PictureFile("preview.png", (self._easel.settings.storage.spool / Path(name).name).read_bytes())
        except OSError:  # the job has just ended
            return None


async def _again_and_again(
    work: Callable[[Job, Interaction | None], Awaitable[None]], job: Job, interaction: Interaction | None
) -> None:
    """Do `work`, and do it again after whatever it raises, ever more rarely. Raises RetryError once an error stays."""
    await AsyncRetrying(stop=Poison(*UNREACHABLE), wait=waits(RETRY_SECONDS), before_sleep=_log)(work, job, interaction)


def _log(state: RetryCallState) -> None:
    problem = state.outcome.exception() if state.outcome else None
    if isinstance(problem, UNREACHABLE):
        log.warning("its result cannot be delivered just now: %s", problem)
    else:
        log.error("its result could not be delivered and is tried again", exc_info=problem)


class Channels:
    """Where a message was edited within the last second."""

    def __init__(self) -> None:
        self._edited: dict[int, float] = {}

    def take(self, channel_id: int, now: float) -> bool:
        """Whether one may be edited there now; if so, the next has to wait."""
        self._edited = {channel: at for channel, at in self._edited.items() if now - at < CHANNEL_SECONDS}
        if channel_id in self._edited:
            return False
        self._edited[channel_id] = now
        return True

    def __len__(self) -> int:
        return len(self._edited)


class _Pace:
    """When a message may be edited: when painting begins, with the first preview, then every few seconds.

    And never soon after another one in its channel: what is skipped is made up for by the next.
    """

    def __init__(self, channels: Channels, channel_id: int) -> None:
        self._channels = channels
        self._channel_id = channel_id
        self._begun = False
        self._last = time.monotonic()
        self._pictured = False

    def allows(self, progress: Progress) -> bool:
        """Whether to show `progress` now; if so, the next has to wait."""
        if not self._wants(progress):
            return False
        now = time.monotonic()
        if not self._channels.take(self._channel_id, now):
            return False
        if self._begun:
            self._last = now
        self._begun = True
        self._pictured = self._pictured or progress.preview is not None
        return True

    def _wants(self, progress: Progress) -> bool:
        if not progress.step:
            return not self._begun
        waited = time.monotonic() - self._last >= EDIT_SECONDS
        return waited or (progress.preview is not None and not self._pictured)


async def _newest(updates: asyncio.Queue[JobUpdate]) -> JobUpdate:
    """Wait for an update, then skip to the newest; the newest preview comes along."""
    update = await updates.get()
    while not updates.empty():
        newer = updates.get_nowait()
        old, new = update.progress, newer.progress
        if old and new and new.preview is None:
            newer = replace(newer, progress=new.model_copy(update={"preview": old.preview}))
        update = newer
    return update
