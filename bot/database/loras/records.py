"""Writes what a scan of the library found. No other module changes the catalogue's tables.

A version is known by its SHA-256 and keeps its row, entry and bookmarks when its file moves, breaks, is replaced
or goes missing and comes back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Json

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.index import index_lora, index_waiting
from bot.database.loras.tags import write_tags
from bot.database.query import Query, SqlStatement
from bot.database.search import name_key, storable
from bot.visible_text import is_blank
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import Evidence
from inference.lora.few_steps import NOT_FEW
from inference.lora.library import FoundLora
from inference.lora.prediction_evidence import NO_PREDICTION

# Makes the next scan read the file of this version again: no file has such a stamp.
DOUBT_FILE = SqlStatement(
    "UPDATE lora_version SET found = json_set(found, '$.stamp.size', -1) WHERE sha256 = ? AND missing = 0"
)
IS_ANY_DOUBTED = Query(
    bool,
    "SELECT EXISTS (SELECT 1 FROM lora_version WHERE missing = 0 AND json_extract(found, '$.stamp.size') < 0)",
)
MARK_MISSING = Query(
    sqlite3.Row,
    """
    UPDATE lora_version SET missing = 1
    WHERE missing = 0 AND path NOT IN (SELECT value FROM json_each(?)) RETURNING path, lora_id
    """,
)
MARK_UNINDEXED = SqlStatement("UPDATE lora SET indexed = 0 WHERE id IN (SELECT value FROM json_each(?))")
MARK_REPLACED = SqlStatement("UPDATE lora_version SET missing = 1 WHERE id = ?")
AT_PATH = Query(sqlite3.Row, "SELECT * FROM lora_version WHERE path = ? AND missing = 0")
LIVE_ELSEWHERE = Query(
    str, "SELECT path FROM lora_version WHERE sha256 = :sha256 AND missing = 0 AND problem IS NULL AND path <> :path"
)
GONE_BEFORE = Query(sqlite3.Row, "SELECT * FROM lora_version WHERE sha256 = ? AND missing = 1 ORDER BY id DESC LIMIT 1")
ADD_VERSION = Query(
    int,
    """
    INSERT INTO lora_version (lora_id, sha256, name, path, found, base_model, evidence, contradictions,
        recommended_weight, few_steps, prediction, allowed_on, problem, created_at)
    VALUES (:lora_id, :sha256, :name, :path, :found, :base_model, :evidence, :contradictions,
        :recommended_weight, :few_steps, :prediction, :allowed_on, :problem, :now) RETURNING id
    """,
)
CHANGE_VERSION = SqlStatement("""
    UPDATE lora_version SET lora_id = :lora_id, sha256 = :sha256, name = :name, path = :path, found = :found,
        base_model = :base_model, evidence = :evidence, contradictions = :contradictions,
        recommended_weight = :recommended_weight, few_steps = :few_steps, prediction = :prediction,
        allowed_on = :allowed_on, problem = :problem, missing = 0
    WHERE id = :id
""")
FORGET_WORDS = SqlStatement("DELETE FROM trigger_word WHERE version_id = ?")
ADD_WORD = SqlStatement(
    "INSERT INTO trigger_word (version_id, position, word, name) VALUES (:version, :position, :word, :name)"
)
ENTRY_OF_NAME = Query(int, "SELECT id FROM lora WHERE name_key = ?")
ADD_ENTRY = Query(
    int, "INSERT INTO lora (name, name_key, category, created_at) VALUES (:name, :name_key, 'other', :now) RETURNING id"
)
RENAME_ENTRY = SqlStatement("UPDATE lora SET name = :name, name_key = :name_key WHERE id = :id")
COUNT_VERSIONS = Query(int, "SELECT count(*) FROM lora_version WHERE lora_id = ?")
SPELL_ENTRY = SqlStatement("UPDATE lora SET name = :name WHERE id = :id AND name_key = :name_key")
DESCRIBE_ENTRY = SqlStatement("""
    UPDATE lora SET category = :category, description = :description,
        content_rating = CASE WHEN content_rating_by IS NULL THEN :content_rating ELSE content_rating END
    WHERE id = :id
