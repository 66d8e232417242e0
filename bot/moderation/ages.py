"""Finds ages below 18 in a text, as people say them in fifteen languages: `ages.toml` holds how.

An age is a number with what makes it one ("she is 12", "十二歳"), a year of birth, or a class of a school. The number
of something else is none: "12 years old whisky", "1,012 years", "twenty-one years".
"""

# ruff: noqa: RUF001 (alphabets whose letters look like Latin ones)

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Final, NamedTuple, cast

from bot.config.word_patterns import LinearPattern, LinearPatternSet
from bot.moderation.folding import fold, fold_pattern
from bot.moderation.negations import is_negated
from bot.moderation.normalise import NormalisedText, Span

OF_AGE: Final = 18
_FIGURES: Final = "1[0-7]|0?[0-9]"
_GAP: Final = "[ _\u2010\u2011\u2013-]*"
_ENDS: Final = (
    r"(?:[ _]*(?:[,;()\[\]|!?\n、，。・/]|[.:](?:[^0-9]|$)|$)"
    "|[ _]+(?:and|but|who|wearing|today|now|und|et|y|e|i|и|ve"
    "|nsfw|nude|naked|topless|explicit|unclothed|rating|r-?18|sexy|lewd)(?:[^a-zа-я]|$))"
)
_PARTS: Final = {
    "{apart}": r"[ _]*[,、;(\[・-][ _(\[]*",
    "{small}": "(?:1[0-7]|[3-9])",
    "{ends}": _ENDS,
    "{end}": "(?:[^0-9,.]|[,.](?:[^0-9]|$)|$)",
    "{year}": "((?:19|20|25)[0-9][0-9])",
}
_REACH: Final = 30  # the most characters between a thing and its age
# A thing follows its age, after words for its kind, or stands before it with `of`. If another noun follows, the age is
# not the thing's: "12 year old cat girl".
_KINDS: Final = "old|aged|single|malt|vintage|antique|classic|rusty|used|pickup|sports|alte[mnrs]?|de|d'|di|da|of"
_ENDS_THERE: Final = (
    r"(?=[\s_]*(?:[^\w\s]|$)|[\s_]+(?:and|in|on|with|from|of|at|by|under|near|for|next|beside|bottle|bottles|cask|et|y|e"
    r"|und|mit|neben|auf|w|na|i|в|на)(?![^\W_]))"
)
_BEHIND: Final = re.compile(rf"[ _-]*(?:(?:{_KINDS})[ _-]+)*([^\s\d_,.;:!?()]+)({_ENDS_THERE})?")
_BEFORE: Final = re.compile(r"([^\W\d_]+)[ _-]+(?:de|di|da|do|of|von|aus|z|из)[ _-]*$")
_MEMORY: Final = 64 * 2**20  # bytes of the automaton of all patterns at most; it takes 1 MB on ordinary texts
_AROUND: Final = " _,;:()[]|!?.\n、，。・"  # characters around an age that a pattern also matches
_BUDDHIST: Final = 543  # years that Thailand counts more
_MAX_SIZE: Final = 20_000  # instructions of a pattern
_FIRST_YEAR: Final = 2000  # of birth; earlier ones need no look at today's date


class FoundAge(NamedTuple):
    """An age in a text: its folded words and its place."""

    written: str
    span: Span


def _compiled(patterns: Iterable[str]) -> tuple[LinearPattern, ...]:
    return tuple(LinearPattern(each, _MAX_SIZE) for each in patterns)


