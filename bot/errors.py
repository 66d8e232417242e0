"""What a person can do wrong on Discord besides asking for something that cannot be painted."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class NotYours(RequestError):
    """This button belongs to the person who asked for the picture. {instead}"""

    instead: str


@dataclass(eq=False)
class NotYourPanel(RequestError):
    """This panel belongs to the person who opened it. Open your own with /studio."""


@dataclass(eq=False)
class NothingThere(RequestError):
    """{what}"""

    what: str
