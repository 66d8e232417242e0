"""What staff and operators decide: each with a reason, and each once."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class ReasonNeeded(RequestError):
    """Please give a reason of at most {limit} characters. Affected users will read it."""

    limit: int


@dataclass(eq=False)
class ProposedAlready(RequestError):
    """This proposal already exists and is waiting for an operator's decision."""


@dataclass(eq=False)
class DecidedAlready(RequestError):
    """Someone has already made a decision on this report or proposal."""
