"""Measures between which weights a LoRA is useful, on pictures of several weights that nobody else sees.

Per seed there is one picture without the LoRA, some below its usual weight, one at it, and some above. What is useful
is told by `bot.pictures.looks`; the pictures are not kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from io import BytesIO

from PIL import Image

from bot.database.database import Database
from bot.database.loras.catalogue import UsefulWeights
from bot.database.loras.samples import Due
from bot.database.loras.weight_ranges import CHANGE_MEASURE_TRIES, record_range
from bot.jobs.service import JobService
from bot.pictures.looks import useful_range
from inference.bounds import MAX_WEIGHT
from inference.errors import InferenceError
from inference.messages.request import GenerationRequest

log = logging.getLogger(__name__)

SHARES = (0.0, 0.4, 0.7, 1.0, 1.4, 1.8)  # of the usual weight; one job paints as many
SEEDS = 2


class WeightMeasurer:
    """Paints one file at several weights and records which of them are useful."""

    def __init__(self, db: Database, jobs: JobService) -> None:
        self._db = db
        self._jobs = jobs

    async def measure(self, due: Due, asking: Callable[[Due], Awaitable[GenerationRequest]]) -> None:
        """Measure a file; an order meanwhile preempts it. `asking` makes the request of one picture with it alone.

        Raises DatabaseError.
        """
        await self._db.run(CHANGE_MEASURE_TRIES, tries=1, id=due.version.id)
        preempted = True
        try:
            preempted = not await self._measure(due, await asking(due))
        except (InferenceError, OSError) as problem:
            preempted = False
            log.warning("cannot measure the weights of %s: %s", due.version.path, problem)
        finally:
            if preempted:
                await self._db.run(CHANGE_MEASURE_TRIES, tries=-1, id=due.version.id)

    async def _measure(self, due: Due, request: GenerationRequest) -> bool:
        """Paint and record; False when an order preempted it. Raises InferenceError or OSError."""
        usual = request.loras[0].weight
        shares = [share for share in SHARES if abs(share * usual) <= MAX_WEIGHT]
        painted: list[str] = []  # their names in the spool
        try:
            for number in range(SEEDS if usual else 0):
                pictures = await self._jobs.paint_in_background(_at(request, shares, number))
                if pictures is None:
                    return False
                painted += pictures.files
            useful = await asyncio.to_thread(self._useful, painted, shares, usual, request.checkpoint)
        finally:
            self._jobs.spool.delete(painted)
        await record_range(self._db, due.version.id, useful)
        log.info("measured the weights of %s: %s", due.version.path, useful or "no effect at any weight")
        return True

    def _useful(self, painted: list[str], shares: list[float], usual: float, checkpoint: str) -> UsefulWeights | None:
        if not painted:
            return None
        by_share: dict[float, list[Image.Image]] = {share: [] for share in shares}
        for number, name in enumerate(painted):
            with Image.open(BytesIO(self._jobs.spool.read(name))) as picture:
                by_share[shares[number % len(shares)]].append(picture.convert("RGB"))
        found = useful_range(by_share, 1.0)
        if found is None:
            return None
        least, most = sorted(round(share * usual, 2) for share in (found.least, found.most))
        return UsefulWeights(checkpoint=checkpoint, least=least, most=most)


def _at(request: GenerationRequest, shares: list[float], number: int) -> GenerationRequest:
    """The same picture at these shares of the LoRA's weight, from another seed for each `number`."""
    variants = tuple((round(share * request.loras[0].weight, 2),) for share in shares)
    changes = {"seed": request.seed + number, "variants": variants, "count": len(variants)}
    return GenerationRequest.model_validate(request.model_dump() | changes)
