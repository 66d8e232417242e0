"""Finds other forms of a list's words, where its staff ask for it: plurals, other endings, and slips of one letter.

A form begins with the word's first letter. It is the word with another ending of up to two letters (*lanterns*,
*lantern's*, *Laternen*, *лампы*), its plural in *-ies* (*butterflies*), or the word with one letter too many, too few,
wrong, or changed with its neighbour (*lanten*, *lantren*). Ordinary words are none: *latern* is a form of *lantern*,
and *lancers* is not.
"""

# ruff: noqa: RUF001 (Cyrillic vowels look like Latin ones)

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from bot.moderation.normalise import NormalisedText, Script
from bot.moderation.word_matcher import Word, WordHit

Label = TypeVar("Label")

_SHORTEST: Final = 5  # letters of a word that has forms
_SHORTEST_SLIP: Final = 7  # and of one that has slips: shorter words are too often others, as *rating* of *raping*
_LONGEST: Final = 60  # letters; longer pieces have no form
_ENDING: Final = 2  # letters that an ending adds at most
_RUN: Final = re.compile(r"(.)\1{2,}")  # a letter that is repeated more than twice
_VOWELS: Final = frozenset("aeiouyаяыиеоуюэ")


class WordForms(Generic[Label]):
    """Finds forms of single words of an alphabet. Phrases and words with `*` have none."""

    def __init__(self, words: Iterable[Word[Label]]) -> None:
        self._by_stem: dict[str, list[Word[Label]]] = {}
        self._by_slip: dict[str, list[Word[Label]]] = {}  # the word, and each with one letter less
        for word in filter(_has_forms, words):
            for stem in {_stem(word.letters), *plurals(word.letters)}:
                self._by_stem.setdefault(stem, []).append(word)
            if len(word.letters) >= _SHORTEST_SLIP:
                for shorter in _without_one(word.letters):
                    self._by_slip.setdefault(shorter, []).append(word)

    def find(self, text: NormalisedText) -> Iterator[WordHit[Label]]:
        """Each word that the text has a form of, with its first place."""
        if not self._by_stem:
            return
        found = set[int]()
        for letters, start in text.distinct_pieces():
            for word in self._forms_of(letters):
                if id(word) not in found:
                    found.add(id(word))
                    yield WordHit(word, text.span(start, start + len(letters)))

    def _forms_of(self, letters: str) -> Iterator[Word[Label]]:
        """The words that have this form."""
        letters = _RUN.sub(r"\1\1", letters)
        if len(letters) > _LONGEST:
            return
        for ending in range(_ENDING + 1):
            yield from self._by_stem.get(letters[: len(letters) - ending], ())
        for shorter in _without_one(letters):
            for word in self._by_slip.get(shorter, ()):
                if _differs_by_one(letters, word.letters):
                    yield word


def plurals(phrase: str) -> tuple[str, ...]:
    """The plurals that a phrase may have in English: *dragon fruits*, *peaches*, *butterflies*."""
    if not phrase[-1:].isalpha() or not phrase.isascii():
        return ()
    regular = (f"{phrase}s", f"{phrase}es")
    return (*regular, f"{phrase[:-1]}ies") if phrase[-1] in "yY" else regular


def _has_forms(word: Word[Any]) -> bool:
    plain = len(word.parts) == 1 and "*" not in word.written and len(word.letters) >= _SHORTEST
    return plain and all(Script.of(letter) is Script.ALPHABET and letter.isalpha() for letter in word.letters)


def _stem(word: str) -> str:
    """The part of a word before its ending: the word without a last vowel."""
    return word[:-1] if word[-1] in _VOWELS else word


def _without_one(letters: str) -> set[str]:
    """The letters themselves, and each time without one of them but the first."""
    return {letters, *(letters[:place] + letters[place + 1 :] for place in range(1, len(letters)))}


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
