"""Migrations happen whole or not at all, and never to a newer database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.database.database import open_database
from bot.database.errors import (
    DatabaseLocked,
    DevelopmentDatabase,
    FolderNotWritable,
    MigrationFailed,
    NewerDatabase,
    NotADatabase,
)
from bot.database.storage.migrate import COPYING, UPDATING, backup_path, migrate
from bot.database.storage.schema import FOLDER, application_id, is_of_development, schema_steps
from tests.log import Log

FIRST = "CREATE TABLE shelf (id INTEGER PRIMARY KEY) STRICT;"
SECOND = "ALTER TABLE shelf ADD COLUMN height INTEGER;"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small schema without migrations."""
    made = tmp_path / "schema"
    (made / "migrations").mkdir(parents=True)
    (made / "schema.sql").write_text(FIRST)
    return made


def add(folder: Path, name: str, script: str) -> Path:
    """Write a migration."""
    path = folder / "migrations" / name
    path.write_text(script)
    return path


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
    assert version == len(schema_steps())
    assert any("CREATE TABLE bookmark" in (sql or "") for sql in schema)
    assert not list(path.parent.glob("*schema*"))


def test_every_table_is_strict_and_no_step_commits_by_itself() -> None:
    for step in schema_steps():
        body = step.path.read_text("utf-8")
        assert body.count("CREATE TABLE ") == body.count(") STRICT")
        statements = [line.strip().upper() for line in body.splitlines()]
        assert not any(line.startswith(("COMMIT", "ROLLBACK", "BEGIN", "END;PRAGMA")) for line in statements)


def execute(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the last statement."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        return [database.execute(statement).fetchall() for statement in statements][-1]


def test_only_what_is_missing_is_carried_out_after_a_copy(path: Path, folder: Path) -> None:
    migrate(path, folder)
    execute(path, "PRAGMA journal_mode = WAL", "INSERT INTO shelf DEFAULT VALUES")
    add(folder, "0002_height.sql", SECOND)
    add(folder, "0003_width.sql", SECOND.replace("height", "width"))
    told: list[tuple[str, int, int]] = []
    assert migrate(path, folder, report=lambda *work: told.append(work)) == 1
    assert told == [(COPYING, 0, 1), (COPYING, 1, 1), (UPDATING, 1, 2), (UPDATING, 2, 2)]
    assert execute(path, "SELECT * FROM shelf") == [(1, None, None)]
    assert look(path)[0] == 3
    assert execute(backup_path(path, 1), "SELECT * FROM shelf") == [(1,)]
    assert {file.name for file in path.parent.glob(f"{path.stem}*")} == {path.name, backup_path(path, 1).name}


def test_a_step_that_fails_in_the_middle_leaves_the_database_as_it_was(path: Path, folder: Path) -> None:
    migrate(path, folder)
    before = contents(path)
    script = f"{SECOND}\nINSERT INTO shelf (height) VALUES (3);\nINSERT INTO nowhere VALUES (1);"
    broken = add(folder, "0002_height.sql", script)
    with pytest.raises(MigrationFailed, match=r"0002_height\.sql failed, and the database was left as it was"):
        migrate(path, folder)
    assert contents(path) == before
    assert list(path.parent.glob(f"{path.stem}*")) == [path]
    broken.write_text(SECOND)
    migrate(path, folder)
    assert look(path)[0] == 2


def test_a_step_after_a_good_one_fails_and_the_good_one_stays(path: Path, folder: Path) -> None:
    add(folder, "0002_height.sql", "CREATE TABLE shelf (id INTEGER);")
    with pytest.raises(MigrationFailed):
        migrate(path, folder)
    assert look(path)[0] == 1


def test_a_database_that_another_program_writes_is_not_migrated(path: Path, folder: Path) -> None:
    migrate(path, folder)
    execute(path, "PRAGMA journal_mode = WAL")
    add(folder, "0002_height.sql", SECOND)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match="close that program"):
            migrate(path, folder)
    assert look(path)[0] == 1


@pytest.mark.parametrize(("times", "enough"), [(2.9, False), (3.1, True)])
def test_room_is_checked_before_anything_is_written(path: Path, folder: Path, times: float, enough: bool) -> None:
    migrate(path, folder)
    add(folder, "0002_height.sql", SECOND)
    free = int(times * path.stat().st_size)
    if enough:
        migrate(path, folder, free=lambda _folder: free)
    else:
        with pytest.raises(FolderNotWritable, match=r"three times its size.*Make room"):
            migrate(path, folder, free=lambda _folder: free)
    assert look(path)[0] == 1 + enough


REWRITES = {
    "a table is made anew": "CREATE TABLE other AS SELECT * FROM shelf; DROP TABLE shelf;",
    "each row changes": "UPDATE shelf SET words = upper(words);",
    "most goes": "DROP TABLE shelf; CREATE TABLE other (id INTEGER PRIMARY KEY) STRICT;",
}


