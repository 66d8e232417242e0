"""The rule on minors: no sexual content about minors, anywhere and at any rating. Nobody can switch it off.

`minors.toml` holds its terms and says how they go together, `ages.py` finds ages. A rating of mature or higher counts
like a sexual term: of a checkpoint, a LoRA, a start picture, a command or the finished picture. A negative prompt says
what the picture must not show. If it excludes adults, that counts like an age below 18. Nothing else there
counts, but words with a negative weight are read as part of the prompt.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cache
from importlib import resources

from bot.config.sections.moderation import ModerationSettings
from bot.config.word_patterns import checked_word
from bot.moderation.ages import age_patterns
from bot.moderation.negations import find_meant, is_negated
from bot.moderation.normalise import NormalisedText, Span
from bot.moderation.word_matcher import ExceptingMatcher, Word, WordHit
from inference.content_rating import ContentRating


class Term(StrEnum):
    """What a term says."""

    ALWAYS = "always"
    MINOR = "minor"
    SEXUAL = "sexual"
    BESIDE_MINORS = "sexual beside minors"
    ORDINARY = "ordinary"
    ADULT = "adult"


@dataclass(frozen=True)
class MinorsTerms:
    """The lists of `minors.toml`, and what is added to them."""

    always: tuple[str, ...] = ()
    minor: tuple[str, ...] = ()
    sexual: tuple[str, ...] = ()
    sexual_beside_minors: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()
    adult: tuple[str, ...] = ()
    not_adult: tuple[str, ...] = ()
    accented_minor: tuple[str, ...] = ()
    minor_signs: tuple[str, ...] = ()
    sexual_signs: tuple[str, ...] = ()

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
        lists = {
            Term.ALWAYS: terms.always,
            Term.MINOR: terms.minor,
            Term.SEXUAL: terms.sexual,
            Term.BESIDE_MINORS: terms.sexual_beside_minors,
        }
        self._matcher = ExceptingMatcher(
            (Word(checked_word(word), term) for term, words in lists.items() for word in words),
            (Word(checked_word(phrase), Term.ORDINARY) for phrase in terms.ordinary),
        )
        self._adults = ExceptingMatcher(
            (Word(checked_word(word), Term.ADULT) for word in terms.adult),
            (Word(checked_word(phrase), Term.ORDINARY) for phrase in terms.not_adult),
        )
        self.ordinary = terms.ordinary
        self._accented = _as_written(terms.accented_minor)
        self._signs = {Term.MINOR: _any_of(terms.minor_signs), Term.SEXUAL: _any_of(terms.sexual_signs)}

    def judge(self, text: NormalisedText, *, adult: bool = False, without_adults: bool = False) -> MinorsMatch | None:
        """Return why the text is refused, or None.

        `adult`: it stands beside something rated mature or higher. `without_adults`: its negative prompt excludes them.
        """
        hits = self._hits(text)
        first = {hit.word.label: (hit.word.written, hit.span) for hit in reversed(hits)}
        if always := first.get(Term.ALWAYS):
            return _match(always)
        sexual = first.get(Term.SEXUAL) or first.get(Term.BESIDE_MINORS) or self._sign(Term.SEXUAL, text)
        if not sexual and not adult:
            return None
        young = first.get(Term.MINOR) or self._accented_term(text) or self._sign(Term.MINOR, text)
        young = young or age_patterns().find(text)
        found = [*([young] if young else []), *([sexual] if sexual else [])]
        if not young and not without_adults:
            return None
        return replace(_match(*found), by_rating=not sexual)

    def excludes_adults(self, negative_prompt: str) -> bool:
        """Whether a negative prompt keeps adults out of the picture."""
        return bool(negative_prompt) and bool(find_meant(self._adults, NormalisedText(negative_prompt)))

    def sexual_terms(self, text: NormalisedText) -> tuple[str, ...]:
        """The sexual terms that the text has, as they are written in the list."""
        return tuple(hit.word.written for hit in self._hits(text) if hit.word.label is Term.SEXUAL)

    def _hits(self, text: NormalisedText) -> list[WordHit[Term]]:
        """The terms that the text has and does not negate."""
        return find_meant(self._matcher, text, always=Term.ALWAYS)

    def _accented_term(self, text: NormalisedText) -> tuple[str, Span] | None:
        """The first term whose accents are in the text."""
        return None if text.text.isascii() else _first(self._accented, text)

    def _sign(self, term: Term, text: NormalisedText) -> tuple[str, Span] | None:
        """The first emoji that says the same as the terms do."""
        return _first(self._signs[term], text)


def _first(pattern: re.Pattern[str] | None, text: NormalisedText) -> tuple[str, Span] | None:
    places = pattern.finditer(text.text) if pattern is not None else ()
    meant = ((found[0], Span(*found.span())) for found in places)
    return next((each for each in meant if not is_negated(text.text, each[1])), None)


def _any_of(signs: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(re.escape, signs))) if signs else None


def is_adult(rating: ContentRating | None) -> bool:
    """Whether a rating counts like a sexual term. No rating does not."""
    return rating is not None and rating >= ContentRating.MATURE


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
