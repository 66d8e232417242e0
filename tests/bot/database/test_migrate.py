"""Migrations happen whole or not at all, and never to a newer database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.database.connection import open_database
from bot.database.errors import DatabaseLocked, FolderNotWritable, MigrationFailed, NewerDatabase
from bot.database.migrate import COPYING, UPDATING, backup_path, migrate, migrations
from bot.database.reports import end_holding, find_report
from bot.database.server_limits import LimitHolder, LimitValues, shared_limits
from tests.log import Log

FIRST = "CREATE TABLE shelf (id INTEGER PRIMARY KEY) STRICT;"
SECOND = "ALTER TABLE shelf ADD COLUMN height INTEGER;"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "0001_shelf.sql").write_text(FIRST)
    return made


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


def execute(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the last statement."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        return [database.execute(statement).fetchall() for statement in statements][-1]


def test_only_what_is_missing_is_carried_out_after_a_copy(path: Path, folder: Path) -> None:
    migrate(path, folder)
    execute(path, "PRAGMA journal_mode = WAL", "INSERT INTO shelf DEFAULT VALUES")
    (folder / "0002_height.sql").write_text(SECOND)
    (folder / "0003_width.sql").write_text(SECOND.replace("height", "width"))
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
    broken = folder / "0002_height.sql"
    broken.write_text(f"{SECOND}\nINSERT INTO shelf (height) VALUES (3);\nINSERT INTO nowhere VALUES (1);")
    with pytest.raises(MigrationFailed, match=r"0002_height\.sql failed, and the database was left as it was"):
        migrate(path, folder)
    assert contents(path) == before
    assert list(path.parent.glob(f"{path.stem}*")) == [path]
    broken.write_text(SECOND)
    migrate(path, folder)
    assert look(path)[0] == 2


def test_a_step_after_a_good_one_fails_and_the_good_one_stays(path: Path, folder: Path) -> None:
    (folder / "0002_height.sql").write_text("CREATE TABLE shelf (id INTEGER);")
    with pytest.raises(MigrationFailed):
        migrate(path, folder)
    assert look(path)[0] == 1


def test_a_database_that_another_program_writes_is_not_migrated(path: Path, folder: Path) -> None:
    migrate(path, folder)
    execute(path, "PRAGMA journal_mode = WAL")
    (folder / "0002_height.sql").write_text(SECOND)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match="close that program"):
            migrate(path, folder)
    assert look(path)[0] == 1


@pytest.mark.parametrize(("times", "enough"), [(2.9, False), (3.1, True)])
def test_room_is_checked_before_anything_is_written(path: Path, folder: Path, times: float, enough: bool) -> None:
    migrate(path, folder)
    (folder / "0002_height.sql").write_text(SECOND)
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
    (folder / "0002_step.sql").write_text(step)
    (folder / "0003_more.sql").write_text("CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;")
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
    async with open_database(path) as connection:
        await connection.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    before = look(path)
    with pytest.raises(NewerDatabase, match="made by a newer Easel"):
        async with open_database(path):
            pass
    assert look(path) == before


def test_a_copy_that_cannot_be_written_stops_the_migration(path: Path, folder: Path) -> None:
    migrate(path, folder)
    (folder / "0002_height.sql").write_text(SECOND)
    backup_path(path, 1).mkdir()
    with pytest.raises(FolderNotWritable, match="copy"):
        migrate(path, folder)
    assert look(path)[0] == 1


@pytest.mark.parametrize("name", ["0003_gap.sql", "0001_twice.sql", "2_short.sql", "0002-dash.sql"])
def test_misnumbered_files_are_found(folder: Path, name: str) -> None:
    (folder / name).write_text(SECOND)
    with pytest.raises(ValueError, match="should be number"):
        migrations(folder)


def migrate_below(path: Path, number: str, folder: Path) -> None:
    """Bring the database to the schema before a migration, with copies of the earlier ones in `folder`."""
    folder.mkdir()
    for step in migrations():
        if step.path.name < number:
            (folder / step.path.name).write_text(step.path.read_text("utf-8"))
    migrate(path, folder)


async def test_what_earlier_versions_deleted_is_overwritten_once(path: Path, tmp_path: Path) -> None:
    """They left the bytes of deleted rows in free pages."""
    migrate_below(path, "0015", tmp_path / "earlier")
    execute(path, "PRAGMA secure_delete = OFF", "INSERT INTO memo VALUES ('a', 'zebrafinch')", "DELETE FROM memo")
    assert b"zebrafinch" in contents(path)
    async with open_database(path):
        pass
    assert b"zebrafinch" not in contents(path)


def test_looks_at_hubs_keep_what_they_said_and_get_the_other_pages(path: Path, tmp_path: Path) -> None:
    migrate_below(path, "0041", tmp_path / "earlier")
    pages = [f"https://civitai.com/models/{number}" for number in range(2)]
    told = [f'{{"hub": "Civitai", "page": "{page}"}}' for page in pages]
    with closing(sqlite3.connect(path)) as connection, connection:
        for number, source in enumerate([*told, '{"hub": "attached", "page": ""}']):
            connection.execute(
                "INSERT INTO addition (key, source, path, state, sha256, created_at, ended_at) "
                "VALUES (?, ?, 'a', 'added', ?, 1, ?)",
                (str(number), source, "a" * 64, 7 + number),
            )
        connection.execute(
            "INSERT INTO hub_look (sha256, hub, looked_at, state, since, added, says) "
            "VALUES (?, 'Civitai', 9, 'gone', 8, ?, ?)",
            ("a" * 64, told[0], told[0]),
        )
    migrate(path)
    rows = execute(path, "SELECT page, looked_at, state FROM hub_look ORDER BY page")
    assert rows == [(pages[0], 9, "gone"), (pages[1], 8, "there")]


async def test_limits_of_single_requests_go_and_a_reopened_report_goes_on_hiding(path: Path, tmp_path: Path) -> None:
    migrate_below(path, "0059", tmp_path / "earlier")
    execute(
        path,
        "INSERT INTO server (id, created_at) VALUES (5, 1)",
        """INSERT INTO server_limit VALUES (5, 'everybody', 0, '', '{"max_steps": 20, "pictures_per_day": 9}')""",
        """INSERT INTO server_limit VALUES (5, 'role', 7, 'Painters', '{"identical_in_a_row": 2, "max_loras": 0}')""",
        "INSERT INTO report (server_id, kind, target_id, shared, created_at, reopened_at, state, hides) VALUES "
        "(5, 'pictures', 1, 0, 10, 30, 'open', 1), (5, 'pictures', 2, 0, 11, NULL, 'open', 1), "
        "(5, 'pictures', 3, 0, 12, 31, 'decided', 0)",
    )
    async with open_database(path) as connection:
        (held,) = await shared_limits(connection, 5)
        assert (held.holder, held.values) == (LimitHolder.EVERYBODY, LimitValues(pictures_per_day=9))
        await end_holding(connection, 20)
        reports = [await find_report(connection, number) for number in (1, 2, 3)]
    kept = [(report.created_at, report.hides) for report in reports if report]
    assert kept == [(30, 1), (11, 0), (12, 0)], "the reopened report hides for as long as a new one"
