"""Sample pictures of LoRA files, and which files have none yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import Lora, LoraVersion, find_lora
from bot.database.loras.sample_failures import MAX_TRIES, PARDON
from inference.base_models import BaseModelId

DUE = """
    SELECT id, lora_id FROM lora_version
    WHERE sampled = 0 AND usable = 1 AND base_model = ? AND sample_tries < ?
    ORDER BY sample_tries, id DESC LIMIT 1
"""
COUNT_DUE = """
    SELECT count(*) AS files, count(DISTINCT lora_id) AS loras FROM lora_version
    WHERE sampled = 0 AND usable = 1 AND base_model = ? AND sample_tries < ?
"""
AWAITED = """
    SELECT 1 FROM lora_version
    WHERE lora_id = ? AND usable = 1 AND base_model IS NOT NULL AND sampled = 0 AND sample_tries < ? LIMIT 1
"""
GIVEN_UP = """
    SELECT 1 FROM lora_version
    WHERE lora_id = ? AND usable = 1 AND base_model IS NOT NULL AND sampled = 0 AND sample_tries >= ? LIMIT 1
"""
TRY = "UPDATE lora_version SET sample_tries = sample_tries + ? WHERE id = ?"
FORGET = "DELETE FROM sample WHERE version_id = ? RETURNING path"
RECORD = "INSERT INTO sample (version_id, position, checkpoint, path, created_at) VALUES (?, ?, ?, ?, ?)"
MARK = "UPDATE lora_version SET sampled = 1 WHERE id = ?"
OF_VERSIONS = """
    SELECT sample.version_id, sample.position, sample.checkpoint, sample.path
    FROM sample JOIN lora_version ON lora_version.id = sample.version_id
    WHERE sample.version_id IN (SELECT value FROM json_each(?)) AND lora_version.sampled = 1
    ORDER BY sample.version_id, sample.position
"""


@dataclass(frozen=True)
class Sample:
    """A picture of a version; `position` 0 was painted without it. `path` relative to the pictures folder."""

    version_id: int
    position: int
    checkpoint: str
    path: str


@dataclass(frozen=True)
class Due:
    """A version that has no samples yet, with its entry."""

    lora: Lora
    version: LoraVersion


async def due_for_samples(db: Database, base_models: Iterable[BaseModelId]) -> Due | None:
    """The newest usable version without samples, of the first of `base_models` that has one. Raises DatabaseError."""
    for base_model in base_models:
        row = await db.fetch_one(DUE, (base_model, MAX_TRIES))
        lora = await find_lora(db, row["lora_id"]) if row else None
        if row and lora:
            return Due(lora, next(version for version in lora.versions if version.id == row["id"]))
    return None


async def count_due(db: Database, base_model: BaseModelId) -> tuple[int, int]:
    """How many usable files of this base model have no samples yet, and of how many LoRAs. Raises DatabaseError."""
    ((files, loras),) = await db.fetch(COUNT_DUE, (base_model, MAX_TRIES))
    return files, loras


async def awaits_samples(db: Database, lora_id: int) -> bool:
    """Whether some version of the entry has no samples yet and still has tries left. Raises DatabaseError."""
    return await db.fetch_one(AWAITED, (lora_id, MAX_TRIES)) is not None


async def samples_given_up(db: Database, lora_id: int) -> bool:
    """Whether some version of the entry failed at each of its tries to paint samples. Raises DatabaseError."""
    return await db.fetch_one(GIVEN_UP, (lora_id, MAX_TRIES)) is not None


async def count_try(db: Database, version_id: int) -> None:
    """Count a try before it starts, so that it counts whatever goes wrong. Raises DatabaseError."""
    await db.write(TRY, (1, version_id))


async def take_try_back(db: Database, version_id: int) -> None:
    """Do not count the last try: it was preempted. Raises DatabaseError."""
    await db.write(TRY, (-1, version_id))


async def record_samples(db: Database, version_id: int, checkpoint: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Replace the version's samples; the paths that are no longer used. Raises DatabaseError."""
    async with db.transaction():
        before = {row["path"] for row in await db.write(FORGET, (version_id,))}
        for position, path in enumerate(paths):
            await db.write(RECORD, (version_id, position, checkpoint, path, now_ms()))
        await db.write(MARK, (version_id,))
        await db.write(PARDON, (version_id,))
    return tuple(sorted(before - set(paths)))


async def samples_of(db: Database, lora: Lora) -> tuple[Sample, ...]:
    """The samples of an entry's versions, also of those whose file is gone, by version, the one without it first.

    Raises DatabaseError.
    """
    ids = json.dumps([version.id for version in lora.versions])
    return tuple(Sample(**dict(row)) for row in await db.fetch(OF_VERSIONS, (ids,)))
