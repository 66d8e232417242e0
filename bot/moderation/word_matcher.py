"""Finds many words in a text at once, however they are written: one automaton over the skeleton, then a closer look.

What the automaton finds is looked at again where it stands, by rules that keep parts of longer words and ordinary
neighbours out:

- A word begins and ends where a piece does, or a script inside of a piece; `*` at its end lifts that.
- Signs for letters need a letter beside them. A word of three letters bears one sign, one of two bears none.
- Letters may be repeated. A word of three letters needs two more of them, or three in a row: *Kidd* is no *kid*.
- A word may be cut into pieces. Between single letters (`w o r d`) anything short may stand. Longer pieces go together
  if no white space is between them (`wo-rd`); across white space a word of five letters does. All pieces may be
  ordinary words by chance, as in *the pen is red* or *a drag on stage* (`_are_ordinary`).
- A number by itself is a letter only among single letters: *(pen:1.5)* has a weight.
- Kana of the other kind spell a word too; then it ends where a piece or a script does, unless it has four letters.
- A phrase stands as it is written, with any short separator or none between its words.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from itertools import groupby, pairwise, takewhile
from typing import Any, Generic, NamedTuple, TypeVar, cast

import ahocorasick

from bot.moderation.folding import in_hiragana
from bot.moderation.normalise import (
    LEET,
    MAX_SEPARATOR,
    VOICED,
    NormalisedText,
    Script,
    Span,
    is_single,
    parts_of,
    skeleton,
)

Label = TypeVar("Label")

_TWO, _SHORT, _FOUR, _LONG = 2, 3, 4, 5  # letters of words with rules of their own
_ORDINARY = frozenset((resources.files("bot.moderation") / "ordinary_words.txt").read_text("utf-8").split())
_ORDINARY_AND_SHORT = frozenset(word for word in _ORDINARY if len(word) <= _SHORT)
# Words that join others, so that a split beside one is no compound: *drag on* is not *dragon*, *butter fly* may be one.
_JOINING = frozenset({
    "a", "am", "an", "and", "are", "as", "at", "be", "but", "by", "do", "for", "from", "go", "had", "has", "he",
    "her", "him", "his", "i", "if", "in", "into", "is", "it", "its", "me", "my", "no", "not", "of", "off", "on",
    "or", "our", "out", "over", "she", "so", "than", "that", "the", "their", "them", "they", "this", "to",
    "under", "up", "us", "was", "we", "were", "when", "who", "with", "you", "your",
})  # fmt: skip
_DISGUISES = re.compile(r"""[^\s_,.;:!?()\[\]{}|/&"'\u2013\u2014-]""")  # in separators of ordinary words


