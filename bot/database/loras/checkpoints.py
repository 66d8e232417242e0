"""Hashes of checkpoints, so that files are hashed once per change and not at every start."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.query import Query, SqlStatement


@dataclass(frozen=True)
class CheckpointHashes:
    """Hashes of a checkpoint's files. `short_hash` is None for folders and small files, and while it is unknown."""

    sha256: str
    short_hash: str | None = None


# They are valid while the checkpoint's `stamp` (sizes and times of its files) is the same.
REMEMBER_HASHES = SqlStatement("""
    INSERT INTO checkpoint (name, source, stamp, sha256, short_hash, base_model)
    VALUES (:name, :source, :stamp, :sha256, :short_hash, :base_model)
    ON CONFLICT (name) DO UPDATE SET source = excluded.source, stamp = excluded.stamp, sha256 = excluded.sha256,
        short_hash = excluded.short_hash, base_model = excluded.base_model
""")
KNOWN_HASHES = Query(
    CheckpointHashes,
    "SELECT sha256, short_hash FROM checkpoint WHERE name = :name AND source = :source AND stamp = :stamp",
)
