"""Pictures that cannot be ordered as they are."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class TwoFewStepRecipes(RequestError):
    """Each of these models or LoRAs is made for a low number of steps: {names}. Using them together spoils the picture.
    Keep only one of them."""

    names: list[str]


@dataclass(eq=False)
class TooManyLinks(RequestError):
    """The prompt has {count} LoRA links, but the limit is {limit}. Please remove some."""

    count: int
    limit: int


@dataclass(eq=False)
class PartsGone(RequestError):
    """Easel cannot generate this picture again with the same settings. These models or LoRAs are no longer available
    here: {parts}. *Edit* opens the studio with all other settings."""

    parts: list[str]


@dataclass(eq=False)
class PressedTwice(RequestError):
    """Easel received two presses within a second and counted only one. To generate another picture, press the button
    again."""
