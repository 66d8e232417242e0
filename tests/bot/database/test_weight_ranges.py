"""Which files still want their weights measured, and what a version says of it."""

from __future__ import annotations

import aiosqlite

from bot.database.loras import UsefulWeights, find_lora
from bot.database.sample_failures import MAX_TRIES
from bot.database.weight_ranges import count_measuring, due_for_measuring, record_range
from tests.bot.database.conftest import ILLUSTRIOUS, PONY, add_lora

USEFUL = UsefulWeights("Here", 0.4, 1.2)


async def due(connection: aiosqlite.Connection) -> str | None:
    found = await due_for_measuring(connection, [ILLUSTRIOUS, PONY])  # type: ignore[list-item]
    return found.lora.name if found else None


async def useful(connection: aiosqlite.Connection, lora_id: int) -> UsefulWeights | None:
    lora = await find_lora(connection, lora_id)
    assert lora is not None
    return lora.versions[0].useful


async def test_the_newest_comes_first_and_what_failed_waits_until_it_is_given_up(
    connection: aiosqlite.Connection,
) -> None:
    assert await due(connection) is None
    old, new = [await add_lora(connection, name, base_model=ILLUSTRIOUS) for name in ("Old", "New")]
    await add_lora(connection, "Mystery")
    assert await due(connection) == "New"
    await count_measuring(connection, new.versions[0].id)
    assert await due(connection) == "Old"
    await record_range(connection, old.versions[0].id, USEFUL)
    for _ in range(MAX_TRIES - 1):
        assert await due(connection) == "New"
        await count_measuring(connection, new.versions[0].id)
    assert await due(connection) is None
    await count_measuring(connection, new.versions[0].id, -1)
    assert await due(connection) == "New"


async def test_a_range_stays_until_the_base_model_changes(connection: aiosqlite.Connection) -> None:
    lora = await add_lora(connection, "Owl", base_model=ILLUSTRIOUS)
    assert await useful(connection, lora.id) is None
    await record_range(connection, lora.versions[0].id, USEFUL)
    await add_lora(connection, "Owl", base_model=ILLUSTRIOUS, description="scanned again")
    assert await useful(connection, lora.id) == USEFUL and await due(connection) is None
    await add_lora(connection, "Owl", base_model=PONY)
    assert await useful(connection, lora.id) is None and await due(connection) == "Owl"


async def test_a_file_that_makes_no_difference_has_no_range_and_is_done(connection: aiosqlite.Connection) -> None:
    lora = await add_lora(connection, "Owl", base_model=ILLUSTRIOUS)
    await record_range(connection, lora.versions[0].id, USEFUL)
    await record_range(connection, lora.versions[0].id, None)
    assert await useful(connection, lora.id) is None and await due(connection) is None