@pytest.mark.parametrize("step", REWRITES.values(), ids=REWRITES)
def test_a_migration_needs_little_more_than_twice_the_room(path: Path, folder: Path, step: str) -> None:
    """It reports how much is copied. Unused pages are either compacted or told."""
    migrate(path, folder)
    execute(
        path,
        "PRAGMA journal_mode = WAL",
        "ALTER TABLE shelf ADD COLUMN words TEXT",
        "INSERT INTO shelf (words) WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "SELECT hex(randomblob(250)) FROM n",
    )
    add(folder, "0002_step.sql", step)
    add(folder, "0003_more.sql", "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;")
    size, sizes, copied = path.stat().st_size, list[int](), list[int]()

    def measure(title: str = "", done: int = 0, _total: int = 0) -> None:
        sizes.append(sum(file.stat().st_size for file in path.parent.glob(f"{path.stem}*")))
        copied.extend([done] if title == COPYING else [])

    with Log.listening() as log:
        migrate(path, folder, report=measure)
    measure()
    assert size > 10_000_000 and max(sizes) - size <= 2.2 * size
    assert len(set(copied)) > 5 and copied == sorted(copied), "it goes on while it copies"
    (pages,), (unused,) = [execute(path, f"PRAGMA {name}")[0] for name in ("page_count", "freelist_count")]
    assert (unused > pages / 4) is any("unused" in record.getMessage() for record in log.records)


async def test_a_newer_database_is_refused_and_not_touched(path: Path) -> None:
    async with open_database(path) as db:
        await db.connection.execute(f"PRAGMA user_version = {len(schema_steps()) + 1}")
    before = look(path)
    with pytest.raises(NewerDatabase, match="made by a newer Easel"):
        async with open_database(path):
            pass
    assert look(path) == before


def test_a_copy_that_cannot_be_written_stops_the_migration(path: Path, folder: Path) -> None:
    migrate(path, folder)
    add(folder, "0002_height.sql", SECOND)
    backup_path(path, 1).mkdir()
    with pytest.raises(FolderNotWritable, match="copy"):
        migrate(path, folder)
    assert look(path)[0] == 1


@pytest.mark.parametrize("name", ["0003_gap.sql", "0001_twice.sql", "2_short.sql", "0002-dash.sql"])
def test_misnumbered_files_are_found(folder: Path, name: str) -> None:
    add(folder, name, SECOND)
    with pytest.raises(ValueError, match="should be number"):
        schema_steps(folder)


async def test_the_release_and_one_migration_open_as_the_newest_schema(path: Path, tmp_path: Path) -> None:
    """The first migration after the release: rows stay, a full text index can be filled anew."""
    async with open_database(path) as db:
        await db.connection.execute("INSERT INTO person (id, created_at) VALUES (7, 1)")
    folder = tmp_path / "next"
    (folder / "migrations").mkdir(parents=True)
    (folder / "schema.sql").write_text((FOLDER / "schema.sql").read_text("utf-8"), "utf-8")
    nicknames = "ALTER TABLE person ADD COLUMN nickname TEXT; INSERT INTO memo SELECT 'a', searchable(7, 'a fox');"
    add(folder, "0002_nicknames.sql", nicknames)
    assert migrate(path, folder) == 1
    assert execute(path, "SELECT id, nickname FROM person") == [(7, None)]
    assert (look(path)[0], migrate(path, folder)) == (2, 2)
    with pytest.raises(NewerDatabase):
        migrate(path)
    fresh = tmp_path / "fresh.sqlite3"
    assert migrate(fresh, folder) == 0
    assert look(fresh)[1] == look(path)[1], "a new database gets the same tables"


MADE_BEFORE_THE_SCHEMA_FILE = "PRAGMA application_id = 1164014444"  # "Easl"


@pytest.mark.parametrize("mark", ["another schema", MADE_BEFORE_THE_SCHEMA_FILE])
def test_a_database_of_a_development_version_is_refused_and_not_touched(path: Path, folder: Path, mark: str) -> None:
    if mark == MADE_BEFORE_THE_SCHEMA_FILE:
        execute(path, mark, "PRAGMA user_version = 62", "CREATE TABLE job (id)")
    else:
        migrate(path, folder)
    before = contents(path)
    with pytest.raises(DevelopmentDatabase, match=r"made by a development version of Easel.*empty \[storage\] folder"):
        migrate(path)
    assert contents(path) == before


def test_comments_of_the_schema_may_change_and_statements_may_not(folder: Path) -> None:
    mark = application_id(folder)
    (folder / "schema.sql").write_text("-- Books.\n" + FIRST.replace(" STRICT", "  -- one row for each shelf\nSTRICT"))
    assert application_id(folder) == mark and not is_of_development(mark, folder)
    (folder / "schema.sql").write_text(FIRST.replace("shelf", "board"))
    assert is_of_development(mark, folder) and 0 < application_id(folder) < 2**31


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    execute(path, "PRAGMA application_id = 7", "CREATE TABLE song (id)")
    with pytest.raises(NotADatabase, match="another program's database"):
        migrate(path)
