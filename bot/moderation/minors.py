"""The rule on minors: no sexual content about minors, anywhere and at any rating. Nobody can switch it off.

`minors.toml` holds its terms and says how they go together. A rating of mature or higher counts like a sexual term: of
a checkpoint, a LoRA, a start picture, a command or the finished picture. The rule does not read negative prompts, where
people write what a picture must not show; what has a negative weight there is read as part of the prompt.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import takewhile
from typing import Final

from bot.config.moderation import ModerationSettings
from bot.config.word_patterns import LinearPattern, checked_word
from bot.moderation.normalise import NormalisedText, Span
from bot.moderation.word_matcher import ExceptingMatcher, Word
from inference.content_rating import ContentRating

_DASH: Final = "[ _\u2010\u2011\u2013-]*"
_FRENCH_TENS: Final = "vingts?|trente|quarante|cinquante|soixante|septante|huitante|octante|nonante|cents?"
_FRENCH: Final = (
    "un|deux|trois|quatre|cinq|six|sept|huit|neuf"
    f"|dix{_DASH}sept|dix{_DASH}huit|dix{_DASH}neuf|dix|onze|douze|treize|quatorze|quinze|seize"
)
_SPANISH_TENS: Final = (
    "veinte|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|ciento?|[a-z]{2,7}cientos|quinientos|mil"
)
_SPANISH: Final = (
    "uno?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieciseis|diecisiete"
)
# What patterns of ages are made of. Group 1 holds what makes a number 18 or more, or none of a person's.
_PARTS: Final = {
    "{number}": r"(?:^|[^0-9a-z.])(?:(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)[ _-]*)?"
    "(?:1[0-7]|[0-9]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen)",
    "{kanji}": "(?:^|[^0-9一二三四五六七八九十百])(?:1[0-7]|[0-9]|十[一二三四五六七]?|[一二三四五六七八九])",
    "{small}": "(?:1[0-7]|[3-9])",
    "{apart}": r"[ _]*[,、;(\[・-][ _(\[]*",
    "{ends}": r"[ _]*(?:[,、;)\]。\n]|\.(?:[^0-9]|$)|$)",
    "{french}": "(?:^|[^0-9a-z])(?:"
    f"((?:{_FRENCH_TENS}){_DASH}(?:et{_DASH})?(?:{_FRENCH})|dix{_DASH}(?:huit|neuf)"
    f"|d?il{_DASH}y{_DASH}a{_DASH}(?:{_FRENCH}))|{_FRENCH})",
    "{spanish}": "(?:^|[^0-9a-z])(?:"
    f"((?:{_SPANISH_TENS}){_DASH}(?:y{_DASH})?(?:{_SPANISH})|hace{_DASH}(?:{_SPANISH}))|{_SPANISH})",
}
_SHORTEST_BACKWARDS: Final = 4  # letters of a term; these are known, unlike those of a list
_MAX_SIZE: Final = 1000  # instructions of a pattern of ages


class Term(StrEnum):
    """What a term says."""

    ALWAYS = "always"
    MINOR = "minor"
    SEXUAL = "sexual"
    ORDINARY = "ordinary"


@dataclass(frozen=True)
class MinorsTerms:
    """The lists of `minors.toml`, and what is added to them."""

    always: tuple[str, ...] = ()
    minor: tuple[str, ...] = ()
    sexual: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()
    aged_things: tuple[str, ...] = ()
    accented_minor: tuple[str, ...] = ()
    not_backwards: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> MinorsTerms:
        """The lists of a file's text. Raises ValueError."""
        lists = tomllib.loads(text)
        if strangers := set(lists) - {each.name for each in fields(cls)}:
            raise ValueError(f"{min(strangers)} is no list of the rule on minors")
        return cls(**{name: tuple(words) for name, words in lists.items()})

    def __add__(self, more: MinorsTerms) -> MinorsTerms:
        return MinorsTerms(*(getattr(self, each.name) + getattr(more, each.name) for each in fields(self)))


@dataclass(frozen=True)
class MinorsMatch:
    """Why the rule refuses a text: the terms that it has, in the order of the text, and where they are.

    `by_rating`: the text alone is allowed, and the rating beside it is not.
    """

    terms: tuple[str, ...]
    spans: tuple[Span, ...]
    by_rating: bool = False


