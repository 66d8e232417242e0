"""Turns what a person types into words, and words into FTS5 queries that no character can break.

Texts are indexed and sought in the same form: without case, width and accents, letters and digits alone.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable

MAX_CHARACTERS = 200
MAX_WORDS = 10
TRIGRAM = 3  # characters; the index of parts of names knows nothing shorter
KEY_CHARACTERS = 24  # of a word, looked at for its keys; the rest is compared with what they find
MAX_SUFFIX = 8  # characters; how much of a script without blanks is found from any place within

# Letters for private use, which nobody can type into a search: what begins with one is never found among other words.
WHOLE, FACET, DESCRIBED = "\ue000", "\ue001", "\ue002"

_WORD = re.compile(r"(?:[^\W_]|(?<=\w)[\u0300-\u036f\u0900-\u109f\u1780-\u17ff])+")
_ACCENTS = re.compile(r"[\u0300-\u036f]")
# Han, kana, Thai, Lao, Burmese, Khmer: no blanks between words.
_UNBROKEN = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]{2,}"
)


def storable(text: str) -> str:
    """The text without what SQLite cannot store: NUL and lone surrogates."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def name_key(name: str) -> str:
    """The form in which names are compared: case, width and repeated blanks do not matter."""
    return " ".join(unicodedata.normalize("NFKC", storable(name)).casefold().split())


def words_of(text: str) -> list[str]:
    """The words of a text in the form in which they are indexed and searched: `Änne-LISE №2` is anne, lise, no2."""
    plain = unicodedata.normalize("NFKD", storable(text)).casefold()
    return _WORD.findall(unicodedata.normalize("NFKC", _ACCENTS.sub("", plain)))


def indexed(text: str) -> str:
    """`text` as it is indexed: its words, and for scripts without blanks all suffixes."""
    words: list[str] = []
    for word in words_of(text):
        words.append(word)
        for run in _UNBROKEN.finditer(word):
            start = 1 if run.start() == 0 else run.start()
            words += [word[at : at + MAX_SUFFIX] for at in range(start, run.end())]
    return " ".join(words)


def together(text: str) -> str:
    """All words of `text` joined, so that a typo may also be between them."""
    return "".join(words_of(text))


def whole(words: str) -> str:
    """The index term of a whole name or trigger word, whose words are `together`."""
    return f"{WHOLE}{words}"


def described(text: str) -> str:
    """A description as it is indexed: searched only if names and trigger words match few entries."""
    return " ".join(f"{DESCRIBED}{word}" for word in indexed(text).split())


def search_words(text: str) -> list[str] | None:
    """The words of a search. None when nothing was typed; an empty list when it has neither letters nor digits.

    What goes beyond MAX_CHARACTERS or MAX_WORDS is not looked at.
    """
    cut = storable(text)[:MAX_CHARACTERS]
    return words_of(cut)[:MAX_WORDS] if cut.split() else None


def quoted(word: str) -> str:
    """`word` as FTS5 takes it literally."""
    return '"' + word.replace('"', '""') + '"'


def begins(word: str) -> str:
    """An FTS5 query for words that begin with `word`."""
    return f"{quoted(word)}*"


def any_of(queries: Iterable[str]) -> str:
    """One FTS5 query for any of `queries`."""
    return f"({' OR '.join(queries)})"


def all_of(queries: Iterable[str]) -> str:
    """One FTS5 query for all of `queries`."""
    return f"({' AND '.join(queries)})"


def parts(text: str) -> list[str]:
    """FTS5 queries for the trigram index, one for every three characters of `text` that stand together."""
    cleaned = unicodedata.normalize("NFKC", storable(text)).strip()[:MAX_CHARACTERS]
    return [quoted(cleaned[start : start + TRIGRAM]) for start in range(len(cleaned) - TRIGRAM + 1)]


def typo_keys(word: str) -> list[int]:
    """Numbers of which two words share one whenever they are one typo apart (and seldom otherwise).

    They stand for the word's beginning and for what is left of it when any one character is struck out (the idea of
    SymSpell: a typo becomes equality once the character in question is gone from both).
    """
    start = word[:KEY_CHARACTERS]
    variants = {start} | {start[:at] + start[at + 1 :] for at in range(len(start))}
    return sorted(zlib.crc32(variant.encode()) for variant in variants if variant)


def one_typo_apart(one: str, other: str) -> bool:
    """Whether one character replaced, inserted, deleted or swapped with its neighbour turns `one` into `other`."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[start:], other[start:]
    if len(one) != len(other):
        return one[1:] == other or one == other[1:]
    return one[1:] == other[1:] or (one[:2] == other[1::-1] and one[2:] == other[2:])
