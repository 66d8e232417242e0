"""Pictures that cannot be ordered as they are."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class TwoFewStepRecipes(RequestError):
    """Each of these is made for a low number of steps: {names}. Using them together spoils the picture. Keep only
    one of them."""

    names: list[str]


@dataclass(eq=False)
class TooManyLinks(RequestError):
    """The prompt has {count} LoRA links; the limit is {limit}. Please remove some."""

    count: int
    limit: int


@dataclass(eq=False)
class PartsGone(RequestError):
    """Easel cannot generate this picture again unchanged. No longer available here: {parts}. *Edit* opens the studio
    with everything else."""

    parts: list[str]


@dataclass(eq=False)
class PressedTwice(RequestError):
    """Two presses came within a second, so Easel counted one press. To generate another picture, press again."""
