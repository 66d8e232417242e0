"""Migrations happen whole or not at all, and never to a newer database."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
import pytest

from bot.database.connection import OVERWRITING, open_database
from bot.database.errors import FolderNotWritable, MigrationFailed, NewerDatabase
from bot.database.migrate import backup_path, migrate, migrations

FIRST = "CREATE TABLE shelf (id INTEGER PRIMARY KEY) STRICT;"
SECOND = "ALTER TABLE shelf ADD COLUMN height INTEGER;"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "0001_shelf.sql").write_text(FIRST)
    return made


@asynccontextmanager
async def plain(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        yield connection


def contents(path: Path) -> bytes:
    return path.read_bytes()


def look(path: Path) -> tuple[int, list[str]]:
    """The version, and every object's SQL."""
    database = sqlite3.connect(path)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    schema = [row[0] for row in database.execute("SELECT sql FROM sqlite_schema ORDER BY name")]
    database.close()
    return version, schema


async def test_a_fresh_database_gets_the_newest_schema_and_no_copy(path: Path) -> None:
    async with open_database(path):
        pass
    version, schema = look(path)
    assert version == len(migrations())
    assert any("CREATE TABLE bookmark" in (sql or "") for sql in schema)
    assert not list(path.parent.glob("*schema*"))


def test_every_table_is_strict_and_no_step_commits_by_itself() -> None:
    for step in migrations():
        body = step.path.read_text("utf-8")
        assert body.count("CREATE TABLE ") == body.count(") STRICT")
        statements = [line.strip().upper() for line in body.splitlines()]
        assert not any(line.startswith(("COMMIT", "ROLLBACK", "BEGIN", "END;PRAGMA")) for line in statements)


async def test_only_what_is_missing_is_carried_out_after_a_copy(path: Path, folder: Path) -> None:
    async with plain(path) as connection:
        await migrate(connection, path, folder)
        await connection.execute("INSERT INTO shelf DEFAULT VALUES")
        (folder / "0002_height.sql").write_text(SECOND)
        await migrate(connection, path, folder)
        assert [tuple(row) for row in await connection.execute_fetchall("SELECT * FROM shelf")] == [(1, None)]
    assert look(path)[0] == 2
    copy = sqlite3.connect(backup_path(path, 1))
    assert copy.execute("SELECT * FROM shelf").fetchall() == [(1,)]
    copy.close()


async def test_a_step_that_fails_in_the_middle_leaves_the_database_as_it_was(path: Path, folder: Path) -> None:
    async with plain(path) as connection:
        await migrate(connection, path, folder)
        before = look(path)
        broken = folder / "0002_height.sql"
        broken.write_text(f"{SECOND}\nINSERT INTO shelf (height) VALUES (3);\nINSERT INTO nowhere VALUES (1);")
        with pytest.raises(MigrationFailed, match=r"0002_height\.sql failed, and the database was left as it was"):
            await migrate(connection, path, folder)
        assert look(path) == before
        broken.write_text(SECOND)
        await migrate(connection, path, folder)
    assert look(path)[0] == 2


async def test_a_step_after_a_good_one_fails_and_the_good_one_stays(path: Path, folder: Path) -> None:
    (folder / "0002_height.sql").write_text("CREATE TABLE shelf (id INTEGER);")
    async with plain(path) as connection:
        with pytest.raises(MigrationFailed):
            await migrate(connection, path, folder)
    assert look(path)[0] == 1


async def test_a_newer_database_is_refused_and_not_touched(path: Path) -> None:
    async with open_database(path) as connection:
        await connection.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    before = look(path)
    with pytest.raises(NewerDatabase, match="made by a newer Easel"):
        async with open_database(path):
            pass
    assert look(path) == before


async def test_a_copy_that_cannot_be_written_stops_the_migration(path: Path, folder: Path) -> None:
    async with plain(path) as connection:
        await migrate(connection, path, folder)
        (folder / "0002_height.sql").write_text(SECOND)
        backup_path(path, 1).mkdir()
        with pytest.raises(FolderNotWritable, match="copy"):
            await migrate(connection, path, folder)
    assert look(path)[0] == 1


@pytest.mark.parametrize("name", ["0003_gap.sql", "0001_twice.sql", "2_short.sql", "0002-dash.sql"])
def test_misnumbered_files_are_found(folder: Path, name: str) -> None:
    (folder / name).write_text(SECOND)
    with pytest.raises(ValueError, match="should be number"):
        migrations(folder)


async def test_a_migration_for_which_the_disk_has_no_room_says_so(tmp_path: Path, folder: Path) -> None:
    async with plain(tmp_path / "easel.sqlite3") as connection:
        await connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(FolderNotWritable, match="the disk is full"):
            await migrate(connection, tmp_path / "easel.sqlite3", folder)


async def test_what_earlier_versions_deleted_is_overwritten_once(path: Path, tmp_path: Path) -> None:
    """They left the bytes of deleted rows in free pages."""
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    for step in migrations()[: OVERWRITING - 1]:
        (earlier / step.path.name).write_text(step.path.read_text("utf-8"))
    async with plain(path) as connection:
        await migrate(connection, path, earlier)
        await connection.execute("PRAGMA secure_delete = OFF")
        await connection.execute("INSERT INTO memo VALUES ('a', 'zebrafinch')")
        await connection.execute("DELETE FROM memo")
    assert b"zebrafinch" in contents(path)
    async with open_database(path):
        pass
    assert b"zebrafinch" not in contents(path)


async def test_looks_at_hubs_keep_what_they_said_and_get_the_other_pages(path: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    for step in migrations():
        if step.path.name < "0041":
            (earlier / step.path.name).write_text(step.path.read_text("utf-8"))
    pages = [f"https://civitai.com/models/{number}" for number in range(2)]
    told = [f'{{"hub": "Civitai", "page": "{page}"}}' for page in pages]
    async with plain(path) as connection:
        await migrate(connection, path, earlier)
        for number, source in enumerate([*told, '{"hub": "attached", "page": ""}']):
            await connection.execute(
                "INSERT INTO addition (key, source, path, state, sha256, created_at, ended_at) "
                "VALUES (?, ?, 'a', 'added', ?, 1, ?)",
                (str(number), source, "a" * 64, 7 + number),
            )
        await connection.execute(
            "INSERT INTO hub_look (sha256, hub, looked_at, state, since, added, says) "
            "VALUES (?, 'Civitai', 9, 'gone', 8, ?, ?)",
            ("a" * 64, told[0], told[0]),
        )
        await migrate(connection, path)
        rows = await connection.execute_fetchall("SELECT page, looked_at, state FROM hub_look ORDER BY page")
        assert [tuple(row) for row in rows] == [(pages[0], 9, "gone"), (pages[1], 8, "there")]