class MinorsRule:
    """The rule, compiled."""

    def __init__(self, terms: MinorsTerms) -> None:
        """Raise ValueError for a term or a pattern that cannot be read."""
        lists = {Term.ALWAYS: terms.always, Term.MINOR: terms.minor, Term.SEXUAL: terms.sexual}
        self._matcher = ExceptingMatcher(
            (Word(checked_word(word), term) for term, words in lists.items() for word in words),
            (Word(checked_word(phrase), Term.ORDINARY) for phrase in terms.ordinary),
            _SHORTEST_BACKWARDS,
            terms.not_backwards,
        )
        self._accented = _as_written(terms.accented_minor)
        self._ages = [LinearPattern(_with_numbers(pattern), _MAX_SIZE) for pattern in terms.ages]
        self._things = frozenset(terms.aged_things)

    def judge(self, text: NormalisedText, *, adult: bool = False) -> MinorsMatch | None:
        """Return why the text is refused, or None. `adult`: it stands beside something rated mature or higher."""
        first = {hit.word.label: hit for hit in reversed(self._matcher.find(text))}
        if always := first.get(Term.ALWAYS):
            return _match((always.word.written, always.span))
        sexual, minor = first.get(Term.SEXUAL), first.get(Term.MINOR)
        if not sexual and not adult:
            return None
        young = (minor.word.written, minor.span) if minor else self._accented_term(text) or self._age(text)
        if not young:
            return None
        return _match(young, (sexual.word.written, sexual.span)) if sexual else replace(_match(young), by_rating=True)

    def sexual_terms(self, text: NormalisedText) -> tuple[str, ...]:
        """The sexual terms that the text has, as they are written in the list."""
        return tuple(hit.word.written for hit in self._matcher.find(text) if hit.word.label is Term.SEXUAL)

    def _accented_term(self, text: NormalisedText) -> tuple[str, Span] | None:
        """The first term whose accents are in the text."""
        found = None if self._accented is None or text.text.isascii() else self._accented.search(text.text)
        return (found[0], Span(*found.span())) if found else None

    def _age(self, text: NormalisedText) -> tuple[str, Span] | None:
        """The first age below 18 that a person of the text has."""
        for reading in text.readings:
            for pattern in self._ages:
                for (start, end), tens in pattern.matches(reading.text):
                    behind = "".join(takewhile(str.isalpha, reading.text[end : end + 20].lstrip(" _-")))
                    if not tens and behind not in self._things:
                        return reading.text[start:end].strip(), text.span_of_folded(*reading.folded(start, end))
        return None


def is_adult(rating: ContentRating | None) -> bool:
    """Whether a rating counts like a sexual term. No rating does not."""
    return rating is not None and rating >= ContentRating.MATURE


def _with_numbers(pattern: str) -> str:
    for name, part in _PARTS.items():
        pattern = pattern.replace(name, part)
    return pattern


def _as_written(words: tuple[str, ...]) -> re.Pattern[str] | None:
    """Any of the words with its accents, composed or not."""
    forms = {unicodedata.normalize(form, word) for word in words for form in ("NFC", "NFD")}
    alternatives = "|".join(map(re.escape, sorted(forms)))
    return re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])", re.IGNORECASE) if alternatives else None


def _match(*terms: tuple[str, Span]) -> MinorsMatch:
    in_order = sorted(terms, key=lambda term: term[1])
    return MinorsMatch(tuple(written for written, _ in in_order), tuple(span for _, span in in_order))


@cache
def minors_rule(more: MinorsTerms = MinorsTerms()) -> MinorsRule:
    """The rule as it is shipped, with an operator's terms added. Raises ValueError."""
    text = (resources.files("bot.moderation") / "minors.toml").read_text("utf-8")
    return MinorsRule(MinorsTerms.read(text) + more)


def operators_terms(settings: ModerationSettings) -> MinorsTerms:
    """The terms that an operator adds."""
    return MinorsTerms(minor=settings.minor_terms, sexual=settings.sexual_terms, ordinary=settings.ordinary_phrases)
