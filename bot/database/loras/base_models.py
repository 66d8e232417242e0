"""Base models in database rows."""

from __future__ import annotations

import json
from collections.abc import Collection

from bot.database.database import Database
from inference.base_models import BaseModelId

COUNT_LORAS = """
    SELECT count(DISTINCT lora_id) FROM lora_version
    WHERE base_model IN (SELECT value FROM json_each(:base_models)) AND usable = 1
"""


def stored_base_model(text: str | None) -> BaseModelId | None:
    """The base model that a row names."""
    return None if text is None else BaseModelId(text)


async def count_loras(db: Database, base_models: Collection[BaseModelId]) -> int:
    """How many entries have a usable version of one of these base models. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT_LORAS, {"base_models": json.dumps(list(base_models))})
    return row[0]
