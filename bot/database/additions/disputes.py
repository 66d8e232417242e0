"""Disputed LoRAs: pages of other people that name another base model for the bytes of a LoRA, and who had it before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from inference.base_models import BaseModelId
from inference.lora.evidence import Source

DISPUTE = """
    INSERT INTO lora_dispute (sha256, page, base_model, disputed_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (sha256, page) DO UPDATE SET base_model = excluded.base_model
    WHERE base_model <> excluded.base_model RETURNING 1
"""
SETTLE = "DELETE FROM lora_dispute WHERE sha256 = ? AND page = ?"
FIND = "SELECT base_model FROM lora_dispute WHERE sha256 = ? AND page = ?"
# An operator's declaration ends a dispute.
OPEN = """
    SELECT wanted.value AS sha256, min(disputed_at) AS since,
        json_group_array(DISTINCT lora_dispute.base_model) AS bases
    FROM json_each(:files) AS wanted CROSS JOIN lora_dispute ON lora_dispute.sha256 = wanted.value
    WHERE NOT EXISTS (
        SELECT 1 FROM lora_version WHERE lora_version.sha256 = wanted.value AND usable = 1 AND evidence = :declared
    )
    GROUP BY wanted.value
"""
HAD = """
    SELECT 1 WHERE EXISTS (
        SELECT 1 FROM lora_version JOIN bookmark ON bookmark.lora_id = lora_version.lora_id
        WHERE lora_version.sha256 = :sha256 AND bookmark.person_id = :person AND bookmark.created_at < :since
    )
    OR EXISTS (
        SELECT 1 FROM lora_version JOIN lora ON lora.id = lora_version.lora_id
        WHERE lora_version.sha256 = :sha256 AND lora.added_by = :person
    )
    OR EXISTS (
        SELECT 1 FROM picture_lora JOIN picture ON picture.id = picture_id JOIN job ON job.id = picture.job_id
        WHERE picture_lora.sha256 = :sha256 AND job.person_id = :person AND job.created_at < :since
    )
"""


@dataclass(frozen=True)
class Dispute:
    """An open dispute about a file: since when (unix ms), and the base models that other pages name."""

    sha256: str
    since: int
    base_models: tuple[BaseModelId, ...]


async def dispute(db: Database, sha256: str, page: str, base_model: BaseModelId) -> bool:
    """Record that a page names another base model for a file. Return whether that is new. Raises DatabaseError."""
    return bool(await db.write(DISPUTE, (sha256, page, base_model, now_ms())))


async def settle(db: Database, sha256: str, page: str) -> None:
    """Delete the dispute of a page that no longer contradicts. Raises DatabaseError."""
    await db.write(SETTLE, (sha256, page))


async def disputed_by(db: Database, sha256: str, page: str) -> BaseModelId | None:
    """Return the base model that a disputing page names for a file; None without a dispute. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (sha256, page))
    return None if row is None else BaseModelId(row["base_model"])


async def open_disputes(db: Database, files: Sequence[str]) -> list[Dispute]:
    """The open disputes about files with these SHA-256. Raises DatabaseError."""
    parameters = {"files": json.dumps(list(files)), "declared": Source.DECLARATION.name}
    rows = await db.fetch(OPEN, parameters)
    return [Dispute(row["sha256"], row["since"], tuple(map(BaseModelId, json.loads(row["bases"])))) for row in rows]


async def disputes_for(db: Database, person_id: int, files: Sequence[str]) -> list[Dispute]:
    """The open disputes that keep files from a person who did not have them before. Raises DatabaseError."""
    found = await open_disputes(db, files) if files else []
    return [each for each in found if not await _had_before(db, person_id, each)]


async def _had_before(db: Database, person_id: int, found: Dispute) -> bool:
    """Whether a person bookmarked, used or added a LoRA before it was disputed."""
    parameters = {"person": person_id, "sha256": found.sha256, "since": found.since}
    return await db.fetch_one(HAD, parameters) is not None
