"""What a person types into a search field, as FTS5 queries that cannot be broken by any character."""

from __future__ import annotations

import unicodedata

MAX_CHARACTERS = 200
MAX_WORDS = 10
TRIGRAM = 3  # characters; the index of nearly right names knows nothing shorter


def storable(text: str) -> str:
    """The text without what SQLite cannot keep faithfully: NUL and halves of surrogate pairs."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def search_words(text: str) -> list[str] | None:
    """One FTS5 query per word, each of which must match the beginning of a word.

    None when nothing was typed. An empty list when there is neither letter nor digit in it, so nothing can match.
    What goes beyond MAX_CHARACTERS or MAX_WORDS is not looked at.
    """
    cleaned = unicodedata.normalize("NFKC", storable(text))[:MAX_CHARACTERS]
    words = cleaned.split()
    if not words:
        return None
    return [f"{_quoted(word)}*" for word in words if any(map(str.isalnum, word))][:MAX_WORDS]


def all_words(words: list[str]) -> str:
    """One FTS5 query that demands every one of `words`."""
    return " AND ".join(words)


def nearly(text: str) -> str | None:
    """An FTS5 query for the trigram index: anything that shares three characters with `text`. None if too short."""
    cleaned = unicodedata.normalize("NFKC", storable(text)).strip()[:MAX_CHARACTERS]
    pieces = {cleaned[start : start + TRIGRAM] for start in range(len(cleaned) - TRIGRAM + 1)}
    return " OR ".join(map(_quoted, sorted(pieces))) or None


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
