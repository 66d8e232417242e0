"""What staff set for their server, besides limits and words."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class TooManyArtChannels(RequestError):
    """This server has {limit} art channels, and no more fit into the menu of *Publish*. Please remove one first."""

    limit: int


@dataclass(eq=False)
class PublicReportsChannel(RequestError):
    """Everybody in this server can read that channel, and reports show pictures and notes that are not for everybody.
    Please choose a channel that staff alone can read: in its permissions, the role *everyone* must not have
    *View Channel*."""


@dataclass(eq=False)
class TooManyChosen(RequestError):
    """At most {limit} can be chosen. Please take some away."""

    limit: int


@dataclass(eq=False)
class NewcomerTimeOutOfRange(RequestError):
    """Members can be new for at most {limit} hours; 0 is not at all."""

    limit: int


@dataclass(eq=False)
class OpenRatingTooHigh(RequestError):
    """Places that are open to all show pictures up to general, teen or mature; what is unrated counts as one of the
    five ratings. Please choose another."""


@dataclass(eq=False)
class DefaultNotAllowed(RequestError):
    """{checkpoint} cannot be the usual checkpoint here, since the server allows only {allowed}. Allow it first, or
    choose another."""

    checkpoint: str
    allowed: list[str]


@dataclass(eq=False)
class LanguageUnknown(RequestError):
    """The bot does not speak {language}. It speaks {known}."""

    language: str
    known: list[str]
