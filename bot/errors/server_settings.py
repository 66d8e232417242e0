"""What staff set for their server, besides limits and words."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class TooManyArtChannels(RequestError):
    """This server has {limit} art channels, and the menu of *Publish* has no room for more. Please remove one first."""

    limit: int


@dataclass(eq=False)
class PublicReportsChannel(RequestError):
    """Everyone in this server can read that channel, but reports show pictures and notes that are not for everyone.
    Choose a channel that only staff can read. In its permissions, the role *everyone* must not have *View
    Channel*."""


@dataclass(eq=False)
class TooManyChosen(RequestError):
    """You can choose up to {limit}. Please remove some."""

    limit: int


@dataclass(eq=False)
class NewcomerTimeOutOfRange(RequestError):
    """Members can count as new for up to {limit} hours; 0 turns this off."""

    limit: int


@dataclass(eq=False)
class OpenRatingTooHigh(RequestError):
    """Places that are open to everyone can show pictures up to general, teen or mature. Anything unrated must count
    as one of the five ratings. Please choose another rating."""


@dataclass(eq=False)
class DefaultNotAllowed(RequestError):
    """{checkpoint} cannot be the default model here, because this server allows only {allowed}. Allow it first, or
    choose another."""

    checkpoint: str
    allowed: list[str]


@dataclass(eq=False)
class LanguageUnknown(RequestError):
    """Easel does not support the language {language}. It supports {known}."""

    language: str
    known: list[str]
