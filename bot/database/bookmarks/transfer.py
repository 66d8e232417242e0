"""Exports all bookmarks of a person, and imports many at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from pydantic import Json

from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.database import Database
from bot.database.query import Query

BATCH = 500  # bookmarks read, looked up or written in one transaction, so that nobody waits long

_END = 2**62


@dataclass(frozen=True)
class SavedVersion:
    """A file of a bookmarked entry."""

    name: str
    base_model: str | None
    sha256: str


@dataclass(frozen=True)
class SavedBookmark:
    """A bookmark with what identifies its LoRA elsewhere; `saved_at` in unix ms."""

    name: str
    category: str
    note: str
    saved_at: int
    versions: Json[tuple[SavedVersion, ...]]


@dataclass(frozen=True)
class _Saved(SavedBookmark):
    """With its id."""

    id: int


@dataclass(frozen=True)
class _Known:
    """A hash or its beginning, and the entry that has a file with it."""

    hash: str
    lora_id: int | None


@dataclass(frozen=True)
class NewBookmark:
    """A bookmark to import: `hashes` are SHA-256 or beginnings of them, in lower case, the longest first."""

    name: str
    version: str
    note: str
    saved_at: int
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Brought:
    """Counts of an import: saved, already there (also twice in the file), of LoRAs unknown here."""

    saved: int
    known: int
    unknown: tuple[NewBookmark, ...]


# The newest first, from where the last page ended.
SAVED_BOOKMARKS = Query(
    _Saved,
    """
    SELECT bookmark.id, bookmark.created_at AS saved_at, note, lora.name, lora.category, (
        SELECT json_group_array(json_object('name', name, 'base_model', base_model, 'sha256', sha256)) FROM (
            SELECT name, base_model, sha256 FROM lora_version WHERE lora_id = lora.id AND sha256 IS NOT NULL
            ORDER BY missing, path, id
        )
    ) AS versions
    FROM bookmark CROSS JOIN lora ON lora.id = bookmark.lora_id
    WHERE person_id = :person AND (bookmark.created_at, bookmark.id) < (:before, :before_id)
    ORDER BY bookmark.created_at DESC, bookmark.id DESC LIMIT :limit
    """,
)
# A hash or its beginning; "g" follows every hex digit.
LORAS_WITH_HASHES = Query(
    _Known,
    """
    SELECT wanted.value AS hash, (
        SELECT lora_id FROM lora_version WHERE sha256 >= wanted.value AND sha256 < wanted.value || 'g'
        ORDER BY sha256 LIMIT 1
    ) AS lora_id FROM json_each(?) AS wanted
    """,
)


async def saved_bookmarks(db: Database, person_id: int) -> AsyncGenerator[SavedBookmark]:
    """All bookmarks of the person, the newest first."""
    before = before_id = _END
    while page := await db.all(SAVED_BOOKMARKS, person=person_id, before=before, before_id=before_id, limit=BATCH):
        for bookmark in page:
            yield bookmark
        before, before_id = page[-1].saved_at, page[-1].id


async def bring_bookmarks(db: Database, person_id: int, bookmarks: Sequence[NewBookmark]) -> Brought:
    """Save the new ones of `bookmarks`, with note and time; bookmarks that exist stay as they are.

    Raises DatabaseError; what was saved until then stays.
    """
    saved = known = 0
    unknown: list[NewBookmark] = []
    for start in range(0, len(bookmarks), BATCH):
        batch = bookmarks[start : start + BATCH]
        hashes = [each for bookmark in batch for each in bookmark.hashes]
        loras = {known.hash: known.lora_id for known in await db.all(LORAS_WITH_HASHES, hashes)}
        async with db.transaction():
            for bookmark in batch:
                lora_id = next((loras[each] for each in bookmark.hashes if loras[each] is not None), None)
                if lora_id is None:
                    unknown.append(bookmark)
                elif await add_bookmark(db, person_id, lora_id, bookmark.note, saved_at=bookmark.saved_at):
                    saved += 1
                else:
                    known += 1
    return Brought(saved, known, tuple(unknown))
