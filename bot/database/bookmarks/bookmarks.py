"""Bookmarks: the LoRAs that a person saved, with a note. They name the entry, so they outlive its files."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import BOOKMARK_FITS, Lora, loras_from
from bot.database.loras.search import BOOKMARK_SHOWN, FEW, Shown, Sort, read_typed, shown_parameter
from bot.database.people import people
from bot.database.query import Query, SqlStatement
from bot.database.search import FACET, any_of, begins, indexed, one_typo_apart, quoted, search_words, storable, words_of
from bot.visible_text import is_blank
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category

MAX_NOTE = 1000  # characters
UNDO_MS = 7 * 24 * 3600 * 1000  # for how long a removed bookmark can be restored
NOTES_READ = 5000  # of one person, the newest, in a search for words one typo away

_REMOVED = "person_id, lora_id, note, created_at, uses"
ADD_BOOKMARK = Query(
    sqlite3.Row,
    """
    INSERT INTO bookmark (person_id, lora_id, note, created_at) SELECT :person, id, :note, :when FROM lora
    WHERE id = :lora ON CONFLICT (person_id, lora_id) DO NOTHING RETURNING id, note
    """,
)
REMOVE_BOOKMARK = Query(
    sqlite3.Row,
    f"DELETE FROM bookmark WHERE person_id = :person AND lora_id = :lora RETURNING {_REMOVED}",  # noqa: S608
)
KEEP_REMOVED = Query(
    int,
    f"""
    INSERT INTO removed_bookmark ({_REMOVED}, removed_at)
    VALUES (:person_id, :lora_id, :note, :created_at, :uses, :now) RETURNING id
    """,  # noqa: S608 - constants only
)
FORGET_REMOVED = SqlStatement("DELETE FROM removed_bookmark WHERE removed_at < ?")
TAKE_REMOVED = Query(
    sqlite3.Row,
    f"DELETE FROM removed_bookmark WHERE id = :id AND person_id = :person RETURNING {_REMOVED}",  # noqa: S608
)
RESTORE_BOOKMARK = Query(
    sqlite3.Row,
    f"""
    INSERT INTO bookmark ({_REMOVED}) VALUES (:person_id, :lora_id, :note, :created_at, :uses)
    ON CONFLICT (person_id, lora_id) DO NOTHING RETURNING id, note
    """,  # noqa: S608 - constants only
)
SET_NOTE = Query(
    sqlite3.Row, "UPDATE bookmark SET note = :note WHERE person_id = :person AND lora_id = :lora RETURNING id, note"
)
FORGET_NOTE = SqlStatement("DELETE FROM bookmark_text WHERE rowid = ?")
# The owner is a word of the index, so that a search reads the notes of one person only.
INDEX_NOTE = SqlStatement("INSERT INTO bookmark_text (rowid, owner, note) VALUES (:id, :owner, :note)")
COUNT_BOOKMARKS = Query(int, "SELECT count(*) FROM bookmark WHERE person_id = ?")
BOOKMARKED_AMONG = Query(
    int, "SELECT lora_id FROM bookmark WHERE person_id = :person AND lora_id IN (SELECT value FROM json_each(:ids))"
)
NEWEST_NOTES = Query(
    str, "SELECT note FROM bookmark WHERE person_id = :person AND note <> '' ORDER BY created_at DESC LIMIT :limit"
)
_BOOKMARK = "SELECT lora.*, bookmark.note, bookmark.created_at AS bookmarked_at, bookmark.uses AS own_uses"
FIND_BOOKMARK = Query(
    sqlite3.Row,
    f"{_BOOKMARK} FROM bookmark JOIN lora ON lora.id = bookmark.lora_id WHERE person_id = :person AND lora_id = :lora",
)
BOOKMARKS_BY_ID = Query(
    sqlite3.Row,
    f"""
    {_BOOKMARK} FROM json_each(?) AS wanted CROSS JOIN bookmark ON bookmark.id = wanted.value
    CROSS JOIN lora ON lora.id = bookmark.lora_id ORDER BY wanted.key
    """,
)
# Each word may match the LoRA or the note, so that "komori favourite" finds a LoRA Komori noted as favourite: count
# the words that match each bookmark. CROSS JOIN: the words come first, then the index of texts, then the bookmark.
MATCHING_BOOKMARKS = Query(
    int,
    """
    SELECT id FROM (
        SELECT wanted.key AS word, bookmark.id AS id FROM json_each(:words) AS wanted
        CROSS JOIN lora_text ON lora_text MATCH wanted.value ->> 0
        CROSS JOIN bookmark ON bookmark.person_id = :person AND bookmark.lora_id = lora_text.rowid
        WHERE +lora_text.rowid IN (SELECT lora_id FROM bookmark WHERE person_id = :person)
        UNION
        SELECT wanted.key, bookmark_text.rowid FROM json_each(:words) AS wanted
        CROSS JOIN bookmark_text ON bookmark_text MATCH wanted.value ->> 1
    ) GROUP BY id HAVING count(*) = json_array_length(:words)
    """,
)
_OF_PERSON = "FROM bookmark LEFT JOIN lora ON lora.id = bookmark.lora_id WHERE bookmark.person_id = :person"
_AMONG_FOUND = """
    FROM json_each(:found) AS wanted CROSS JOIN bookmark ON bookmark.id = wanted.value ->> 0
    LEFT JOIN lora ON lora.id = bookmark.lora_id WHERE true
