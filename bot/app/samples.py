"""Paints sample pictures of each LoRA, a few with it and one without, while the bot is idle.

Where the settings want it, each LoRA's weights are measured when all have their samples.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot import background
from bot.app.sample_costs import sampling_checkpoints
from bot.app.weight_measuring import WeightMeasurer
from bot.database.database import Database
from bot.database.loras.catalogue import LoraVersion
from bot.database.loras.sample_failures import record_failure
from bot.database.loras.samples import CHANGE_SAMPLE_TRIES, DUE_FOR_SAMPLES, Due, find_due, record_samples
from bot.database.loras.weight_ranges import DUE_FOR_MEASURING
from bot.jobs.service import JobService
from bot.library.configuration import Configuration
from bot.moderation.enforcement import WordRules
from bot.requests.builder import LoraDraft, RequestBuilder, RequestDraft
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating
from inference.errors import InferenceError
from inference.lora.beside.categories import Category
from inference.messages.request import GenerationRequest

log = logging.getLogger(__name__)

SEED = 5  # fixed, so that all versions and all LoRAs of a prompt start from the same noise
PAUSE_SECONDS = 5.0  # between two checks; people who are busy order again within a few seconds
RETRY_SECONDS = 60.0  # after a failure: a full disk would fill the log otherwise
VERSIONS_A_FOLDER = 1000

# What to paint beside a trigger word, where the sidecar has no example.
SCENES = {
    Category.CHARACTER: "standing in a garden, full body",
    Category.STYLE: "a lighthouse on a cliff above the sea",
    Category.POSE: "a person in a plain room, full body",
    Category.DETAIL: "close-up portrait of a person, soft light",
    Category.OTHER: "a street in a small town in the evening",
}


class SamplePainter:
    """Paints the samples of one LoRA file after the other. The database alone knows which are missing."""

    def __init__(
        self,
        configuration: Configuration,
        db: Database,
        requests: RequestBuilder,
        jobs: JobService,
        *,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._configuration = configuration
        self._db = db
        self._requests = requests
        self._jobs = jobs
        self._pictures = configuration.settings.storage.pictures
        self._pause = pause
        self._was_idle = False
        self._words = WordRules.of_operator(lambda: configuration.settings)
        self._measurer = WeightMeasurer(db, jobs)

    async def run(self) -> None:
        """Paint what is due whenever the bot is idle now and was at the last check. Runs until cancelled."""
        await background.Recurring("painting samples", self._paint_if_idle, RETRY_SECONDS).run()

    async def _paint_if_idle(self) -> float:
        idle, was_idle = self._jobs.idle, self._was_idle
        self._was_idle = idle
        if idle and was_idle:
            await self.paint_next()
        return self._pause

    async def paint_next(self) -> None:
        """Paint the samples of the next file; an order meanwhile preempts it. Raises DatabaseError."""
        if not self._configuration.settings.limits.max_loras:
            return
        bases = list(sampling_checkpoints(self._configuration.checkpoints))
        due = await find_due(self._db, DUE_FOR_SAMPLES, bases) if self._count else None
        if due is None:
            await self._measure_next(bases)
            return
        await self._db.run(CHANGE_SAMPLE_TRIES, tries=1, id=due.version.id)
        preempted = True
        try:
            preempted = not await self._paint(due)
        except (InferenceError, OSError) as problem:
            preempted = False
            log.warning("no samples of %s: %s", due.version.path, problem)
            if isinstance(problem, InferenceError):
                await record_failure(self._db, due.version.id, problem)
        finally:
            if preempted:
                await self._db.run(CHANGE_SAMPLE_TRIES, tries=-1, id=due.version.id)

    async def _measure_next(self, bases: list[BaseModelId]) -> None:
        if not self._configuration.settings.library.measure_weights:
            return
        due = await find_due(self._db, DUE_FOR_MEASURING, bases)
        if due is not None:
            await self._measurer.measure(due, self._request)

    @property
    def _count(self) -> int:
        return self._configuration.settings.library.samples

    async def _paint(self, due: Due) -> bool:
        """Paint and record the samples; False when an order preempted it. Raises InferenceError or OSError."""
        request = await self._request(due, self._count)
        painted: list[str] = []  # their names in the spool
        try:
            for wanted in (request, _without_lora(request)):
                pictures = await self._jobs.paint_in_background(wanted)
                if pictures is None:
                    return False
                painted += pictures.files
                if pictures.rating is not None and pictures.rating > (due.lora.content_rating or ContentRating.GENERAL):
                    # They would be shown wherever the LoRA is.
                    log.warning(
                        "no samples of %s: a check rates them %s; set a content rating of the LoRA to show them",
                        due.version.path,
                        pictures.rating.value,
                    )
                    return True
            await self._record(due, request.checkpoint, [painted[-1], *painted[:-1]])
        finally:
            self._jobs.spool.delete(painted)  # those that were stored have been moved
        return True

    async def _record(self, due: Due, checkpoint: str, pictures: list[str]) -> None:
        paths = await asyncio.to_thread(self._keep, due.version.id, pictures)
        for stale in await record_samples(self._db, due.version.id, checkpoint, paths):
            (self._pictures / stale).unlink(missing_ok=True)
        log.info("generated %s samples of %s", len(paths), due.version.path)

    async def _request(self, due: Due, count: int = 1) -> GenerationRequest:
        """The request of the pictures with the LoRA. Raises InferenceError, also for words that no rule allows."""
        alone = replace(due.lora, versions=(due.version,))
        (checkpoint, *_) = self._requests.checkpoints.names_for(alone)
        draft = LoraDraft(name=due.lora.name, sha256=due.version.sha256)
        prompt = sample_prompt(due.version, due.lora.category)
        request = await self._requests.build(
            RequestDraft(prompt=prompt, checkpoint=checkpoint, loras=(draft,), seed=SEED, count=count)
        )
        rated = (due.lora.content_rating, self._requests.checkpoints.require(checkpoint).rating)
        refusal = await self._words.why_not_painted(request, max(filter(None, rated), default=None))
        if refusal is not None:
            raise refusal
        return request.model_copy(update={"exact": True})

    def _keep(self, version_id: int, pictures: list[str]) -> list[str]:
        folder = f"samples/{version_id // VERSIONS_A_FOLDER}"
        paths = [f"{folder}/{version_id}-{position}.png" for position in range(len(pictures))]
        for picture, path in zip(pictures, paths, strict=True):
            self._jobs.spool.take(picture, self._pictures / path)
        return paths


def sample_prompt(version: LoraVersion, category: Category) -> str:
    """The author's example prompt, or else the first trigger word in a scene that suits the category."""
    if version.found.sidecar.example_prompt.strip():
        return version.found.sidecar.example_prompt
    return ", ".join([*version.trigger_words[:1], SCENES[category]])


def _without_lora(request: GenerationRequest) -> GenerationRequest:
    """The same request without LoRAs: the same seed and exactly the same prompt, trigger words included."""
    said = request.model_copy(update={"prompt_prefix": ""}).full_prompt
    return request.model_copy(update={"prompt": said, "loras": (), "count": 1})


@asynccontextmanager
async def painting_samples(painter: SamplePainter) -> AsyncGenerator[None]:
    """Paint samples while inside, as many as the current settings want."""
    painting = background.start(painter.run(), "painting samples")
    try:
        yield
    finally:
        painting.cancel()
        await asyncio.wait({painting})  # while the database is open, to take a try back
