"""Which files still want samples, and the samples that there are."""

from __future__ import annotations

from bot.database.database import Database
from bot.database.loras.catalogue import find_lora
from bot.database.loras.sample_failures import MAX_TRIES
from bot.database.loras.samples import (
    CHANGE_SAMPLE_TRIES,
    DUE_FOR_SAMPLES,
    SAMPLES_GIVEN_UP,
    SAMPLES_OF,
    find_due,
    record_samples,
)
from tests.bot.database.conftest import ILLUSTRIOUS, PONY, add_lora


async def due(db: Database, *bases: str) -> str | None:
    found = await find_due(db, DUE_FOR_SAMPLES, bases or [ILLUSTRIOUS, PONY])  # type: ignore[arg-type]
    return found.lora.name if found else None


async def test_the_newest_file_of_the_first_base_model_comes_first(db: Database) -> None:
    assert await due(db) is None
    await add_lora(db, "Old", base_model=ILLUSTRIOUS)
    await add_lora(db, "New", base_model=ILLUSTRIOUS)
    await add_lora(db, "Horse", base_model=PONY)
    await add_lora(db, "Mystery")
    assert await due(db) == "New"
    assert await due(db, PONY, ILLUSTRIOUS) == "Horse"
    assert await due(db, "sdxl/noobai") is None


async def test_what_has_samples_is_not_due_and_what_fails_waits_behind_the_others(
    db: Database,
) -> None:
    old, new = [await add_lora(db, name, base_model=ILLUSTRIOUS) for name in ("Old", "New")]
    await db.run(CHANGE_SAMPLE_TRIES, tries=1, id=new.versions[0].id)
    assert await due(db) == "Old"
    await record_samples(db, old.versions[0].id, "Here", ["a.png", "b.png"])
    for _ in range(MAX_TRIES - 1):
        assert await due(db) == "New"
        await db.run(CHANGE_SAMPLE_TRIES, tries=1, id=new.versions[0].id)
    assert await due(db) is None
    await db.run(CHANGE_SAMPLE_TRIES, tries=-1, id=new.versions[0].id)
    assert await due(db) == "New"


async def test_painting_again_replaces_and_tells_which_files_to_delete(db: Database) -> None:
    lora = await add_lora(db, "Owl", base_model=ILLUSTRIOUS)
    version = lora.versions[0].id
    assert await record_samples(db, version, "Here", ["0.png", "1.png", "2.png"]) == []
    assert await record_samples(db, version, "There", ["0.png", "1.png"]) == ["2.png"]
    assert [(s.position, s.path, s.checkpoint) for s in await db.all(SAMPLES_OF, lora.id)] == [
        (0, "0.png", "There"),
        (1, "1.png", "There"),
    ]


async def test_a_file_whose_samples_failed_each_time_is_suspect(db: Database) -> None:
    lora = await add_lora(db, "Owl", base_model=ILLUSTRIOUS)
    for _ in range(MAX_TRIES):
        assert not await db.get(SAMPLES_GIVEN_UP, lora.id)
        await db.run(CHANGE_SAMPLE_TRIES, tries=1, id=lora.versions[0].id)
    assert await db.get(SAMPLES_GIVEN_UP, lora.id)
    await record_samples(db, lora.versions[0].id, "Here", ["0.png", "1.png"])
    assert not await db.get(SAMPLES_GIVEN_UP, lora.id)


async def test_samples_on_a_checkpoint_that_fits_no_more_are_not_shown(db: Database) -> None:
    lora = await add_lora(db, "Owl", base_model=ILLUSTRIOUS)
    for _ in range(MAX_TRIES):
        await db.run(CHANGE_SAMPLE_TRIES, tries=1, id=lora.versions[0].id)
    await record_samples(db, lora.versions[0].id, "Here", ["0.png", "1.png"])
    await add_lora(db, "Owl", base_model=ILLUSTRIOUS, description="scanned again")
    assert await db.all(SAMPLES_OF, lora.id) and await due(db) is None
    await add_lora(db, "Owl", base_model=PONY)
    changed = await find_lora(db, lora.id)
    assert changed is not None
    assert await db.all(SAMPLES_OF, changed.id) == []
    assert await due(db, PONY) == "Owl"
