"""The cost of the sample pictures that LoRAs still lack, for an announcement before the bot generates them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.app.weight_measuring import SEEDS, SHARES
from bot.config import CheckpointSettings, Settings
from bot.database.database import Database
from bot.database.jobs.paces import MeasuredSeconds, Shape, all_paces
from bot.database.loras.sample_failures import MAX_TRIES
from bot.database.loras.samples import COUNT_DUE
from bot.diagnostics.capacity import spoken
from bot.library.installed_checkpoints import InstalledCheckpoints
from inference.base_models import BaseModelId

MANY = 50  # LoRAs; the samples of fewer are not worth a question
ASSUMED_SECONDS = 5  # for one picture, in the arithmetic where nothing was measured


@dataclass(frozen=True)
class SampleCost:
    """LoRAs without samples, and their pictures. `seconds` is None if the times of a checkpoint were not measured."""

    loras: int = 0
    pictures: int = 0
    seconds: float | None = 0.0

    @property
    def is_large(self) -> bool:
        """Whether operators should know before the bot begins."""
        return self.loras >= MANY

    def __str__(self) -> str:
        if self.seconds is None:
            guess = spoken(self.pictures * ASSUMED_SECONDS)
            time = f"No times were measured yet: if a picture takes {ASSUMED_SECONDS} seconds, this takes {guess}"
        else:
            time = f"By the times measured here, this takes {spoken(self.seconds)}"
        return (
            f"{self.loras:,} LoRAs have no sample pictures. The bot generates {self.pictures:,} pictures for them "
            f"while nobody waits. {time} of one worker. [library] samples = 0 switches samples off."
        )


async def sample_cost(db: Database, settings: Settings) -> SampleCost:
    """Return the cost of all samples that are due. Raises DatabaseError."""
    each = pictures_of_a_lora(settings)
    if not each:
        return SampleCost()
    paces, cost = await all_paces(db), SampleCost()
    for base_model, checkpoint in sampling_checkpoints(InstalledCheckpoints(settings, [])).items():
        due = await db.get(COUNT_DUE, base_model=base_model, tries=MAX_TRIES)
        if not due.files:
            continue
        seconds = _picture_seconds(checkpoint, settings.library.samples, paces)
        total = None if cost.seconds is None or seconds is None else cost.seconds + due.files * each * seconds
        cost = SampleCost(cost.loras + due.loras, cost.pictures + due.files * each, total)
    return cost


def pictures_of_a_lora(settings: Settings) -> int:
    """The number of pictures that the bot generates of each LoRA by itself."""
    if not settings.library.samples or not settings.limits.max_loras:
        return 0
    return settings.library.samples + 1 + (SEEDS * len(SHARES) if settings.library.measure_weights else 0)


def sampling_checkpoints(checkpoints: InstalledCheckpoints) -> dict[BaseModelId, CheckpointSettings]:
    """The base models whose LoRAs fit a checkpoint here, each with the first such checkpoint."""
    found: dict[BaseModelId, CheckpointSettings] = {}
    for checkpoint in checkpoints:
        for base_model in (checkpoint.base_model, *sorted(checkpoints.lora_bases_for(checkpoint.base_model))):
            found.setdefault(base_model, checkpoint)
    return found


def _picture_seconds(
    checkpoint: CheckpointSettings, count: int, paces: Mapping[Shape, MeasuredSeconds]
) -> float | None:
    """Seconds of one picture of the usual size, from the measured batch that is nearest to `count` pictures."""
    size = checkpoint.default_size
    shapes = [
        shape
        for shape in paces
        if (shape.checkpoint, shape.width, shape.height) == (checkpoint.name, size.width, size.height)
    ]
    nearest = min(shapes, key=lambda shape: abs(shape.pictures - count), default=None)
    if nearest is None:
        return None
    measured = paces[nearest]
    return (measured.step_seconds * checkpoint.steps + measured.rest_seconds) / nearest.pictures
