"""Finds other forms of a list's words, where its staff ask for it: plurals, other endings, and slips of one letter.

A form begins with the word's first letter. It is the word with another ending of up to two letters (*lanterns*,
*lantern's*, *Laternen*, *лампы*), or the word with one letter too many, too few, wrong, or changed with its neighbour
(*lanten*, *lantren*). Ordinary words are none: *latern* is a form of *lantern*, and *lancers* is not.
"""

# ruff: noqa: RUF001 (Cyrillic vowels look like Latin ones)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final, Generic, TypeVar

from bot.moderation.normalise import NormalisedText, Script
from bot.moderation.word_matcher import Word, WordHit

Label = TypeVar("Label")

_SHORTEST: Final = 5  # letters of a word that has forms
_SHORTEST_SLIP: Final = 6  # and of one that has slips: shorter words are too often others
_ENDING: Final = 2  # letters that an ending adds at most
_VOWELS: Final = frozenset("aeiouyаяыиеоуюэ")


class WordForms(Generic[Label]):
    """Finds forms of those of its words that are one word of an alphabet, without `*`."""

    def __init__(self, words: Iterable[Word[Label]]) -> None:
        self._by_start: dict[str, list[Word[Label]]] = {}
        for word in words:
            if _has_forms(word):
                self._by_start.setdefault(word.letters[0], []).append(word)

    def find(self, text: NormalisedText) -> Iterator[WordHit[Label]]:
        """Each word that the text has a form of, with its first place."""
        if not self._by_start:
            return
        found = set[int]()
        for letters, start in text.distinct_pieces():
            for word in self._by_start.get(letters[0], ()):
                if id(word) not in found and is_form(letters, word.letters):
                    found.add(id(word))
                    yield WordHit(word, text.span(start, start + len(letters)))


def is_form(letters: str, word: str) -> bool:
    """Whether letters are a form of a word. Both are folded."""
    if abs(len(letters) - len(word)) > _ENDING + 1 or len(letters) < _SHORTEST - 1:
        return False
    letters = letters if letters == word else _once(letters, word)
    stem = word[:-1] if word[-1] in _VOWELS else word
    if letters.startswith(stem) and len(letters) - len(stem) <= _ENDING:
        return True
    return len(word) >= _SHORTEST_SLIP and _differs_by_one(letters, word)


def _has_forms(word: Word[Any]) -> bool:
    plain = len(word.parts) == 1 and "*" not in word.written and len(word.letters) >= _SHORTEST
    return plain and all(Script.of(letter) is Script.ALPHABET and letter.isalpha() for letter in word.letters)


def _once(letters: str, word: str) -> str:
    """Letters with what is repeated three times and more written once, if the word has none of it."""
    runs = ["".join(run) for _, run in groupby(letters)]
    return "".join(run[0] if len(run) > 2 and run[0] * 2 not in word else run for run in runs)


def _differs_by_one(one: str, other: str) -> bool:
    """Whether one letter is too many, too few or wrong, or two neighbours are exchanged; the first letter is right."""
    if len(one) > len(other):
        one, other = other, one
    same = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if same == 0:
        return False
    if len(one) < len(other):
        return len(other) - len(one) == 1 and one[same:] == other[same + 1 :]
    return one[same + 1 :] == other[same + 1 :] or (
        one[same : same + 2] == other[same : same + 2][::-1] and one[same + 2 :] == other[same + 2 :]
    )
