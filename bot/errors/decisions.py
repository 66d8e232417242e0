"""What staff and operators decide: each with a reason, and each once."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class ReasonNeeded(RequestError):
    """Please say why, in at most {limit} characters: whoever is concerned reads it."""

    limit: int


@dataclass(eq=False)
class ProposedAlready(RequestError):
    """The same has been proposed already, and waits for an operator."""


@dataclass(eq=False)
class DecidedAlready(RequestError):
    """Somebody has decided that already."""


@dataclass(eq=False)
class StillCarriedOut(RequestError):
    """What was decided last is still being carried out. Try it again in a moment."""