""")
RATE_CONTENT = SqlStatement(
    "UPDATE lora SET content_rating = :content_rating, content_rating_by = :content_rating_by WHERE id = :id"
)
MOVE_BOOKMARKS = SqlStatement("UPDATE OR IGNORE bookmark SET lora_id = :new WHERE lora_id = :old")
DROP_UNUSED = SqlStatement("""
    DELETE FROM lora WHERE id = :id
    AND NOT EXISTS (SELECT 1 FROM lora_version WHERE lora_id = :id)
    AND NOT EXISTS (SELECT 1 FROM bookmark WHERE lora_id = :id)
""")
RATINGS_BY_PAGES = Query(
    ContentRating,
    """
    SELECT DISTINCT rating FROM lora_version CROSS JOIN hub_look ON hub_look.sha256 = lora_version.sha256
    WHERE lora_id = ? AND rating IS NOT NULL
    """,
)
ENTRIES_OF_FILE = Query(int, "SELECT DISTINCT lora_id FROM lora_version WHERE sha256 = ?")


class Change(StrEnum):
    """What a scan found out about one file."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    BROKEN = "broken"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class KnownFile:
    """The result of an earlier scan."""

    path: str
    found: Json[FoundLora]


KNOWN_FILES = Query(KnownFile, "SELECT path, found FROM lora_version WHERE missing = 0")
VERSIONS_OF = Query(KnownFile, "SELECT path, found FROM lora_version WHERE lora_id = ? ORDER BY missing, path, id")


async def mark_missing(db: Database, present: Collection[str]) -> tuple[str, ...]:
    """Mark every version whose path is not in `present` as missing; the paths newly marked.

    Lists follow.
    """
    async with db.transaction():
        rows = await db.all(MARK_MISSING, sorted(present))
        await db.run(MARK_UNINDEXED, [row["lora_id"] for row in rows])
    await index_waiting(db)
    return tuple(sorted(row["path"] for row in rows))


async def rate_content(db: Database, lora_id: int, content_rating: ContentRating | None, operator_id: int) -> bool:
    """Rate an entry by an operator's word; None gives it back to what its sidecars say. False when there is none.

    To be called inside a transaction.
    """
    rated_by = None if content_rating is None else operator_id
    found = await db.run(RATE_CONTENT, content_rating=content_rating, content_rating_by=rated_by, id=lora_id)
    await _refresh(db, lora_id)
    return found


async def rate_by_pages(db: Database, sha256: str) -> None:
    """Rate the entry of a file anew, after a page has rated the file. To be called inside a transaction."""
    for lora_id in await db.all(ENTRIES_OF_FILE, sha256):
        await _refresh(db, lora_id)


async def record_found(db: Database, found: FoundLora, evidence: Evidence, *, last_word: bool) -> Change | None:
    """Update the catalogue with one file.

    None when another path has the same bytes: that may change while the scan goes on, so ask again after its end
    with `last_word`, and it becomes a DUPLICATE.
    """
    async with db.transaction():
        row = await _row_at(db, found)
        if found.problem is not None:
            return await _record_broken(db, row, found, evidence)
        twin = await db.one(LIVE_ELSEWHERE, sha256=found.sha256, path=found.path)
        if twin is None:
            row = row or await db.one(GONE_BEFORE, found.sha256)
            return await _record(db, row, found, evidence, None)
        if not last_word:
            return None
        await _record(db, row, found, evidence, f"it is the same file as {twin}")
        return Change.DUPLICATE


async def _row_at(db: Database, found: FoundLora) -> sqlite3.Row | None:
    """The version at this path. One with other bytes was replaced and is marked as missing."""
    row = await db.one(AT_PATH, found.path)
    if row is None or found.sha256 is None or row["sha256"] in {None, found.sha256}:
        return row
    await db.run(MARK_REPLACED, row["id"])
    await index_lora(db, row["lora_id"])
    return None


async def _record_broken(db: Database, row: sqlite3.Row | None, found: FoundLora, evidence: Evidence) -> Change:
    """Store the problem of a file. A file that was usable before keeps its entry, hash and base model."""
    if row is None or row["sha256"] is None:
        await _record(db, row, found, evidence, found.problem)
    elif (row["found"], row["problem"]) != (found.model_dump_json(), found.problem):
        await db.run(CHANGE_VERSION, **{**dict(row), "found": found.model_dump_json(), "problem": found.problem})
        await index_lora(db, row["lora_id"])
    return Change.BROKEN


