"""Which files still want samples, and the samples that there are."""

from __future__ import annotations

import aiosqlite

from bot.database.loras import find_lora
from bot.database.sample_failures import MAX_TRIES
from bot.database.samples import count_try, due_for_samples, record_samples, samples_given_up, samples_of, take_try_back
from tests.bot.database.conftest import ILLUSTRIOUS, PONY, add_lora


async def due(connection: aiosqlite.Connection, *bases: str) -> str | None:
    found = await due_for_samples(connection, bases or [ILLUSTRIOUS, PONY])  # type: ignore[arg-type]
    return found.lora.name if found else None


async def test_the_newest_file_of_the_first_base_model_comes_first(connection: aiosqlite.Connection) -> None:
    assert await due(connection) is None
    await add_lora(connection, "Old", base_model=ILLUSTRIOUS)
    await add_lora(connection, "New", base_model=ILLUSTRIOUS)
    await add_lora(connection, "Horse", base_model=PONY)
    await add_lora(connection, "Mystery")
    assert await due(connection) == "New"
    assert await due(connection, PONY, ILLUSTRIOUS) == "Horse"
    assert await due(connection, "sdxl/noobai") is None


async def test_what_has_samples_is_not_due_and_what_fails_waits_behind_the_others(
    connection: aiosqlite.Connection,
) -> None:
    old, new = [await add_lora(connection, name, base_model=ILLUSTRIOUS) for name in ("Old", "New")]
    await count_try(connection, new.versions[0].id)
    assert await due(connection) == "Old"
    await record_samples(connection, old.versions[0].id, "Here", ["a.png", "b.png"])
    for _ in range(MAX_TRIES - 1):
        assert await due(connection) == "New"
        await count_try(connection, new.versions[0].id)
    assert await due(connection) is None
    await take_try_back(connection, new.versions[0].id)
    assert await due(connection) == "New"


async def test_painting_again_replaces_and_tells_which_files_to_delete(connection: aiosqlite.Connection) -> None:
    lora = await add_lora(connection, "Owl", base_model=ILLUSTRIOUS)
    version = lora.versions[0].id
    assert await record_samples(connection, version, "Here", ["0.png", "1.png", "2.png"]) == ()
    assert await record_samples(connection, version, "There", ["0.png", "1.png"]) == ("2.png",)
    assert [(s.position, s.path, s.checkpoint) for s in await samples_of(connection, lora)] == [
        (0, "0.png", "There"),
        (1, "1.png", "There"),
    ]


async def test_a_file_whose_samples_failed_each_time_is_suspect(connection: aiosqlite.Connection) -> None:
    lora = await add_lora(connection, "Owl", base_model=ILLUSTRIOUS)
    for _ in range(MAX_TRIES):
        assert not await samples_given_up(connection, lora.id)
        await count_try(connection, lora.versions[0].id)
    assert await samples_given_up(connection, lora.id)
    await record_samples(connection, lora.versions[0].id, "Here", ["0.png", "1.png"])
    assert not await samples_given_up(connection, lora.id)


async def test_samples_on_a_checkpoint_that_fits_no_more_are_not_shown(connection: aiosqlite.Connection) -> None:
    lora = await add_lora(connection, "Owl", base_model=ILLUSTRIOUS)
    for _ in range(MAX_TRIES):
        await count_try(connection, lora.versions[0].id)
    await record_samples(connection, lora.versions[0].id, "Here", ["0.png", "1.png"])
    await add_lora(connection, "Owl", base_model=ILLUSTRIOUS, description="scanned again")
    assert await samples_of(connection, lora) and await due(connection) is None
    await add_lora(connection, "Owl", base_model=PONY)
    changed = await find_lora(connection, lora.id)
    assert changed is not None
    assert await samples_of(connection, changed) == ()
    assert await due(connection, PONY) == "Owl"
