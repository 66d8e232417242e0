"""Operator's words and regular expressions: what may be written, and expressions that read a text in linear time."""

from __future__ import annotations

from typing import Any, cast

import re2

MAX_PATTERN_SIZE = 120  # instructions of RE2; 4,000 characters cost 20 µs for each at most
_MAX_MEMORY = 2**20  # bytes of one pattern: its automaton is built as it goes, and begun anew where this is used up
_UNKNOWN_TO_RE2 = {
    "invalid perl operator: (?": "it looks ahead or behind, which cannot be read in linear time",
    "invalid escape sequence: \\": "it uses a backreference or an escape that RE2 does not know",
    "invalid repetition size": "it repeats something more than 1000 times",
    "pattern too large": "it is too large",
}


_RE2_ERROR = cast("type[Exception]", re2.error)  # pyright: ignore[reportUnknownMemberType]


class LinearPattern:
    """A regular expression of RE2 without regard to case. Its time grows with the text's length and no faster."""

    def __init__(self, pattern: str, max_size: int = MAX_PATTERN_SIZE) -> None:
        """Raise ValueError, with a sentence for operators, for a pattern that RE2 does not take."""
        options: Any = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        options.max_mem = _MAX_MEMORY
        try:
            self._regexp: Any = re2.compile(pattern, options)  # pyright: ignore[reportUnknownMemberType]
        except _RE2_ERROR as problem:
            reason = bytes(problem.args[0]).decode("utf-8", "replace")
            why = next((why for start, why in _UNKNOWN_TO_RE2.items() if reason.startswith(start)), "it is malformed")
            raise ValueError(f"the pattern {pattern!r} cannot be used: {why} ({reason})") from None
        if self._regexp.programsize > max_size:
            raise ValueError(
                f"the pattern {pattern!r} is too large: {self._regexp.programsize} instructions, where {max_size} are "
                "allowed; make several of it, and use no counted repetitions such as {0,100}"
            )
        if self._regexp.search("") is not None:
            raise ValueError(f"the pattern {pattern!r} matches every text, even an empty one")

    def search(self, text: str) -> tuple[int, int] | None:
        """Where the leftmost match begins and ends; None without one."""
        match = self._regexp.search(text)
        return None if match is None else match.span()

    def matches(self, text: str) -> list[tuple[tuple[int, int], str]]:
        """All matches that do not overlap: where each begins and ends, and what its first group holds."""
        has_group = self._regexp.groups > 0
        return [(match.span(), (match[1] or "") if has_group else "") for match in self._regexp.finditer(text)]


def checked_pattern(pattern: str) -> str:
    """The pattern itself. Raises ValueError for one that `LinearPattern` does not take."""
    LinearPattern(pattern)
    return pattern


def checked_word(word: str) -> str:
    """The word itself. Raises ValueError unless it is a word, or a phrase, with `*` at its ends alone."""
    inner = word.strip().removeprefix("*").removesuffix("*")
    if "*" in inner:
        raise ValueError(f"the word {word!r} has a * inside; it may stand at the ends (word*, *word, *word*)")
    letters = [letter for letter in inner if letter.isalnum()]
    if len(letters) < 2 and not any("\u3400" <= letter <= "\u9fff" for letter in letters):  # one kanji is a word
        raise ValueError(f"the word {word!r} needs two letters or digits; write it as a pattern")
    return word.strip()
