"""Limits: what is beyond one, and what staff cannot set as one."""

from __future__ import annotations

from dataclasses import dataclass

from bot.i18n import later
from inference.errors import RequestError

LIMIT_SOURCES = {  # by `bot.database.server_limits.LimitHolder`
    "operator": later("The bot's operator has set this limit for every server."),
    "server": later("It is the limit of this server as a whole."),
    "everybody": later("It is this server's limit for everybody."),
    "newcomers": later("It is this server's limit for new members."),
    "role": later("It comes with the role {role}."),
    "person": later("This server's staff have set it for you."),
}


@dataclass(eq=False)
class LimitReached(RequestError):
    """This is beyond a limit."""

    source: str  # a key of LIMIT_SOURCES
    role: str  # its name; "" when it is no role's limit

    @property
    def templates(self) -> tuple[str, ...]:
        """The sentence, and where the limit comes from; the source of a later version is shown as it is."""
        return (self.template(), LIMIT_SOURCES.get(self.source, "({source} {role})"))


@dataclass(eq=False)
class TooManyLorasHere(LimitReached):
    """{asked} LoRAs were asked for; at most {limit} go together here."""

    asked: int
    limit: int


@dataclass(eq=False)
class TooManyPictures(LimitReached):
    """{asked} pictures were asked for at once; at most {limit} are possible here."""

    asked: int
    limit: int


@dataclass(eq=False)
class TooManySteps(LimitReached):
    """{asked} steps were asked for; at most {limit} are possible here."""

    asked: int
    limit: int


@dataclass(eq=False)
class SizeAboveLimit(LimitReached):
    """A picture of {size} was asked for; at most {limit} megapixels are possible here."""

    size: str
    limit: str


@dataclass(eq=False)
class AddingDenied(LimitReached):
    """You cannot add LoRAs here."""


@dataclass(eq=False)
class AddedTooMany(LimitReached):
    """Your limit of LoRAs to add in 24 hours is {limit}. You can add the next one in {wait}."""

    limit: int
    wait: str


@dataclass(eq=False)
class ServerAddedTooMany(LimitReached):
    """This server's limit of LoRAs to add in 24 hours is {limit}. The next one can be added in {wait}."""

    limit: int
    wait: str


@dataclass(eq=False)
class PicturesUsedUp(LimitReached):
    """Your limit of pictures a day is {limit}. You have ordered {used} today, so {asked} more cannot be ordered. The
    count begins anew in {wait}."""

    asked: str
    used: str
    limit: str
    wait: str


@dataclass(eq=False)
class MegapixelStepsUsedUp(LimitReached):
    """Your limit of megapixel-steps a day (the size of pictures times their steps) is {limit}. You have used {used}
    today, so {asked} more do not fit. A smaller picture or fewer steps may fit; the count begins anew in {wait}."""

    asked: str
    used: str
    limit: str
    wait: str


@dataclass(eq=False)
class ServerPicturesUsedUp(LimitReached):
    """This server's limit of pictures a day is {limit}. Ordered today: {used}, so {asked} more cannot be ordered. The
    count begins anew in {wait}."""

    asked: str
    used: str
    limit: str
    wait: str


@dataclass(eq=False)
class ServerMegapixelStepsUsedUp(LimitReached):
    """This server's limit of megapixel-steps a day (the size of pictures times their steps) is {limit}. Used today:
    {used}, so {asked} more do not fit. A smaller picture or fewer steps may fit; the count begins anew in {wait}."""

    asked: str
    used: str
    limit: str
    wait: str


@dataclass(eq=False)
class CooldownRunning(LimitReached):
    """Please wait {wait} before you order the next picture."""

    wait: str


@dataclass(eq=False)
class LimitOutOfRange(RequestError):
    """The limit of {what} can be from {lowest} to {highest}."""

    words = frozenset({"what"})
    what: str
    lowest: str
    highest: str


@dataclass(eq=False)
class LimitAboveCeiling(RequestError):
    """The bot's operator has set the limit of {what} to {ceiling}, and a server's limits cannot be more generous."""

    words = frozenset({"what"})
    what: str
    ceiling: str


@dataclass(eq=False)
class NumberUnclear(RequestError):
    """“{typed}” cannot be read as a number. Write one such as 20 or 0.5."""

    typed: str


@dataclass(eq=False)
class LimitNotForServer(RequestError):
    """The limit of {what} is one of people. A server as a whole can have limits of pictures and megapixel-steps a
    day."""

    words = frozenset({"what"})
    what: str
