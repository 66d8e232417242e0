"""Limits: what is beyond one, and what staff cannot set as one."""

from __future__ import annotations

from dataclasses import dataclass

from bot.i18n import later
from inference.errors import RequestError

LIMIT_SOURCES = {  # by `bot.database.servers.limits.LimitHolder`
    "operator": later("The bot's operator has set this limit for all servers."),
    "server": later("All members of this server share this limit."),
    "everybody": later("This server's staff have set this limit for everyone."),
    "newcomers": later("This server's staff have set this limit for new members."),
    "role": later("The limit comes from the role {role}."),
    "person": later("This server's staff have set this limit for you."),
}


@dataclass(eq=False)
class LimitReached(RequestError):
    """This request exceeds a limit."""

    source: str  # a key of LIMIT_SOURCES
    role: str  # its name; "" when it is no role's limit

    @property
    def templates(self) -> tuple[str, ...]:
        """The sentence, and where the limit comes from; the source of a later version is shown as it is."""
        return (self.template(), LIMIT_SOURCES.get(self.source, "({source} {role})"))


@dataclass(eq=False)
class TooManyPictures(RequestError):
    """You requested {asked} pictures at once. The bot's operator allows up to {limit}."""

    asked: int
    limit: int


@dataclass(eq=False)
class TooManySteps(RequestError):
    """You chose {asked} steps. The bot's operator allows up to {limit}."""

    asked: int
    limit: int


@dataclass(eq=False)
class SizeAboveLimit(RequestError):
    """You requested a picture of {size}. The bot's operator allows up to {limit} megapixels."""

    size: str
    limit: str


@dataclass(eq=False)
class AddingDenied(LimitReached):
    """You cannot add LoRAs here."""


@dataclass(eq=False)
class AddedTooMany(LimitReached):
    """You have reached your limit for adding LoRAs: {limit} in 24 hours. You can add the next one in {wait}."""

    limit: int
    wait: str


@dataclass(eq=False)
class ServerAddedTooMany(LimitReached):
    """This server has reached its limit for adding LoRAs: {limit} in 24 hours. Members can add the next one in
    {wait}."""

    limit: int
    wait: str


@dataclass(eq=False)
class PicturesUsedUp(LimitReached):
    """Your daily picture limit is {limit}. You have used {used} today, so {asked} more would exceed the limit. The
    count resets in {wait}."""

    asked: str
    used: str
    limit: str
    wait: str


@dataclass(eq=False)
class MegapixelStepsUsedUp(LimitReached):
    """Your daily limit is {limit} megapixel-steps (picture size times steps). You have used {used} today, so {asked}
    more would exceed the limit. Try a smaller picture or fewer steps. The count resets in {wait}."""

    asked: str
    used: str
    limit: str
    wait: str


@dataclass(eq=False)
class ServerPicturesUsedUp(LimitReached):
    """This server's daily picture limit is {limit}. Members have used {used} today, so {asked} more would exceed the
    limit. The count resets in {wait}."""

    asked: str
    used: str
    limit: str
    wait: str


@dataclass(eq=False)
class ServerMegapixelStepsUsedUp(LimitReached):
    """This server's daily limit is {limit} megapixel-steps (picture size times steps). Members have used {used} today,
    so {asked} more would exceed the limit. Try a smaller picture or fewer steps. The count resets in {wait}."""

    asked: str
    used: str
    limit: str
    wait: str


@dataclass(eq=False)
class CooldownRunning(LimitReached):
    """Please wait {wait} before your next request."""

    wait: str


@dataclass(eq=False)
class LimitOutOfRange(RequestError):
    """The limit “{what}” must be between {lowest} and {highest}."""

    words = frozenset({"what"})
    what: str
    lowest: str
    highest: str


@dataclass(eq=False)
class LimitAboveCeiling(RequestError):
    """The bot's operator has set “{what}” to {ceiling}. A server can set only this value or a stricter one."""

    words = frozenset({"what"})
    what: str
    ceiling: str


@dataclass(eq=False)
class NumberUnclear(RequestError):
    """“{typed}” is not a number. For “{what}”, enter a number such as 20 or 0.5. Use a decimal point, not a comma."""

    words = frozenset({"what"})
    what: str
    typed: str


@dataclass(eq=False)
class NotWhole(RequestError):
    """“{what}” must be a whole number, such as 20."""

    words = frozenset({"what"})
    what: str


@dataclass(eq=False)
class LimitNotForServer(RequestError):
    """“{what}” is a limit for individual members. You can set server-wide limits for pictures per day, megapixels times
    steps per day, and LoRAs added in 24 hours."""

    words = frozenset({"what"})
    what: str
