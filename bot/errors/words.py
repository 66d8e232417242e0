"""Words that are not allowed, and the lists that staff make of them."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError, SexualMinors


@dataclass(eq=False)
class MinorBesideRating(SexualMinors):
    """These words name a child or an age below 18. With such words, Easel refuses every model, LoRA, start picture,
    command and finished picture that is rated mature or higher. Please change the words, or choose something with a
    lower rating."""


@dataclass(eq=False)
class WordsNotAllowed(RequestError):
    """This {what} contains words that are not allowed here. The words are on the bot operator's list “{list_name}”.
    Please change them and try again."""

    words = frozenset({"what"})
    what: str
    list_name: str


@dataclass(eq=False)
class WordsNotAllowedHere(WordsNotAllowed):
    """This {what} contains words that are not allowed here. The words are on this server's list “{list_name}”. Please
    change them and try again."""


@dataclass(eq=False)
class LineUnusable(RequestError):
    """Line {line} of *{field}* cannot be used, because {why}: {text}. The list was not saved. Please change or remove
    the line."""

    words = frozenset({"why", "field"})
    field: str
    line: int
    text: str
    why: str


@dataclass(eq=False)
class LineTooLong(RequestError):
    """Line {line} of *{field}* has more than {limit} characters. Please write one word, phrase or pattern per line."""

    words = frozenset({"field"})
    field: str
    line: int
    limit: int


@dataclass(eq=False)
class WordListEmpty(RequestError):
    """A word list needs a name and at least one word or pattern. Write each word or pattern on its own line."""


@dataclass(eq=False)
class WordListNameTaken(RequestError):
    """There is already a word list called {name}. Please choose another name."""

    name: str


@dataclass(eq=False)
class TooManyWordLists(RequestError):
    """A server can have up to {limit} word lists. Please delete one first."""

    limit: int


@dataclass(eq=False)
class TooManyRules(RequestError):
    """The word lists of a server can contain up to {limit} {what} in total. Please remove some."""

    words = frozenset({"what"})
    what: str
    limit: int


@dataclass(eq=False)
class ManageServerNeeded(RequestError):
    """Discord shows AutoMod's words only to members with the permission *Manage Server*. Please ask one of these
    members to import the words from within the server."""


@dataclass(eq=False)
class AutoModClosed(RequestError):
    """Easel can read AutoMod's words only with the permission *Manage Server*. Give this permission to Easel's role
    and import the words. You can remove the permission afterwards."""


@dataclass(eq=False)
class AutoModUnread(RequestError):
    """Easel could not read AutoMod's rules from Discord. Please try again in a minute."""


@dataclass(eq=False)
class AskedAlready(RequestError):
    """You have already asked the staff about these words. Easel will notify you when they decide."""


@dataclass(eq=False)
class AskedTooOften(RequestError):
    """You can ask the staff up to {limit} times a day. Please ask again tomorrow."""

    limit: int


@dataclass(eq=False)
class AllowedAlready(RequestError):
    """The staff already allow this phrase in this server. Please send your prompt again."""


@dataclass(eq=False)
class PhraseListed(RequestError):
    """This server already allows the phrase {phrase}."""

    phrase: str


@dataclass(eq=False)
class QuestionClosed(RequestError):
    """This question is already closed."""


@dataclass(eq=False)
class StaffUnreachable(RequestError):
    """Easel cannot post in the staff's channel right now. Please try again later, or ask the staff yourself."""


@dataclass(eq=False)
class PhraseTooShort(RequestError):
    """A phrase needs at least two letters or digits."""


@dataclass(eq=False)
class PhraseUnusable(RequestError):
    """This phrase cannot be allowed, because {why}. Please change it."""

    words = frozenset({"why"})
    why: str


@dataclass(eq=False)
class PhraseWithoutWord(RequestError):
    """The phrase must contain the refused word {word}. Please add it to the phrase."""

    word: str


@dataclass(eq=False)
class TooManyPhrases(RequestError):
    """A server can allow up to {limit} phrases. Please remove one under *Words* in /server first."""

    limit: int
