"""Content ratings: what is rated above what a place shows."""

from __future__ import annotations

from dataclasses import dataclass

from bot.i18n import later
from inference.errors import RequestError


@dataclass(eq=False)
class PlaceUnseen(RequestError):
    """Easel is not in this server, so it cannot see whether this channel is still age-restricted, and shows nothing for
    adults in it by itself. While the channel is, /history opens the picture here."""


@dataclass(eq=False)
class RatedTooHigh(RequestError):
    """{name} is rated {rating}, and this place shows pictures up to {most}. It is for age-restricted channels of a
    server."""

    words = frozenset({"rating", "most"})
    name: str
    rating: str
    most: str


@dataclass(eq=False)
class LinkedNotShownHere(RequestError):
    """This LoRA is rated above what this place shows. Open it in an age-restricted channel of a server."""


@dataclass(eq=False)
class NotShownHere(RequestError):
    """{name} is rated above what this place shows. Open it in an age-restricted channel of a server."""

    name: str


@dataclass(eq=False)
class PromptRatedTooHigh(RequestError):
    """By its words this prompt is rated {rating}, and this place shows pictures up to {most}. It is for age-restricted
    channels of a server."""

    words = frozenset({"rating", "most"})
    rating: str
    most: str


@dataclass(eq=False)
class SourceRatedTooHigh(RequestError):
    """The picture to start from is rated {rating}, and this place shows pictures up to {most}. Start from another one,
    or go on in an age-restricted channel of a server."""

    words = frozenset({"rating", "most"})
    rating: str
    most: str


@dataclass(eq=False)
class FaceRatedTooHigh(RequestError):
    """Easel sees a photographed face in the picture to start from. Pictures from it can be rated {most} at most. Change
    the words and LoRAs, or start from a drawn picture."""

    words = frozenset({"most"})
    most: str


RATED_BY = {  # by `bot.database.job_ratings.RatingSource`
    "staff": later("the staff of the server where it was painted"),
    "operator": later("the bot's operator"),
    "classifier": later("the check of finished pictures"),
}


@dataclass(eq=False)
class PictureRatedTooHigh(RequestError):
    """This picture was rated {rating} by {rated_by}, and this place shows pictures up to {most}. It is for
    age-restricted channels of a server."""

    words = frozenset({"rating", "most", "rated_by"})
    rating: str
    most: str
    rated_by: str


@dataclass(eq=False)
class PictureBlocked(RequestError):
    """This picture was rated as blocked by {rated_by}, so it is not shown here. Other words or another seed may paint
    one that is."""

    words = frozenset({"rated_by"})
    rated_by: str


@dataclass(eq=False)
class UnratedTooHigh(RequestError):
    """Nobody has rated {name}. Here it counts as {rating}, and this place shows pictures up to {most}. It is for
    age-restricted channels of a server."""

    words = frozenset({"rating", "most"})
    name: str
    rating: str
    most: str


@dataclass(eq=False)
class UnratedNotUsed(RequestError):
    """Nobody has rated {name}, and in this server nothing is used without a rating. An operator of the bot can rate
    it."""

    name: str


@dataclass(eq=False)
class BlockedByRating(RequestError):
    """{name} is rated as blocked by the bot's operator, so it is used nowhere. Please choose another."""

    name: str


@dataclass(eq=False)
class LicenceForbids(RequestError):
    """The licence of {checkpoint} permits pictures up to {most}, and this one is rated {rating}. Please choose another
    checkpoint for it."""

    words = frozenset({"rating", "most"})
    checkpoint: str
    most: str
    rating: str
