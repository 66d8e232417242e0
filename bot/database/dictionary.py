"""The dictionary of all words in LoRAs' names and trigger words, for searches with one typo."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from bot.database.search import one_typo_apart, typo_keys

MAX_NEAR = 30  # words; a short word has too many neighbours

LEARN_WORDS = Query(
    sqlite3.Row,
    """
    INSERT INTO word (word) SELECT value FROM json_each(?) WHERE true
    ON CONFLICT (word) DO NOTHING RETURNING id, word
    """,
)
ADD_KEYS = SqlStatement("INSERT INTO word_key (key, word_id) SELECT value ->> 0, value ->> 1 FROM json_each(?)")
SHARING_A_KEY = Query(
    str,
    """
    SELECT DISTINCT word.word FROM json_each(?) AS wanted
    CROSS JOIN word_key ON word_key.key = wanted.value CROSS JOIN word ON word.id = word_key.word_id
    """,
)


async def learn_words(db: Database, words: Collection[str]) -> None:
    """Add the new ones of `words`, given in the form of `search.words_of`."""
    new = await db.all(LEARN_WORDS, sorted(set(words)))
    keys = [(key, row["id"]) for row in new for key in typo_keys(row["word"])]
    if keys:
        await db.run(ADD_KEYS, keys)


async def near_words(db: Database, word: str) -> list[str]:
    """The words one typo away from `word`, the likeliest first."""
    if len(word) < 2:  # every word is near
        return []
    near = [each for each in await db.all(SHARING_A_KEY, typo_keys(word)) if one_typo_apart(word, each)]
    return sorted(near, key=lambda each: _surprise(word, each))[:MAX_NEAR]


def _surprise(typed: str, meant: str) -> tuple[bool, bool, bool, str]:
    """The sort key: few words have the same letters in another order or one less, many have one other letter."""
    return sorted(typed) != sorted(meant), len(meant) >= len(typed), meant[0] != typed[0], meant
