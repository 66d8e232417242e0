"""Publishing pictures, and posting in channels."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class NoArtChannel(RequestError):
    """This is not an art channel. Publish pictures in the art channels that this server's staff chose under /server."""


@dataclass(eq=False)
class NoLongerArtChannel(RequestError):
    """This is no longer an art channel, so the picture was not published. Please press *Publish* again and choose
    another art channel."""


@dataclass(eq=False)
class NotPublished(RequestError):
    """This picture is no longer in the gallery."""


@dataclass(eq=False)
class PublishedAlready(RequestError):
    """This picture is already published in this server, or is being unpublished or hidden there right now."""


@dataclass(eq=False)
class PublishingRefused(RequestError):
    """Easel is not allowed to post in that channel. Please ask this server's staff to let it send messages and
    attach files there."""


@dataclass(eq=False)
class MayNotPost(RequestError):
    """{who} cannot send messages in this channel, so Easel posts nothing here. You can copy the code and share it
    elsewhere."""

    words = frozenset({"who"})
    who: str
