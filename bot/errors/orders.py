"""Pictures that cannot be ordered as they are."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class TwoFewStepRecipes(RequestError):
    """{names} are each made for few steps of their own, so they spoil each other. Take out all but one."""

    names: list[str]


@dataclass(eq=False)
class TooManyLinks(RequestError):
    """There are {count} links of LoRAs in the prompt; at most {limit} go together. Please take some away."""

    count: int
    limit: int


@dataclass(eq=False)
class PartsGone(RequestError):
    """{parts} cannot be had here any more, so this picture cannot be painted again as it was. *Edit* opens it in the
    studio with what is left."""

    parts: list[str]


@dataclass(eq=False)
class PressedTwice(RequestError):
    """That was pressed twice within a second; it is one picture. To order another, press again."""
