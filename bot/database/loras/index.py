"""Writes the search index of an entry: its words, the dictionary, and the facets by which lists are filtered."""

from __future__ import annotations

from bot.database.database import Database
from bot.database.dictionary import learn_words
from bot.database.loras.tags import tags_of
from bot.database.search import FACET, described, indexed, together, whole, words_of
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating

BATCH = 100  # entries in one transaction, so that other writers do not wait long

WAITING = "SELECT id FROM lora WHERE indexed = 0 ORDER BY id LIMIT ?"
ENTRY = "SELECT name, category, description, content_rating FROM lora WHERE id = ?"
WORDS = """
    SELECT DISTINCT word FROM lora_version JOIN trigger_word ON version_id = lora_version.id WHERE lora_id = ?
"""
# A file is found among the LoRAs of a base model too on which the operator lets it go.
USABLE_BASES = """
    SELECT coalesce(base_model, '') AS base_model FROM lora_version WHERE lora_id = :id AND usable = 1
    UNION SELECT value FROM lora_version, json_each(allowed_on) WHERE lora_id = :id AND usable = 1
"""
FORGET_TEXT = "DELETE FROM lora_text WHERE rowid = ?"
FORGET_NAME = "DELETE FROM lora_name WHERE rowid = ?"
WRITE_TEXT = """
    INSERT INTO lora_text (rowid, name, trigger_words, whole, description, facets)
    VALUES (:id, :name, :trigger_words, :whole, :description, :facets)
"""
WRITE_NAME = "INSERT INTO lora_name (rowid, name) VALUES (?, ?)"
DONE = "UPDATE lora SET indexed = 1 WHERE id = ?"

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
    """Rewrite the index of an entry, inside the caller's transaction. Raises DatabaseError."""
    for sql in (FORGET_TEXT, FORGET_NAME):
        await db.fetch(sql, (lora_id,))
    lora = await db.fetch_one(ENTRY, (lora_id,))
    if lora is None:
        return
    triggers: list[str] = [row["word"] for row in await db.fetch(WORDS, (lora_id,))]
    bases = [row["base_model"] for row in await db.fetch(USABLE_BASES, {"id": lora_id})]
    facets = [category_facet(lora["category"]), *map(tag_facet, await tags_of(db, lora_id))]
    facets += [USABLE] if bases else []
    facets += [content_facet(lora["content_rating"])] if lora["content_rating"] else []
    facets += [base_facet(base) for base in bases if base]
    texts: list[str] = [lora["name"], *triggers]
    wholes = [words for text in texts if (words := together(text))]
    row = {
        "id": lora_id,
        "name": indexed(lora["name"]),
        "trigger_words": " ".join(map(indexed, triggers)),
        "whole": " ".join(map(whole, wholes)),
        "description": described(lora["description"]),
        "facets": " ".join(facets),
    }
    await db.fetch(WRITE_TEXT, row)
    await db.fetch(WRITE_NAME, (lora_id, lora["name"]))
    await learn_words(db, [*wholes, *(word for text in texts for word in words_of(text))])
    await db.fetch(DONE, (lora_id,))


async def index_waiting(db: Database) -> None:
    """Index every entry that is marked for it, BATCH at a time. Raises DatabaseError."""
    while waiting := await db.fetch(WAITING, (BATCH,)):
        async with db.transaction():
            for row in waiting:
                await index_lora(db, row["id"])
