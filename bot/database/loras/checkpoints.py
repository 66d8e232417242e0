"""Hashes of checkpoints, so that files are hashed once per change and not at every start."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.database import Database
from inference.base_models import BaseModelId

REMEMBER = """
    INSERT INTO checkpoint (name, source, stamp, sha256, short_hash, base_model) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET source = excluded.source, stamp = excluded.stamp, sha256 = excluded.sha256,
        short_hash = excluded.short_hash, base_model = excluded.base_model
"""
KNOWN = "SELECT sha256, short_hash FROM checkpoint WHERE name = ? AND source = ? AND stamp = ?"


@dataclass(frozen=True)
class CheckpointHashes:
    """Hashes of a checkpoint's files. `short_hash` is None for folders and small files, and while it is unknown."""

    sha256: str
    short_hash: str | None = None


async def remember_checkpoint(
    db: Database,
    name: str,
    *,
    source: str,
    stamp: str,
    hashes: CheckpointHashes,
    base_model: BaseModelId,
) -> None:
    """Store a checkpoint's hashes, valid while its `stamp` (sizes and times of its files) is the same.

    Raises DatabaseError.
    """
    await db.write(REMEMBER, (name, source, stamp, hashes.sha256, hashes.short_hash, base_model))


async def known_hashes(db: Database, name: str, *, source: str, stamp: str) -> CheckpointHashes | None:
    """The hashes if they were taken from this very source and stamp, else None. Raises DatabaseError."""
    row = await db.fetch_one(KNOWN, (name, source, stamp))
    return None if row is None else CheckpointHashes(row["sha256"], row["short_hash"])
