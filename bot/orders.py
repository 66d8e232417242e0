"""Orders from Discord: a wish becomes a job, the message that tells of it is kept up to date, the result delivered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import discord

from bot import acknowledge, background
from bot.assembly import Easel
from bot.attachments import Attachment
from bot.database.bookmarks import list_bookmarks
from bot.database.clock import now_ms
from bot.database.deliveries import open_delivery, pending_deliveries, remember_message
from bot.database.drafts import forget_old_drafts, save_draft
from bot.database.errors import DatabaseError
from bot.database.jobs import Job, find_job
from bot.database.people import hear_locale, locale_of
from bot.database.preferences import Preferences, find_preferences
from bot.delivery import Deliverer
from bot.dispatcher import JobUpdate
from bot.preferences import preferred
from bot.requests import Wish
from bot.views.refusal import Alternative, Refused
from bot.views.waiting import painting_view, waiting_view
from bot.words import speak
from inference.errors import LoraMisfit, SourceImageGone
from inference.messages import GenerationRequest, Progress

if TYPE_CHECKING:
    from bot.client import EaselBot

    Interaction = discord.Interaction[EaselBot]

EDIT_SECONDS = 3.0  # between two edits of a message while it paints
DRAFT_DAYS = 7
ALTERNATIVES = 3  # bookmarked LoRAs offered in a refusal
RETRY_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0)  # between attempts to deliver
UNREACHABLE = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, OSError, DatabaseError)

log = logging.getLogger(__name__)


class Orders:
    """Takes wishes and requests from interactions and follows their jobs."""

    def __init__(self, easel: Easel, deliverer: Deliverer) -> None:
        self._easel = easel
        self._deliverer = deliverer
        self._following: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Follow no more; what is still owed is delivered after the next start."""
        following = list(self._following)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)  # while Discord and the database are still there

    async def owed(self) -> list[Job]:
        """The jobs whose results an earlier run of the program did not deliver. To be asked before anybody orders."""
        await forget_old_drafts(self._easel.connection, before_ms=now_ms() - DRAFT_DAYS * 86_400_000)
        pending = await pending_deliveries(self._easel.connection)
        found = [await find_job(self._easel.connection, delivery.job_id) for delivery in pending]
        return [job for job in found if job is not None]

    def resume(self, owed: list[Job]) -> None:
        """Follow `owed` jobs to their delivery, now that Discord can be reached."""
        for job in owed:
            self._follow(job, None)

    async def paint(self, interaction: Interaction, wish: Wish) -> None:
        """Paint what a person wishes, and what it leaves open as they prefer it.

        Raises a RequestError; for a LoRA that does not fit, `Refused` with ways out.
        """
        preferences = await find_preferences(self._easel.connection, interaction.user.id)
        wish = preferred(wish, self._easel.settings, preferences)
        try:
            request = await self._easel.requests.build(wish)
        except LoraMisfit as refusal:
            raise await self._with_ways_out(interaction.user.id, wish, refusal) from refusal
        await self.order(interaction, request)

    async def order(self, interaction: Interaction, request: GenerationRequest) -> None:
        """Keep a checked request, tell the person that it waits, and follow it. They prefer who sees it.

        Raises SourceImageGone for a picture to start from that is not kept any more.
        """
        if request.image is not None and not self._easel.inputs.has(request.image.sha256):
            raise SourceImageGone
        await self._begin(interaction, partial(self._easel.generation.order, request))

    async def record(
        self, interaction: Interaction, request: GenerationRequest, picture: Path, notes: tuple[str, ...]
    ) -> None:
        """The same for a request whose picture is there already: it is moved, and delivered like any other."""
        await self._begin(interaction, partial(self._easel.generation.record, request, picture, notes=notes))

    async def _begin(self, interaction: Interaction, keep: Callable[..., Awaitable[Job]]) -> None:
        preferences = await find_preferences(self._easel.connection, interaction.user.id)

        async def also(job: Job) -> None:
            await self._kept(job, interaction.locale.value, preferences)

        job = await keep(
            person_id=interaction.user.id,
            channel_id=interaction.channel_id or 0,
            server_id=interaction.guild_id,
            also=also,
        )
        try:
            await self._tell(interaction, job, private=preferences.private)
        finally:  # the job is kept, so its result is owed whether or not the person could be told
            self._follow(job, interaction)

    async def _kept(self, job: Job, locale: str, preferences: Preferences) -> None:
        """What is owed for the job, and in which language."""
        await open_delivery(
            self._easel.connection, job.id, private=preferences.private, shows_prompt=preferences.shows_prompt
        )
        await hear_locale(self._easel.connection, job.person_id, locale)

    async def _tell(self, interaction: Interaction, job: Job, *, private: bool) -> None:
        view = waiting_view(job, self._easel.generation.position(job.id) or 0)
        if message_id := await acknowledge.post(interaction, view, private=private):
            await remember_message(self._easel.connection, job.id, message_id)

    def _follow(self, job: Job, interaction: Interaction | None) -> None:
        task = background.start(self._followed(job, interaction), f"following job {job.id}")
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _followed(self, job: Job, interaction: Interaction | None) -> None:
        speak(await locale_of(self._easel.connection, job.person_id))
        async with self._easel.generation.following(job.id) as updates:
            pace = _Pace()
            while True:
                update = await _newest(updates)
                if update.job.state.final:
                    break
                if interaction and update.progress and pace.allows(update.progress):
                    await background.guard(self._show(interaction, update), "a progress edit")
        await self._deliver(update, interaction)

    async def _deliver(self, update: JobUpdate, interaction: Interaction | None) -> None:
        """Deliver; while Discord or the database cannot be reached, try again, ever more rarely."""
        for wait in chain(RETRY_SECONDS, repeat(RETRY_SECONDS[-1])):
            try:
                await self._deliverer.deliver(update.job, update.pictures, interaction)
            except UNREACHABLE as problem:
                log.warning("the result of job %s cannot be delivered just now: %s", update.job.id, problem)
                await asyncio.sleep(wait)
            else:
                return

    async def _show(self, interaction: Interaction, update: JobUpdate) -> None:
        if interaction.is_expired():
            return
        preview = await asyncio.to_thread(self._preview, update)
        await acknowledge.update(interaction, painting_view(update, preview), [preview.file()] if preview else [])

    def _preview(self, update: JobUpdate) -> Attachment | None:
        name = update.progress.preview if update.progress else None
        if name is None:
            return None
        try:
            return Attachment("preview.png", (self._easel.settings.storage.spool / name).read_bytes())
        except FileNotFoundError:  # the job has just ended
            return None

    async def _with_ways_out(self, person_id: int, wish: Wish, refusal: LoraMisfit) -> Refused:
        """The refusal with what would work: other checkpoints, and bookmarked LoRAs of the same category that fit."""
        position, lora = await self._easel.requests.find_refused(wish, refusal.lora)
        checkpoint = self._easel.settings.checkpoint(refusal.checkpoint)
        assert checkpoint is not None
        page = await list_bookmarks(
            self._easel.connection,
            person_id,
            limit=ALTERNATIVES,
            category=lora.category,
            base_models=[checkpoint.base_model],
        )
        draft_id = await save_draft(self._easel.connection, person_id, wish.model_dump_json())
        others = tuple(Alternative(bookmark.lora.id, bookmark.lora.name) for bookmark in page.bookmarks)
        return Refused(refusal, draft_id, position, others)


class _Pace:
    """When a message may be edited: once when painting begins, with the first preview, then every few seconds."""

    def __init__(self) -> None:
        self._begun = False
        self._last = time.monotonic()
        self._pictured = False

    def allows(self, progress: Progress) -> bool:
        """Whether to show `progress` now; if so, the next has to wait."""
        if not progress.step:
            first, self._begun = not self._begun, True
            return first
        waited = time.monotonic() - self._last >= EDIT_SECONDS
        if not waited and (self._pictured or progress.preview is None):
            return False
        self._last = time.monotonic()
        self._pictured = self._pictured or progress.preview is not None
        return True


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
