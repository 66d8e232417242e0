"""A checkpoint's hashes are remembered as long as its files look the same."""

from __future__ import annotations

from bot.database.database import Database
from bot.database.loras.checkpoints import KNOWN_HASHES, REMEMBER_HASHES, CheckpointHashes

from .conftest import ILLUSTRIOUS, PONY, sha


async def remember(db: Database, stamp: str, hashes: CheckpointHashes, base_model: str) -> None:
    await db.run(
        REMEMBER_HASHES,
        name="wai",
        source="/models/wai",
        stamp=stamp,
        sha256=hashes.sha256,
        short_hash=hashes.short_hash,
        base_model=base_model,
    )


async def test_hashes_hold_for_their_source_and_stamp(db: Database) -> None:
    old, new = CheckpointHashes(sha("wai")), CheckpointHashes(sha("new"), "12345678")
    await remember(db, "1 2", old, ILLUSTRIOUS)
    assert await db.one(KNOWN_HASHES, name="wai", source="/models/wai", stamp="1 2") == old
    assert await db.one(KNOWN_HASHES, name="wai", source="/models/wai", stamp="1 3") is None
    assert await db.one(KNOWN_HASHES, name="wai", source="/models/other", stamp="1 2") is None
    await remember(db, "1 3", new, PONY)
    assert await db.one(KNOWN_HASHES, name="wai", source="/models/wai", stamp="1 3") == new
