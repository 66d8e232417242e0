"""A checkpoint's hashes are remembered as long as its files look the same."""

from __future__ import annotations

from bot.database.database import Database
from bot.database.loras.checkpoints import CheckpointHashes, known_hashes, remember_checkpoint

from .conftest import ILLUSTRIOUS, PONY, sha


async def test_hashes_hold_for_their_source_and_stamp(db: Database) -> None:
    old, new = CheckpointHashes(sha("wai")), CheckpointHashes(sha("new"), "12345678")
    await remember_checkpoint(db, "wai", source="/models/wai", stamp="1 2", hashes=old, base_model=ILLUSTRIOUS)
    assert await known_hashes(db, "wai", source="/models/wai", stamp="1 2") == old
    assert await known_hashes(db, "wai", source="/models/wai", stamp="1 3") is None
    assert await known_hashes(db, "wai", source="/models/other", stamp="1 2") is None
    await remember_checkpoint(db, "wai", source="/models/wai", stamp="1 3", hashes=new, base_model=PONY)
    assert await known_hashes(db, "wai", source="/models/wai", stamp="1 3") == new
