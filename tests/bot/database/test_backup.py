"""Copies of the database: made while it is written to, refused when they are damaged, put back whole."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import aiosqlite
import pytest

from bot.database.bookmarks.bookmarks import COUNT_BOOKMARKS, add_bookmark
from bot.database.database import Database, open_database
from bot.database.errors import DatabaseInUse, DevelopmentDatabase, FolderNotWritable, NewerDatabase, NotADatabase
from bot.database.jobs.jobs import create_job
from bot.database.key_values import RECALL_VALUE, REMEMBER_VALUE
from bot.database.storage.backup import back_up, check, copies, put_back
from bot.database.storage.lock import program_lock
from bot.database.storage.schema import application_id
from tests.bot.database.conftest import add_lora
from tests.inference.requests import request


async def test_a_copy_made_while_somebody_writes_is_whole(db: Database, path: Path) -> None:
    lora = await add_lora(db, "Komori")

    async def write() -> None:
        for person in range(1, 200):
            await add_bookmark(db, person, lora.id)

    copy, _ = await asyncio.gather(asyncio.to_thread(back_up, path, path.parent / "copies", keep=3), write())
    check(copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    async with open_database(copy) as restored:
        assert await restored.get(COUNT_BOOKMARKS, 1) in {0, 1}


def make_copy(folder: Path, stamp: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"easel-{stamp}.sqlite3").write_bytes(b"an older copy")


async def test_only_the_newest_copies_stay(db: Database, path: Path) -> None:
    folder = path.parent / "copies"
    for day in range(10, 15):
        make_copy(folder, f"202001{day}-000000")
    made = back_up(path, folder, keep=3)
    assert [copy.name[6:14] for copy in copies(folder)] == [made.name[6:14], "20200114", "20200113"]


async def test_half_a_copy_that_a_killed_program_left_goes(db: Database, path: Path) -> None:
    folder = path.parent / "copies"
    folder.mkdir()
    stale, fresh = (folder / f"easel-2020010{day}-000000.sqlite3.partial" for day in (1, 2))
    for file in (stale, fresh):
        file.write_bytes(b"half")
    os.utime(stale, (0, 0))
    back_up(path, folder, keep=3)
    assert not stale.exists() and fresh.exists()


async def test_putting_back_brings_the_old_state_and_keeps_the_new_one_aside(path: Path) -> None:
    async with open_database(path) as db:
        await db.run(REMEMBER_VALUE, key="what", value="before")
        copy = back_up(path, path.parent / "copies", keep=3)
        await db.run(REMEMBER_VALUE, key="what", value="after")
    aside = put_back(copy, path)
    assert aside is not None
    for file, expected in ((path, "before"), (aside, "after")):
        async with open_database(file) as db:
            assert await db.one(RECALL_VALUE, "what") == expected


async def test_who_puts_back_twice_within_a_second_loses_neither_of_the_states_that_were_there(path: Path) -> None:
    async with open_database(path) as db:
        await db.run(REMEMBER_VALUE, key="what", value="first")
        copy = back_up(path, path.parent / "copies", keep=3)
        await db.run(REMEMBER_VALUE, key="what", value="second")
    aside = [put_back(copy, path), put_back(copy, path)]
    for file, expected in zip(aside, ("second", "first"), strict=True):
        assert file is not None
        async with open_database(file) as db:
            assert await db.one(RECALL_VALUE, "what") == expected


async def test_numbers_given_out_after_the_copy_are_not_given_out_again(path: Path) -> None:
    async with open_database(path) as db:
        await create_job(db, request(), person_id=1, channel_id=1)
        copy = back_up(path, path.parent / "copies", keep=3)
        lost = await create_job(db, request(), person_id=1, channel_id=1)
        lora = await add_lora(db, "Komori")
    put_back(copy, path)
    async with open_database(path) as db:
        assert (await create_job(db, request(), person_id=2, channel_id=1)).id > lost.id
        assert (await add_lora(db, "Another")).id > lora.id
        numbered = [row["name"] for row in await db.fetch("SELECT name FROM sqlite_sequence")]
    assert len(numbered) == len(set(numbered)), "each table counts once"


async def test_what_only_the_log_holds_goes_aside_with_the_database(path: Path) -> None:
    async with open_database(path) as db:
        copy = back_up(path, path.parent / "copies", keep=3)
        await db.run(REMEMBER_VALUE, key="what", value="in the log")
        assert path.with_name(f"{path.name}-wal").stat().st_size > 0
        killed = path.with_name("killed.sqlite3")  # the files as a killed program leaves them
        for suffix in ("", "-wal"):
            killed.with_name(killed.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
    aside = put_back(copy, killed)
    assert aside is not None
    async with open_database(aside) as db:
        assert await db.one(RECALL_VALUE, "what") == "in the log"
    async with open_database(killed) as db:
        assert await db.one(RECALL_VALUE, "what") is None


async def test_the_log_of_a_removed_database_does_not_damage_the_restored_copy(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    async with open_database(path) as db:
        await db.run(REMEMBER_VALUE, key="what", value="before")
        copy = back_up(path, path.parent / "copies", keep=3)
        for number in range(200):
            await db.run(REMEMBER_VALUE, key=f"later {number}", value="in the log")
        await asyncio.to_thread(path.unlink)
    assert log.stat().st_size > 0
    assert put_back(copy, path) is None
    assert not log.exists()
    check(path)
    async with open_database(path) as db:
        assert await db.one(RECALL_VALUE, "what") == "before"
        assert await db.one(RECALL_VALUE, "later 1") is None


async def test_nothing_is_put_back_under_a_running_bot(db: Database, path: Path) -> None:
    copy = back_up(path, path.parent / "copies", keep=3)
    await db.run(REMEMBER_VALUE, key="what", value="kept")
    with program_lock(path), pytest.raises(DatabaseInUse):
        put_back(copy, path)
    async with open_database(path) as other:
        assert await other.one(RECALL_VALUE, "what") == "kept"


async def test_a_damaged_foreign_or_newer_file_changes_nothing(path: Path, tmp_path: Path) -> None:
    async with open_database(path) as db:
        await db.run(REMEMBER_VALUE, key="what", value="kept")
        copy = back_up(path, tmp_path / "copies", keep=3)
    rubbish = tmp_path / "rubbish.sqlite3"
    rubbish.write_bytes(b"no database" * 1000)
    damaged = tmp_path / "damaged.sqlite3"
    damaged.write_bytes(copy.read_bytes()[:4096] + bytes(len(copy.read_bytes()) - 4096))
    for name, mark in (("newer", application_id()), ("older", 0x4561736C)):
        async with aiosqlite.connect(tmp_path / f"{name}.sqlite3") as made:
            await made.executescript(f"PRAGMA application_id = {mark}; PRAGMA user_version = 99; CREATE TABLE t (a);")
    for file, kind in (
        (rubbish, NotADatabase),
        (damaged, NotADatabase),
        (tmp_path / "newer.sqlite3", NewerDatabase),
        (tmp_path / "older.sqlite3", DevelopmentDatabase),
        (tmp_path / "missing.sqlite3", FolderNotWritable),
    ):
        with pytest.raises(kind):
            put_back(file, path)
    async with open_database(path) as db:
        assert await db.one(RECALL_VALUE, "what") == "kept"


async def test_a_newer_database_is_not_copied_and_named_itself(path: Path, tmp_path: Path) -> None:
    async with open_database(path):
        pass
    async with aiosqlite.connect(path) as newer:
        await newer.execute("PRAGMA user_version = 9999")
    with pytest.raises(NewerDatabase, match=f"{path} was made by a newer Easel"):
        back_up(path, tmp_path / "copies", keep=1)


def test_a_folder_that_cannot_be_made_is_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderNotWritable, match="no database"):
        back_up(path, tmp_path / "copies", keep=1)
    path.touch()
    (tmp_path / "file").touch()
    with pytest.raises(FolderNotWritable, match="cannot be written"):
        back_up(path, tmp_path / "file" / "copies", keep=1)
