"""Orders from Discord: a wish becomes a job, and the person is told that it waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bot.app.assembly import Easel
from bot.database.bookmarks import list_bookmarks
from bot.database.clock import now_ms
from bot.database.deliveries import open_delivery
from bot.database.drafts import forget_old_drafts, save_draft
from bot.database.jobs import Job
from bot.database.people import hear_locale
from bot.database.preferences import Preferences, find_preferences
from bot.errors import PressedTwice
from bot.requests.builder import Wish
from bot.requests.preferences import preferred
from bot.ui.client import Interaction
from bot.ui.delivery.delivery import Deliverer, JobMessage, RouteClosed
from bot.ui.delivery.following import UNREACHABLE, Following
from bot.ui.views.refusal import Alternative, Refused
from bot.ui.views.waiting import waiting_view
from inference.errors import LoraMisfit, SourceImageGone
from inference.logs import about
from inference.messages import GenerationRequest
from inference.rehearsal import Forecast

DRAFT_DAYS = 7
ALTERNATIVES = 3  # bookmarked LoRAs offered in a refusal
TWICE_SECONDS = 1.0  # the same button of the same message, pressed again by the same person: they meant it once

log = logging.getLogger(__name__)


class Orders:
    """Takes wishes and requests from interactions."""

    def __init__(self, easel: Easel, deliverer: Deliverer) -> None:
        self._easel = easel
        self._deliverer = deliverer
        self._following = Following(easel, deliverer)
        self._pressed: dict[tuple[int, int, str], float] = {}

    async def close(self) -> None:
        """The program ends: begin nothing more; people hear that what is unfinished comes after the next start."""
        self._easel.generation.leave()
        await self._following.close()

    async def owed(self) -> list[Job]:
        """The jobs whose results an earlier run of the program did not deliver. To be asked before anybody orders."""
        await forget_old_drafts(self._easel.connection, before_ms=now_ms() - DRAFT_DAYS * 86_400_000)
        return await self._following.owed()

    def resume(self, owed: list[Job]) -> None:
        """Follow `owed` jobs to their delivery, now that Discord can be reached."""
        for job in owed:
            self._following.follow(job, None)

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

        Raises PressedTwice, SourceImageGone for a picture to start from that is not kept any more, what
        `Generation.order` raises, and DatabaseError.
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
        with self._once(interaction):
            preferences = await find_preferences(self._easel.connection, interaction.user.id)

            async def also(job: Job) -> None:
                await self._kept(job, interaction, preferences)

            job = await keep(
                person_id=interaction.user.id,
                channel_id=interaction.channel_id or 0,
                server_id=interaction.guild_id,
                also=also,
            )
        try:
            with about(job.id):
                await self._tell(interaction, job, private=preferences.private)
        finally:  # the job is kept, so its result is owed whether or not the person could be told
            self._following.follow(job, interaction)

    @contextmanager
    def _once(self, interaction: Interaction) -> Generator[None]:
        """Raises PressedTwice when this is the second press of one impatient finger."""
        pressed = (interaction.user.id, interaction.message.id if interaction.message else 0, _id_of(interaction))
        if interaction.message is None:
            yield  # a command cannot be sent twice by mistake
            return
        now = time.monotonic()
        self._pressed = {key: at for key, at in self._pressed.items() if now - at < TWICE_SECONDS}
        if pressed in self._pressed:
            raise PressedTwice
        self._pressed[pressed] = now
        try:
            yield
        except BaseException:
            self._pressed.pop(pressed, None)
            raise

    async def _kept(self, job: Job, interaction: Interaction, preferences: Preferences) -> None:
        """What is owed for the job, and in which language."""
        await open_delivery(
            self._easel.connection,
            job.id,
            private=preferences.private,
            shows_prompt=preferences.shows_prompt,
            ticket=self._deliverer.ticket(interaction),
        )
        await hear_locale(self._easel.connection, job.person_id, interaction.locale.value)

    async def _tell(self, interaction: Interaction, job: Job, *, private: bool) -> None:
        forecast = Forecast(0) if job.state.final else self._easel.generation.forecast(job)
        paused = self._easel.generation.is_paused(job.server_id)
        reachable = _reachable(interaction)
        news = JobMessage(lambda: waiting_view(job, forecast, paused=paused, reachable=reachable))
        try:
            await self._deliverer.announce(job, news, interaction, private=private)
        except (RouteClosed, *UNREACHABLE) as problem:
            log.warning("a person could not be told that it waits: %s", problem)

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


def _id_of(interaction: Interaction) -> str:
    return str((interaction.data or {}).get("custom_id", ""))


def _reachable(interaction: Interaction) -> bool:
    """Whether the bot itself may write where it was asked: not where only the person installed it."""
    return interaction.is_guild_integration() or interaction.context.dm_channel is True
