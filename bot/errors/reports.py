"""Reports and appeals."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class OwnReport(RequestError):
    """You cannot report your own picture. To delete the picture, press *Delete* under it."""


@dataclass(eq=False)
class TooManyReports(RequestError):
    """You can send up to {limit} reports a day, because a person reviews each one. Please send your next report
    tomorrow."""

    limit: int


@dataclass(eq=False)
class OwnCase(RequestError):
    """You cannot decide on a report about your own picture. Someone else must decide."""


@dataclass(eq=False)
class AppealedAlready(RequestError):
    """You have already appealed this decision. If you have not received the result yet, Easel will send it to you."""


@dataclass(eq=False)
class TextNeeded(RequestError):
    """Please explain your appeal in 1 to {limit} characters."""

    limit: int
