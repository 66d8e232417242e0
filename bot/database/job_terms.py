"""A job in the full text index: the words of prompt, checkpoint and LoRAs, each joined with the owner's id.

A word and its owner are one term. Among everybody's words, those that begin with `w` are half of the index, and to find
one person's among them took a second with a million jobs; so they stand together from the start. The owner takes as
many characters for everybody, so that the index's prefixes, which are counted in characters, are those of words.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.database.search import all_of, begins, indexed, quoted


def searchable(person_id: int, text: str) -> str:
    """The words of `text` as terms of one person; migrations call it too."""
    return " ".join(_term(person_id, word) for word in indexed(text).split())


def with_words(person_id: int, words: Iterable[str]) -> str:
    """A query for jobs of the person in which each of `words` begins a word."""
    return all_of(begins(_term(person_id, word)) for word in words)


def with_name(person_id: int, column: str, name: str) -> str:
    """A query for jobs of the person whose `column` has the words of `name` in sequence; "" for no words."""
    terms = searchable(person_id, name)
    return f"{column} : {quoted(terms)}" if terms else ""


def _term(person_id: int, word: str) -> str:
    """A term: the id in hexadecimal, zero-padded, an x and the word, so that no owner's terms begin like another's."""
    return f"{person_id:016x}x{word}"
