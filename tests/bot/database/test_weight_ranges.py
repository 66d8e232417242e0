"""Which files still want their weights measured, and what a version says of it."""

from __future__ import annotations

from bot.database.database import Database
from bot.database.loras.catalogue import UsefulWeights, find_lora
from bot.database.loras.sample_failures import MAX_TRIES
from bot.database.loras.samples import find_due
from bot.database.loras.weight_ranges import CHANGE_MEASURE_TRIES, DUE_FOR_MEASURING, record_range
from tests.bot.database.conftest import ILLUSTRIOUS, PONY, add_lora

USEFUL = UsefulWeights("Here", 0.4, 1.2)


async def due(db: Database) -> str | None:
    found = await find_due(db, DUE_FOR_MEASURING, [ILLUSTRIOUS, PONY])  # type: ignore[list-item]
    return found.lora.name if found else None


async def useful(db: Database, lora_id: int) -> UsefulWeights | None:
    lora = await find_lora(db, lora_id)
    assert lora is not None
    return lora.versions[0].useful


async def test_the_newest_comes_first_and_what_failed_waits_until_it_is_given_up(
    db: Database,
) -> None:
    assert await due(db) is None
    old, new = [await add_lora(db, name, base_model=ILLUSTRIOUS) for name in ("Old", "New")]
    await add_lora(db, "Mystery")
    assert await due(db) == "New"
    await db.run(CHANGE_MEASURE_TRIES, tries=1, id=new.versions[0].id)
    assert await due(db) == "Old"
    await record_range(db, old.versions[0].id, USEFUL)
    for _ in range(MAX_TRIES - 1):
        assert await due(db) == "New"
        await db.run(CHANGE_MEASURE_TRIES, tries=1, id=new.versions[0].id)
    assert await due(db) is None
    await db.run(CHANGE_MEASURE_TRIES, tries=-1, id=new.versions[0].id)
    assert await due(db) == "New"


async def test_a_range_stays_until_the_base_model_changes(db: Database) -> None:
    lora = await add_lora(db, "Owl", base_model=ILLUSTRIOUS)
    assert await useful(db, lora.id) is None
    await record_range(db, lora.versions[0].id, USEFUL)
    await add_lora(db, "Owl", base_model=ILLUSTRIOUS, description="scanned again")
    assert await useful(db, lora.id) == USEFUL and await due(db) is None
    await add_lora(db, "Owl", base_model=PONY)
    assert await useful(db, lora.id) is None and await due(db) == "Owl"


async def test_a_file_that_makes_no_difference_has_no_range_and_is_done(db: Database) -> None:
    lora = await add_lora(db, "Owl", base_model=ILLUSTRIOUS)
    await record_range(db, lora.versions[0].id, USEFUL)
    await record_range(db, lora.versions[0].id, None)
    assert await useful(db, lora.id) is None and await due(db) is None