async def _record(
    db: Database,
    row: sqlite3.Row | None,
    found: FoundLora,
    evidence: Evidence,
    problem: str | None,
) -> Change:
    name = "unnamed" if is_blank(found.name) else storable(found.name).strip()
    lora_id = await _entry(db, row, name)
    values = _values(lora_id, found, evidence, problem)
    if row is not None and not row["missing"] and values.items() <= dict(row).items():
        return Change.UNCHANGED
    if row is None:
        version_id = await db.get(ADD_VERSION, **values, now=now_ms())
    else:
        version_id = row["id"]
        await db.run(CHANGE_VERSION, **values, id=version_id)
    await _write_words(db, version_id, found.sidecar)
    await db.run(SPELL_ENTRY, name=name, id=lora_id, name_key=name_key(name))
    await _refresh(db, lora_id)
    if row is not None and row["lora_id"] != lora_id:
        await _leave(db, row["lora_id"], lora_id)
    return Change.NEW if row is None else Change.CHANGED


def _values(lora_id: int, found: FoundLora, evidence: Evidence, problem: str | None) -> dict[str, object]:
    few_steps = evidence.few_steps
    return {
        "lora_id": lora_id,
        "sha256": found.sha256,
        "name": found.version,
        "path": found.path,
        "found": found.model_dump_json(),
        "base_model": None if evidence.base_model is None else str(evidence.base_model),
        "evidence": evidence.source.name,
        "contradictions": json.dumps(evidence.contradictions),
        "recommended_weight": found.sidecar.recommended_weight,
        "few_steps": None if few_steps == NOT_FEW else few_steps.model_dump_json(exclude_defaults=True),
        "prediction": None if evidence.prediction == NO_PREDICTION else evidence.prediction.written(),
        "allowed_on": json.dumps(evidence.allowed_on) if evidence.allowed_on else None,
        "problem": problem,
    }


async def _entry(db: Database, row: sqlite3.Row | None, name: str) -> int:
    """The entry called `name`. When a version alone in its entry gets a new name, the entry is renamed."""
    key = name_key(name)
    entry = await db.one(ENTRY_OF_NAME, key)
    if entry is not None:
        return entry
    if row is not None and await db.get(COUNT_VERSIONS, row["lora_id"]) == 1:
        await db.run(RENAME_ENTRY, name=name, name_key=key, id=row["lora_id"])
        return row["lora_id"]
    return await db.get(ADD_ENTRY, name=name, name_key=key, now=now_ms())


async def _leave(db: Database, old: int, new: int) -> None:
    """Note that a version moved to another entry. An entry left without versions passes on its bookmarks and goes.

    Where a person has bookmarked both, the old bookmark stays, and with it the entry, rather than lose the note.
    """
    if await db.get(COUNT_VERSIONS, old) == 0:
        await db.run(MOVE_BOOKMARKS, old=old, new=new)
        await db.run(DROP_UNUSED, id=old)
    await _refresh(db, old)


async def _write_words(db: Database, version_id: int, sidecar: Sidecar) -> None:
    await db.run(FORGET_WORDS, version_id)
    names = {words: name for name, words in sidecar.trigger_groups.items()}
    for position, word in enumerate(sidecar.all_trigger_words):
        await db.run(ADD_WORD, version=version_id, position=position, word=word, name=names.get(word))


async def _refresh(db: Database, lora_id: int) -> None:
    """Describe the entry by the first of its versions' sidecars that has a description, and index its words.

    Its content rating is the highest that a sidecar or a page gave to a file, unless an operator has rated it.
    """
    found = [version.found for version in await db.all(VERSIONS_OF, lora_id)]
    sidecars = [each.sidecar for each in found]
    category = next((s.category for s in sidecars if s.category is not Category.OTHER), Category.OTHER)
    description = next((s.description for s in sidecars if s.description), "")
    rated = await db.all(RATINGS_BY_PAGES, lora_id)
    rated += [each.content_rating for each in sidecars if each.content_rating]
    content_rating = max(rated, default=None)
    await db.run(DESCRIBE_ENTRY, category=category, description=description, content_rating=content_rating, id=lora_id)
    await write_tags(db, lora_id, category, [tag for each in found for tag in each.tags])
    await index_lora(db, lora_id)