@dataclass(frozen=True, eq=False)
class Word(Generic[Label]):
    """A word or phrase as somebody wrote it: `word`, `word*`, `*word` or `*word*`. `label` comes back with each hit."""

    written: str
    label: Label

    @cached_property
    def parts(self) -> list[str]:
        """The folded letters of each word of the phrase."""
        return parts_of(self.written)

    @cached_property
    def letters(self) -> str:
        """All of them as one, in hiragana."""
        return in_hiragana(self.as_written)

    @cached_property
    def as_written(self) -> str:
        """The same with its katakana."""
        return "".join(self.parts)

    @cached_property
    def kana(self) -> frozenset[Script]:
        """Which kinds of kana it is written in."""
        return _kana(self.as_written)

    @cached_property
    def open_before(self) -> bool:
        """Whether something may stand directly before it."""
        return self.written.startswith("*")

    @cached_property
    def open_after(self) -> bool:
        """Whether something may follow directly: in scripts that add particles without a space always."""
        return self.written.endswith("*") or Script.of(self._last_letter) in {Script.HIRAGANA, Script.HANGUL}

    @property
    def _last_letter(self) -> str:
        """The last letter, without the marks that kana bear."""
        return self.as_written.rstrip(VOICED)[-1]

    @cached_property
    def joints(self) -> frozenset[int]:
        """Before which letters a word of the phrase begins."""
        places, length = set[int](), 0
        for part in self.parts[:-1]:
            length += len(part)
            places.add(length)
        return frozenset(places)

    @cached_property
    def least_in_single_letters(self) -> int:
        """How many letters it needs to be seen where all of them stand alone."""
        return _SHORT if Script.of(self.letters[0]) is Script.ALPHABET else _TWO

    @cached_property
    def least_in_parts(self) -> int:
        """How many letters it needs to be seen where white space parts several of them from others."""
        return _LONG if Script.of(self.letters[0]) is Script.ALPHABET else _SHORT

    @cached_property
    def _masks(self) -> dict[str, int]:
        """For each letter of a text the places in the word, as bits, where it may stand."""
        found: dict[str, int] = {}
        long = len(self.letters) >= _LONG
        for place, letter in enumerate(self.letters):
            alike = {
                letter,
                *LEET.get(letter, ""),
                *(sign for sign, stands_for in LEET.items() if letter in stands_for),
            }
            alike |= {"i"} if letter == "l" else {"l"} if letter == "i" and long else set()  # a capital I is like an l
            for each in alike:
                found[each] = found.get(each, 0) | 1 << place
        return found

    def skeletons(self) -> set[str]:
        """The skeletons that texts which spell it may have: letters of two pieces are not written as one."""
        by_part = "".join(map(_runs, self.parts))
        by_letter = "".join(letter for letter, _ in groupby(self.letters))
        return {_runs(self.letters), by_part, skeleton(by_letter), skeleton(self.letters)}

    def is_spelled_by(self, text: str) -> bool:
        """Whether the letters of a text are the word's, with few enough signs and repeated letters."""
        return self._fits(text) and self._is_plausible(text)

    def _fits(self, text: str) -> bool:
        """Whether the text spells the word, with letters repeated or not, and with more around it where it is open."""
        reached, last = 1, 1 << len(self.letters)
        masks = self._masks
        for letter in text:
            here = masks.get(letter, 0)
            reached = ((reached & here) << 1) | (reached & (here << 1))
            if self.open_before:
                reached |= 1
            if reached & last and self.open_after:
                return True
            if not reached:
                return False
        return bool(reached & last)

    def _is_plausible(self, text: str) -> bool:
        """Whether a text that spells it does so with few enough signs and repeated letters."""
        length = len(self.letters)
        more = len(text) - length
        signs = 0 if any(letter in LEET for letter in self.letters) else sum(letter in LEET for letter in text)
        if text[-1] in "!|" and length < _LONG and not self.open_after:  # *lol!* is no *loli*
            return False
        if signs and (signs == len(text) or length <= _TWO or (length == _SHORT and signs > 1)):
            return False
        if more <= 0 or length > _SHORT or "*" in self.written:
            return True
        in_a_row = max(sum(1 for _ in run) for _, run in groupby(text))
        return length == _SHORT and (more > 1 or in_a_row >= _SHORT)


class WordHit(NamedTuple, Generic[Label]):
    """A word that a text has, and where."""

    word: Word[Label]
    span: Span


class WordMatcher(Generic[Label]):
    """Finds any of its words."""

    def __init__(self, words: Iterable[Word[Label]]) -> None:
        by_key: dict[str, list[Word[Label]]] = {}
        for word in words:
            for key in word.skeletons() if word.parts else ():  # a word of nothing but marks matches nothing
                by_key.setdefault(key, []).append(word)
        automaton: Any = cast("Any", ahocorasick).Automaton()  # the package tells no types
        for key, same in by_key.items():
            closed = not any(word.open_before or word.open_after for word in same)
            automaton.add_word(key, (len(key), same, closed))
        if by_key:
            automaton.make_automaton()
        self._automaton = automaton

    def find(self, text: NormalisedText, everywhere: Container[Word[Label]] = ()) -> Iterator[WordHit[Label]]:
        """Every word that the text has, with its first place, or with all places if it is one of `everywhere`."""
        if not len(self._automaton):
            return
        found: set[int] = set()
        spelled: dict[tuple[int, str], bool] = {}  # what was looked at before
        runs, edges = text.runs, text.edges
        one_script = text.stream.isascii()  # words end where pieces do
        for last, (length, words, closed) in self._automaton.iter(text.skeleton):
            if closed and one_script and not (runs[last + 1] in edges and runs[last - length + 1] in edges):
                continue  # most of what the automaton finds
            for word in words:
                if id(word) in found:
                    continue
                if place := _place(word, text, last - length + 1, last, spelled):
                    if word not in everywhere:
                        found.add(id(word))
                    yield WordHit(word, text.span(*place))


