"""Opening a database, and transactions that many coroutines share."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from bot.database import database as connection_module
from bot.database import database as module
from bot.database.database import Database, open_database, read_database
from bot.database.errors import (
    DatabaseError,
    DatabaseInUse,
    DatabaseLocked,
    FolderNotWritable,
    NewerDatabase,
    NoDatabase,
    NotADatabase,
    OlderDatabase,
)
from bot.database.jobs.jobs import create_job
from bot.database.people.people import REMEMBER_PERSON, remember_person
from bot.database.storage import lock
from bot.database.storage.backup import GAP
from bot.database.storage.lock import is_in_use, program_lock
from bot.database.storage.pseudonyms import key_file
from tests.inference.requests import request

PEOPLE = "SELECT id FROM person ORDER BY id"


async def people(db: Database) -> list[int]:
    return [row["id"] for row in await db.fetch(PEOPLE)]


async def pragma(db: Database, name: str) -> object:
    (row,) = await db.fetch(f"PRAGMA {name}")
    return row[0]


async def remember_and_fail(db: Database, person: int) -> None:
    async with db.transaction():
        await remember_person(db, person)
        raise LookupError


def put(path: Path, raw: bytes) -> bytes:
    path.write_bytes(raw)
    return raw


def get(path: Path) -> bytes:
    return path.read_bytes()


async def test_the_settings_that_keep_what_was_committed(db: Database) -> None:
    async with db.transaction():  # otherwise one asks the connection that reads
        assert await pragma(db, "journal_mode") == "wal"
        assert await pragma(db, "synchronous") == 2
        assert await pragma(db, "foreign_keys") == 1
        assert await pragma(db, "busy_timeout") == module.BUSY_TIMEOUT_MS


async def test_who_only_reads_does_not_wait_for_a_transaction(db: Database) -> None:
    await remember_person(db, 1)
    async with db.transaction():
        await remember_person(db, 2)
        seen = await asyncio.wait_for(asyncio.create_task(people(db)), 60)
    assert seen == [1]
    assert await people(db) == [1, 2]


async def test_who_only_reads_cannot_write(db: Database) -> None:
    with pytest.raises(DatabaseError):
        await db.fetch(REMEMBER_PERSON.sql, {"id": 1, "now": 1})
    assert await people(db) == []


# Takes far longer than any test waits, unless something stops it.
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


async def abandoned(db: Database, queries: int) -> None:
    """Begin so many queries that never end, and cancel whoever waits for them once all have begun."""
    waiting = [asyncio.create_task(db.fetch(ENDLESS)) for _ in range(queries)]
    await asyncio.gather(*(asyncio.to_thread(lambda: None) for _ in range(queries)))  # gives them their chances
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert all(task.cancelled() for task in waiting)


@pytest.mark.parametrize("queries", [1, module.READERS, 3 * module.READERS])
async def test_a_query_that_nobody_waits_for_any_more_is_interrupted(db: Database, queries: int) -> None:
    await remember_person(db, 1)
    async with asyncio.timeout(60):
        for _ in range(3):
            await abandoned(db, queries)
            assert await people(db) == [1]
        assert await asyncio.gather(*(people(db) for _ in range(queries))) == [[1]] * queries


async def test_a_long_query_does_not_hold_up_a_short_one(db: Database) -> None:
    long = asyncio.create_task(db.fetch(ENDLESS))
    async with asyncio.timeout(60):
        assert await asyncio.gather(*(people(db) for _ in range(20))) == [[]] * 20
    assert not long.done()
    long.cancel()
    await asyncio.wait({long})


async def test_the_database_closes_although_a_query_was_just_abandoned(path: Path) -> None:
    async with asyncio.timeout(60):
        async with open_database(path) as db:
            await abandoned(db, 2 * module.READERS)


async def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    async with open_database(path) as db:
        await remember_person(db, 1)
    async with open_database(path) as db:
        assert await people(db) == [1]


async def test_an_exception_undoes_the_transaction(db: Database) -> None:
    with pytest.raises(LookupError):
        await remember_and_fail(db, 1)
    assert await people(db) == []


async def test_an_inner_transaction_can_fail_alone(db: Database) -> None:
    async with db.transaction():
        await remember_person(db, 1)
        with pytest.raises(LookupError):
            await remember_and_fail(db, 2)
        await remember_person(db, 3)
    assert await people(db) == [1, 3]


async def test_transactions_of_two_coroutines_do_not_mix(db: Database) -> None:
    inside = asyncio.Event()

    async def fails() -> None:
        async with db.transaction():
            await remember_person(db, 1)
            inside.set()
            await asyncio.gather(*(asyncio.to_thread(lambda: None) for _ in range(20)))  # gives the other its chances
            raise LookupError

    async def succeeds() -> None:
        await inside.wait()
        async with db.transaction():
            await remember_person(db, 2)
            await remember_person(db, 3)

    async def writes_once() -> None:
        await inside.wait()
        await remember_person(db, 4)

    results = await asyncio.gather(fails(), succeeds(), writes_once(), return_exceptions=True)
    assert isinstance(results[0], LookupError)
    assert await people(db) == [2, 3, 4]


async def test_a_reader_never_sees_half_of_a_transaction(db: Database) -> None:
    inside = asyncio.Event()

    async def writes() -> None:
        async with db.transaction():
            await remember_person(db, 1)
            inside.set()
            await asyncio.to_thread(lambda: None)
            await remember_person(db, 2)

    async def reads() -> list[int]:
        await inside.wait()
        return await people(db)

    _, seen = await asyncio.gather(writes(), reads())
    assert seen in ([], [1, 2])


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancelled_transaction_leaves_nothing_behind(db: Database, steps: int) -> None:
    """Cancelled after any number of turns of the loop: whole or not at all, and the connection stays usable."""

    async def writes() -> None:
        async with db.transaction():
            await remember_person(db, 1)
            await remember_person(db, 2)

    task = asyncio.create_task(writes())
    for _ in range(steps):
        await asyncio.to_thread(lambda: None)
    task.cancel()
    await asyncio.wait([task])
    assert await people(db) in ([], [1, 2])
    await remember_person(db, 3)
    assert 3 in await people(db)


async def test_a_mistake_of_ours_stays_what_it_is(db: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await db.run(REMEMBER_PERSON, id="not a number", now=1)
    await remember_person(db, 1)


async def test_a_lock_of_another_program_is_a_sentence(db: Database, path: Path) -> None:
    await db.connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseLocked, match="locked by another program"):
        await remember_person(db, 1)
    other.execute("COMMIT")
    other.close()
    await remember_person(db, 1)


async def test_a_text_file_is_not_a_database(path: Path) -> None:
    before = put(path, b"My shopping list\n" * 100)
    with pytest.raises(NotADatabase, match="not an Easel database"):
        async with open_database(path):
            pass
    assert get(path) == before


async def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE shopping (item TEXT)")
    other.close()
    before = get(path)
    with pytest.raises(NotADatabase, match="another program's"):
        async with open_database(path):
            pass
    assert get(path) == before


async def test_a_damaged_database_is_a_sentence(path: Path) -> None:
    async with open_database(path) as db, db.transaction():
        await db.connection.executemany(REMEMBER_PERSON.sql, [{"id": person, "now": 0} for person in range(2000)])
    raw = bytearray(get(path))
    raw[8192:] = b"\xff" * (len(raw) - 8192)
    put(path, raw)
    with pytest.raises(NotADatabase, match="damaged"):
        async with open_database(path) as db:
            await people(db)


async def test_a_folder_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("")
    with pytest.raises(FolderNotWritable, match="cannot be written"):
        async with open_database(tmp_path / "storage" / "easel.sqlite3"):
            pass


async def test_a_database_that_is_a_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FolderNotWritable, match="cannot be written"):
        async with open_database(tmp_path):
            pass


def test_a_second_program_is_told_so(path: Path) -> None:
    with program_lock(path), pytest.raises(DatabaseInUse, match="Another Easel is using"), program_lock(path):
        pass
    with program_lock(path):
        pass


def test_a_lock_without_a_place_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("")
    with pytest.raises(FolderNotWritable), program_lock(tmp_path / "storage" / "easel.sqlite3"):
        pass


def killed_at(database: Path, copy: Path) -> bytearray:
    """Copy what a program leaves that is killed now; the log."""
    for suffix in ("", "-wal"):
        copy.with_name(copy.name + suffix).write_bytes(database.with_name(database.name + suffix).read_bytes())
    return bytearray(copy.with_name(f"{copy.name}-wal").read_bytes())


@pytest.mark.parametrize(
    ("spoilt", "damaged"), [(None, False), (0, True), (20, True), (40, True), (500, True), (-500, True)]
)
async def test_of_a_damaged_log_the_loss_is_told_and_no_number_given_out_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoilt: int | None, damaged: bool
) -> None:
    """Of a program that was killed the log is left; a byte of it is spoilt."""
    before, path = tmp_path / "before.sqlite3", tmp_path / "easel.sqlite3"
    async with open_database(before, clock=lambda: 0.0) as db:
        first = await create_job(db, request(), person_id=1, channel_id=1)
        log = killed_at(before, path)
    if spoilt is not None:
        log[spoilt] ^= 1
        path.with_name(f"{path.name}-wal").write_bytes(log)
    async with open_database(path, clock=lambda: 0.0) as db:
        job = await create_job(db, request(), person_id=1, channel_id=1)
    assert (job.id > GAP) == damaged and job.id != first.id
    assert ("The last writes are lost" in caplog.text) == damaged


async def test_a_loss_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also when the program is killed again before anything else was done with the log."""
    before, path, again = (tmp_path / name for name in ("before", "easel", "again"))
    async with open_database(before) as db:
        for _ in range(5):
            await create_job(db, request(), person_id=1, channel_id=1)
        log = killed_at(before, path)
    log[len(log) // 2] ^= 1
    path.with_name("easel-wal").write_bytes(log)
    async with open_database(path) as db:
        await remember_person(db, 2)
        killed_at(path, again)
    async with open_database(again):
        pass
    assert caplog.text.count("The last writes are lost") == 1


async def test_who_opens_it_for_reading_sees_what_another_program_commits_and_waits_for_nobody(path: Path) -> None:
    async with open_database(path) as writing, read_database(path) as reading:
        await remember_person(writing, 1)
        async with writing.transaction():
            await remember_person(writing, 2)
            assert await people(reading) == [1]
        assert await people(reading) == [1, 2]
        await remember_person(writing, 3)  # and a reader holds nobody up
        with pytest.raises(DatabaseError):
            await remember_person(reading, 4)
    async with read_database(path) as reading:
        assert await people(reading) == [1, 2, 3]


async def test_who_opens_it_for_reading_creates_and_migrates_nothing(path: Path) -> None:
    with pytest.raises(NoDatabase, match="library scan"):
        async with read_database(path):
            pass
    assert not list(path.parent.iterdir())
    async with open_database(path) as connection:
        (newest,) = await connection.fetch("PRAGMA user_version")
    for version, error in ((0, OlderDatabase), (newest[0] + 1, NewerDatabase)):
        with sqlite3.connect(path) as database:
            database.execute(f"PRAGMA user_version = {version}")
        database.close()
        before = get(path)
        with pytest.raises(error):
            async with read_database(path):
                pass
        assert get(path) == before
    put(path, b"Dear diary, " * 100)
    with pytest.raises(NotADatabase):
        async with read_database(path):
            pass


async def test_reading_leaves_no_file_beside_a_database_that_nobody_has_open(path: Path) -> None:
    async with open_database(path) as db:
        await remember_person(db, 1)
    async with read_database(path) as reading:
        assert await people(reading) == [1]
    assert set(path.parent.iterdir()) == {path, key_file(path)}


async def test_without_room_for_a_log_it_can_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_database(path) as db:
        await remember_person(db, 1)
    monkeypatch.setattr(connection_module, "INDEX_BYTES", 2**62)
    async with read_database(path) as reading:
        assert set(path.parent.iterdir()) == {path, key_file(path)}
        assert await people(reading) == [1]


async def test_what_a_killed_program_left_is_read_and_stays_for_the_next_start(path: Path) -> None:
    killed = path.with_name("killed")
    async with open_database(path) as db:
        await remember_person(db, 1)
        log = killed_at(path, killed)
    async with read_database(killed) as reading:
        assert await people(reading) == [1]
    assert killed.with_name("killed-wal").read_bytes() == log


def test_whether_a_program_works_with_it_is_seen(path: Path) -> None:
    assert not is_in_use(path)
    assert not list(path.parent.iterdir())
    with program_lock(path):
        assert is_in_use(path)
    assert not is_in_use(path)
    with program_lock(path):
        pass


def test_who_only_asks_keeps_no_program_from_starting(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PROBE_SECONDS", 60.0)
    asking = FileLock(path.with_name(f"{path.name}.lock"), thread_local=False)
    asking.acquire()
    releasing = threading.Timer(0.05, asking.release)  # as `is_in_use` does, in another program
    releasing.start()
    with program_lock(path):
        releasing.join()  # a lock is free a moment before it says so
        assert not asking.is_locked


async def test_a_closed_database_is_refused_as_a_database_and_not_as_a_bug(path: Path) -> None:
    async with open_database(path) as database:
        began, closed = asyncio.Event(), asyncio.Event()

        async def late() -> None:
            async with database.transaction():
                began.set()
                await closed.wait()

        unfinished = asyncio.create_task(late())
        await began.wait()
    closed.set()
    for query in (unfinished, database.fetch("SELECT 1"), database.write("DELETE FROM audit"), late()):
        with pytest.raises(DatabaseError, match="closed"):
            await query
