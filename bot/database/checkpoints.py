"""What hashing the checkpoints gave, so that it is done once per change and not at every start."""

from __future__ import annotations

import aiosqlite

from bot.database.base_models import stored_base_model
from bot.database.connection import fetch, fetch_one, write
from inference.base_models import BaseModelId
from inference.lora.installed import by_hash

REMEMBER = """
    INSERT INTO checkpoint (name, source, stamp, sha256, short_hash, base_model) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET source = excluded.source, stamp = excluded.stamp, sha256 = excluded.sha256,
        short_hash = excluded.short_hash, base_model = excluded.base_model
"""
KNOWN = "SELECT sha256 FROM checkpoint WHERE name = ? AND source = ? AND stamp = ?"
# The table holds what the operator configured, a handful of rows, and so is read whole.
BASE_MODELS = "SELECT sha256, short_hash, base_model FROM checkpoint"


async def remember_checkpoint(
    connection: aiosqlite.Connection,
    name: str,
    *,
    source: str,
    stamp: str,
    sha256: str,
    base_model: BaseModelId,
    short_hash: str | None = None,
) -> None:
    """Keep a checkpoint's hashes, valid while its `stamp` (sizes and times of its files) stays.

    Raises DatabaseError.
    """
    await write(connection, REMEMBER, (name, source, stamp, sha256, short_hash, base_model))


async def known_sha256(connection: aiosqlite.Connection, name: str, *, source: str, stamp: str) -> str | None:
    """The hash if it was taken from this very source and stamp, else None. Raises DatabaseError."""
    row = await fetch_one(connection, KNOWN, (name, source, stamp))
    return None if row is None else row["sha256"]


async def base_models_by_sha256(connection: aiosqlite.Connection) -> dict[str, BaseModelId]:
    """Every checkpoint ever hashed here, by SHA-256. Raises DatabaseError."""
    rows = await fetch(connection, BASE_MODELS)
    return {row["sha256"]: base for row in rows if (base := stored_base_model(row["base_model"]))}


async def base_models_by_hash(connection: aiosqlite.Connection) -> dict[str, BaseModelId]:
    """The same by both kinds of hashes: what a LoRA's recorded training base is compared with.

    Raises DatabaseError.
    """
    rows = await fetch(connection, BASE_MODELS)
    known = [(row, base) for row in rows if (base := stored_base_model(row["base_model"]))]
    return by_hash((row["sha256"], row["short_hash"], base) for row, base in known)
