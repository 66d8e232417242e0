"""Reading the catalogue of LoRAs: an entry has versions, a version is a file. Written by `lora_records` alone."""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import aiosqlite

from bot.database.base_models import stored_base_model
from bot.database.connection import fetch, fetch_one
from bot.database.search import all_words, nearly, search_words, storable
from inference.base_models import BaseModelId
from inference.lora.evidence import Source
from inference.lora.library import FoundLora
from inference.lora.sidecar import Category

AUTOV3_DIGITS = 12

BY_ID = "SELECT * FROM lora WHERE id = ?"
BY_NAME = "SELECT * FROM lora WHERE name_key = ?"
_VERSION = """
    SELECT id, lora_id, sha256, name, path, found, base_model, evidence, contradictions, recommended_weight, problem,
        missing, created_at, (
            SELECT json_group_array(word) FROM (
                SELECT word FROM trigger_word WHERE version_id = lora_version.id ORDER BY position
            )
        ) AS trigger_words
    FROM lora_version
"""
_OF_LORAS = "WHERE lora_id IN (SELECT value FROM json_each(?))"
VERSIONS = f"{_VERSION} {_OF_LORAS} ORDER BY lora_id, missing, path, id"
VERSION_BY_SHA256 = f"{_VERSION} WHERE sha256 = ? ORDER BY usable DESC, missing, id DESC LIMIT 1"
# AutoV2 is the beginning of the SHA-256, so a range of the index holds all that begin so.
VERSION_BY_AUTOV2 = f"{_VERSION} WHERE sha256 >= ? AND sha256 < ? ORDER BY usable DESC, missing, id DESC LIMIT 1"
VERSION_BY_AUTOV3 = f"{_VERSION} WHERE autov3 = ? ORDER BY usable DESC, missing, id DESC LIMIT 1"
WITH_PROBLEM = f"{_VERSION} WHERE missing = 0 AND problem IS NOT NULL ORDER BY path"
_USABLE = "EXISTS (SELECT 1 FROM lora_version WHERE lora_id = lora.id AND usable = 1)"
NEARLY_NAMED = f"""
    SELECT lora.name FROM lora_name JOIN lora ON lora.id = lora_name.rowid
    WHERE lora_name MATCH ? AND {_USABLE} ORDER BY lora_name.rank LIMIT ?
"""  # noqa: S608 - constants only
NAMED_LIKE = f"""
    SELECT lora.name FROM lora_text JOIN lora ON lora.id = lora_text.rowid
    WHERE lora_text MATCH ? AND {_USABLE} ORDER BY lora_text.rank LIMIT ?
"""  # noqa: S608 - constants only

_OF_BASE = """lora.id IN (
    SELECT lora_id FROM lora_version WHERE base_model IN (SELECT value FROM json_each(:base_models)) AND usable = 1
)"""
_TAGGED = "lora.id IN (SELECT lora_id FROM lora_tag WHERE category = lora.category AND tag = :tag)"
_OF_SEARCH = "lora.id IN (SELECT rowid FROM lora_text WHERE lora_text MATCH :search)"


class Sort(StrEnum):
    """In which order lists come."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    MOST_USED = "most_used"
    TRENDING = "trending"
    TOP_RATED = "top_rated"


_ORDERS = {
    Sort.NEWEST: "lora.created_at DESC, lora.id DESC",
    Sort.OLDEST: "lora.created_at, lora.id",
    Sort.NAME: "lora.name_key",
    Sort.MOST_USED: "lora.uses DESC, lora.id DESC",
    Sort.TRENDING: "lora.trend DESC, lora.id DESC",
    Sort.TOP_RATED: "lora.score DESC, lora.id DESC",
}


def _browse(category: bool, tag: bool, base: bool, search: bool, sort: Sort) -> str:
    chosen = (
        (category, "lora.category = :category"),
        (tag, _TAGGED),
        (base, _OF_BASE),
        (search, _OF_SEARCH),
        (True, _USABLE),
    )
    conditions = " AND ".join(condition for wanted, condition in chosen if wanted)
    order = f"ORDER BY {_ORDERS[sort]} LIMIT :limit OFFSET :offset"
    return f"SELECT lora.* FROM lora WHERE {conditions} {order}"  # noqa: S608 - constants only


# (by category, by tag, by base model, by search, sort): one statement each, so that each can use the index made for it.
BROWSE = {key: _browse(*key) for key in product((False, True), (False, True), (False, True), (False, True), Sort)}

_CHOICE = """
    SELECT lora.id, lora.name, lora.category, (
        SELECT json_group_array(DISTINCT base_model) FROM lora_version
        WHERE lora_id = lora.id AND usable = 1 AND base_model IS NOT NULL
    ) AS base_models, EXISTS (
        SELECT 1 FROM lora_version WHERE lora_id = lora.id AND usable = 1
        AND base_model IN (SELECT value FROM json_each(:base_models))
    ) AS fits, EXISTS (SELECT 1 FROM bookmark WHERE person_id = :person AND lora_id = lora.id) AS bookmarked