class ExceptingMatcher(Generic[Label]):
    """Finds any of its words, but not inside of the phrases that are excepted."""

    def __init__(self, words: Iterable[Word[Label]], phrases: Iterable[Word[Label]]) -> None:
        excepted, found = list(phrases), list(words)
        self._phrases = frozenset(excepted)
        self._all = frozenset([*found, *excepted])
        self._matcher = WordMatcher[Label]([*found, *excepted])

    def find(self, text: NormalisedText, *, everywhere: bool = False) -> list[WordHit[Label]]:
        """Every word that the text has outside of such phrases, in the order of the automaton.

        With a place where it stands, or with all of them.
        """
        hits = list(self._matcher.find(text, self._all if everywhere else ()))
        if not any(hit.word in self._phrases for hit in hits):
            return hits
        if not everywhere:
            hits = list(self._matcher.find(text, self._all))
        excepted = bytearray(len(text.text))  # 1 for what such a phrase covers
        for word, (start, end) in hits:
            if word in self._phrases and "," not in text.text[start:end]:
                if word.written.endswith("*"):
                    end += sum(1 for _ in takewhile(str.isalnum, text.text[end:]))
                excepted[start:end] = b"\1" * (end - start)
        return [hit for hit in hits if hit.word not in self._phrases and 0 in excepted[hit.span.start : hit.span.end]]


def _place(
    word: Word[Any], text: NormalisedText, first: int, last: int, spelled: dict[tuple[int, str], bool]
) -> tuple[int, int] | None:
    """Where in the stream the word stands between two letters of the skeleton; None if it does not."""
    for start, end in text.places(first, last):
        if not ((word.open_before or text.is_edge(start)) and (word.open_after or text.is_edge(end))):
            continue
        key = id(word), text.stream[start:end]
        if key not in spelled:
            spelled[key] = word.is_spelled_by(key[1])
        if spelled[key] and _is_of_its_kana(word, text, start, end) and _goes_together(word, text, start, end):
            return start, end
    return None


@lru_cache(1024)
def _kana(letters: str) -> frozenset[Script]:
    return frozenset({Script.HIRAGANA, Script.KATAKANA} & set(map(Script.of, letters)))


def _is_of_its_kana(word: Word[Any], text: NormalisedText, start: int, end: int) -> bool:
    """Whether a stretch has the word's kind of kana, or cannot be part of a longer word."""
    if (
        not word.kana
        or sum(letter not in VOICED for letter in word.letters) >= _FOUR
        or text.as_written[start:end] == word.as_written
    ):
        return True
    if word.kana == _kana(text.as_written[start:end]):
        return True
    before, after = word.written.startswith("*"), word.written.endswith("*")
    return (before or text.is_edge(start)) and (after or text.is_edge(end))


def _runs(letters: str) -> str:
    """The skeleton of letters, with repeated ones written once."""
    return "".join(letter for letter, _ in groupby(skeleton(letters)))


def _goes_together(word: Word[Any], text: NormalisedText, start: int, end: int) -> bool:
    """Whether the pieces of a stretch that spells the word are the word."""
    pieces = text.pieces(start, end)
    if len(pieces) == 1:
        return True
    before, after = word.written.startswith("*"), word.written.endswith("*")
    if not text.is_together(pieces) or not text.is_whole(start, end, open_before=before, open_after=after):
        return False
    separators = [text.separator(piece) for piece in pieces[1:]]
    if max(map(len, separators)) > MAX_SEPARATOR:
        return False
    parts = [text.letters[piece] for piece in pieces]
    if parts == word.parts:
        return True
    if any(map(str.isdigit, parts)) and not all(map(is_single, parts)):  # a weight, as in *(pen:1.5)*
        return False
    repeated = 0 if before or after else end - start - len(word.letters)
    joints = [] if repeated else [text.start_of(piece) - start in word.joints for piece in pieces[1:]]
    if not _may_be_parted(word, parts, separators, joints or [False] * len(separators), repeated):
        return False
    if joints and all(joints):
        return True
    return not _are_ordinary(parts, separators) or parts != [text.written(piece).casefold() for piece in pieces]


def _may_be_parted(word: Word[Any], parts: list[str], separators: list[str], joints: list[bool], repeated: int) -> bool:
    """Whether a word may be parted in this way; `joints` says where a word of a phrase begins."""
    parted = False  # whether white space parts a piece of several letters from another
    for separator, joint, (left, right) in zip(separators, joints, pairwise(parts), strict=True):
        if joint:
            continue
        if is_single(left) and is_single(right):
            if len(word.letters) < word.least_in_single_letters:
                return False
        elif len(word.letters) <= _SHORT or repeated == 1:
            return False
        else:
            parted |= " " in separator
    return not parted or len(word.letters) >= word.least_in_parts


def _are_ordinary(parts: list[str], separators: list[str]) -> bool:
    """Whether pieces are ordinary words that meet by chance: one that joins others is among them, or all are short."""
    if not _ORDINARY.issuperset(parts):
        return False
    if not all(" " in each or each == "_" for each in separators) or any(map(_DISGUISES.search, separators)):
        return False
    return not _JOINING.isdisjoint(parts) or ("_" not in separators and _ORDINARY_AND_SHORT.issuperset(parts))
