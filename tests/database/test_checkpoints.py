"""A checkpoint's hash is remembered as long as its files look the same."""

from __future__ import annotations

import aiosqlite

from bot.database.checkpoints import base_models_by_hash, base_models_by_sha256, known_sha256, remember_checkpoint
from bot.database.loras import find_version
from inference.lora.evidence import Source

from .conftest import ILLUSTRIOUS, PONY, add_lora, sha


async def test_a_hash_holds_for_its_source_and_stamp(connection: aiosqlite.Connection) -> None:
    await remember_checkpoint(
        connection, "wai", source="/models/wai", stamp="1 2", sha256=sha("wai"), base_model=ILLUSTRIOUS
    )
    assert await known_sha256(connection, "wai", source="/models/wai", stamp="1 2") == sha("wai")
    assert await known_sha256(connection, "wai", source="/models/wai", stamp="1 3") is None
    assert await known_sha256(connection, "wai", source="/models/other", stamp="1 2") is None
    await remember_checkpoint(connection, "wai", source="/models/wai", stamp="1 3", sha256=sha("new"), base_model=PONY)
    assert await known_sha256(connection, "wai", source="/models/wai", stamp="1 3") == sha("new")
    assert await base_models_by_sha256(connection) == {sha("new"): PONY}


async def test_a_base_model_of_another_version_of_the_program_is_unknown(connection: aiosqlite.Connection) -> None:
    await remember_checkpoint(connection, "wai", source="x", stamp="", sha256=sha("wai"), base_model=ILLUSTRIOUS)
    lora = await add_lora(connection, "Komori", base_model=ILLUSTRIOUS)
    await connection.execute("UPDATE checkpoint SET base_model = 'sdxl/withdrawn'")
    await connection.execute("UPDATE lora_version SET base_model = 'sdxl/withdrawn', evidence = 'WITHDRAWN'")
    assert await base_models_by_sha256(connection) == {}
    before = await find_version(connection, lora.versions[0].sha256 or "")
    assert before is not None
    assert (before.base_model, before.evidence) == (None, Source.NONE)
    judged_again = (await add_lora(connection, "Komori", base_model=ILLUSTRIOUS)).versions[0]
    assert (judged_again.base_model, judged_again.evidence) == (ILLUSTRIOUS, Source.SIDECAR)


async def test_both_kinds_of_hashes_lead_to_the_base_model(connection: aiosqlite.Connection) -> None:
    await remember_checkpoint(
        connection, "wai", source="x", stamp="", sha256=sha("wai"), base_model=ILLUSTRIOUS, short_hash="12345678"
    )
    await remember_checkpoint(connection, "folder", source="y", stamp="", sha256=sha("folder"), base_model=PONY)
    assert await base_models_by_hash(connection) == {
        sha("wai"): ILLUSTRIOUS,
        "12345678": ILLUSTRIOUS,
        sha("folder"): PONY,
    }
