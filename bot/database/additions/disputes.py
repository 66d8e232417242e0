"""Disputed LoRAs: pages of other people that name another base model for the bytes of a LoRA, and who had it before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Json

from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from inference.base_models import BaseModelId
from inference.lora.evidence import Source


@dataclass(frozen=True)
class Dispute:
    """An open dispute about a file: since when (unix ms), and the base models that other pages name."""

    sha256: str
    since: int
    base_models: Json[tuple[BaseModelId, ...]]


# A page names another base model for a file. Changes no row when that is not new.
RECORD_DISPUTE = SqlStatement("""
    INSERT INTO lora_dispute (sha256, page, base_model, disputed_at) VALUES (:sha256, :page, :base_model, :now)
    ON CONFLICT (sha256, page) DO UPDATE SET base_model = excluded.base_model
    WHERE base_model <> excluded.base_model
""")
# Deletes the dispute of a page that no longer contradicts.
SETTLE_DISPUTE = SqlStatement("DELETE FROM lora_dispute WHERE sha256 = :sha256 AND page = :page")
# The base model that a disputing page names for a file.
DISPUTED_BY = Query(BaseModelId, "SELECT base_model FROM lora_dispute WHERE sha256 = :sha256 AND page = :page")
# The open disputes about files with these SHA-256. An operator's declaration ends a dispute.
OPEN_DISPUTES = Query(
    Dispute,
    f"""
    SELECT wanted.value AS sha256, min(disputed_at) AS since,
        json_group_array(DISTINCT lora_dispute.base_model) AS base_models
    FROM json_each(?) AS wanted CROSS JOIN lora_dispute ON lora_dispute.sha256 = wanted.value
    WHERE NOT EXISTS (
        SELECT 1 FROM lora_version
        WHERE lora_version.sha256 = wanted.value AND usable = 1 AND evidence = '{Source.DECLARATION.name}'
    )
    GROUP BY wanted.value
    """,  # noqa: S608 - constants only
)
# Whether a person bookmarked, used or added a LoRA before it was disputed.
HAD_BEFORE = Query(
    bool,
    """
    SELECT EXISTS (
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
    """,
)


async def disputes_for(db: Database, person_id: int, files: Sequence[str]) -> list[Dispute]:
    """The open disputes that keep files from a person who did not have them before."""
    found = await db.all(OPEN_DISPUTES, files) if files else []
    return [
        each for each in found
        if not await db.get(HAD_BEFORE, person=person_id, sha256=each.sha256, since=each.since)
    ]  # fmt: skip
