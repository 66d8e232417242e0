"""Creates jobs from the requests of interactions, and replies that they wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from discord import ui

from bot.database.bookmarks.bookmarks import list_bookmarks
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.deliveries import OPEN_DELIVERY
from bot.database.jobs.jobs import Job
from bot.database.loras.search import Shown
from bot.database.people.drafts import save_draft
from bot.database.people.people import SAVE_LOCALE
from bot.database.people.preferences import Preferences, find_preferences
from bot.errors.jobs import PressedTwice, TwoFewStepRecipes
from bot.errors.ratings import PromptRatedTooHigh
from bot.errors.words import WordsNotAllowedHere
from bot.i18n import speaking
from bot.i18n.texts import lora_name
from bot.jobs.service import JobService
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.pictures.inputs import Inputs
from bot.requests.builder import RequestBuilder, RequestDraft, preferred
from bot.servers.checks import CheckedRequest
from bot.servers.defaults import shows_prompt
from bot.servers.services import ServerServices
from bot.ui.access import checkpoints_here, context_of, server_settings, shown_ratings
from bot.ui.client import Interaction
from bot.ui.delivery.delivery import Deliverer, RouteClosed, is_reachable
from bot.ui.delivery.job_follower import UNREACHABLE, JobFollower
from bot.ui.interactions.lost import InteractionLost
from bot.ui.interactions.replies import ErrorWithRows
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.jobs.progress import waiting_view
from bot.ui.views.refusal import misfit_refusal, refusal_for_studio
from bot.ui.views.servers.phrase_question import AskStaffButton
from inference.errors import LoraMisfit, RegionsNotOffered, RequestError, SourceImageGone
from inference.messages.request import GenerationRequest
from inference.processes.logs import about
from inference.queue.policy import EVERYWHERE
from inference.queue.simulation import Forecast

PAINT_COMMAND = "imagine"
ALTERNATIVES = 3  # bookmarked LoRAs offered in a refusal
OLD_SECONDS = 2.0  # age of an interaction that Discord must confirm before its job is stored
DOUBLE_PRESS_SECONDS = 1.0  # a second press of the same button by the same person within this time is rejected

log = logging.getLogger(__name__)


class Orders:
    """Implements `bot.ui.client.OrderService`."""

    def __init__(
        self,
        db: Database,
        requests: RequestBuilder,
        jobs: JobService,
        inputs: Inputs,
        servers: ServerServices,
        deliverer: Deliverer,
        follower: JobFollower,
        clock: Callable[[], float],
    ) -> None:
        """`clock` gives the Unix time in seconds."""
        self._db = db
        self._requests = requests
        self._jobs = jobs
        self._inputs = inputs
        self._servers = servers
        self._deliverer = deliverer
        self._follower = follower
        self._clock = clock
        self._pressed: dict[tuple[int, int, str], float] = {}

    async def close(self) -> None:
        """Start no more jobs, and tell people that unfinished ones continue after the restart."""
        self._jobs.shut_down()
        await self._follower.close()

    async def undelivered_jobs(self) -> list[Job]:
        """The jobs whose results an earlier run did not deliver. Call it before the first order."""
        return await self._follower.undelivered_jobs()

    def resume(self, jobs: list[Job]) -> None:
        """Follow `jobs` until they are delivered, once Discord can be reached."""
        for job in jobs:
            self._follower.follow(job, None)

    async def paint(
        self, interaction: Interaction, draft: RequestDraft, preferences: Preferences | None = None
    ) -> None:
        """Build a request from `draft` and the person's preferences, and order it; None: they are read.

        Raises a RequestError, or an ErrorWithRows: alternatives for a LoRA that does not fit, checkpoints for regions,
        the studio for several few-step LoRAs, and a question to staff for words that they can allow.
        """
        preferences = preferences or await self._preferences(interaction)
        checkpoints = await checkpoints_here(interaction)
        draft = preferred(draft, checkpoints, preferences)
        try:
            request = await self._requests.build(draft)
        except LoraMisfit as refusal:
            shown = await shown_ratings(interaction)
            raise await self._with_alternatives(interaction.user.id, draft, refusal, checkpoints, shown) from refusal
        except RegionsNotOffered as refusal:
            draft_id = await save_draft(self._db, interaction.user.id, draft.model_dump_json())
            fitting = checkpoints.names_for_all(await self._requests.loras_of(draft))
            painting = [each.name for each in checkpoints if each.name in fitting and each.capability.regions]
            raise refusal_for_studio(refusal, draft_id, painting) from refusal
        except TwoFewStepRecipes as refusal:
            draft_id = await save_draft(self._db, interaction.user.id, draft.model_dump_json())
            raise refusal_for_studio(refusal, draft_id) from refusal
        try:
            await self._order(interaction, request, preferences)
        except (PromptRatedTooHigh, WordsNotAllowedHere) as refusal:  # the user wrote this prompt, or can read it
            raise await self._with_question(interaction, request, refusal) from refusal

    async def order(self, interaction: Interaction, request: GenerationRequest) -> None:
        """Queue a checked request, reply that it waits, and follow the job. The person's preferences say who sees it.

        Raises PressedTwice, SourceImageGone for a source image that was deleted, what `JobService.order` raises, and
        DatabaseError.
        """
        await self._order(interaction, request, await self._preferences(interaction))

    async def _order(self, interaction: Interaction, request: GenerationRequest, preferences: Preferences) -> None:
        if request.image is not None:
            if not self._inputs.has(request.image.sha256):
                raise SourceImageGone
            image = await self._inputs.check_again(request.image, interaction.guild_id or EVERYWHERE)
            request = request.model_copy(update={"image": image})
        checked = await self._check(interaction, request)
        order = partial(self._jobs.order, request, policy=checked.policy)
        await self._begin(interaction, order, preferences, checked)

    async def record(
        self, interaction: Interaction, request: GenerationRequest, picture: Path, notes: tuple[str, ...]
    ) -> None:
        """Record a request whose `picture` is painted already; the file is moved and delivered like any other."""
        checked = await self._check(interaction, request)
        keep = partial(self._jobs.record, request, picture, notes=notes)
        await self._begin(interaction, keep, await self._preferences(interaction), checked)

    async def _check(self, interaction: Interaction, request: GenerationRequest) -> CheckedRequest:
        """Check the request against rights and limits. Whoever may not use /imagine here paints by no other way."""
        context = context_of(interaction)
        if context.command != PAINT_COMMAND:
            context = context.model_copy(update={"command": PAINT_COMMAND, "checked_by_discord": False})
        return await self._servers.checks.check_request(context, request)

    async def _with_question(
        self, interaction: Interaction, request: GenerationRequest, refusal: RequestError
    ) -> RequestError | ErrorWithRows:
        """The refusal; with a button that asks the staff, if they can allow the words and the user can ask today."""
        who = context_of(interaction)
        refused = await self._servers.checks.refused_words(who, request)
        if refused is None or not await self._servers.administration.phrases.may_ask(who):
            return refusal
        draft_id = await save_draft(self._db, interaction.user.id, refused.model_dump_json())
        return ErrorWithRows(refusal, ui.ActionRow[Any](AskStaffButton(draft_id)))

    async def _preferences(self, interaction: Interaction) -> Preferences:
        return await find_preferences(self._db, interaction.user.id)

    async def _begin(
        self,
        interaction: Interaction,
        keep: Callable[..., Awaitable[Job]],
        preferences: Preferences,
        checked: CheckedRequest,
    ) -> None:
        if self._clock() - interaction.created_at.timestamp() > OLD_SECONDS:
            await self._confirm(interaction)
        with self._reject_double_press(interaction):

            async def also(job: Job) -> None:
                await self._servers.checks.record(job, checked)
                await self._open_delivery(job, interaction, preferences)

            job = await keep(
                person_id=interaction.user.id,
                channel_id=interaction.channel_id or 0,
                server_id=interaction.guild_id,
                also=also,
            )
        wanted = True
        try:
            with about(job.id):
                wanted = await self._announce(interaction, job, private=preferences.private)
        finally:  # the job is stored, so its result is delivered even if the reply failed
            if wanted:
                self._follower.follow(job, interaction)
        if not wanted:
            await self._deliverer.withdraw(job)
            await self._jobs.cancel(job.id)

    async def _confirm(self, interaction: Interaction) -> None:
        """Raise InteractionLost if the user does not wait any more: Discord decides, because clocks differ."""
        try:
            await self._deliverer.confirm(interaction)
        except (RouteClosed, *UNREACHABLE) as problem:
            log.warning("cannot acknowledge an interaction: %s", problem)

    @contextmanager
    def _reject_double_press(self, interaction: Interaction) -> Generator[None]:
        """Raises PressedTwice for a second press of the same button within DOUBLE_PRESS_SECONDS."""
        if interaction.message is None:
            yield  # commands have no button to press twice
            return
        custom_id = str((interaction.data or {}).get("custom_id", ""))
        pressed = interaction.user.id, interaction.message.id, custom_id
        now = time.monotonic()
        self._pressed = {key: at for key, at in self._pressed.items() if now - at < DOUBLE_PRESS_SECONDS}
        if pressed in self._pressed:
            raise PressedTwice
        self._pressed[pressed] = now
        try:
            yield
        except BaseException:
            self._pressed.pop(pressed, None)
            raise

    async def _open_delivery(self, job: Job, interaction: Interaction, preferences: Preferences) -> None:
        """Store the pending delivery of the job, and the person's language."""
        await self._db.run(
            OPEN_DELIVERY,
            job=job.id,
            private=preferences.private,
            shows_prompt=shows_prompt(preferences, await server_settings(interaction)),
            ticket=self._deliverer.ticket(interaction),
            now=now_ms(),
        )
        await self._db.run(SAVE_LOCALE, locale=interaction.locale.value, person=job.person_id)

    async def _announce(self, interaction: Interaction, job: Job, *, private: bool) -> bool:
        """Reply that the job waits. False if the interaction is lost: then nobody waits for the job."""
        forecast = Forecast(0) if job.state.final else self._jobs.forecasts.of(job)
        paused, stranded = self._jobs.is_paused(job.server_id), self._jobs.is_stranded(job.checkpoint)
        reachable = is_reachable(interaction)
        # What everybody sees speaks the server's language where it has one.
        language = None if private else (await server_settings(interaction)).language

        def waiting() -> RenderedMessage:
            with speaking(language or interaction.locale.value):
                view = waiting_view(job, forecast, paused=paused, stranded=stranded, reachable=reachable)
            return RenderedMessage(view)

        try:
            await self._deliverer.announce(job, waiting, interaction, private=private)
        except InteractionLost as problem:
            log.warning("cancelled the job, because its interaction was lost: %s", problem)
            return False
        except (RouteClosed, *UNREACHABLE) as problem:
            log.warning("cannot send the reply that the job is queued: %s", problem)
        return True

    async def _with_alternatives(
        self, person_id: int, draft: RequestDraft, refusal: LoraMisfit, checkpoints: InstalledCheckpoints, shown: Shown
    ) -> ErrorWithRows:
        """The refusal with alternatives: others of `checkpoints`, and bookmarked LoRAs of the category that fit."""
        position, lora = await self._requests.find_refused(draft, refusal.lora)
        refusal = replace(refusal, lora=lora_name(lora, shown))
        checkpoint = self._requests.checkpoints.require(refusal.checkpoint)
        page = await list_bookmarks(
            self._db,
            person_id,
            limit=ALTERNATIVES,
            category=lora.category,
            base_models=[checkpoint.base_model],
            shown=shown,
        )
        draft_id = await save_draft(self._db, person_id, draft.model_dump_json())
        others = [bookmark.lora for bookmark in page.bookmarks]
        fitting = checkpoints.names_for_all(await self._requests.loras_of(draft))
        return misfit_refusal(refusal, draft_id, position, fitting, others)
