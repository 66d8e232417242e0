"""Words that are not allowed, and the lists that staff make of them."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class SexualMinors(RequestError):
    """Nothing sexual about minors is painted or kept here: in no place, at no rating and for nobody. If you meant
    something else, please say it in other words."""


@dataclass(eq=False)
class MinorBesideRating(SexualMinors):
    """These words name a child or an age below 18. Easel refuses them together with anything rated mature
    or higher: a checkpoint, a LoRA, a start picture, a command or the finished picture. Please change the words, or
    choose something with a lower rating."""


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
