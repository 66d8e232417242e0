"""Reads the catalogue of LoRAs: an entry has versions, a version is a file. `lora_records` alone writes it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.database.database import Database
from bot.database.loras.base_models import stored_base_model
from bot.database.loras.search import Facets, Shown, Sort, find_loras, what_is_hidden
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

BY_ID = "SELECT * FROM lora WHERE id = ?"
BY_NAME = "SELECT * FROM lora WHERE name_key = ?"
# Condition on a version: it was trained on one of the `:base_models`, or the operator allows it there.
FITS_BASE_MODELS = """(
    base_model IN (SELECT value FROM json_each(:base_models)) OR EXISTS (
        SELECT 1 FROM json_each(allowed_on) AS listed
        WHERE listed.value IN (SELECT value FROM json_each(:base_models))
    )
)"""
_VERSION = """
    SELECT id, lora_id, sha256, name, path, found, base_model, evidence, contradictions, recommended_weight, problem,
        missing, created_at, few_steps, prediction, allowed_on, (
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
_OF_LORAS = "WHERE lora_id IN (SELECT value FROM json_each(?))"
VERSIONS = f"{_VERSION} {_OF_LORAS} ORDER BY lora_id, missing, path, id"
VERSION_BY_SHA256 = f"{_VERSION} WHERE sha256 = ? ORDER BY usable DESC, missing, id DESC LIMIT 1"
# AutoV2 is the beginning of the SHA-256, so a range of the index has all candidates.
VERSION_BY_AUTOV2 = f"{_VERSION} WHERE sha256 >= ? AND sha256 < ? ORDER BY usable DESC, missing, id DESC LIMIT 1"
VERSION_BY_AUTOV3 = f"{_VERSION} WHERE autov3 = ? ORDER BY usable DESC, missing, id DESC LIMIT 1"
VERSIONS_BY_STEM = f"{_VERSION} WHERE stem = ? AND usable = 1 LIMIT 2"
WITH_PROBLEM = f"{_VERSION} WHERE missing = 0 AND problem IS NOT NULL ORDER BY path"
OFTEN_WITH = """
    SELECT lora.* FROM lora_pair JOIN lora ON lora.id = lora_pair.other_id
    WHERE lora_pair.lora_id = ? ORDER BY lora_pair.uses DESC, lora_pair.other_id LIMIT ?
"""
BY_IDS = "SELECT lora.* FROM json_each(?) AS wanted CROSS JOIN lora ON lora.id = wanted.value ORDER BY wanted.key"
OF_FILES = """
    SELECT DISTINCT wanted.value AS sha256, lora.id, lora.name, lora.category, lora.content_rating
    FROM json_each(?) AS wanted
    CROSS JOIN lora_version ON lora_version.sha256 = wanted.value JOIN lora ON lora.id = lora_version.lora_id
"""
SHARING_PARTS = """
    SELECT lora_name.rowid AS id FROM json_each(?) AS wanted CROSS JOIN lora_name ON lora_name MATCH wanted.value
    GROUP BY lora_name.rowid ORDER BY count(*) DESC LIMIT ?
"""


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
    found: FoundLora
    base_model: BaseModelId | None
    evidence: Source
    contradictions: tuple[str, ...]
    recommended_weight: float | None
    trigger_words: tuple[str, ...]
    problem: str | None
    missing: bool
    created_at: int
    few_steps: FewSteps = NOT_FEW
    prediction: PredictionEvidence = NO_PREDICTION
    allowed_on: tuple[BaseModelId, ...] = ()  # further base models on which the operator lets it go
    useful: UsefulWeights | None = None
    claimed_otherwise: bool = False  # another page names another base model
    group_names: Mapping[str, str] = field(default_factory=dict[str, str])  # of trigger words that have one

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
    versions: tuple[LoraVersion, ...]

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

    loras: tuple[Lora, ...]
    total: int
    more: bool
    hidden: int = 0


async def find_lora(db: Database, lora_id: int) -> Lora | None:
    """The entry with this id, or None. Raises DatabaseError."""
    return await _with_versions(db, await db.fetch_one(BY_ID, (lora_id,)))


async def find_lora_by_name(db: Database, name: str) -> Lora | None:
    """The entry of exactly this name, compared without case, or None. Raises DatabaseError."""
    return await _with_versions(db, await db.fetch_one(BY_NAME, (name_key(name),)))


async def find_version(db: Database, sha256: str) -> LoraVersion | None:
    """The version with these bytes, a usable one if there is one, or None. Raises DatabaseError."""
    row = await db.fetch_one(VERSION_BY_SHA256, (sha256,))
    return None if row is None else _version(row)


async def loras_of_files(db: Database, sha256s: Sequence[str]) -> tuple[UsedLora, ...]:
    """The entries that have or had each of these files; a file may have several. Raises DatabaseError."""
    rows = await db.fetch(OF_FILES, (json.dumps(list(sha256s)),))
    return tuple(
        UsedLora(row["sha256"], row["id"], row["name"], Category(row["category"]), _content_rating(row)) for row in rows
    )


async def find_version_by_short_hash(db: Database, short: str) -> LoraVersion | None:
    """The version with this AutoV2 (10 hex digits) or AutoV3 (12), or None. Raises DatabaseError."""
    short = short.lower()
    if not re.fullmatch(r"[0-9a-f]{10}|[0-9a-f]{12}", short):
        return None
    if len(short) == AUTOV3_DIGITS:
        row = await db.fetch_one(VERSION_BY_AUTOV3, (short,))
    else:
        row = await db.fetch_one(VERSION_BY_AUTOV2, (short, f"{short}g"))  # "g" follows every hex digit
    return None if row is None else _version(row)


async def find_version_by_stem(db: Database, stem: str) -> LoraVersion | None:
    """The only usable file of this name, without folder and suffix, in whatever case of A to Z; None if there are more.

    Raises DatabaseError.
    """
    rows = await db.fetch(VERSIONS_BY_STEM, (storable(stem),))
    return _version(rows[0]) if len(rows) == 1 else None


async def versions_with_problem(db: Database) -> tuple[LoraVersion, ...]:
    """Every file of the library that cannot be used, with its `problem`, by path. Raises DatabaseError."""
    return tuple(_version(row) for row in await db.fetch(WITH_PROBLEM))


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
    what is one typo away, each in the order `sort`; `tag` is one that `tags.popular_tags` gives; `base_models` wants a
    usable version of one of them; `shown` are the content ratings that are shown, left out: all. With `server_id`,
    trending and top rated count what was published and liked in that server.
    Raises DatabaseError.
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
    """All entries that have a usable version; those found with `search`, if it is given. Raises DatabaseError."""
    loras: list[Lora] = []
    more = True
    while more:
        page = await browse_loras(db, limit=_PAGE, offset=len(loras), search=search)
        loras += page.loras
        more = page.more
    return loras


async def similar_names(db: Database, typed: str, *, limit: int = 20) -> tuple[str, ...]:
    """Names of usable entries that `typed` may mean: by words, by one typo, or else by shared trigrams.

    Raises DatabaseError.
    """
    if not search_words(typed):
        return ()
    found = await find_loras(db, Facets(), typed, Sort.MOST_USED, limit=limit)
    ids = list(found.ids)
    if not ids:
        ids = [row["id"] for row in await db.fetch(SHARING_PARTS, (json.dumps(parts(typed)), limit))]
    return tuple(lora.name for lora in await find_loras_by_id(db, ids) if lora.usable)


async def find_loras_by_id(db: Database, ids: Sequence[int]) -> tuple[Lora, ...]:
    """The entries with these ids, in the order given, without missing ones. Raises DatabaseError."""
    return await loras_from(db, await db.fetch(BY_IDS, (json.dumps(list(ids)),)))


async def often_used_with(db: Database, lora_id: int, *, limit: int = 5) -> tuple[Lora, ...]:
    """The entries that were most often used in one job with this one. Raises DatabaseError."""
    return await loras_from(db, await db.fetch(OFTEN_WITH, (lora_id, limit)))


async def loras_from(db: Database, rows: Sequence[sqlite3.Row]) -> tuple[Lora, ...]:
    """The entries of these rows of table lora, in the order given, with their versions. Raises DatabaseError."""
    ids = json.dumps([row["id"] for row in rows])
    versions: dict[int, list[LoraVersion]] = {row["id"]: [] for row in rows}
    for row in await db.fetch(VERSIONS, (ids,)):
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
            content_rating=_content_rating(row),
            versions=tuple(versions[row["id"]]),
        )
        for row in rows
    )


