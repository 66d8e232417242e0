"""LoRA files without a measured range of weights; `catalogue.py` reads those that have one."""

from __future__ import annotations

from bot.database.database import Database
from bot.database.loras.catalogue import UsefulWeights
from bot.database.loras.samples import DueVersion
from bot.database.query import Query, SqlStatement

# The newest usable version of a base model that was not measured.
DUE_FOR_MEASURING = Query(
    DueVersion,
    """
    SELECT id, lora_id FROM lora_version
    WHERE measured = 0 AND usable = 1 AND base_model = :base_model AND measure_tries < :tries
    ORDER BY measure_tries, id DESC LIMIT 1
    """,
)
# 1 before a try starts, so that it counts whatever goes wrong; -1 takes one back.
CHANGE_MEASURE_TRIES = SqlStatement("UPDATE lora_version SET measure_tries = measure_tries + :tries WHERE id = :id")
MARK_MEASURED = SqlStatement("UPDATE lora_version SET measured = 1 WHERE id = ?")
FORGET_WEIGHT_RANGE = SqlStatement("DELETE FROM weight_range WHERE version_id = ?")
RECORD_WEIGHT_RANGE = SqlStatement(
    "INSERT INTO weight_range (version_id, checkpoint, least, most) VALUES (:version, :checkpoint, :least, :most)"
)


async def record_range(db: Database, version_id: int, useful: UsefulWeights | None) -> None:
    """Record what was measured; None where the file makes no difference."""
    async with db.transaction():
        await db.run(FORGET_WEIGHT_RANGE, version_id)
        if useful is not None:
            await db.run(
                RECORD_WEIGHT_RANGE,
                version=version_id,
                checkpoint=useful.checkpoint,
                least=useful.least,
                most=useful.most,
            )
        await db.run(MARK_MEASURED, version_id)
