"""Reads the catalogue of LoRAs. An entry has versions; each version is one file. Only `records.py` writes it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import BeforeValidator, Json

from bot.database.database import Database
from bot.database.loras.search import Facets, Shown, Sort, find_loras, what_is_hidden
from bot.database.query import Query
from bot.database.search import name_key, parts, search_words, storable
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from inference.lora.evidence import Source
from inference.lora.few_steps import NOT_FEW, FewStepRecipe, FewSteps
from inference.lora.library import FoundLora
from inference.lora.prediction_evidence import NO_PREDICTION, PredictionEvidence

AUTOV3_DIGITS = 12
_PAGE = 1000  # entries that `usable_loras` reads at once

# Condition on the entry `{id}`: one of the `:base_models` trained a usable version, or the operator allows it there.
LORA_FITS = """EXISTS (
    SELECT 1 FROM lora_version WHERE lora_version.lora_id = {id} AND usable = 1 AND (
        base_model IN (SELECT value FROM json_each(:base_models)) OR EXISTS (
            SELECT 1 FROM json_each(allowed_on) AS listed
            WHERE listed.value IN (SELECT value FROM json_each(:base_models))
        )
    )
)"""
BOOKMARK_FITS = LORA_FITS.format(id="bookmark.lora_id")


@dataclass(frozen=True)
class UsefulWeights:
    """Between which weights a file is useful, as it was measured on a checkpoint."""

    checkpoint: str
    least: float
    most: float


@dataclass(frozen=True)
class LoraVersion:
    """One file of an entry. `path` is relative to the library. Without a `base_model` the file fits nothing."""

    id: int
    lora_id: int
    sha256: str | None
    name: str
    path: str
    found: Json[FoundLora]
    base_model: BaseModelId | None
    evidence: Annotated[Source, BeforeValidator(lambda name: Source[name])]
    contradictions: Json[tuple[str, ...]]
    recommended_weight: float | None
    trigger_words: Json[tuple[str, ...]]
    problem: str | None
    missing: bool
    created_at: int
    few_steps: Json[FewSteps] = NOT_FEW
    prediction: Json[PredictionEvidence] = NO_PREDICTION
    allowed_on: Json[tuple[BaseModelId, ...]] = ()  # further base models on which the operator lets it go
    useful: Json[UsefulWeights] | None = None
    claimed_otherwise: bool = False  # another page names another base model
    group_names: Json[Mapping[str, str]] = field(default_factory=dict[str, str])  # of trigger words that have one

    @property
    def disputed(self) -> bool:
        """Whether its base model is disputed, which only an operator's declaration ends."""
        return self.claimed_otherwise and self.evidence is not Source.DECLARATION

    @property
    def recipe(self) -> FewStepRecipe | None:
        """What it was made for, if it is a few-step LoRA."""
        return self.few_steps.recipe

    @property
    def usable(self) -> bool:
        """Whether the file exists and is intact."""
        return not self.missing and self.problem is None and self.sha256 is not None


@dataclass(frozen=True)
class Lora:
    """An entry of the catalogue with all its versions, those whose file is gone last. Time in unix ms.

    `uses` are jobs that succeeded with it; `stars` the sum of `ratings` ratings; `added_by` None is the operator.
    `content_rating` says for whom it is, None that nobody has rated it.
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
    content_rating: ContentRating | None
    versions: tuple[LoraVersion, ...] = ()

    @property
    def usable(self) -> tuple[LoraVersion, ...]:
        """The versions whose file exists and is intact."""
        return tuple(version for version in self.versions if version.usable)

    @property
    def rating(self) -> float | None:
        """The mean of the ratings, 1 to 5; None when there are none."""
        return self.stars / self.ratings if self.ratings else None


@dataclass(frozen=True)
class UsedLora:
    """What rules about LoRAs ask of an entry that a file belongs to."""

    sha256: str
    id: int
    name: str
    category: Category
    content_rating: ContentRating | None


@dataclass(frozen=True)
class LoraPage:
    """A page of entries, how many there are on all pages, and how many more have a rating that is not shown."""

    loras: Sequence[Lora]
    total: int
    more: bool
    hidden: int = 0


_VERSION = """
    SELECT id, lora_id, sha256, name, path, found, base_model, evidence, contradictions, recommended_weight, problem,
        missing, created_at, coalesce(few_steps, '{}') AS few_steps, coalesce(prediction, '{}') AS prediction,
        coalesce(allowed_on, '[]') AS allowed_on, (
            SELECT json_group_array(word) FROM (
                SELECT word FROM trigger_word WHERE version_id = lora_version.id ORDER BY position
            )
        ) AS trigger_words, (
            SELECT json_group_object(word, name) FROM trigger_word
            WHERE version_id = lora_version.id AND name IS NOT NULL
        ) AS group_names, (
            SELECT json_object('checkpoint', checkpoint, 'least', least, 'most', most) FROM weight_range
            WHERE version_id = lora_version.id
        ) AS useful,
        EXISTS (SELECT 1 FROM lora_dispute WHERE lora_dispute.sha256 = lora_version.sha256) AS claimed_otherwise
    FROM lora_version
