"""Reports and appeals."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class OwnReport(RequestError):
    """This is your own picture. Use *Delete* under it to remove it."""


@dataclass(eq=False)
class TooManyReports(RequestError):
    """You have sent {limit} reports today, and a person reviews each one. Please continue tomorrow."""

    limit: int


@dataclass(eq=False)
class OwnCase(RequestError):
    """This is about your own picture, so someone else must decide."""


@dataclass(eq=False)
class AppealedAlready(RequestError):
    """This decision has already been reviewed again, or will be soon. You will get a message with the result."""


@dataclass(eq=False)
class TextNeeded(RequestError):
    """Please write between 1 and {limit} characters."""

    limit: int