@dataclass(frozen=True)
class AgePatterns:
    """The patterns, compiled. `any_of` says which of them a text has, in one pass.

    `ages` may be those of things; `pupils` and `births` are of people.
    """

    ages: tuple[LinearPattern, ...]
    pupils: tuple[LinearPattern, ...]
    births: tuple[LinearPattern, ...]
    any_of: LinearPatternSet
    things: frozenset[str]
    pictures: frozenset[str]
    units: frozenset[str]

    @classmethod
    def read(cls, text: str) -> AgePatterns:
        """The patterns of a file's text. Raises ValueError."""
        lists = tomllib.loads(text)
        named = [frozenset(map(fold, lists.pop(name))) for name in ("things", "pictures", "units")]
        languages = [cast("dict[str, object]", language) for language in lists.values()]
        ages = [pattern for language in languages for pattern in _patterns(language, "patterns")]
        pupils = [pattern for language in languages for pattern in _patterns(language, "pupils")]
        births = [pattern for language in languages for pattern in _patterns(language, "births")]
        found_by = LinearPatternSet((*ages, *pupils, *births), _MEMORY)
        return cls(_compiled(ages), _compiled(pupils), _compiled(births), found_by, *named)

    def find(self, text: NormalisedText, today: Callable[[], date] = date.today) -> FoundAge | None:
        """The first age below 18 that the text gives a person. `today` decides which years of birth count."""
        for reading in text.readings:
            for number in self.any_of.matching(reading.text):
                for start, end in self._places(number, reading.text, today):
                    written = reading.text[start:end].strip(_AROUND)
                    start += reading.text[start:end].index(written)
                    span = text.span_of_folded(*reading.folded(start, start + len(written)))
                    if not is_negated(text.text, span):
                        return FoundAge(written, span)
        return None

    def _places(self, number: int, text: str, today: Callable[[], date]) -> Iterator[tuple[int, int]]:
        """The places where one pattern finds an age, or a year of birth of a minor."""
        if number < len(self.ages):
            for (start, end), more in self.ages[number].matches(text):
                if not more and not self._is_of_a_thing(text, start, end):
                    yield start, end
            return
        number -= len(self.ages)
        if number < len(self.pupils):
            yield from (place for place, _ in self.pupils[number].matches(text))
            return
        for place, year in self.births[number - len(self.pupils)].matches(text):
            born = int(year) - (_BUDDHIST if int(year) > _FIRST_YEAR + _BUDDHIST else 0)
            if born > max(_FIRST_YEAR, today().year - OF_AGE):
                yield place

    def _is_of_a_thing(self, text: str, start: int, end: int) -> bool:
        """Whether a thing beside an age has it: `12-year-old pickup truck`, `whisky de 12 ans`."""
        behind = _BEHIND.match(text, end)
        if behind is not None and behind[1] in self.units:
            return True
        if behind is not None and behind[2] is not None and behind[1] in self.things | self.pictures:
            return True
        before = _BEFORE.search(text[max(start - _REACH, 0) : start + 1])
        return before is not None and before[1] in self.things


def _patterns(language: dict[str, object], name: str) -> Iterator[str]:
    number = _number(language)
    for written in cast("list[str]", language.get(name, [])):
        pattern = written.replace("{n}", number).replace("{m}", f"(?:{_FIGURES}|{language['numbers']})")
        for part, meaning in _PARTS.items():
            pattern = pattern.replace(part, meaning)
        yield fold_pattern(pattern)


def _number(language: dict[str, object]) -> str:
    """The pattern of a number below 18. Group 1 matches a larger one, which `more` or `more_words` makes."""
    small = f"{_FIGURES}|{language['numbers']}"
    larger = [str(language["more_words"])] if "more_words" in language else []
    larger += [f"(?:{language['more']}){_GAP}(?:{small})"] if "more" in language else []
    number = f"(?:({'|'.join(larger)})|{small})" if larger else f"()(?:{small})"
    if language.get("scriptless"):
        return f"(?:^|[^0-9{language.get('numerals', '')}.])[ _]*{number}"
    return f"(?:^|[^0-9a-zа-я.]){number}"


@cache
def age_patterns() -> AgePatterns:
    """The patterns of `ages.toml`."""
    return AgePatterns.read((resources.files("bot.moderation") / "ages.toml").read_text("utf-8"))