"""
# What comes first, and whether what is greater does.
_ORDERS = {
    Sort.NEWEST: ("bookmark.created_at", "DESC"),
    Sort.OLDEST: ("bookmark.created_at", ""),
    Sort.NAME: ("lora.name_key", ""),
    Sort.MOST_USED: ("bookmark.uses", "DESC"),
    Sort.TRENDING: ("lora.trend", "DESC"),
    Sort.TOP_RATED: ("lora.score", "DESC"),
}
# (by search, in a category, sort): first how many, then a page of ids. Each bookmark is looked at once. A LEFT JOIN,
# because SQLite leaves it out where nothing of the LoRA is asked.
LIST_BOOKMARKS = {
    (search, narrowed, sort): Query(
        sqlite3.Row,
        f"""
        WITH listed AS MATERIALIZED (
            SELECT bookmark.id, {"wanted.value ->> 1" if search else "0"} AS place, {key} AS key,
                :base_models IS NULL OR {BOOKMARK_FITS} AS fits, {BOOKMARK_SHOWN} AS shown
            {_AMONG_FOUND if search else _OF_PERSON} {"AND lora.category = :category" if narrowed else ""}
        )
        SELECT count(*) FILTER (WHERE shown) AS found, count(*) FILTER (WHERE shown AND fits) AS total,
            count(*) FILTER (WHERE NOT shown) AS hidden, NULL AS id FROM listed
        UNION ALL SELECT NULL, NULL, NULL, id FROM (
            SELECT id FROM listed WHERE fits AND shown
            ORDER BY place, key {order}, id {order} LIMIT :limit OFFSET :offset
        )
        """,  # noqa: S608 - constants only
    )
    for search, narrowed, (sort, (key, order)) in product((False, True), (False, True), _ORDERS.items())
}


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
    """A page of bookmarks, and how many there are on all pages.

    `misfits` more are of other base models, and `hidden` more have a content rating that is not shown.
    """

    bookmarks: tuple[Bookmark, ...]
    total: int
    misfits: int
    hidden: int = 0


async def add_bookmark(
    db: Database, person_id: int, lora_id: int, note: str = "", *, saved_at: int | None = None
) -> bool:
    """Save an entry. False when it was saved already (note and time stay) or does not exist.

    `saved_at` in unix ms, now when None.
    """
    when = now_ms() if saved_at is None else saved_at
    async with db.transaction():
        await people.remember_person(db, person_id)
        added = await db.all(ADD_BOOKMARK, person=person_id, lora=lora_id, note=kept_note(note), when=when)
        return await _indexed(db, person_id, added)


async def add_bookmarks(db: Database, person_id: int, lora_ids: Collection[int]) -> int:
    """Save several entries; how many were not saved before."""
    return sum([await add_bookmark(db, person_id, lora_id) for lora_id in lora_ids])


async def remove_bookmarks(db: Database, person_id: int, lora_ids: Collection[int]) -> range:
    """Remove bookmarks; the ids with which `restore_bookmarks` brings them back, as many as there were."""
    now, kept = now_ms(), list[int]()
    async with db.transaction():
        await db.run(FORGET_REMOVED, now - UNDO_MS)
        for lora_id in dict.fromkeys(lora_ids):
            for row in await db.all(REMOVE_BOOKMARK, person=person_id, lora=lora_id):
                kept.append(await db.get(KEEP_REMOVED, **row, now=now))
    # SQLite numbers the rows of one transaction one after the other.
    return range(kept[0], kept[-1] + 1) if kept else range(0)


async def restore_bookmarks(db: Database, person_id: int, removed_ids: range) -> int:
    """Restore removed bookmarks with note, date and uses. How many: none when too long ago or restored already."""
    restored = 0
    async with db.transaction():
        for removed_id in removed_ids:
            for row in await db.all(TAKE_REMOVED, id=removed_id, person=person_id):
                restored += await _indexed(db, person_id, await db.all(RESTORE_BOOKMARK, **row))
    return restored


async def set_note(db: Database, person_id: int, lora_id: int, note: str) -> bool:
    """Replace the note of a bookmark. False when there is no such bookmark."""
    async with db.transaction():
        rows = await db.all(SET_NOTE, note=kept_note(note), person=person_id, lora=lora_id)
        return await _indexed(db, person_id, rows)


async def _indexed(db: Database, person_id: int, rows: list[sqlite3.Row]) -> bool:
    """Index the notes of the bookmarks that were written; whether there were any."""
    for row in rows:
        await db.run(FORGET_NOTE, row["id"])
        if row["note"]:
            await db.run(INDEX_NOTE, id=row["id"], owner=owner_word(person_id), note=indexed(row["note"]))
    return bool(rows)


async def find_bookmark(db: Database, person_id: int, lora_id: int) -> Bookmark | None:
    """The person's bookmark of this entry, or None."""
    row = await db.one(FIND_BOOKMARK, person=person_id, lora=lora_id)
    if row is None:
        return None
    (bookmark,) = await _bookmarks(db, person_id, [row])
    return bookmark


