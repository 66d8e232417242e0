"""How many files of the library can be used, and how many their hubs have lost or renewed."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.query import Query


@dataclass(frozen=True)
class FileCount:
    """How many files of the library can be used, are of unknown base model, and are broken or doubled."""

    usable: int
    unknown: int
    broken: int


@dataclass(frozen=True)
class HubCount:
    """How many files their hubs do not give any more, and how many have a newer version there."""

    lost: int
    newer: int


COUNT_FILES = Query(
    FileCount,
    """
    SELECT count(*) FILTER (WHERE problem IS NULL AND base_model IS NOT NULL) AS usable,
        count(*) FILTER (WHERE problem IS NULL AND base_model IS NULL) AS unknown, count(problem) AS broken
    FROM lora_version WHERE missing = 0
    """,
)
# A file that another page has is not lost.
COUNT_AT_HUBS = Query(
    HubCount,
    """
    SELECT (
        SELECT count(DISTINCT sha256) FROM hub_look AS lost WHERE state IN ('gone', 'archived', 'locked')
        AND NOT EXISTS (SELECT 1 FROM hub_look WHERE sha256 = lost.sha256 AND state = 'there')
    ) AS lost, (
        SELECT count(DISTINCT sha256) FROM hub_look INDEXED BY hub_look_newer WHERE newer_sha256 IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM lora_version WHERE sha256 = newer_sha256 AND usable = 1)
    ) AS newer
    """,
)
