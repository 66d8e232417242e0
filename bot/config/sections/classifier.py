"""The section of config.toml about the classifier of finished pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from bot.config.section import Repository, Section
from inference.checkpoints.classifier_files import ClassifierPackage
from inference.content_rating import ContentRating
from inference.messages.options import MAX_CLASSES, ClassifierSpec
from inference.messages.values import Name

Threshold = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Thresholds = Annotated[dict[Name, dict[ContentRating, Threshold]], Field(max_length=MAX_CLASSES)]


class ModelDevice(StrEnum):
    """Where a model beside the checkpoints runs."""

    CPU = "cpu"
    WORKER = "worker"


class ClassifierSettings(Section):
    """A model that gives scores to each finished picture and the one that it started from, which rate it. Off without a
    model."""

    path: Path | None = Field(default=None, examples=["models/classifier"])
    """Folder of a transformers or timm model, with config.json and model.safetensors …"""
    repository: Repository | None = Field(default=None, examples=["Marqo/nsfw-image-detection-384"])
    """… or a Hugging Face repository, such as Marqo/nsfw-image-detection-384 (timm, 22 MB, Apache-2.0)."""
    package: ClassifierPackage | None = None
    """… or opennsfw, which the extra opennsfw installs. It was trained on photographs. Its classes are NSFW and SFW."""
    thresholds: Thresholds = Field(default={}, examples=[{"NSFW": {"mature": 0.5, "explicit": 0.85}}])
    """Minimum score of a class for a rating: { NSFW = { mature = 0.5, explicit = 0.85 } }."""
    device: ModelDevice = ModelDevice.CPU
    """cpu, or worker for the device of the worker. A large model is faster there, but needs memory of the
    checkpoints."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(self._sources) > 1:
            raise ValueError("give exactly one of path, repository and package")
        if self.enabled and not any(self.thresholds.values()):
            raise ValueError("a classifier needs thresholds, such as { NSFW = { mature = 0.5, explicit = 0.85 } }")
        return self

    @property
    def enabled(self) -> bool:
        """Whether there is a classifier."""
        return bool(self._sources)

    @property
    def _sources(self) -> list[str]:
        return [str(each) for each in (self.path, self.repository, self.package) if each is not None]

    @property
    def spec(self) -> ClassifierSpec | None:
        """The specification for the worker; None without a classifier."""
        if not self.enabled:
            return None
        return ClassifierSpec(
            source=self._sources[0],
            repository=self.repository is not None,
            package=self.package is not None,
            classes=tuple(self.thresholds),
            on_device=self.device is ModelDevice.WORKER,
        )

    @property
    def highest(self) -> ContentRating | None:
        """The highest rating that it can give; None without a classifier."""
        return highest_rating(self.thresholds) if self.enabled else None

    def rate(self, scores: Iterable[Mapping[str, float]]) -> ContentRating | None:
        """The highest rating that a class reaches on one of several pictures; None when none reaches any."""
        return rating_by(self.thresholds, scores)


def highest_rating(thresholds: Thresholds) -> ContentRating | None:
    """The highest rating that a class has a threshold for; None without thresholds."""
    return max((rating for of_class in thresholds.values() for rating in of_class), default=None)


def rating_by(thresholds: Thresholds, scores: Iterable[Mapping[str, float]]) -> ContentRating | None:
    """The highest rating whose threshold one of several scores of a class reaches; None if none does."""
    reached = (
        rating
        for each in scores
        for name, of_class in thresholds.items()
        for rating, threshold in of_class.items()
        if each.get(name, 0.0) >= threshold
    )
    return max(reached, default=None)
