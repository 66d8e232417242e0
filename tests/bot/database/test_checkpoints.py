"""A checkpoint's hashes are remembered as long as its files look the same."""

from __future__ import annotations

import aiosqlite

from bot.database.checkpoints import CheckpointHashes, known_hashes, remember_checkpoint
from bot.database.loras import find_version
from inference.lora.evidence import Source

from .conftest import ILLUSTRIOUS, PONY, add_lora, sha


async def test_hashes_hold_for_their_source_and_stamp(connection: aiosqlite.Connection) -> None:
    old, new = CheckpointHashes(sha("wai")), CheckpointHashes(sha("new"), "12345678")
    await remember_checkpoint(connection, "wai", source="/models/wai", stamp="1 2", hashes=old, base_model=ILLUSTRIOUS)
    assert await known_hashes(connection, "wai", source="/models/wai", stamp="1 2") == old
    assert await known_hashes(connection, "wai", source="/models/wai", stamp="1 3") is None
    assert await known_hashes(connection, "wai", source="/models/other", stamp="1 2") is None
    await remember_checkpoint(connection, "wai", source="/models/wai", stamp="1 3", hashes=new, base_model=PONY)
    assert await known_hashes(connection, "wai", source="/models/wai", stamp="1 3") == new


async def test_a_base_model_of_another_version_of_the_program_is_unknown(connection: aiosqlite.Connection) -> None:
    lora = await add_lora(connection, "Komori", base_model=ILLUSTRIOUS)
    await connection.execute("UPDATE lora_version SET base_model = 'sdxl/withdrawn', evidence = 'WITHDRAWN'")
    before = await find_version(connection, lora.versions[0].sha256 or "")
    assert before is not None
    assert (before.base_model, before.evidence) == (None, Source.NONE)
    judged_again = (await add_lora(connection, "Komori", base_model=ILLUSTRIOUS)).versions[0]
    assert (judged_again.base_model, judged_again.evidence) == (ILLUSTRIOUS, Source.SIDECAR)
