"""Publishing pictures, and posting in channels."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class NoArtChannel(RequestError):
    """Pictures are published in the art channels that this server's staff name under /server, and this is none of
    them."""


@dataclass(eq=False)
class NotPublished(RequestError):
    """This picture is not in the gallery any more."""


@dataclass(eq=False)
class PublishedAlready(RequestError):
    """This picture is published in this server already, or is being taken back or out of sight there just now."""


@dataclass(eq=False)
class PublishingRefused(RequestError):
    """The bot may not post in that channel. Please ask this server's staff to let it write and attach files there."""


@dataclass(eq=False)
class MayNotPost(RequestError):
    """{who} may not write in this channel, so nothing is posted here. You can copy the code to another place."""

    words = frozenset({"who"})
    who: str
