"""Pictures that are not accepted, or were reported or taken down."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class PictureRefused(RequestError):
    """This picture cannot be used: {reason}. Use a PNG, JPEG, WebP, GIF or AVIF file of at most 20 MB."""

    words = frozenset({"reason"})
    reason: str


@dataclass(eq=False)
class RemovedPicture(RequestError):
    """This picture cannot be used here, because it closely resembles a permanently removed picture. A person shown in
    the removed picture asked for its removal. If your picture is a different one, please tell the bot's operator."""


@dataclass(eq=False)
class PictureDeletedByStaff(RequestError):
    """Easel refuses this picture, because it looks like a picture that staff deleted. Please choose another start
    picture, or change your prompt."""


@dataclass(eq=False)
class PictureHiddenByStaff(RequestError):
    """Easel refuses this picture here, because it looks like a picture that staff hid. Please choose another start
    picture, or change your prompt."""


@dataclass(eq=False)
class PictureReported(RequestError):
    """Someone reported this picture, and it is under review. Until there is a decision, Easel does not show it to
    anyone or generate anything from it."""


@dataclass(eq=False)
class PictureCheckRunning(RequestError):
    """Easel is still checking another picture for you. Please wait until that check is complete, then try again."""


@dataclass(eq=False)
class TakenDown(RequestError):
    """This server's staff removed this picture, so Easel no longer generates anything from it here."""


@dataclass(eq=False)
class OwnPictureTakenDown(TakenDown):
    """This server's staff removed this picture, so its buttons no longer generate pictures here. The picture is
    still yours. Open /history in a direct message with this bot to see it and use its buttons."""


@dataclass(eq=False)
class TakenDownEverywhere(TakenDown):
    """This picture was removed permanently, so Easel no longer generates anything from it. Its author received the
    reason."""