async def _with_versions(db: Database, row: sqlite3.Row | None) -> Lora | None:
    if row is None:
        return None
    (lora,) = await loras_from(db, [row])
    return lora


def _content_rating(row: sqlite3.Row) -> ContentRating | None:
    return None if row["content_rating"] is None else ContentRating(row["content_rating"])


def _version(row: sqlite3.Row) -> LoraVersion:
    columns = dict(row)
    columns["found"] = FoundLora.model_validate_json(columns["found"])
    columns["base_model"] = stored_base_model(columns["base_model"])
    columns["evidence"] = Source[columns["evidence"]]
    columns["contradictions"] = tuple(json.loads(columns["contradictions"]))
    columns["trigger_words"] = tuple(json.loads(columns["trigger_words"]))
    few_steps, prediction = columns["few_steps"], columns["prediction"]
    columns["few_steps"] = NOT_FEW if few_steps is None else FewSteps.model_validate_json(few_steps)
    columns["prediction"] = NO_PREDICTION if prediction is None else PredictionEvidence.read(prediction)
    columns["allowed_on"] = tuple(map(BaseModelId, json.loads(columns["allowed_on"] or "[]")))
    columns["group_names"] = json.loads(columns["group_names"])
    columns["useful"] = UsefulWeights(**json.loads(columns["useful"])) if columns["useful"] else None
    columns["missing"] = bool(columns["missing"])
    columns["claimed_otherwise"] = bool(columns["claimed_otherwise"])
    return LoraVersion(**columns)
