"""Publishing pictures, and posting in channels."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class NoArtChannel(RequestError):
    """This server has no art channel, so you cannot publish pictures here. Its staff can choose art channels under
    /server."""


@dataclass(eq=False)
class NoLongerArtChannel(RequestError):
    """The channel that you chose is no longer an art channel, so the picture was not published. Please press *Publish*
    again and choose another art channel."""


@dataclass(eq=False)
class NotPublished(RequestError):
    """This picture is no longer in the gallery."""


@dataclass(eq=False)
class PublishedAlready(RequestError):
    """This picture cannot be published right now. It is already published in this server, or is being unpublished or
    hidden."""


@dataclass(eq=False)
class PublishingRefused(RequestError):
    """Easel is not allowed to post in that channel. Please ask this server's staff to let Easel send messages and
    attach files there."""


@dataclass(eq=False)
class MayNotPost(RequestError):
    """{who} cannot send messages in this channel, so Easel posts nothing here. You can copy the stack's code and share
    it elsewhere."""

    words = frozenset({"who"})
    who: str
