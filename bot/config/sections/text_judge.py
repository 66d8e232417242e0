"""The section of config.toml about the model that reads the words of requests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from bot.config.section import Section
from bot.config.sections.classifier import Threshold, Thresholds, highest_rating, rating_by
from inference.content_rating import ContentRating
from inference.messages.options import MAX_CLASSES, TextJudgeSpec
from inference.messages.values import Name


class TextJudgeSettings(Section):
    """A model that reads the words of a request before its pictures are generated. Off without a path."""

    path: Path | None = Field(default=None, examples=["models/judge"])
    """Folder of a transformers text classifier, with config.json, tokenizer.json and model.safetensors."""
    thresholds: Thresholds = Field(default={}, examples=[{"sexual": {"mature": 0.5, "explicit": 0.85}}])
    """Minimum score of a class for a rating: { sexual = { mature = 0.5, explicit = 0.85 } }."""
    minors: Annotated[dict[Name, Threshold], Field(max_length=MAX_CLASSES)] = Field(
        default={}, examples=[{"sexual/minors": 0.3}]
    )
    """Minimum score of a class to refuse a request like the rule on minors: { "sexual/minors" = 0.3 }."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.enabled and not self.minors and not any(self.thresholds.values()):
            raise ValueError(
                "a text judge needs thresholds or minors, such as thresholds = { sexual = { mature = 0.5 } }"
            )
        if len(self.classes) > MAX_CLASSES:
            raise ValueError(f"thresholds and minors together name at most {MAX_CLASSES} classes")
        return self

    @property
    def enabled(self) -> bool:
        """Whether there is a text judge."""
        return self.path is not None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes whose scores count."""
        return tuple(dict.fromkeys((*self.thresholds, *self.minors)))

    @property
    def spec(self) -> TextJudgeSpec | None:
        """The specification for the worker; None without a text judge."""
        if self.path is None:
            return None
        return TextJudgeSpec(source=str(self.path), classes=self.classes, minors=self.minors)

    @property
    def highest(self) -> ContentRating | None:
        """The highest rating that it can give; None without a text judge."""
        return highest_rating(self.thresholds) if self.enabled else None

    def adds_to(self, rating: ContentRating | None) -> bool:
        """Whether it can say more of words than their `rating`: it can refuse them, or rate them higher."""
        if not self.enabled or self.minors:
            return self.enabled
        return rating is None or self.highest is None or rating < self.highest

    def rate(self, scores: Mapping[str, float]) -> ContentRating | None:
        """The highest rating that a class reaches; None if none does."""
        return rating_by(self.thresholds, [scores])