async def list_bookmarks(
    db: Database,
    person_id: int,
    *,
    limit: int,
    offset: int = 0,
    search: str = "",
    category: Category | None = None,
    base_models: Collection[BaseModelId] | None = None,
    shown: Shown = None,
    sort: Sort = Sort.NEWEST,
) -> BookmarkPage:
    """A page of a person's bookmarks, all conditions met.

    `search` wants each of its words at the beginning of a word of the name, the trigger words or the note; what is one
    typo away comes behind. `base_models` wants a usable version of one of them; `shown` are the content ratings that
    are shown, left out: all. A page behind the end has no bookmarks but the true total.
    """
    words = search_words(search)
    parameters = {
        "person": person_id,
        "category": category,
        "base_models": None if base_models is None else list(base_models),
        "shown": shown_parameter(shown),
        "found": [] if not words else await _found(db, person_id, words),
        "limit": limit,
        "offset": offset,
    }
    query = LIST_BOOKMARKS[words is not None, category is not None, sort]
    count, *page = await db.all(query, **parameters)
    rows = await db.all(BOOKMARKS_BY_ID, [row["id"] for row in page])
    bookmarks = await _bookmarks(db, person_id, rows)
    return BookmarkPage(bookmarks, count["total"], misfits=count["found"] - count["total"], hidden=count["hidden"])


async def _found(db: Database, person_id: int, words: list[str]) -> list[tuple[int, int]]:
    """Ids of the bookmarks that match, each with its rank: 0 for an exact match, 1 for one typo."""
    typed = await read_typed(db, words)
    own_note = f"owner : {quoted(owner_word(person_id))} AND note : "
    nothing = f"owner : {quoted('')}"
    begun = [(each.begun, own_note + begins(each.word)) for each in typed.words]
    if len(begun) == 1:  # both at once: a common word has many hits
        ids = await _matching(db, person_id, [(typed.begun, begun[0][1])])
    else:
        ids = await _matching(db, person_id, begun)
        ids += await _matching(db, person_id, [(typed.whole_begun, nothing)])
    near: list[int] = []
    if typed.mistyped:
        near += await _matching(db, person_id, [(typed.mistyped, nothing)])
    if len(ids) < FEW:
        notes = await _note_words(db, person_id)
        meant = [_near(each.word, notes) for each in typed.words]
        if any(meant) or any(each.near for each in typed.words):
            loose = [
                (each.loose, own_note + any_of([begins(each.word), *map(quoted, others)]))
                for each, others in zip(typed.words, meant, strict=True)
            ]
            near += await _matching(db, person_id, loose)
    return list((dict.fromkeys(near, 1) | dict.fromkeys(ids, 0)).items())


async def _matching(db: Database, person_id: int, words: list[tuple[str, str]]) -> list[int]:
    """Bookmarks that match every pair of (query for the LoRA, query for the note) by one of the two."""
    return await db.all(MATCHING_BOOKMARKS, person=person_id, words=words)


async def _note_words(db: Database, person_id: int) -> set[str]:
    return set(words_of(" ".join(await db.all(NEWEST_NOTES, person=person_id, limit=NOTES_READ))))


def _near(word: str, others: Collection[str]) -> list[str]:
    return [other for other in others if one_typo_apart(word, other)] if len(word) > 1 else []


def owner_word(person_id: int) -> str:
    """The word that stands for a person in the index of notes."""
    return f"{FACET}{person_id}"


async def _bookmarks(db: Database, person_id: int, rows: list[sqlite3.Row]) -> tuple[Bookmark, ...]:
    loras = await loras_from(db, rows)
    return tuple(
        Bookmark(person_id, lora, row["note"], row["bookmarked_at"], row["own_uses"])
        for lora, row in zip(loras, rows, strict=True)
    )


def kept_note(note: str) -> str:
    """A note as it is stored: trimmed, at most MAX_NOTE characters; "" when it displays nothing."""
    kept = storable(note).strip()[:MAX_NOTE]
    return "" if is_blank(kept) else kept
