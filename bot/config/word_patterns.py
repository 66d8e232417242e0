"""Operator's words and regular expressions: what may be written, and expressions that read a text in linear time."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, cast

import re2

from bot.visible_text import visible

# Instructions of RE2. To search 4,000 characters takes some 8 µs, 25 of three bytes each. Where an automaton has more
# states than are kept, as that of (a|b)*a(a|b){20}!, a text that is made for it takes up to 50 µs for each instruction.
MAX_PATTERN_SIZE = 120
_FOLDED_GROWTH = 8  # times as many instructions: a range of letters is written out
_MAX_MEMORY = 2**20  # bytes of one pattern: its automaton is built as it goes, and begun anew where this is used up


class Unusable(StrEnum):
    """Why a word or a pattern cannot be used."""

    LOOKS_AROUND = "the pattern uses lookahead or lookbehind, which would make matching too slow"
    UNKNOWN_ESCAPE = "it uses a backreference or an escape that RE2 does not know"
    REPEATS_TOO_OFTEN = "the pattern repeats an element more than 1000 times"
    TOO_LARGE = "it is too large"
    MALFORMED = "it is malformed"
    MATCHES_ALL = "the pattern matches every text, even an empty one"
    STAR_INSIDE = "it has a * inside; * is allowed only at the ends (word*, *word, *word*)"
    TOO_ALIKE = "too many other words are written alike"
    TOO_SHORT = "it needs at least two letters or digits; use a pattern instead"


class UnusableRule(ValueError):
    """A word or a pattern that cannot be used: `why`, besides the sentence for operators."""

    def __init__(self, sentence: str, why: Unusable) -> None:
        super().__init__(sentence)
        self.why = why


_UNKNOWN_TO_RE2 = {
    "invalid perl operator: (?": Unusable.LOOKS_AROUND,
    "invalid escape sequence: \\": Unusable.UNKNOWN_ESCAPE,
    "invalid repetition size": Unusable.REPEATS_TOO_OFTEN,
    "pattern too large": Unusable.TOO_LARGE,
}
_RE2_ERROR = cast("type[Exception]", re2.error)  # pyright: ignore[reportUnknownMemberType]


class LinearPattern:
    """A regular expression of RE2 without regard to case. Its time grows with the text's length and no faster."""

    @classmethod
    def of_folded(cls, folded: str, written: str) -> LinearPattern:
        """A folded pattern. It may be larger than the pattern that was `written`.

        Raises UnusableRule for what was written.
        """
        as_written = cls(written)
        return as_written if folded == written else cls(folded, MAX_PATTERN_SIZE * _FOLDED_GROWTH)

    def __init__(self, pattern: str, max_size: int = MAX_PATTERN_SIZE) -> None:
        """Raise UnusableRule for a pattern that RE2 does not take."""
        options: Any = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        options.max_mem = _MAX_MEMORY
        try:
            self._regexp: Any = re2.compile(pattern, options)  # pyright: ignore[reportUnknownMemberType]
        except _RE2_ERROR as problem:
            reason = bytes(problem.args[0]).decode("utf-8", "replace")
            known = (why for start, why in _UNKNOWN_TO_RE2.items() if reason.startswith(start))
            why = next(known, Unusable.MALFORMED)
            raise UnusableRule(f"the pattern {pattern!r} cannot be used: {why} ({reason})", why) from None
        if self._regexp.programsize > max_size:
            raise UnusableRule(
                f"the pattern {pattern!r} is too large: {self._regexp.programsize} instructions, where {max_size} are "
                "allowed; make several of it, and use no counted repetitions such as {0,100}",
                Unusable.TOO_LARGE,
            )
        if self._regexp.search("") is not None:
            raise UnusableRule(f"the pattern {pattern!r} matches every text, even an empty one", Unusable.MATCHES_ALL)

    def search(self, text: str) -> tuple[int, int] | None:
        """Where the leftmost match begins and ends; None without one."""
        match = self._regexp.search(text)
        return None if match is None else match.span()

    def matches(self, text: str) -> list[tuple[tuple[int, int], str]]:
        """All matches that do not overlap: where each begins and ends, and what its first group holds."""
        has_group = self._regexp.groups > 0
        return [(match.span(), (match[1] or "") if has_group else "") for match in self._regexp.finditer(text)]


class LinearPatternSet:
    """A set of case-insensitive RE2 expressions that is matched in one pass over a text."""

    def __init__(self, patterns: Sequence[str], max_memory: int) -> None:
        """`max_memory`: bytes of the automaton, which is begun anew where they are used up."""
        options: Any = re2.Options()
        options.case_sensitive = False
        options.max_mem = max_memory
        self._set: Any = cast("Any", re2.Set).SearchSet(options)
        for pattern in patterns:
            self._set.Add(pattern)
        self._set.Compile()

    def matching(self, text: str) -> list[int]:
        """The places of the patterns that the text matches, in their order."""
        return sorted(self._set.Match(text) or ())


def checked_pattern(pattern: str) -> str:
    """The pattern itself. Raises UnusableRule for one that `LinearPattern` does not take."""
    LinearPattern(pattern)
    return pattern


def checked_word(word: str) -> str:
    """The word itself. Raises UnusableRule unless it is a word, or a phrase, with `*` at its ends alone."""
    inner = word.strip().removeprefix("*").removesuffix("*")
    if "*" in inner:
        told = f"the word {word!r} has a * inside; it may stand at the ends (word*, *word, *word*)"
        raise UnusableRule(told, Unusable.STAR_INSIDE)
    letters = [letter for letter in visible(inner) if letter.isalnum()]
    if len(letters) < 2 and not any("\u3400" <= letter <= "\u9fff" for letter in letters):  # one kanji is a word
        told = f"the word {word!r} needs two letters or digits; write it as a pattern"
        raise UnusableRule(told, Unusable.TOO_SHORT)
    return word.strip()
