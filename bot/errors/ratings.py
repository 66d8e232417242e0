"""Content ratings: what is rated above what a place shows."""

from __future__ import annotations

from dataclasses import dataclass

from bot.i18n import later
from inference.errors import RequestError


@dataclass(eq=False)
class PlaceUnseen(RequestError):
    """Easel is not a member of this server, so it cannot check whether this channel is still age-restricted. Easel
    therefore shows pictures for adults here only when you ask for them. If this channel is age-restricted, you can open
    the picture here with /history."""


@dataclass(eq=False)
class RatedTooHigh(RequestError):
    """{name} is rated {rating}, but the highest rating allowed here is {most}. Use it in an age-restricted channel
    of a server."""

    words = frozenset({"rating", "most"})
    name: str
    rating: str
    most: str


@dataclass(eq=False)
class LinkedNotShownHere(RequestError):
    """The content rating of this LoRA is too high for this channel. Open the LoRA in an age-restricted channel of a
    server."""


@dataclass(eq=False)
class NotShownHere(RequestError):
    """The content rating of {name} is too high for this channel. Open it in an age-restricted channel of a server."""

    name: str


@dataclass(eq=False)
class PromptRatedTooHigh(RequestError):
    """The prompt is rated {rating}, but the highest rating allowed here is {most}. You can use this prompt in an
    age-restricted channel."""

    words = frozenset({"rating", "most"})
    rating: str
    most: str


@dataclass(eq=False)
class SourceRatedTooHigh(RequestError):
    """The start picture is rated {rating}, but the highest rating allowed here is {most}. Choose another start
    picture, or continue in an age-restricted channel of a server."""

    words = frozenset({"rating", "most"})
    rating: str
    most: str


@dataclass(eq=False)
class FaceRatedTooHigh(RequestError):
    """Easel detected a photographed face in the start picture. The highest rating allowed for pictures generated from a
    photographed face is {most}. Change the prompt and LoRAs, or use a drawn start picture."""

    words = frozenset({"most"})
    most: str


RATED_BY = {  # by `bot.database.jobs.ratings.RatingSource`
    "staff": later("the staff of the server where the picture was generated"),
    "operator": later("the bot's operator"),
    "classifier": later("Easel's automatic check"),
}


@dataclass(eq=False)
class PictureRatedTooHigh(RequestError):
    """This picture was rated {rating} by {rated_by}, but the highest rating allowed here is {most}. Open it in an
    age-restricted channel of a server."""

    words = frozenset({"rating", "most", "rated_by"})
    rating: str
    most: str
    rated_by: str


@dataclass(eq=False)
class PictureBlocked(RequestError):
    """Easel does not show this picture here, because its content rating is “blocked”. This rating comes from
    {rated_by}. Try another prompt or seed."""

    words = frozenset({"rated_by"})
    rated_by: str


@dataclass(eq=False)
class UnratedTooHigh(RequestError):
    """{name} has no rating, so it counts as {rating} here. The highest rating allowed here is {most}. Use it in an
    age-restricted channel of a server."""

    words = frozenset({"rating", "most"})
    name: str
    rating: str
    most: str


@dataclass(eq=False)
class UnratedNotUsed(RequestError):
    """{name} has no content rating, and this server does not allow unrated content. The bot's operator can rate it."""

    name: str


@dataclass(eq=False)
class BlockedByRating(RequestError):
    """The bot's operator has set the content rating of {name} to “blocked”, so it cannot be used anywhere. Please
    choose something else."""

    name: str


@dataclass(eq=False)
class LicenceForbids(RequestError):
    """The licence of {checkpoint} permits ratings up to {most}, but this picture is rated {rating}. Please choose
    another model for the picture."""

    words = frozenset({"rating", "most"})
    checkpoint: str
    most: str
    rating: str
