"""Easel shows what a LoRA does: it paints a few pictures with it, and one without, while nobody wants anything else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

from bot import background
from bot.app.assembly import Easel
from bot.database.samples import Due, count_try, due_for_samples, record_samples, take_try_back
from bot.jobs.spool import keep
from bot.requests.builder import LoraDraft, RequestDraft
from inference.base_models import BaseModelId
from inference.errors import InferenceError
from inference.lora.sidecar import Category
from inference.messages import GenerationRequest

log = logging.getLogger(__name__)

SEED = 5  # fixed, so that all versions and all LoRAs of a prompt start from the same noise
PAUSE_SECONDS = 5.0  # between two looks; people who are at it order again within a few
VERSIONS_A_FOLDER = 1000

# What to paint where neither the sidecar nor a trigger word says it.
SCENES = {
    Category.CHARACTER: "standing in a garden, full body",
    Category.STYLE: "a lighthouse on a cliff above the sea",
    Category.POSE: "a person in a plain room, full body",
    Category.DETAIL: "close-up portrait of a person, soft light",
    Category.OTHER: "a street in a small town in the evening",
}


class SamplePainter:
    """Paints the samples of one file after the other. What it still has to do stands in the database alone."""

    def __init__(self, easel: Easel, *, pause: float = PAUSE_SECONDS) -> None:
        self._easel = easel
        self._pictures = easel.settings.storage.pictures
        self._pause = pause

    async def run(self) -> None:
        """For ever: paint what is due when it is quiet and was so at the look before."""
        was_quiet = False
        while True:
            quiet = self._easel.generation.idle
            if quiet and was_quiet:
                await background.guard(self.paint_next(), "painting samples")
            was_quiet = quiet
            await asyncio.sleep(self._pause)

    async def paint_next(self) -> None:
        """Paint the samples of the file whose turn it is, unless somebody orders meanwhile. Raises DatabaseError."""
        if not self._easel.settings.limits.max_loras or not self._count:
            return
        due = await due_for_samples(self._easel.connection, _base_models(self._easel))
        if due is None:
            return
        await count_try(self._easel.connection, due.version.id)
        given_up = True
        try:
            given_up = not await self._paint(due)
        except (InferenceError, OSError) as problem:
            given_up = False
            log.warning("no samples of %s: %s", due.version.path, problem)
        finally:
            if given_up:
                await take_try_back(self._easel.connection, due.version.id)

    @property
    def _count(self) -> int:
        return self._easel.settings.library.samples

    async def _paint(self, due: Due) -> bool:
        """False when it was given up for somebody's job. Raises InferenceError or OSError."""
        request = await self._request(due)
        painted: list[Path] = []
        try:
            for wanted in (request, _without_lora(request)):
                pictures = await self._easel.generation.paint_in_background(wanted)
                if pictures is None:
                    return False
                painted += pictures
            await self._record(due, request.checkpoint, [painted[-1], *painted[:-1]])
        finally:
            for picture in painted:
                picture.unlink(missing_ok=True)  # those that are kept have been moved
        return True

    async def _record(self, due: Due, checkpoint: str, pictures: list[Path]) -> None:
        paths = await asyncio.to_thread(self._keep, due.version.id, pictures)
        for stale in await record_samples(self._easel.connection, due.version.id, checkpoint, paths):
            (self._pictures / stale).unlink(missing_ok=True)
        log.info("painted %s samples of %s", len(paths), due.version.path)

    async def _request(self, due: Due) -> GenerationRequest:
        """The pictures with the LoRA. Raises InferenceError."""
        alone = replace(due.lora, versions=(due.version,))
        (checkpoint, *_) = self._easel.requests.checkpoints_for(alone)
        draft = LoraDraft(name=due.lora.name, sha256=due.version.sha256)
        prompt = sample_prompt(due)
        request = await self._easel.requests.build(
            RequestDraft(prompt=prompt, checkpoint=checkpoint, loras=(draft,), seed=SEED, count=self._count)
        )
        return request.model_copy(update={"exact": True})

    def _keep(self, version_id: int, pictures: list[Path]) -> list[str]:
        folder = f"samples/{version_id // VERSIONS_A_FOLDER}"
        paths = [f"{folder}/{version_id}-{position}.png" for position in range(len(pictures))]
        for picture, path in zip(pictures, paths, strict=True):
            keep(picture, self._pictures / path)
        return paths


def sample_prompt(due: Due) -> str:
    """The author's example; without one, the first trigger word in a scene that suits the category."""
    found = due.version.found
    if found and found.sidecar.example_prompt:
        return found.sidecar.example_prompt
    return ", ".join([*due.version.trigger_words[:1], SCENES[due.lora.category]])


def _without_lora(request: GenerationRequest) -> GenerationRequest:
    """The same prompt to the letter, trigger words included, and the same seed."""
    said = request.model_copy(update={"prompt_prefix": ""}).full_prompt
    return request.model_copy(update={"prompt": said, "loras": (), "count": 1})


def _base_models(easel: Easel) -> list[BaseModelId]:
    """The base models of LoRAs that go on some checkpoint here, those of the first checkpoint first."""
    table = easel.settings.matching.table
    bases = [(spec.base_model, *sorted(table.fitting(spec.base_model))) for spec in easel.checkpoints]
    return list(dict.fromkeys(chain.from_iterable(bases)))


@asynccontextmanager
async def painting_samples(easel: Easel, *, pause: float = PAUSE_SECONDS) -> AsyncGenerator[None]:
    """Samples are painted while inside, as many as the settings want just then."""
    painting = background.start(SamplePainter(easel, pause=pause).run(), "painting samples")
    try:
        yield
    finally:
        painting.cancel()
        await asyncio.wait({painting})  # while the database is there to take a try back
