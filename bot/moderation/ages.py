"""Finds ages below 18 in a text, as people say them in fifteen languages: `ages.toml` holds how.

An age is a number with what makes it one ("she is 12", "十二歳"), a year of birth, or a class of a school. The number of
something else is none: "12 years old whisky", "1,012 years", "twenty-one years".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from itertools import takewhile
from typing import Final, NamedTuple, cast

from bot.config.word_patterns import LinearPattern
from bot.moderation.folding import fold, fold_pattern
from bot.moderation.normalise import NormalisedText, Span

OF_AGE: Final = 18
_FIGURES: Final = "1[0-7]|0?[0-9]"
_GAP: Final = "[ _\u2010\u2011\u2013-]*"
_ENDS: Final = (
    r"(?:[ _]*(?:[,;()\[\]|!?\n、，。・/]|[.:](?:[^0-9]|$)|$)"
    "|[ _]+(?:and|but|with|who|wearing|today|now|und|et|y|e|i|и|ve)(?:[^a-zа-я]|$))"
)
_PARTS: Final = {
    "{apart}": r"[ _]*[,、;(\[・-][ _(\[]*",
    "{small}": "(?:1[0-7]|[3-9])",
    "{ends}": _ENDS,
    "{end}": "(?:[^0-9,.]|[,.](?:[^0-9]|$)|$)",
    "{year}": "((?:19|20|25)[0-9][0-9])",
}
_BUDDHIST: Final = 543  # years that Thailand counts more
_MAX_SIZE: Final = 20_000  # instructions of a pattern
_FIRST_YEAR: Final = 2000  # of birth; earlier ones need no look at today's date


class FoundAge(NamedTuple):
    """An age that a text has: as it is written there, folded, and where."""

    written: str
    span: Span


@dataclass(frozen=True)
class AgePatterns:
    """The patterns, compiled. `today` is asked for years of birth."""

    ages: tuple[LinearPattern, ...]
    births: tuple[LinearPattern, ...]
    things: frozenset[str]

    @classmethod
    def read(cls, text: str) -> AgePatterns:
        """The patterns of a file's text. Raises ValueError."""
        lists = tomllib.loads(text)
        things = frozenset(map(fold, lists.pop("things")))
        languages = [cast("dict[str, object]", language) for language in lists.values()]
        ages = [pattern for language in languages for pattern in _patterns(language, "patterns")]
        births = [pattern for language in languages for pattern in _patterns(language, "births")]
        return cls(tuple(ages), tuple(births), things)

    def find(self, text: NormalisedText, today: Callable[[], date] = date.today) -> FoundAge | None:
        """The first age below 18 that a person of the text has."""
        for reading in text.readings:
            for start, end in (*self._ages(reading.text), *self._births(reading.text, today)):
                written = reading.text[start:end].strip(" _,;:()[]|!?.\n、，。・")
                return FoundAge(written, text.span_of_folded(*reading.folded(start, end)))
        return None

    def _ages(self, text: str) -> Iterator[tuple[int, int]]:
        for pattern in self.ages:
            for (start, end), more in pattern.matches(text):
                behind = "".join(takewhile(str.isalpha, text[end : end + 20].lstrip(" _-")))
                if not more and behind not in self.things:
                    yield start, end

    def _births(self, text: str, today: Callable[[], date]) -> Iterator[tuple[int, int]]:
        for pattern in self.births:
            for place, year in pattern.matches(text):
                born = int(year) - (_BUDDHIST if int(year) > _FIRST_YEAR + _BUDDHIST else 0)
                if _FIRST_YEAR < born and born > today().year - OF_AGE:
                    yield place


def _patterns(language: dict[str, object], name: str) -> Iterator[LinearPattern]:
    number = _number(language)
    for written in cast("list[str]", language[name]):
        pattern = written.replace("{n}", number)
        for part, meaning in _PARTS.items():
            pattern = pattern.replace(part, meaning)
        yield LinearPattern(fold_pattern(pattern), _MAX_SIZE)


def _number(language: dict[str, object]) -> str:
    """A number below 18. Group 1 holds what makes it more."""
    words, more = str(language["numbers"]), language.get("more")
    if language.get("scriptless"):
        guard = f"(?:^|[^0-9{language.get('numerals', '')}.])"
        larger = f"({more})?" if more else "()"
        return f"{guard}[ _]*{larger}(?:{_FIGURES}|{words})"
    larger = f"(?:({more}){_GAP})?" if more else "()"
    if more_words := language.get("more_words"):
        return f"(?:^|[^0-9a-zа-я.])(?:({more_words}|(?:{more}){_GAP}(?:{words}))|{_FIGURES}|{words})"
    return f"(?:^|[^0-9a-zа-я.]){larger}(?:{_FIGURES}|{words})"


@cache
def age_patterns() -> AgePatterns:
    """The patterns as they are shipped."""
    return AgePatterns.read((resources.files("bot.moderation") / "ages.toml").read_text("utf-8"))