"""
CHOICES_MATCHING = f"""
    {_CHOICE} FROM lora_text JOIN lora ON lora.id = lora_text.rowid
    WHERE lora_text MATCH :search AND {_USABLE} ORDER BY bookmarked DESC, fits DESC, lora.name_key LIMIT :limit
"""
CHOICES_BOOKMARKED = f"""
    {_CHOICE} FROM bookmark JOIN lora ON lora.id = bookmark.lora_id
    WHERE bookmark.person_id = :person AND {_USABLE}
    ORDER BY fits DESC, bookmark.created_at DESC, bookmark.id DESC LIMIT :limit
"""
CHOICES_FITTING = f"{_CHOICE} FROM lora WHERE {_OF_BASE} AND NOT bookmarked ORDER BY lora.name_key LIMIT :limit"
CHOICES_OTHER = f"""
    {_CHOICE} FROM lora WHERE {_USABLE} AND NOT bookmarked AND NOT fits
    ORDER BY lora.created_at DESC, lora.id DESC LIMIT :limit
"""


@dataclass(frozen=True)
class LoraVersion:
    """One file of an entry. `path` relative to the library; no `base_model`: nobody knows, so it fits nothing."""

    id: int
    lora_id: int
    sha256: str | None
    name: str
    path: str
    found: FoundLora | None
    base_model: BaseModelId | None
    evidence: Source
    contradictions: tuple[str, ...]
    recommended_weight: float | None
    trigger_words: tuple[str, ...]
    problem: str | None
    missing: bool
    created_at: int

    @property
    def usable(self) -> bool:
        """Whether the file is there and whole."""
        return not self.missing and self.problem is None and self.sha256 is not None


@dataclass(frozen=True)
class Lora:
    """An entry of the catalogue with all its versions, those whose file is gone last. Time in unix ms.

    `uses` are jobs that succeeded with it; `stars` the sum of `ratings` ratings; `added_by` None is the operator.
    """

    id: int
    name: str
    category: Category
    description: str
    created_at: int
    uses: int
    stars: int
    ratings: int
    added_by: int | None
    versions: tuple[LoraVersion, ...]

    @property
    def usable(self) -> tuple[LoraVersion, ...]:
        """The versions whose file is there and whole."""
        return tuple(version for version in self.versions if version.usable)

    @property
    def rating(self) -> float | None:
        """The mean of the ratings, 1 to 5; None when there are none."""
        return self.stars / self.ratings if self.ratings else None


@dataclass(frozen=True)
class LoraPage:
    """A page of entries, and whether there are more."""

    loras: tuple[Lora, ...]
    more: bool


@dataclass(frozen=True)
class LoraChoice:
    """What a field with suggestions shows. `base_models` of its usable versions, without the unknown ones."""

    id: int
    name: str
    category: Category
    base_models: tuple[BaseModelId, ...]
    fits: bool
    bookmarked: bool


def name_key(name: str) -> str:
    """The form in which names are compared: without regard to case, width or doubled blanks."""
    return " ".join(unicodedata.normalize("NFKC", storable(name)).casefold().split())


async def find_lora(connection: aiosqlite.Connection, lora_id: int) -> Lora | None:
    """The entry with this id, or None. Raises DatabaseError."""
    return await _with_versions(connection, await fetch_one(connection, BY_ID, (lora_id,)))


async def find_lora_by_name(connection: aiosqlite.Connection, name: str) -> Lora | None:
    """The entry of exactly this name, in whatever case, or None. Raises DatabaseError."""
    return await _with_versions(connection, await fetch_one(connection, BY_NAME, (name_key(name),)))


async def find_version(connection: aiosqlite.Connection, sha256: str) -> LoraVersion | None:
    """The version with these bytes, a usable one before one that is gone, or None. Raises DatabaseError."""
    row = await fetch_one(connection, VERSION_BY_SHA256, (sha256,))
    return None if row is None else _version(row)


async def find_version_by_short_hash(connection: aiosqlite.Connection, short: str) -> LoraVersion | None:
    """The version that pictures name by AutoV2 (10 hex digits) or AutoV3 (12), or None. Raises DatabaseError."""
    short = short.lower()
    if not re.fullmatch(r"[0-9a-f]{10}|[0-9a-f]{12}", short):
        return None
    if len(short) == AUTOV3_DIGITS:
        row = await fetch_one(connection, VERSION_BY_AUTOV3, (short,))
    else:
        row = await fetch_one(connection, VERSION_BY_AUTOV2, (short, f"{short}g"))  # "g" follows every hex digit
    return None if row is None else _version(row)


async def versions_with_problem(connection: aiosqlite.Connection) -> tuple[LoraVersion, ...]:
    """Every file of the library that cannot be used, with its `problem`, by path. Raises DatabaseError."""
    return tuple(_version(row) for row in await fetch(connection, WITH_PROBLEM))


async def browse_loras(
    connection: aiosqlite.Connection,
    *,
    limit: int,
    offset: int = 0,
    search: str = "",
    category: Category | None = None,
    tag: str | None = None,
    base_models: Collection[BaseModelId] | None = None,
    sort: Sort = Sort.NEWEST,
) -> LoraPage:
    """A page of the entries that have a usable version, all conditions met.

    `search` wants each of its words at the beginning of a word of name, trigger words or description; `tag` is one
    that `tags.popular_tags` gives; `base_models` wants a usable version of one of them. Raises DatabaseError.
    """
    words = search_words(search)
    if words == []:
        return LoraPage((), more=False)
    parameters = {
        "category": category,
        "tag": tag,
        "base_models": json.dumps(list(base_models or ())),
        "search": all_words(words or []),
        "limit": limit + 1,
        "offset": offset,
    }
    sql = BROWSE[category is not None, tag is not None, base_models is not None, words is not None, sort]
    rows = await fetch(connection, sql, parameters)
    return LoraPage(await loras_from(connection, rows[:limit]), more=len(rows) > limit)


async def lora_choices(
    connection: aiosqlite.Connection,
    person_id: int,
    typed: str,
    *,
    fitting: Collection[BaseModelId] = (),
    limit: int = 25,
) -> tuple[LoraChoice, ...]:
    """What to suggest while a person types: bookmarks before the rest, and in each what fits `fitting` first.

    Raises DatabaseError.
    """
    words = search_words(typed)
    if words == []:
        return ()
    parameters = {"person": person_id, "base_models": json.dumps(list(fitting)), "search": all_words(words or [])}
    rows: list[sqlite3.Row] = []
    for sql in (CHOICES_BOOKMARKED, CHOICES_FITTING, CHOICES_OTHER) if words is None else (CHOICES_MATCHING,):
        if len(rows) < limit:
            rows += await fetch(connection, sql, {**parameters, "limit": limit - len(rows)})
    return tuple(map(_choice, rows))


async def similar_names(connection: aiosqlite.Connection, typed: str, *, limit: int = 50) -> tuple[str, ...]:
    """Names of usable entries that share letters with `typed`, the best first. Raises DatabaseError."""
    sql, query = NEARLY_NAMED, nearly(typed)
    if query is None:
        sql, query = NAMED_LIKE, all_words(search_words(typed) or [])
    if not query:
        return ()
    return tuple(row["name"] for row in await fetch(connection, sql, (query, limit)))


async def loras_from(connection: aiosqlite.Connection, rows: Sequence[sqlite3.Row]) -> tuple[Lora, ...]:
    """The entries whose rows of table lora these are, in their order, with their versions. Raises DatabaseError."""
    ids = json.dumps([row["id"] for row in rows])
    versions: dict[int, list[LoraVersion]] = {row["id"]: [] for row in rows}
    for row in await fetch(connection, VERSIONS, (ids,)):
        versions[row["lora_id"]].append(_version(row))
    return tuple(
        Lora(
            id=row["id"],
            name=row["name"],
            category=Category(row["category"]),
            description=row["description"],
            created_at=row["created_at"],
            uses=row["uses"],
            stars=row["stars"],
            ratings=row["ratings"],
            added_by=row["added_by"],
            versions=tuple(versions[row["id"]]),
        )
        for row in rows
    )


async def _with_versions(connection: aiosqlite.Connection, row: sqlite3.Row | None) -> Lora | None:
    if row is None:
        return None
    (lora,) = await loras_from(connection, [row])
    return lora


def stored_found(text: str) -> FoundLora | None:
    """What a scan found, from its JSON; None when another version of Easel wrote it, so that it is read anew."""
    try:
        return FoundLora.model_validate_json(text)
    except ValueError:
        return None


def _version(row: sqlite3.Row) -> LoraVersion:
    columns = dict(row)
    columns["found"] = stored_found(columns["found"])
    columns["base_model"] = stored_base_model(columns["base_model"])
    columns["evidence"] = Source.__members__.get(columns["evidence"], Source.NONE)
    columns["contradictions"] = tuple(json.loads(columns["contradictions"]))
    columns["trigger_words"] = tuple(json.loads(columns["trigger_words"]))
    columns["missing"] = bool(columns["missing"])
    return LoraVersion(**columns)


def _choice(row: sqlite3.Row) -> LoraChoice:
    return LoraChoice(
        id=row["id"],
        name=row["name"],
        category=Category(row["category"]),
        base_models=tuple(sorted(filter(None, map(stored_base_model, json.loads(row["base_models"]))))),
        fits=bool(row["fits"]),
        bookmarked=bool(row["bookmarked"]),
    )
