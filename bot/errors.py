"""What a person can do wrong on Discord besides asking for something that cannot be painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.i18n import later
from inference.errors import RequestError


@dataclass(eq=False)
class TwoFewStepRecipes(RequestError):
    """{names} are each made for few steps of their own, so they spoil each other. Take out all but one."""

    names: list[str]


@dataclass(eq=False)
class NotYours(RequestError):
    """This button belongs to the person who asked for the picture. {instead}"""

    instead: str


@dataclass(eq=False)
class NotStaff(RequestError):
    """In a server this is for people who manage it, elsewhere for the bot's operators alone. Your own pictures are
    under /queue."""


@dataclass(eq=False)
class SetUpByStaff(RequestError):
    """Whoever manages this server sets Easel up in it. You need not wait for that: try /imagine, or /guide for a
    start."""


@dataclass(eq=False)
class NotOperator(RequestError):
    """This is for the bot's operators alone."""


@dataclass(eq=False)
class PressedTwice(RequestError):
    """That was pressed twice within a second; it is one picture. To order another, press again."""


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


@dataclass(eq=False)
class PictureReported(RequestError):
    """Somebody reported this picture, and people look at it. Until they have decided, nobody is shown it and nothing is
    painted from it."""


@dataclass(eq=False)
class NoArtChannel(RequestError):
    """Pictures are published in the art channels that this server's staff name under /server, and this is none of
    them."""


@dataclass(eq=False)
class TooManyArtChannels(RequestError):
    """This server has {limit} art channels, and no more fit into the menu of *Publish*. Please remove one first."""

    limit: int


@dataclass(eq=False)
class PublicReportsChannel(RequestError):
    """Everybody in this server can read that channel, and reports show pictures and notes that are not for everybody.
    Please choose a channel that staff alone can read: in its permissions, the role *everyone* must not have
    *View Channel*."""


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


@dataclass(eq=False)
class NothingThere(RequestError):
    """{what}"""

    what: str


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
class BookmarksRefused(RequestError):
    """This file cannot be imported: {reason}. Give one that *Export / import* in /bookmarks made."""

    words = frozenset({"reason"})
    reason: str


@dataclass(eq=False)
class PartsGone(RequestError):
    """{parts} cannot be had here any more, so this picture cannot be painted again as it was. *Edit* opens it in the
    studio with what is left."""

    parts: list[str]


@dataclass(eq=False)
class StackNameTaken(RequestError):
    """You have a stack called {name} already. Choose another name, or delete or rename that one first."""

    name: str


@dataclass(eq=False)
class TooManyStacks(RequestError):
    """You have {limit} stacks, and more cannot be kept. Please delete one first."""

    limit: int


@dataclass(eq=False)
class TooManyMisses(RequestError):
    """Too many codes were wrong. Please try again in an hour, with the code copied from whoever shared it."""


# --- what may be asked for and shown --------------------------------------------------------------------------------


@dataclass(eq=False)
class SexualMinors(RequestError):
    """Nothing sexual about minors is painted or kept here: in no place, at no rating and for nobody. If you meant
    something else, please say it in other words."""


@dataclass(eq=False)
class WordsNotAllowed(RequestError):
    """This {what} has words that are not allowed here, by the list “{list_name}” of the bot's operator. Please change
    it and try again."""

    words = frozenset({"what"})
    what: str
    list_name: str


@dataclass(eq=False)
class WordsNotAllowedHere(WordsNotAllowed):
    """This {what} has words that are not allowed in this server, by its list “{list_name}”. Please change it and try
    again."""


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


@dataclass(eq=False)
class TooManyLinks(RequestError):
    """There are {count} links of LoRAs in the prompt; at most {limit} go together. Please take some away."""

    count: int
    limit: int


# --- limits -------------------------------------------------------------------------------------------------------

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


# --- rights in a server ---------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Blocked(RequestError):
    """Somebody has blocked this. The reason: “{reason}”."""

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
    """This server's staff have blocked you from using the bot in it. The reason: “{reason}”."""


@dataclass(eq=False)
class PersonBlockedEverywhere(Blocked):
    """The bot's operator has blocked you from using it. The reason: “{reason}”."""


@dataclass(eq=False)
class LoraBlocked(Blocked):
    """This server's staff have blocked {lora}, so it is not used here. The reason: “{reason}”."""

    lora: str


@dataclass(eq=False)
class LoraBlockedEverywhere(Blocked):
    """The bot's operator has blocked {lora}, so it is not used. The reason: “{reason}”."""

    lora: str


@dataclass(eq=False)
class InTimeOut(RequestError):
    """You are in a time-out in this server, so nothing is painted for you in it until that ends."""


@dataclass(eq=False)
class NoMember(RequestError):
    """You are not a member of this server any more, so nothing is painted for you in it."""


@dataclass(eq=False)
class NotInServer(RequestError):
    """This is possible in a server that the bot is a member of."""


@dataclass(eq=False)
class RoleNeeded(RequestError):
    """In this server certain roles may do that, and you have none of them. Its staff can tell you which."""


@dataclass(eq=False)
class AddingForManagers(NotStaff):
    """LoRAs are added here by people who manage this server. Ask them to add it, or to let you: they choose roles that
    may add LoRAs in /server, under *Who may do what*."""


@dataclass(eq=False)
class AddingForRoles(RoleNeeded):
    """LoRAs are added here by people who manage this server, and by those with one of these roles: {roles}. You have
    none of them. Ask one of these people to add it."""

    roles: list[str]  # ids


@dataclass(eq=False)
class AddingForOperators(NotStaff):
    """In direct messages only this bot's operators add LoRAs. Try it in a server: there its staff say who may."""


