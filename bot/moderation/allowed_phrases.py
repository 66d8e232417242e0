"""Phrases that staff allow in their server, and the phrase of a refused prompt that a member can propose.

Words inside of an allowed phrase count neither for the server's own lists nor for the rating of a prompt there. The
rule on minors and the operator's lists read the whole text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pydantic import BaseModel

from bot.config.word_patterns import UnusableRule, checked_word
from bot.moderation.folding import fold
from bot.moderation.normalise import NormalisedText
from bot.moderation.word_forms import plurals
from bot.moderation.word_matcher import Word, WordMatcher
from bot.visible_text import visible
from inference.prompt_weights import without_weights

MAX_PHRASE: Final = 100  # characters
_AROUND: Final = 3  # words on each side of a refused word, where its sentence is longer than a phrase may be
_COMMA: Final = ","
_BETWEEN_PARTS: Final = re.compile("[,;\n|\u3001\u3002\uff0c\uff1b]|[.!?](?=\\s|$)")
_QUOTES: Final = re.compile("['`\u00b4\u2018-\u201f]")
_BESIDE_WORD: Final = re.compile(r"^\W+|\W+$")
# A word, or a letter of a script that puts no space between words.
_WORD: Final = re.compile("[\u3005-\u30ff\u3400-\u9fff]|[^\\s\u3005-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True)
class AllowedPhrases:
    """The phrases of a server, written as the exceptions of a word list. A phrase contains no comma."""

    phrases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Compile them. Raises UnusableRule for a phrase that cannot be used."""
        assert self._matcher is not None

    @cached_property
    def with_plurals(self) -> AllowedPhrases:
        """These phrases and their plurals, for lists that match forms of their words."""
        return AllowedPhrases((*self.phrases, *(plural for each in self.phrases for plural in plurals(each))))

    @cached_property
    def _words(self) -> tuple[Word[None], ...]:
        return tuple(Word(checked_word(phrase), None) for phrase in self.phrases)

    @cached_property
    def _matcher(self) -> WordMatcher[None]:
        return WordMatcher(self._words)

    def without(self, text: str) -> str:
        """Return the text with commas in the place of each allowed phrase; all else keeps its position."""
        if not self.phrases:
            return text
        left = list(text)
        for _word, (start, end) in self._matcher.find(NormalisedText(text), self._words):
            if _COMMA not in text[start:end]:
                left[start:end] = _COMMA * (end - start)
        return "".join(left)


NOTHING_ALLOWED: Final = AllowedPhrases()


class RefusedWords(BaseModel, frozen=True):
    """The first refused words of a text in a server, and the phrase that a member can propose."""

    server_id: int
    word: str
    phrase: str
    text: str


def refused_words(server_id: int, text: str, refused: Callable[[str], bool]) -> RefusedWords | None:
    """Find the first part of a text between commas that is refused; None if no phrase in it can be allowed.

    `refused` judges any text.
    """
    if not refused(text):
        return None
    text = without_weights(text)
    for part in map(str.strip, _BETWEEN_PARTS.split(text)):
        if not part or not refused(part):
            continue
        spans = [match.span() for match in _WORD.finditer(part)]

        def stretch(first: int, last: int, part: str = part, spans: list[tuple[int, int]] = spans) -> str:
            return part[spans[max(first, 0)][0] : spans[min(last, len(spans) - 1)][1]]

        last = bisect_left(range(len(spans)), True, key=lambda end: refused(stretch(0, end)))
        first = bisect_left(range(last + 1), True, key=lambda start: not refused(stretch(start, last))) - 1
        word = stretch(first, last)
        for phrase in (part, stretch(first - _AROUND, last + _AROUND), word):
            phrase = visible(phrase)
            if len(phrase) <= MAX_PHRASE and _is_allowed_by(phrase, part, refused):
                return RefusedWords(server_id=server_id, word=_plain(word, refused), phrase=phrase, text=text)
    return None


def contains(phrase: str, word: str) -> bool:
    """Whether a phrase contains a word that was refused."""
    try:
        return any(WordMatcher([Word(checked_word(word), None)]).find(NormalisedText(phrase)))
    except UnusableRule:  # single letters
        return fold(word) in fold(phrase)


def _plain(word: str, refused: Callable[[str], bool]) -> str:
    """The word without case, width, quotation marks and signs around it, unless these make it another word."""
    word = unicodedata.normalize("NFKC", visible(word)).casefold()
    plain = _BESIDE_WORD.sub("", _QUOTES.sub("", word))
    return plain if refused(plain) else word


def _is_allowed_by(phrase: str, part: str, refused: Callable[[str], bool]) -> bool:
    try:
        return not refused(AllowedPhrases((phrase,)).without(part))
    except UnusableRule:
        return False
