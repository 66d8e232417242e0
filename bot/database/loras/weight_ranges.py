"""Which LoRA files have no measured range of weights yet; `loras` reads those that have one."""

from __future__ import annotations

from collections.abc import Iterable

from bot.database.database import Database
from bot.database.loras.catalogue import UsefulWeights, find_lora
from bot.database.loras.sample_failures import MAX_TRIES
from bot.database.loras.samples import Due
from inference.base_models import BaseModelId

DUE = """
    SELECT id, lora_id FROM lora_version
    WHERE measured = 0 AND usable = 1 AND base_model = ? AND measure_tries < ?
    ORDER BY measure_tries, id DESC LIMIT 1
"""
TRY = "UPDATE lora_version SET measure_tries = measure_tries + ? WHERE id = ?"
MARK = "UPDATE lora_version SET measured = 1 WHERE id = ?"
FORGET = "DELETE FROM weight_range WHERE version_id = ?"
RECORD = "INSERT INTO weight_range (version_id, checkpoint, least, most) VALUES (?, ?, ?, ?)"


async def due_for_measuring(db: Database, base_models: Iterable[BaseModelId]) -> Due | None:
    """The newest usable version that was not measured, of the first of `base_models` that has one.

    Raises DatabaseError.
    """
    for base_model in base_models:
        row = await db.fetch_one(DUE, (base_model, MAX_TRIES))
        lora = await find_lora(db, row["lora_id"]) if row else None
        if row and lora:
            return Due(lora, next(version for version in lora.versions if version.id == row["id"]))
    return None


async def count_measuring(db: Database, version_id: int, tries: int = 1) -> None:
    """Count a try before it starts, so that it counts whatever goes wrong; -1 takes one back. Raises DatabaseError."""
    await db.write(TRY, (tries, version_id))


async def record_range(db: Database, version_id: int, useful: UsefulWeights | None) -> None:
    """Record what was measured; None where the file makes no difference. Raises DatabaseError."""
    async with db.transaction():
        await db.write(FORGET, (version_id,))
        if useful is not None:
            await db.write(RECORD, (version_id, useful.checkpoint, useful.least, useful.most))
        await db.write(MARK, (version_id,))