@dataclass(eq=False)
class CommandClosed(RequestError):
    """This server's settings in Discord do not let you use /{command} here, nor the buttons that do the same."""

    command: str


@dataclass(eq=False)
class RightsUnknown(RequestError):
    """Discord does not tell just now whether you may do that. Please try again in a moment."""


@dataclass(eq=False)
class ChannelNotAllowed(RequestError):
    """Nothing is painted in this channel: this server's staff have chosen others for it."""


@dataclass(eq=False)
class CheckpointNotAllowed(RequestError):
    """{checkpoint} is not used in this server. Its staff have chosen {allowed}."""

    checkpoint: str
    allowed: list[str]


@dataclass(eq=False)
class CategoryNotAllowed(RequestError):
    """{lora} is not used in this server: its staff have left out LoRAs of the category {category}."""

    words = frozenset({"category"})
    lora: str
    category: str


# --- what staff set -------------------------------------------------------------------------------------------------


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
class EndUnclear(RequestError):
    """“{typed}” cannot be read as an end. Write 3 d, 12 h or a date such as 2031-05-30, or nothing for no end."""

    typed: str


@dataclass(eq=False)
class EndNeeded(EndUnclear):
    """“{typed}” cannot be read as an end. Write 3 d, 12 h or a date such as 2031-05-30."""


@dataclass(eq=False)
class LimitNotForServer(RequestError):
    """The limit of {what} is one of people. A server as a whole can have limits of pictures and megapixel-steps a
    day."""

    words = frozenset({"what"})
    what: str


@dataclass(eq=False)
class TooManyChosen(RequestError):
    """At most {limit} can be chosen. Please take some away."""

    limit: int


@dataclass(eq=False)
class NewcomerTimeOutOfRange(RequestError):
    """Members can be new for at most {limit} hours; 0 is not at all."""

    limit: int


@dataclass(eq=False)
class LineUnusable(RequestError):
    """Line {line} of *{field}* cannot be used, because {why}: {text}. Please change or remove it; nothing was saved."""

    words = frozenset({"why", "field"})
    field: str
    line: int
    text: str
    why: str


@dataclass(eq=False)
class LineTooLong(RequestError):
    """Line {line} of *{field}* has more than {limit} characters. Please write one word, phrase or pattern a line."""

    words = frozenset({"field"})
    field: str
    line: int
    limit: int


@dataclass(eq=False)
class WordListEmpty(RequestError):
    """A list needs a name and at least one word or pattern. Please write one a line."""


@dataclass(eq=False)
class WordListNameTaken(RequestError):
    """There is a list called {name} already. Please choose another name."""

    name: str


@dataclass(eq=False)
class TooManyWordLists(RequestError):
    """A server can have {limit} lists. Please delete one first."""

    limit: int


@dataclass(eq=False)
class TooManyRules(RequestError):
    """All lists of a server together can have {limit} {what}. Please take some away."""

    words = frozenset({"what"})
    what: str
    limit: int


@dataclass(eq=False)
class ManageServerNeeded(RequestError):
    """Discord shows AutoMod's words to people with *Manage Server* alone. Please ask one of them to import them, in the
    server itself."""


@dataclass(eq=False)
class AutoModClosed(RequestError):
    """Discord shows AutoMod's words to Easel only with *Manage Server*. Give its role that permission, import, and take
    it away again if you like."""


@dataclass(eq=False)
class AutoModUnread(RequestError):
    """Discord does not tell AutoMod's rules at the moment. Please try again in a minute."""


@dataclass(eq=False)
class OpenRatingTooHigh(RequestError):
    """Places that are open to all show pictures up to general, teen or mature; what is unrated counts as one of the
    five ratings. Please choose another."""


@dataclass(eq=False)
class DefaultNotAllowed(RequestError):
    """{checkpoint} cannot be the usual checkpoint here, since the server allows only {allowed}. Allow it first, or
    choose another."""

    checkpoint: str
    allowed: list[str]


@dataclass(eq=False)
class LanguageUnknown(RequestError):
    """The bot does not speak {language}. It speaks {known}."""

    language: str
    known: list[str]


@dataclass(eq=False)
class ReasonNeeded(RequestError):
    """Please say why, in at most {limit} characters: whoever is concerned reads it."""

    limit: int


@dataclass(eq=False)
class EndInThePast(RequestError):
    """This end is over already. Give one that is still to come, or none."""


@dataclass(eq=False)
class CannotBeBlocked(RequestError):
    """Neither you yourself nor the bot's operators can be blocked."""


@dataclass(eq=False)
class ProposedAlready(RequestError):
    """The same has been proposed already, and waits for an operator."""


@dataclass(eq=False)
class DecidedAlready(RequestError):
    """Somebody has decided that already."""


@dataclass(eq=False)
class StillCarriedOut(RequestError):
    """What was decided last is still being carried out. Try it again in a moment."""


@dataclass(eq=False)
class OwnReport(RequestError):
    """This picture is your own. *Delete* under it removes it."""


@dataclass(eq=False)
class TooManyReports(RequestError):
    """You have reported {limit} things today, and people look at each. Please go on tomorrow."""

    limit: int


@dataclass(eq=False)
class ExportUnderWay(RequestError):
    """Your export is being made. Ask for more of it when it has arrived."""


@dataclass(eq=False)
class OwnCase(RequestError):
    """This is about a picture of your own, so somebody else has to decide it."""


@dataclass(eq=False)
class AppealedAlready(RequestError):
    """It was looked at again already, or is about to be. You are told when that is decided."""


@dataclass(eq=False)
class TextNeeded(RequestError):
    """Please write one to {limit} characters."""

    limit: int
