"""Base models in database rows."""

from __future__ import annotations

from bot.database.query import Query

# How many entries have a usable version of one of these base models.
COUNT_LORAS_FOR = Query(
    int,
    """
    SELECT count(DISTINCT lora_id) FROM lora_version
    WHERE base_model IN (SELECT value FROM json_each(:base_models)) AND usable = 1
    """,
)
