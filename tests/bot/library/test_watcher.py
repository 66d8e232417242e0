"""The catalogue follows the folder while the bot runs."""

from __future__ import annotations

import asyncio
import os

import pytest

from bot.database.database import open_database
from bot.database.loras.catalogue import browse_loras, find_lora_by_name
from bot.database.loras.records import DOUBT_FILE
from bot.library.watcher import MAX_NAMED, LibraryKeeper
from inference.base_models import BaseModelId
from inference.files.hashes import file_sha256
from tests.house import House, attention_modules
from tests.log import Log
from tests.lora_files import write_lora

PATIENCE = 120.0  # seconds


async def until(judge) -> None:
    """Wait until `judge` holds: the keeper looks by itself."""
    async with asyncio.timeout(PATIENCE):
        while not await judge():  # noqa: ASYNC110 (the keeper offers nothing to wait on)
            await asyncio.sleep(0)  # let the keeper go on


@pytest.fixture
async def db(house: House):
    async with open_database(house.data / "easel.sqlite3") as db:
        yield db


async def test_files_added_replaced_and_removed_are_noticed(house: House, db) -> None:
    keeper = LibraryKeeper(db, house.library, {})
    await keeper.scan()
    watching = asyncio.create_task(keeper.watch(0.01))

    async def names() -> set[str]:
        return {lora.name for lora in (await browse_loras(db, limit=10)).loras}

    house.add_lora("Late", "demo/vivid", seed=9)

    async def has_come() -> bool:
        return "Late" in await names()

    await until(has_come)
    sha256 = file_sha256(write_lora(house.bat, seed=77))

    async def is_replaced() -> bool:
        lora = await find_lora_by_name(db, "Bat")
        return lora is not None and [version.sha256 for version in lora.usable] == [sha256]

    await until(is_replaced)
    house.wash.unlink()

    async def is_gone() -> bool:
        return "Wash" not in await names()

    await until(is_gone)
    watching.cancel()


async def test_a_file_in_doubt_is_read_again_by_itself(house: House, db) -> None:
    keeper = LibraryKeeper(db, house.library, {})
    await keeper.scan()
    before, old = house.bat.stat(), file_sha256(house.bat)
    sha256 = file_sha256(write_lora(house.bat, modules=attention_modules(), seed=78))
    os.utime(house.bat, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert house.bat.stat().st_size == before.st_size
    await db.run(DOUBT_FILE, old)
    watching = asyncio.create_task(keeper.watch(0.01))

    async def is_replaced() -> bool:
        lora = await find_lora_by_name(db, "Bat")
        return lora is not None and [version.sha256 for version in lora.usable] == [sha256]

    await until(is_replaced)
    watching.cancel()


async def test_a_declaration_counts_at_once(house: House, db) -> None:
    keeper = LibraryKeeper(db, house.library, {})
    await keeper.scan()
    sha256 = file_sha256(house.mystery)
    await keeper.declare(sha256, BaseModelId("demo/vivid"), who="Ada", reason="I trained it")
    lora = await find_lora_by_name(db, "mystery")
    assert lora is not None and lora.usable[0].base_model == "demo/vivid"


async def test_a_folder_that_cannot_be_read_for_a_while_does_no_harm(house: House, db, tmp_path) -> None:
    keeper = LibraryKeeper(db, house.library, {})
    await keeper.scan()
    away = house.library.rename(tmp_path / "away")
    watching = asyncio.create_task(keeper.watch(0.01))
    away.rename(house.library)
    house.add_lora("Back", "demo/vivid", seed=10)

    async def is_back() -> bool:
        return await find_lora_by_name(db, "Back") is not None

    await until(is_back)
    watching.cancel()


async def test_a_file_that_cannot_be_used_is_named_in_the_log_once_per_change(house: House, db) -> None:
    (house.library / "diary.safetensors").write_text("Dear diary, today I renamed a text file.")
    (house.library / "twin.safetensors").write_bytes(house.bat.read_bytes())
    keeper = LibraryKeeper(db, house.library, {})

    async def logged() -> list[str]:
        with Log.listening() as log:
            await keeper.scan()
        ours = (record for record in log.records if record.name.startswith("bot.library."))
        return sorted(record.getMessage() for record in ours)

    diary, mystery, twin = await logged()
    assert "diary.safetensors" in diary and "not a safetensors file" in diary
    assert "mystery.safetensors" in mystery and "base model" in mystery and "library declare" in mystery
    assert "twin.safetensors" in twin and "same file as bat.safetensors" in twin
    assert await logged() == []
    (house.library / "diary.safetensors").write_text("Short.")
    (changed,) = await logged()
    assert "diary.safetensors" in changed and "too short" in changed
    (house.library / "diary.safetensors").unlink()
    assert await logged() == []
    (house.library / "diary.safetensors").write_text("Short.")
    assert len(await logged()) == 1


async def test_many_files_that_cannot_be_used_do_not_fill_the_log(house: House, db) -> None:
    for number in range(MAX_NAMED + 5):
        (house.library / f"{number:02}.safetensors").write_text(f"{number}")
    with Log.listening() as log:
        await LibraryKeeper(db, house.library, {}).scan()
    *named, rest = [record.getMessage() for record in log.records if record.name == "bot.library.watcher"]
    assert len(named) == MAX_NAMED
    assert "6 more" in rest and "library list" in rest
