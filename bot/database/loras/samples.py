"""Sample pictures of LoRA files, and which files have none yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import Lora, LoraVersion, find_lora
from bot.database.loras.sample_failures import FORGET_SAMPLE_FAILURE, MAX_TRIES
from bot.database.query import Query, SqlStatement
from inference.base_models import BaseModelId

FORGET_SAMPLES = Query(str, "DELETE FROM sample WHERE version_id = ? RETURNING path")
RECORD_SAMPLE = SqlStatement("""
    INSERT INTO sample (version_id, position, checkpoint, path, created_at)
    VALUES (:version, :position, :checkpoint, :path, :now)
""")
MARK_SAMPLED = SqlStatement("UPDATE lora_version SET sampled = 1 WHERE id = ?")


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


@dataclass(frozen=True)
class DueVersion:
    """The ids of a version and its entry."""

    id: int
    lora_id: int


@dataclass(frozen=True)
class DueCount:
    """How many usable files have no samples yet, and of how many LoRAs."""

    files: int
    loras: int


_DUE = """
    FROM lora_version WHERE sampled = 0 AND usable = 1 AND base_model = :base_model AND sample_tries < :tries
"""
# The newest usable version of a base model without samples.
DUE_FOR_SAMPLES = Query(DueVersion, f"SELECT id, lora_id {_DUE} ORDER BY sample_tries, id DESC LIMIT 1")
COUNT_DUE = Query(DueCount, f"SELECT count(*) AS files, count(DISTINCT lora_id) AS loras {_DUE}")
_WITHOUT_SAMPLES = """
    SELECT 1 FROM lora_version WHERE lora_id = ? AND usable = 1 AND base_model IS NOT NULL AND sampled = 0
"""
# Whether some version of an entry has no samples yet and still has tries left.
AWAITS_SAMPLES = Query(bool, f"SELECT EXISTS ({_WITHOUT_SAMPLES} AND sample_tries < {MAX_TRIES})")
# Whether some version of an entry failed at each of its tries to paint samples.
SAMPLES_GIVEN_UP = Query(bool, f"SELECT EXISTS ({_WITHOUT_SAMPLES} AND sample_tries >= {MAX_TRIES})")
# 1 before a try starts, so that it counts whatever goes wrong; -1 after it was preempted.
CHANGE_SAMPLE_TRIES = SqlStatement("UPDATE lora_version SET sample_tries = sample_tries + :tries WHERE id = :id")
# The samples of an entry's versions, also of those whose file is gone, by version, the one without it first.
SAMPLES_OF = Query(
    Sample,
    """
    SELECT sample.version_id, sample.position, sample.checkpoint, sample.path
    FROM lora_version JOIN sample ON sample.version_id = lora_version.id
    WHERE lora_version.lora_id = ? AND lora_version.sampled = 1
    ORDER BY sample.version_id, sample.position
    """,
)


async def find_due(db: Database, query: Query[DueVersion], base_models: Iterable[BaseModelId]) -> Due | None:
    """Return the due version of the first of `base_models` that has one."""
    for base_model in base_models:
        found = await db.one(query, base_model=base_model, tries=MAX_TRIES)
        lora = await find_lora(db, found.lora_id) if found else None
        if found and lora:
            return Due(lora, next(version for version in lora.versions if version.id == found.id))
    return None


async def record_samples(db: Database, version_id: int, checkpoint: str, paths: Sequence[str]) -> list[str]:
    """Replace the version's samples; the paths that are no longer used."""
    async with db.transaction():
        before = set(await db.all(FORGET_SAMPLES, version_id))
        for position, path in enumerate(paths):
            await db.run(
                RECORD_SAMPLE, version=version_id, position=position, checkpoint=checkpoint, path=path, now=now_ms()
            )
        await db.run(MARK_SAMPLED, version_id)
        await db.run(FORGET_SAMPLE_FAILURE, version_id)
    return sorted(before - set(paths))
