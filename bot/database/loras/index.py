"""Writes the search index of an entry: its words, the dictionary, and the facets by which lists are filtered."""

from __future__ import annotations

import sqlite3

from bot.database.database import Database
from bot.database.dictionary import learn_words
from bot.database.loras.tags import TAGS_OF_LORA
from bot.database.query import Query, SqlStatement
from bot.database.search import FACET, described, indexed, together, whole, words_of
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating

BATCH = 100  # entries in one transaction, so that other writers do not wait long

LORAS_TO_INDEX = Query(int, "SELECT id FROM lora WHERE indexed = 0 ORDER BY id LIMIT ?")
FIELDS_OF_LORA = Query(sqlite3.Row, "SELECT name, category, description, content_rating FROM lora WHERE id = ?")
TRIGGER_WORDS_OF = Query(
    str, "SELECT DISTINCT word FROM lora_version JOIN trigger_word ON version_id = lora_version.id WHERE lora_id = ?"
)
# A file is found among the LoRAs of a base model too on which the operator lets it go.
USABLE_BASES = Query(
    str,
    """
    SELECT coalesce(base_model, '') FROM lora_version WHERE lora_id = :id AND usable = 1
    UNION SELECT value FROM lora_version, json_each(allowed_on) WHERE lora_id = :id AND usable = 1
    """,
)
FORGET_TEXT = SqlStatement("DELETE FROM lora_text WHERE rowid = ?")
FORGET_NAME = SqlStatement("DELETE FROM lora_name WHERE rowid = ?")
WRITE_TEXT = SqlStatement("""
    INSERT INTO lora_text (rowid, name, trigger_words, whole, description, facets)
    VALUES (:id, :name, :trigger_words, :whole, :description, :facets)
""")
WRITE_NAME = SqlStatement("INSERT INTO lora_name (rowid, name) VALUES (:id, :name)")
MARK_INDEXED = SqlStatement("UPDATE lora SET indexed = 1 WHERE id = ?")

# Facets are single words of the full text index, so what may hold any character is written as hex digits.
USABLE = f"{FACET}u"


def category_facet(category: str) -> str:
    """The word that entries of this category have."""
    return f"{FACET}c{category}"


def tag_facet(tag: str) -> str:
    """The word that entries with this tag have."""
    return f"{FACET}t{tag.encode().hex()}"


def base_facet(base_model: BaseModelId | str) -> str:
    """The word that entries with a usable version of this base model have."""
    return f"{FACET}b{base_model.encode().hex()}"


def content_facet(rating: ContentRating | str) -> str:
    """The word that entries of this content rating have; unrated ones have none."""
    return f"{FACET}r{rating}"


async def index_lora(db: Database, lora_id: int) -> None:
    """Rewrite the index of an entry, inside the caller's transaction."""
    await db.run(FORGET_TEXT, lora_id)
    await db.run(FORGET_NAME, lora_id)
    lora = await db.one(FIELDS_OF_LORA, lora_id)
    if lora is None:
        return
    triggers = await db.all(TRIGGER_WORDS_OF, lora_id)
    bases = await db.all(USABLE_BASES, id=lora_id)
    facets = [category_facet(lora["category"]), *map(tag_facet, await db.all(TAGS_OF_LORA, lora_id))]
    facets += [USABLE] if bases else []
    facets += [content_facet(lora["content_rating"])] if lora["content_rating"] else []
    facets += [base_facet(base) for base in bases if base]
    texts: list[str] = [lora["name"], *triggers]
    wholes = [words for text in texts if (words := together(text))]
    await db.run(
        WRITE_TEXT,
        id=lora_id,
        name=indexed(lora["name"]),
        trigger_words=" ".join(map(indexed, triggers)),
        whole=" ".join(map(whole, wholes)),
        description=described(lora["description"]),
        facets=" ".join(facets),
    )
    await db.run(WRITE_NAME, id=lora_id, name=lora["name"])
    await learn_words(db, [*wholes, *(word for text in texts for word in words_of(text))])
    await db.run(MARK_INDEXED, lora_id)


async def index_waiting(db: Database) -> None:
    """Index every entry that is marked for it, BATCH at a time."""
    while waiting := await db.all(LORAS_TO_INDEX, BATCH):
        async with db.transaction():
            for lora_id in waiting:
                await index_lora(db, lora_id)
