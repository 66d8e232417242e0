"""Text as rules on words read it: one spelling for what looks alike, with the way back to the text as it was written.

`NormalisedText` folds a text (`folding.py`) and cuts it into *pieces*, which are what stands between separators. The
letters of all pieces are one stream that knows where pieces begin and end. So a word is told from a part of a longer
word, and is found with separators between its letters too. Katakana are hiragana in the stream.

Digits and signs such as `@` may stand for letters, and are letters of the stream. A piece that has a sign in it, or
a digit at an end, is repeated at the end of the stream without them: `l0li` is read, and so is `1loli`.
Everything takes time that grows with the text's length and no faster.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise, product
from string import digits
from typing import Final, NamedTuple, Self

from bot.moderation.folding import displayed, fold, folded_length, in_hiragana

# What digits and signs may stand for; the usual letter is the first.
LEET: Final = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "il", "|": "li", "+": "t", "€": "e", "£": "l", "¢": "c", "¥": "y",
}  # fmt: skip
_DECODED = str.maketrans({sign: letters[0] for sign, letters in LEET.items()})
# Letters that one sign may stand for are the same in the skeleton; who finds a word there looks at the letters again.
_SAME = {"i": "l", "b": "g"}
_SKELETON = str.maketrans(_SAME | {sign: _SAME.get(letters[0], letters[0]) for sign, letters in LEET.items()})

MAX_SEPARATOR = 4  # characters between two letters of one word

# A piece: letters, digits and signs, with the marks that letters of India and Southeast Asia and kana need.
_PIECE = re.compile("(?:[^\\W_]|[@$!|+€£¢¥'\u3099\u309a\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])+")
# The weight of a part of a prompt, as in `(long hair:1.2)`, which parts no word: `(chi:1.1)ld` is written to be read.
_WEIGHT = re.compile(r":[ ]{0,20}[+-]?[0-9]{0,20}\.?[0-9]{0,20}[ ]{0,20}(?=\))")
_BETWEEN_SIGNS = re.compile("[^@$!|+€£¢¥']+")
_RUN = re.compile(r"(.)\1\1+")
_COMPOSABLE = re.compile("[\u3099\u309a\u1160-\u11ff]")  # folded kana and Hangul are decomposed
_COMPOSABLE_LETTER = re.compile("(?s:.)[\u3099\u309a\u1160-\u11ff]*")
VOICED = "\u3099\u309a"  # marks of kana, which belong to the letter before
# Words that A1111's prompts are parted by, where they stand in capitals: the halves of a word are read together.
_PARTING = re.compile(r"(?<![^\W_])(?:BREAK|AND|ADDCOMM|ADDBASE|ADDROW|ADDCOL)(?![^\W_])")
_BRACKETS = re.compile(r"[()\[\]{}*|~]+")
_REPEATED = re.compile(r"(.)\1+", re.DOTALL)


def skeleton(letters: str) -> str:
    """Letters with one spelling for all that a sign may stand for; repeated letters stay."""
    return letters.translate(_SKELETON)


def parts_of(phrase: str) -> list[str]:
    """The folded letters of each word of a phrase, as the stream of a text would have them."""
    pieces = ("".join(_BETWEEN_SIGNS.findall(piece)) for piece in _PIECE.findall(fold(phrase)))
    return [piece for piece in pieces if piece]


class Span(NamedTuple):
    """A stretch of the text as it was written: its first character, and the one after its last."""

    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """A text made of parts of the folded text: the part that begins at `places[i]` came of `origins[i]`."""

    text: str
    places: tuple[int, ...]
    origins: tuple[int, ...]

    def folded(self, start: int, end: int) -> tuple[int, int]:
        """Where a stretch of it stands in the folded text; the whole part where a part was changed."""
        first, last = bisect_right(self.places, start) - 1, bisect_right(self.places, end - 1) - 1
        begins = self.origins[first] + (start - self.places[first] if self._is_verbatim(first) else 0)
        ends = self.origins[last + 1] - (self.places[last + 1] - end if self._is_verbatim(last) else 0)
        return begins, ends

    def _is_verbatim(self, part: int) -> bool:
        return self.places[part + 1] - self.places[part] == self.origins[part + 1] - self.origins[part]


@dataclass(frozen=True)
class ComposedReading:
    """The folded text with Hangul and kana composed, which folding takes apart, and all kana as hiragana."""

    source: str

    @cached_property
    def text(self) -> str:
        """What patterns read."""
        composed = unicodedata.normalize("NFC", self.source) if _COMPOSABLE.search(self.source) else self.source
        return in_hiragana(composed)

    def folded(self, start: int, end: int) -> tuple[int, int]:
        """Where a stretch of it stands in the folded text."""
        if len(self.text) == len(self.source):
            return start, end
        letters = list(_COMPOSABLE_LETTER.finditer(self.source))
        return letters[start].start(), letters[end - 1].end()


class Script(Enum):
    """Scripts that may meet inside of a piece, where one word ends and the next begins."""

    ALPHABET = (0, 0)  # all others
    HIRAGANA = (0x3041, 0x309F)
    KATAKANA = (0x30A0, 0x30FF)
    HAN = (0x3400, 0x9FFF)
    RARE_HAN = (0x20000, 0x3FFFF)
    HANGUL = (0x1100, 0x11FF)

    @staticmethod
    @lru_cache(4096)
    def of(letter: str) -> Script:
        """The script of a folded letter."""
        code = ord(letter)
        if code < 0x1100:
            return Script.ALPHABET
        return next((script for script in Script if script.value[0] <= code <= script.value[1]), Script.ALPHABET)


class _Piece(NamedTuple):
    """How a piece that is not of letters alone is read."""

    letters: str  # without apostrophes, and without signs at the end that are more often an end than a letter
    exclaimed: str  # with those signs, if there are any
    plain: list[tuple[str, int]]  # what stands between signs, without digits at its ends, and where it begins

    @classmethod
    def of(cls, whole: str) -> Self:
        letters, exclaimed = whole.replace("'", ""), ""
        if len(letters) > 1 and letters[-1] in "!|":
            exclaimed, letters = letters, letters.rstrip("!|")
        found: list[tuple[str, int]] = []
        for part in _BETWEEN_SIGNS.finditer(whole):
            plain = part[0].strip(digits)
            if plain and plain != letters:
                found.append((plain, part.start() + part[0].index(plain)))
        return cls(letters, exclaimed, found)


class NormalisedText:
    """A text with all its readings. `stream` holds the letters of all pieces, one after the other.

    `as_written` is the stream with its katakana. `skeleton` is the stream in one spelling (`skeleton`) with repeated
    letters written once; its letter i is what `stream[runs[i] : runs[i + 1]]` repeats. Letters of two pieces are one
    only where both pieces are a single letter.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._displayed = displayed(_PARTING.sub(lambda word: "\0" * len(word[0]), text))
        self.folded = fold(self._displayed)
        self._unweighted = _WEIGHT.sub(lambda weight: "\0" * len(weight[0]), self.folded)
        cut = self._cut()
        self.letters = [letters for letters, _, _ in cut]  # of each piece
        self._folded = [folded for _, folded, _ in cut]  # where each piece begins and ends in the folded text
        self._groups = [group for _, _, group in cut]  # a word never runs from a piece of one group to that of another
        self._starts = list(accumulate(map(len, self.letters), initial=0))[:-1]  # of each piece in the stream
        self.as_written = "".join(self.letters)
        self.stream = in_hiragana(self.as_written)
        self.edges = {*self._starts, len(self.stream)}  # where pieces begin and end in the stream
        self.skeleton, self.runs = self._skeleton_and_runs()

    def _cut(self) -> list[tuple[str, tuple[int, int], int]]:
        """Letters, place in the folded text and group of each piece: as they stand, and those that are repeated."""
        cut: list[tuple[str, tuple[int, int], int]] = []
        again: list[tuple[str, tuple[int, int], int]] = []
        known: dict[str, _Piece] = {}  # pieces come again and again
        for group, match in enumerate(_PIECE.finditer(self._unweighted), 1):
            whole, (start, end) = match[0], match.span()
            if whole.isalpha():
                cut.append((whole, (start, end), 0))
                continue
            piece = known.get(whole)
            if piece is None:
                piece = known[whole] = _Piece.of(whole)
            if piece.exclaimed:
                again.append((piece.exclaimed, (start, start + len(piece.exclaimed)), group + len(self.folded)))
            again += [(plain, (start + at, start + at + len(plain)), group) for plain, at in piece.plain]
            if piece.letters:
                cut.append((piece.letters, (start, end), 0))
        return [*cut, *again]

    def _skeleton_and_runs(self) -> tuple[str, list[int]]:
        spelling = skeleton(self.stream)
        apart = {
            place
            for place, (before, after) in enumerate(pairwise(zip(self.stream, self.as_written, strict=True)), 1)
            if before[0] == after[0] and before[1] != after[1]  # kana of two kinds
        }
        apart |= {
            start
            for start, (before, after) in zip(self._starts[1:], pairwise(self.letters), strict=False)
            if not (is_single(before) and is_single(after))
        }
        runs = [0] if spelling else []
        runs += [i for i, (one, next_) in enumerate(pairwise(spelling), 1) if one != next_ or i in apart]
        return "".join([spelling[i] for i in runs]), [*runs, len(spelling)]

    def is_edge(self, place: int) -> bool:
        """Whether a word may begin or end before this letter of the stream: pieces and scripts end there."""
        if place in self.edges:
            return True
        if self.as_written[place] in VOICED:
            return False
        before = place - 1
        while self.as_written[before] in VOICED and before:
            before -= 1
        left, right = Script.of(self.as_written[before]), Script.of(self.as_written[place])
        return left != right or left in {Script.HAN, Script.RARE_HAN}

    def distinct_pieces(self) -> Iterator[tuple[str, int]]:
        """The letters of each piece once, and where it begins in the stream."""
        seen = set[str]()
        for letters, start in zip(self.letters, self._starts, strict=True):
            if letters not in seen:
                seen.add(letters)
                yield letters, start

    def pieces(self, start: int, end: int) -> range:
        """The pieces that a stretch of the stream touches."""
        first = bisect_right(self._starts, start) - 1
        return range(first, bisect_right(self._starts, end - 1, first))

    def is_together(self, pieces: range) -> bool:
        """Whether pieces follow each other in the text."""
        return self._groups[pieces[0]] == self._groups[pieces[-1]]

    def is_whole(self, start: int, end: int, *, open_before: bool, open_after: bool) -> bool:
        """Whether a stretch of the stream begins and ends where words may, but for an end that is open."""
        return (open_before or self.is_edge(start)) and (open_after or self.is_edge(end))

    def places(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The stretches of the stream that two letters of the skeleton and all between them may stand for.

        More than one where a single letter is followed by the same one, which may be another word: `v-a-n a tree`.
        """
        start, end = self.runs[first], self.runs[last + 1]
        yield start, end
        starts, ends = [start], [end]
        if self.runs[first + 1] - start > 1:
            starts.append(self._starts[bisect_left(self._starts, self.runs[first + 1]) - 1])
        if end - self.runs[last] > 1:
            piece = bisect_right(self._starts, self.runs[last])
            ends += self._starts[piece : piece + 1]
        for place in product(starts, ends):
            if start <= place[0] < place[1] <= end and place != (start, end):
                yield place

    def start_of(self, piece: int) -> int:
        """Where a piece begins in the stream."""
        return self._starts[piece]

    def written(self, piece: int) -> str:
        """The piece as it was written."""
        start = self._starts[piece]
        return self.text[slice(*self.span(start, start + len(self.letters[piece])))]

    def separator(self, piece: int) -> str:
        """What stands in the folded text between a piece and the one before it, without weights.

        Of what is longer than a word's separator may be, repetitions are left out.
        """
        return self._between(self._folded[piece - 1][1], self._folded[piece][0])

    def _between(self, start: int, end: int) -> str:
        between = self._unweighted[start:end].replace("\0", "")
        return _REPEATED.sub(r"\1", between) if len(between) > MAX_SEPARATOR else between

    def span(self, start: int, end: int) -> Span:
        """Where a stretch of the stream is in the text as it was written."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1, first) - 1
        begins = self._folded[first][0] + start - self._starts[first]
        left_over = self._starts[last] + len(self.letters[last]) - end
        return self.span_of_folded(begins, self._folded[last][1] - left_over)

    def span_of_folded(self, start: int, end: int) -> Span:
        """Where a stretch of the folded text is in the text as it was written."""
        if self._is_one_to_one:
            return Span(start, end)
        first = bisect_right(self._origins, start)
        return Span(first, bisect_right(self._origins, end - 1, first) + 1)

    @cached_property
    def _is_one_to_one(self) -> bool:
        """Whether each character of the text gives one of the folded text: of ASCII none gives more."""
        return self.text.isascii() and len(self.text) == len(self.folded)

    @cached_property
    def _origins(self) -> list[int]:
        """How many characters of the folded text come of each character and those before it."""
        return list(accumulate(map(folded_length, self._displayed)))

    @cached_property
    def readings(self) -> list[Reading | ComposedReading]:
        """The texts that patterns read: the folded text, the same without brackets and weights, and a decoded one.

        The decoded text has letters in place of signs, and neither spaced nor repeated letters.
        """
        plain = _BRACKETS.sub(lambda bracket: " " * len(bracket[0]), self._unweighted.replace("\0", " "))
        decoded = self._decoded()
        return [
            ComposedReading(self.folded),
            *([ComposedReading(plain)] if plain != self.folded else []),
            *([decoded] if decoded.text != self.folded else []),
        ]

    def _decoded(self) -> Reading:
        parts: list[str] = []
        origins: list[int] = []
        written, copied, before = 0, 0, ""  # up to where the folded text was read, and taken over
        has_runs = _RUN.search(self.folded) is not None

        def take_over(end: int) -> None:
            if end > copied:
                parts.append(self.folded[copied:end])
                origins.append(copied)

        for letters, (begins, ends), group in zip(self.letters, self._folded, self._groups, strict=True):
            if group:
                break
            read = letters
            if not letters.isalpha() and not letters.isdigit():
                read = letters.translate(_DECODED)
            if has_runs and not letters.isdigit():  # 1000 is no 10
                read = _RUN.sub(r"\1", read)
            joins = len(read) == len(before) == 1 and len(self._between(written, begins)) <= MAX_SEPARATOR
            if joins or read is not letters or ends - begins != len(letters):
                take_over(written if joins else begins)
                parts += ["", read]
                origins += [written, begins]
                copied = ends
            written, before = ends, read if read.isalpha() else ""
        take_over(len(self.folded))
        return Reading("".join(parts), tuple(accumulate(map(len, parts), initial=0)), (*origins, len(self.folded)))


def is_single(letters: str) -> bool:
    """Whether a piece is one letter, repeated or not. Hangul and kana are letters of several parts."""
    return (
        len(letters) == 1
        or letters == letters[0] * len(letters)
        or (_COMPOSABLE_LETTER.fullmatch(letters) is not None and _COMPOSABLE.search(letters) is not None)
    )
