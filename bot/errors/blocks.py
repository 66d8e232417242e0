"""People and LoRAs that are blocked, and what staff get wrong when they block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.i18n import later
from inference.errors import RequestError


@dataclass(eq=False)
class Blocked(RequestError):
    """This member or LoRA is blocked. Reason: “{reason}”."""

    ENDS: ClassVar[str] = later("The block ends on {end}.")

    reason: str
    end: str  # a date, or "" for a block without an end

    def __post_init__(self) -> None:
        """Take the full stop from the reason, for the sentence around it has its own."""
        self.reason = self.reason.rstrip(" .。") or self.reason

    @property
    def templates(self) -> tuple[str, ...]:
        """The sentence, and when the block ends if it does."""
        return (self.template(), self.ENDS) if self.end else (self.template(),)


@dataclass(eq=False)
class PersonBlocked(Blocked):
    """This server's staff have blocked you from using the bot here. Reason: “{reason}”."""


@dataclass(eq=False)
class PersonBlockedEverywhere(Blocked):
    """The bot's operator has blocked you from using the bot. Reason: “{reason}”."""


@dataclass(eq=False)
class LoraBlocked(Blocked):
    """This server's staff have blocked {lora}, so it cannot be used here. Reason: “{reason}”."""

    lora: str


@dataclass(eq=False)
class LoraBlockedEverywhere(Blocked):
    """The bot's operator has blocked {lora}, so it cannot be used. Reason: “{reason}”."""

    lora: str


@dataclass(eq=False)
class LoraDisputed(RequestError):
    """The base model of {lora} is disputed. Another page with the same file says that the LoRA is made for {bases}.
    Until an operator decides, only users who bookmarked, used or added this LoRA before the dispute can use it."""

    for_operators = "`easel library declare` decides."
    lora: str
    bases: list[str]


@dataclass(eq=False)
class CannotBeBlocked(RequestError):
    """You cannot block yourself or the bot's operators."""


@dataclass(eq=False)
class EndUnclear(RequestError):
    """“{typed}” is neither a duration nor a date. Enter a duration such as 3 d or 12 h, or a date such as 2031-05-30.
    For a block without an end, leave the field empty."""

    typed: str


@dataclass(eq=False)
class EndNeeded(EndUnclear):
    """“{typed}” is neither a duration nor a date. Enter a duration such as 3 d or 12 h, or a date such as
    2031-05-30.
    """


@dataclass(eq=False)
class EndInThePast(RequestError):
    """A block cannot end in the past. Please choose a later date."""