"""
_BEST = "ORDER BY usable DESC, missing, id DESC LIMIT 1"
_OF_LORAS = "WHERE lora_id IN (SELECT value FROM json_each(?))"
VERSIONS = Query(LoraVersion, f"{_VERSION} {_OF_LORAS} ORDER BY lora_id, missing, path, id")
# The version with these bytes, a usable one if there is one.
VERSION_BY_SHA256 = Query(LoraVersion, f"{_VERSION} WHERE sha256 = ? {_BEST}")
# AutoV2 is the beginning of the SHA-256, so a range of the index has all candidates.
VERSION_BY_AUTOV2 = Query(LoraVersion, f"{_VERSION} WHERE sha256 >= :start AND sha256 < :end {_BEST}")
VERSION_BY_AUTOV3 = Query(LoraVersion, f"{_VERSION} WHERE autov3 = ? {_BEST}")
VERSIONS_BY_STEM = Query(LoraVersion, f"{_VERSION} WHERE stem = ? AND usable = 1 LIMIT 2")
VERSIONS_WITH_PROBLEM = Query(LoraVersion, f"{_VERSION} WHERE missing = 0 AND problem IS NOT NULL ORDER BY path")
# Rows of table lora, which `loras_from` turns into entries with versions.
BY_ID = Query(sqlite3.Row, "SELECT * FROM lora WHERE id = ?")
BY_NAME = Query(sqlite3.Row, "SELECT * FROM lora WHERE name_key = ?")
BY_IDS = Query(
    sqlite3.Row,
    "SELECT lora.* FROM json_each(?) AS wanted CROSS JOIN lora ON lora.id = wanted.value ORDER BY wanted.key",
)
OFTEN_WITH = Query(
    sqlite3.Row,
    """
    SELECT lora.* FROM lora_pair JOIN lora ON lora.id = lora_pair.other_id
    WHERE lora_pair.lora_id = :lora ORDER BY lora_pair.uses DESC, lora_pair.other_id LIMIT :limit
    """,
)
_LORAS = Query(Lora, "SELECT * FROM lora")  # for its reader
# The entries that have or had each of these files; a file may have several.
LORAS_OF_FILES = Query(
    UsedLora,
    """
    SELECT DISTINCT wanted.value AS sha256, lora.id, lora.name, lora.category, lora.content_rating
    FROM json_each(?) AS wanted
    CROSS JOIN lora_version ON lora_version.sha256 = wanted.value JOIN lora ON lora.id = lora_version.lora_id
    """,
)
SHARING_PARTS = Query(
    int,
    """
    SELECT lora_name.rowid FROM json_each(:parts) AS wanted CROSS JOIN lora_name ON lora_name MATCH wanted.value
    GROUP BY lora_name.rowid ORDER BY count(*) DESC LIMIT :limit
    """,
)


async def find_lora(db: Database, lora_id: int) -> Lora | None:
    """The entry with this id, or None."""
    return next(iter(await loras_from(db, await db.all(BY_ID, lora_id))), None)


async def find_lora_by_name(db: Database, name: str) -> Lora | None:
    """The entry of exactly this name, compared without case, or None."""
    return next(iter(await loras_from(db, await db.all(BY_NAME, name_key(name)))), None)


async def find_version_by_short_hash(db: Database, short: str) -> LoraVersion | None:
    """The version with this AutoV2 (10 hex digits) or AutoV3 (12), or None."""
    short = short.lower()
    if not re.fullmatch(r"[0-9a-f]{10}|[0-9a-f]{12}", short):
        return None
    if len(short) == AUTOV3_DIGITS:
        return await db.one(VERSION_BY_AUTOV3, short)
    return await db.one(VERSION_BY_AUTOV2, start=short, end=f"{short}g")  # "g" follows every hex digit


async def find_version_by_stem(db: Database, stem: str) -> LoraVersion | None:
    """The only usable file of this name, without folder and suffix, ignoring the case of A to Z; None if several."""
    found = await db.all(VERSIONS_BY_STEM, storable(stem))
    return found[0] if len(found) == 1 else None


async def browse_loras(
    db: Database,
    *,
    limit: int,
    offset: int = 0,
    search: str = "",
    category: Category | None = None,
    tag: str | None = None,
    base_models: Collection[BaseModelId] | None = None,
    shown: Shown = None,
    sort: Sort = Sort.NEWEST,
    server_id: int | None = None,
) -> LoraPage:
    """A page of the entries that have a usable version, all conditions met.

    `search` is found in name, trigger words and description: what is exactly it first, then what begins with it, then
    what is one typo away, each in the order `sort`; `tag` is one of `POPULAR_TAGS`; `base_models` wants a
    usable version of one of them; `shown` are the content ratings that are shown, left out: all. With `server_id`,
    trending and top rated count what was published and liked in that server.
    """
    facets = Facets(category, tag, base_models, await what_is_hidden(db, shown))
    found = await find_loras(db, facets, search, sort, limit=limit, offset=offset, server_id=server_id)
    loras = await find_loras_by_id(db, found.ids)
    hidden = 0
    if facets.shown is not None:
        everything = await find_loras(db, replace(facets, shown=None), search, sort, limit=0)
        hidden = max(0, everything.total - found.total)
    return LoraPage(loras, found.total, more=offset + limit < found.total, hidden=hidden)


async def usable_loras(db: Database, search: str = "") -> list[Lora]:
    """All entries that have a usable version; those found with `search`, if it is given."""
    loras: list[Lora] = []
    more = True
    while more:
        page = await browse_loras(db, limit=_PAGE, offset=len(loras), search=search)
        loras += page.loras
        more = page.more
    return loras


async def similar_names(db: Database, typed: str, *, limit: int = 20) -> tuple[str, ...]:
    """Names of usable entries that `typed` may mean: by words, by one typo, or else by shared trigrams."""
    if not search_words(typed):
        return ()
    found = await find_loras(db, Facets(), typed, Sort.MOST_USED, limit=limit)
    ids = found.ids or await db.all(SHARING_PARTS, parts=parts(typed), limit=limit)
    return tuple(lora.name for lora in await find_loras_by_id(db, ids) if lora.usable)


async def find_loras_by_id(db: Database, ids: Sequence[int]) -> list[Lora]:
    """The entries with these ids, in the order given, without missing ones."""
    return await loras_from(db, await db.all(BY_IDS, ids))


async def often_used_with(db: Database, lora_id: int, *, limit: int = 5) -> list[Lora]:
    """The entries that were most often used in one job with this one."""
    return await loras_from(db, await db.all(OFTEN_WITH, lora=lora_id, limit=limit))


async def loras_from(db: Database, rows: Sequence[sqlite3.Row]) -> list[Lora]:
    """The entries of these rows of table lora, in the order given, with their versions."""
    versions: dict[int, list[LoraVersion]] = {row["id"]: [] for row in rows}
    for version in await db.all(VERSIONS, list(versions)):
        versions[version.lora_id].append(version)
    return [replace(lora, versions=tuple(versions[lora.id])) for lora in _LORAS.read(rows)]
