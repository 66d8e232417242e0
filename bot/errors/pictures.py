"""Pictures that are not accepted, or were reported or taken down."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class PictureRefused(RequestError):
    """This picture cannot be used: {reason}. Give a PNG, JPEG, WebP, GIF or AVIF file of at most 20 MB."""

    words = frozenset({"reason"})
    reason: str


@dataclass(eq=False)
class RemovedPicture(RequestError):
    """This picture cannot be used here. It is very much like one that was removed for good, because somebody whom it
    shows asked for that. If this is another picture, please tell whoever runs this bot."""


@dataclass(eq=False)
class PictureDeletedByStaff(RequestError):
    """Staff deleted a picture that looks like this one, so Easel does not use it. Please choose another picture or
    other words."""


@dataclass(eq=False)
class PictureHiddenByStaff(RequestError):
    """Staff hid a picture that looks like this one, so Easel does not use it here. Please choose another picture or
    other words."""


@dataclass(eq=False)
class PictureReported(RequestError):
    """Somebody reported this picture, and people look at it. Until they have decided, nobody is shown it and nothing is
    painted from it."""


@dataclass(eq=False)
class TakenDown(RequestError):
    """The staff of this server took this picture down, so nothing is painted from it here any more."""


@dataclass(eq=False)
class OwnPictureTakenDown(TakenDown):
    """The staff of this server took this picture down, so its buttons do not paint here any more. It is still yours:
    in a direct message with this bot, /history shows it, and its buttons paint."""


@dataclass(eq=False)
class TakenDownEverywhere(TakenDown):
    """This picture was taken down for good, so nothing is painted from it any more. Its owner was told why."""
