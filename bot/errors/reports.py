"""Reports and appeals."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class OwnReport(RequestError):
    """This picture is your own. *Delete* under it removes it."""


@dataclass(eq=False)
class TooManyReports(RequestError):
    """You have reported {limit} things today, and people look at each. Please go on tomorrow."""

    limit: int


@dataclass(eq=False)
class OwnCase(RequestError):
    """This is about a picture of your own, so somebody else has to decide it."""


@dataclass(eq=False)
class AppealedAlready(RequestError):
    """It was looked at again already, or is about to be. You are told when that is decided."""


@dataclass(eq=False)
class TextNeeded(RequestError):
    """Please write one to {limit} characters."""

    limit: int
