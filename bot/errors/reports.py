"""Reports and appeals."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class OwnReport(RequestError):
    """This is your own picture. Use *Delete* under it to remove it."""


@dataclass(eq=False)
class TooManyReports(RequestError):
    """You can send {limit} reports a day, because a person reviews each one. Please continue tomorrow."""

    limit: int


@dataclass(eq=False)
class OwnCase(RequestError):
    """You cannot decide about your own picture. Someone else must decide."""


@dataclass(eq=False)
class AppealedAlready(RequestError):
    """You have already appealed this decision. You will get a message with the result, unless you already have it."""


@dataclass(eq=False)
class TextNeeded(RequestError):
    """Please write between 1 and {limit} characters."""

    limit: int
