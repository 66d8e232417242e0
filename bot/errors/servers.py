"""What staff set for their server, besides limits and words."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class TooManyArtChannels(RequestError):
    """This server already has {limit} art channels, and the *Publish* menu has no room for more. Please remove one
    first."""

    limit: int


@dataclass(eq=False)
class PublicReportsChannel(RequestError):
    """Everyone in this server can read that channel, but reports show pictures and notes that are not for everyone.
    Choose a channel that only staff can read. In its permissions, the role *everyone* must not have *View
    Channel*."""


@dataclass(eq=False)
class TooManyChosen(RequestError):
    """You can choose up to {limit} entries here. Please remove some."""

    limit: int


@dataclass(eq=False)
class NewcomerTimeOutOfRange(RequestError):
    """Please enter a number of hours from 0 to {limit}. With 0, no member counts as new."""

    limit: int


@dataclass(eq=False)
class OpenRatingTooHigh(RequestError):
    """In channels without an age restriction, the highest rating can be general, teen or mature. Content without a
    rating can count as general, teen, mature, explicit or blocked."""


@dataclass(eq=False)
class DefaultNotAllowed(RequestError):
    """{checkpoint} cannot be the default model here, because this server allows only {allowed}. Allow this model first,
    or choose another."""

    checkpoint: str
    allowed: list[str]


@dataclass(eq=False)
class LanguageUnknown(RequestError):
    """Easel does not support the language {language}. It supports {known}."""

    language: str
    known: list[str]
