"""Bookmarks: the LoRAs that a person saved, with a note. They name the entry, so they outlive its files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

import aiosqlite

from bot.database import people
from bot.database.clock import now_ms
from bot.database.connection import fetch, fetch_one, transaction, write
from bot.database.loras import Lora, Sort, loras_from
from bot.database.search import search_words, storable
from inference.base_models import BaseModelId
from inference.lora.sidecar import Category

MAX_NOTE = 1000  # characters

ADD = """
    INSERT INTO bookmark (person_id, lora_id, note, created_at) SELECT :person, id, :note, :now FROM lora
    WHERE id = :lora ON CONFLICT (person_id, lora_id) DO NOTHING RETURNING id
"""
REMOVE = "DELETE FROM bookmark WHERE person_id = ? AND lora_id = ? RETURNING id"
SET_NOTE = "UPDATE bookmark SET note = ? WHERE person_id = ? AND lora_id = ? RETURNING id"
COUNT = "SELECT count(*) FROM bookmark WHERE person_id = ?"
_BOOKMARK = """
    SELECT lora.*, bookmark.note, bookmark.created_at AS bookmarked_at, bookmark.uses AS own_uses,
        count(*) OVER () AS total
    FROM bookmark JOIN lora ON lora.id = bookmark.lora_id
"""
FIND = f"{_BOOKMARK} WHERE person_id = ? AND lora_id = ?"
_FILTERS = """
    bookmark.person_id = :person AND (:category IS NULL OR lora.category = :category) AND (
        :base_models IS NULL OR EXISTS (
            SELECT 1 FROM lora_version WHERE lora_id = lora.id AND usable = 1
            AND base_model IN (SELECT value FROM json_each(:base_models))
        )
    )
"""
# Each word may match the LoRA or the note, so that "komori favourite" finds a LoRA Komori noted as favourite: count
# the words that match each bookmark. CROSS JOIN: the words come first, then the index of texts, then the bookmark.
_FOUND = """
    bookmark.id IN (
        SELECT id FROM (
            SELECT word.value AS word, b.id AS id FROM json_each(:words) AS word
            CROSS JOIN lora_text ON lora_text MATCH '{name trigger_words}: ' || word.value
            CROSS JOIN bookmark AS b ON b.person_id = :person AND b.lora_id = lora_text.rowid
            UNION
            SELECT word.value, bookmark_text.rowid FROM json_each(:words) AS word
            CROSS JOIN bookmark_text ON bookmark_text MATCH 'owner:p' || :person || ' AND note:' || word.value
        ) GROUP BY id HAVING count(*) = json_array_length(:words)
    )
"""
_ORDERS = {
    Sort.NEWEST: "bookmark.created_at DESC, bookmark.id DESC",
    Sort.OLDEST: "bookmark.created_at, bookmark.id",
    Sort.NAME: "lora.name_key",
    Sort.MOST_USED: "bookmark.uses DESC, bookmark.id DESC",
    Sort.TRENDING: "lora.trend DESC, lora.id DESC",
    Sort.TOP_RATED: "lora.score DESC, lora.id DESC",
}


def _list(search: bool, sort: Sort) -> str:
    found = f"AND {_FOUND}" if search else ""
    return f"{_BOOKMARK} WHERE {_FILTERS} {found} ORDER BY {_ORDERS[sort]} LIMIT :limit OFFSET :offset"


# (by search, sort): one statement each.
LIST = {key: _list(*key) for key in product((False, True), Sort)}


@dataclass(frozen=True)
class Bookmark:
    """A saved entry with the person's note; `created_at` is when it was saved, in unix ms.

    `uses` are the person's own jobs that succeeded with it since.
    """

    person_id: int
    lora: Lora
    note: str
    created_at: int
    uses: int


@dataclass(frozen=True)
class BookmarkPage:
    """A page of bookmarks, and how many there are on all pages."""

    bookmarks: tuple[Bookmark, ...]
    total: int


async def add_bookmark(connection: aiosqlite.Connection, person_id: int, lora_id: int, note: str = "") -> bool:
    """Save an entry. False when it was saved already (note and time stay) or does not exist. Raises DatabaseError."""
    parameters = {"person": person_id, "lora": lora_id, "note": _kept(note), "now": now_ms()}
    async with transaction(connection):
        await people.remember_person(connection, person_id)
        return bool(await write(connection, ADD, parameters))


async def remove_bookmark(connection: aiosqlite.Connection, person_id: int, lora_id: int) -> bool:
    """Take a bookmark away, with its note. False when there was none. Raises DatabaseError."""
    return bool(await write(connection, REMOVE, (person_id, lora_id)))


async def set_note(connection: aiosqlite.Connection, person_id: int, lora_id: int, note: str) -> bool:
    """Replace the note of a bookmark. False when there is no such bookmark. Raises DatabaseError."""
    return bool(await write(connection, SET_NOTE, (_kept(note), person_id, lora_id)))


async def find_bookmark(connection: aiosqlite.Connection, person_id: int, lora_id: int) -> Bookmark | None:
    """The person's bookmark of this entry, or None. Raises DatabaseError."""
    row = await fetch_one(connection, FIND, (person_id, lora_id))
    if row is None:
        return None
    (bookmark,) = await _bookmarks(connection, person_id, [row])
    return bookmark


async def count_bookmarks(connection: aiosqlite.Connection, person_id: int) -> int:
    """How many bookmarks the person has. Raises DatabaseError."""
    (row,) = await fetch(connection, COUNT, (person_id,))
    return row[0]


async def list_bookmarks(
    connection: aiosqlite.Connection,
    person_id: int,
    *,
    limit: int,
    offset: int = 0,
    search: str = "",
    category: Category | None = None,
    base_models: Collection[BaseModelId] | None = None,
    sort: Sort = Sort.NEWEST,
) -> BookmarkPage:
    """A page of a person's bookmarks, all conditions met.

    `search` wants each of its words at the beginning of a word of the name, the trigger words or the note;
    `base_models` wants a usable version of one of them. A page behind the end has no bookmarks but the
    true total. Raises DatabaseError.
    """
    words = search_words(search)
    if words == []:
        return BookmarkPage((), 0)
    parameters = {
        "person": person_id,
        "category": category,
        "base_models": None if base_models is None else json.dumps(list(base_models)),
        "words": json.dumps(list(dict.fromkeys(words or ()))),
        "limit": limit,
        "offset": offset,
    }
    sql = LIST[words is not None, sort]
    rows = await fetch(connection, sql, parameters)
    first = rows or await fetch(connection, sql, {**parameters, "limit": 1, "offset": 0})
    return BookmarkPage(await _bookmarks(connection, person_id, rows), first[0]["total"] if first else 0)


async def _bookmarks(connection: aiosqlite.Connection, person_id: int, rows: list[sqlite3.Row]) -> tuple[Bookmark, ...]:
    loras = await loras_from(connection, rows)
    return tuple(
        Bookmark(person_id, lora, row["note"], row["bookmarked_at"], row["own_uses"])
        for lora, row in zip(loras, rows, strict=True)
    )


def _kept(note: str) -> str:
    return storable(note).strip()[:MAX_NOTE]
