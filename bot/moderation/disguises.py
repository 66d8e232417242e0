"""Finds words that are written backwards or with signs in the place of letters, as in `dlihc` and `ch*ld`.

Only words of one part are found so, and only where that is hardly ever something else:

- Backwards a word is a piece by itself, without signs for letters. Short ones are other words too often.
- A masked word shows its first and its last letter and at least half of all; each sign stands for one letter. A word
  of three letters is masked by `*` alone: `C#m` is a chord, and `5%x` a number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, Generic, TypeVar

from bot.moderation.normalise import MaskedKey, NormalisedText, Span, masked_key

Thing = TypeVar("Thing")

SHORTEST_BACKWARDS: Final = 6  # letters; of five are Neger and Regen, which are German
_LEAST_MASKED: Final = 3  # letters
# Words of so many letters that are others backwards.
_OTHER_WORDS: Final = frozenset(
    {
        "animal", "lamina", "darter", "retrad", "deliver", "reviled", "denier", "reined", "desserts", "stressed",
        "dialer", "relaid", "diaper", "repaid", "drawer", "reward", "looter", "retool", "recaps", "spacer", "redraw",
        "warder", "redrawer", "rewarder", "reflow", "wolfer", "reknits", "stinker", "reliver", "reviler", "rennet",
        "tenner", "report", "troper", "sleets", "steels", "sloops", "spools", "snoops", "spoons", "sports", "strops",
    }
)  # fmt: skip


class DisguisedWords(Generic[Thing]):
    """What is found by its letters, in disguise."""

    def __init__(
        self,
        words: Iterable[tuple[str, Thing]],
        shortest_backwards: int = SHORTEST_BACKWARDS,
        other_words: Collection[str] = (),
    ) -> None:
        """`other_words`: those that backwards are something else, besides the common ones."""
        self._backwards: dict[str, Thing] = {}
        self._masked: dict[MaskedKey, list[tuple[str, Thing]]] = {}
        for letters, thing in words:
            if not (letters.isascii() and letters.isalpha()) or len(letters) < _LEAST_MASKED:
                continue
            backwards = letters[::-1]
            is_other = letters in _OTHER_WORDS or letters in other_words
            if len(letters) >= shortest_backwards and backwards != letters and not is_other:
                self._backwards.setdefault(backwards, thing)
            self._masked.setdefault(masked_key(letters), []).append((letters, thing))

    def find(self, text: NormalisedText) -> Iterator[tuple[Thing, Span]]:
        """Each that the text has, with its first place."""
        for letters in self._backwards.keys() & text.distinct:
            start = text.start_of(text.letters.index(letters))
            yield self._backwards[letters], text.span(start, start + len(letters))
        for key in self._masked.keys() & text.masked.keys():
            words = self._masked[key]
            for parts, start in text.masked[key]:
                for letters, thing in words:
                    if len(letters) == _LEAST_MASKED and not text.is_plainly_masked(start, start + len(letters)):
                        continue
                    if letters.startswith(parts[0]) and letters.endswith(parts[-1]) and _shows(letters, parts):
                        yield thing, text.span_of_folded(start, start + len(letters))


def _shows(letters: str, parts: list[str]) -> bool:
    """Whether these are the parts of a word that are shown, with one hidden letter between two of them."""
    place = 0
    for part in parts:
        if not letters.startswith(part, place):
            return False
        place += len(part) + 1
    return True
