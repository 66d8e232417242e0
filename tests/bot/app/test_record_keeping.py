"""A copy of the database that is put back brings back neither erased people nor what staff and operators removed."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.app.record_keeping import caught_up, save_record, summary_of
from bot.cli.main import main
from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.errors import DatabaseError, WrongKey
from bot.database.jobs.jobs import FIND_JOB
from bot.database.jobs.ratings import JOB_RATINGS, RATE_JOB, RatingSource
from bot.database.pictures.hashes import HashedPicture, all_hashes
from bot.database.pictures.verdicts import (
    NOTE_REPORTED,
    VerdictReason,
    decide_verdicts,
    end_verdicts,
    inherit_verdicts,
    verdicts_in_force,
)
from bot.database.privacy.deletions import PENDING_DELETIONS
from bot.database.privacy.erasures import UNFINISHED_ERASURES, request_erasure
from bot.database.privacy.takedown_cases import KEPT_HASHES, CopyKind, FoundCopy
from bot.database.privacy.takedown_commands import close_case, confirm_case, open_case
from bot.database.privacy.takedowns import TAKEN_DOWN_IN
from bot.database.reports.reports import NewReport, ReportReason, Subject, save_report
from bot.database.storage.backup import back_up, put_back
from bot.database.storage.pseudonyms import key_file
from bot.database.storage.record_of_removals import flush_record, record_file, unresolved
from bot.privacy.stored_data import TABLES
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE
from tests import house as houses
from tests.bot.database.conftest import erase
from tests.bot.pictures.test_picture_verdicts import PERSON, SERVER, drawn, painted

REPORT = 12


@dataclass(frozen=True)
class House:
    """A database and a copy of it, which was made before anything was decided."""

    database: Path
    jobs: tuple[int, ...]
    copy: Path


async def lived_in(folder: Path) -> House:
    database = folder / "easel.sqlite3"
    async with open_database(database) as db:
        jobs = tuple([await painted(db, drawn(seed)) for seed in range(4)])
    return House(database, jobs, back_up(database, folder / "backups", keep=1))


async def rows_of_person(db: Database) -> dict[str, int]:
    """How many there are by table, without the receipt."""
    tables = [table for table in TABLES if not table.derived and table.name != "erasure"]
    found = {table.name: len(await db.fetch(table.rows, {"person": PERSON})) for table in tables}
    return {name: count for name, count in found.items() if count}


async def hashes_of_job(database: Path, job_id: int) -> list[HashedPicture]:
    async with open_database(database) as db:
        return [each async for page in all_hashes(db) for each in page if each.job_id == job_id]


@pytest.mark.parametrize("lost", [False, True], ids=["the old database is there", "it is lost"])
async def test_an_erased_person_does_not_come_back(tmp_path: Path, lost: bool) -> None:
    house = await lived_in(tmp_path)
    async with open_database(house.database) as connection:
        await erase(connection, PERSON)
    if lost:
        save_record(house.database)  # as the running bot does all the time
        house.database.unlink()
    save_record(house.database)
    put_back(house.copy, house.database)
    with closing(sqlite3.connect(house.database)) as restored:
        assert restored.execute("SELECT count(*) FROM job").fetchone() == (4,)
    assert (await caught_up(house.database)).erasures == 1
    async with open_database(house.database) as connection:
        assert await rows_of_person(connection) == {}
        (again,) = await connection.all(UNFINISHED_ERASURES)
        assert again.person_id is None and again.by_operator, "files and messages follow"
    assert f'"person":{PERSON}' not in record_file(house.database).read_text("utf-8")
    assert not await caught_up(house.database), "nothing is carried out twice"


async def test_who_comes_back_after_the_erasure_stays(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    async with open_database(house.database) as db:
        await erase(db, PERSON)
        job_id = await painted(db, drawn(9))
    save_record(house.database)
    later = back_up(house.database, tmp_path / "later", keep=1)
    put_back(later, house.database)
    assert not await caught_up(house.database)
    async with open_database(house.database) as db:
        assert await db.one(FIND_JOB, job_id) is not None


async def test_what_was_decided_holds_in_the_copy(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    deleted, hidden, rated, reversed_ = house.jobs
    async with open_database(house.database) as db:
        for number, job_id in enumerate(house.jobs):
            await db.run(NOTE_REPORTED, report=REPORT + number, job=job_id, server=SERVER, now=now_ms())
        await decide_verdicts(db, REPORT, VerdictReason.DELETED, server_id=EVERYWHERE)
        await decide_verdicts(db, REPORT + 1, VerdictReason.HIDDEN, server_id=SERVER)
        await decide_verdicts(db, REPORT + 2, VerdictReason.RATED, server_id=SERVER, rating=ContentRating.EXPLICIT)
        await decide_verdicts(db, REPORT + 3, VerdictReason.HIDDEN, server_id=SERVER)
        await end_verdicts(db, REPORT + 3)
        before = {(each.hash, each.server_id, each.reason) for each in await verdicts_in_force(db)}
    save_record(house.database)
    put_back(house.copy, house.database)
    (gone,) = {each.hash or b"" for each in await hashes_of_job(house.database, reversed_)}
    assert gone.hex().upper() not in record_file(house.database).read_text("utf-8"), "a verdict that ended is forgotten"
    assert (await caught_up(house.database)).verdicts == 4
    async with open_database(house.database) as db:
        assert {(each.hash, each.server_id, each.reason) for each in await verdicts_in_force(db)} == before
        assert await db.one(FIND_JOB, deleted) is None
        assert [each.job_id for each in await db.all(PENDING_DELETIONS)] == [deleted]
        assert await db.one(TAKEN_DOWN_IN, job=hidden, server=SERVER) == SERVER
        assert [each.rating for each in await db.all(JOB_RATINGS, ids=[rated], server=SERVER)] == [
            ContentRating.EXPLICIT
        ]
        assert await db.one(TAKEN_DOWN_IN, job=reversed_, server=SERVER) is None


async def test_a_reversal_unrates_the_pictures_of_the_copy(tmp_path: Path) -> None:
    """The copy was made while the verdict was in force, and has rated the pictures."""
    house = await lived_in(tmp_path)
    rated = house.jobs[0]
    async with open_database(house.database) as db:
        await db.run(NOTE_REPORTED, report=REPORT, job=rated, server=SERVER, now=now_ms())
        await decide_verdicts(db, REPORT, VerdictReason.RATED, server_id=SERVER, rating=ContentRating.EXPLICIT)
        await inherit_verdicts(db, rated, await verdicts_in_force(db))
        await db.run(
            RATE_JOB,
            server=EVERYWHERE,
            source=RatingSource.CLASSIFIER,
            rating=ContentRating.TEEN,
            now=now_ms(),
            job=rated,
        )
    save_record(house.database)
    later = back_up(house.database, tmp_path / "later", keep=1)
    async with open_database(house.database) as db:
        await end_verdicts(db, REPORT)
    save_record(house.database)
    put_back(later, house.database)
    assert (await caught_up(house.database)).verdicts == 1
    async with open_database(house.database) as db:
        assert [each.rating for each in await db.all(JOB_RATINGS, ids=[rated], server=SERVER)] == [ContentRating.TEEN]


async def test_a_takedown_case_holds_in_the_copy(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    shown, other, *_ = house.jobs
    copies = [FoundCopy(CopyKind.PICTURE, f"0/{job_id}.png", job_id, 0.1) for job_id in (shown, other)]
    case_id = open_case(house.database, b"notice", copies, note="mail of Jane Doe", received_at=1)
    assert confirm_case(house.database, case_id, excepted=[2])
    save_record(house.database)
    assert "Jane" not in record_file(house.database).read_text("utf-8")
    put_back(house.copy, house.database)
    assert (await caught_up(house.database)).cases == 1
    async with open_database(house.database) as connection:
        assert [each.hashes for each in await connection.all(KEPT_HASHES)] == [b"notice"]
        assert await connection.one(FIND_JOB, shown) is None and await connection.one(FIND_JOB, other) is not None
    other_copy = back_up(house.database, tmp_path / "later", keep=1)
    with closing(sqlite3.connect(house.database)) as connection, connection:
        connection.execute("UPDATE takedown_case SET state = 'complete', ended_at = 1")
        ((number,),) = connection.execute("SELECT id FROM takedown_case").fetchall()
    assert close_case(house.database, number)
    save_record(house.database)
    assert b"notice".hex().upper() not in record_file(house.database).read_text("utf-8")
    put_back(other_copy, house.database)
    await caught_up(house.database)
    async with open_database(house.database) as connection:
        assert await connection.all(KEPT_HASHES) == []


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from bot.database.database import open_database
from bot.database.storage.pseudonyms import key_file
from bot.database.storage.record_of_removals import catch_up

async def main(database, statements):
    seen = 0
    def count(sql):
        nonlocal seen
        seen += 1
        if seen == statements:
            os.kill(os.getpid(), signal.SIGKILL)
    async with open_database(database) as db:
        await db.connection.set_trace_callback(count)
        await catch_up(db, database)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


async def test_it_goes_on_wherever_it_was_killed(tmp_path: Path) -> None:
    """At every tenth statement of the main connection, until one comes to the end."""
    killed, ended = 0, False
    while not ended:
        house = await lived_in(tmp_path / str(killed))
        async with open_database(house.database) as db:
            await db.run(NOTE_REPORTED, report=REPORT, job=house.jobs[0], server=SERVER, now=now_ms())
            await decide_verdicts(db, REPORT, VerdictReason.DELETED, server_id=EVERYWHERE)
            await erase(db, PERSON)
        save_record(house.database)
        put_back(house.copy, house.database)
        child = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", KILLED, str(house.database), str(1 + 10 * killed)], check=False
        )
        ended = child.returncode == 0
        assert ended or child.returncode == -signal.SIGKILL
        killed += not ended
        await caught_up(house.database)
        async with open_database(house.database) as db:
            assert await rows_of_person(db) == {}
            assert [each.reason for each in await verdicts_in_force(db)] == [VerdictReason.DELETED]
        assert not await caught_up(house.database)
    assert killed >= 3


KILLED_RESTORE = """
import os, signal, sys
from bot.cli.main import main

left = int(sys.argv[1])

def count(event, values):
    global left
    if event in {"os.rename", "os.remove", "sqlite3.connect", "os.chmod"} and "easel.sqlite3" in str(values[0]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
sys.exit(main(["restore", "--config", *sys.argv[2:]]))
"""


@pytest.mark.parametrize("next_", ["restore again", "start"])
async def test_a_restore_that_is_killed_anywhere_brings_nobody_back(tmp_path: Path, next_: str) -> None:
    """Before each file that it opens, renames or removes, until one comes to the end."""
    killed, ended = 0, False
    while not ended:
        settings = houses.House(tmp_path / str(killed))
        house = await lived_in(settings.data)
        async with open_database(house.database) as db:
            await db.run(NOTE_REPORTED, report=REPORT, job=house.jobs[0], server=SERVER, now=now_ms())
            await decide_verdicts(db, REPORT, VerdictReason.DELETED, server_id=EVERYWHERE)
            await erase(db, PERSON)
        restore = [str(settings.config), str(house.copy)]
        child = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", KILLED_RESTORE, str(killed + 1), *restore], check=False
        )
        ended = child.returncode == 0
        assert ended or child.returncode == -signal.SIGKILL
        killed += not ended
        if next_ == "restore again" or not house.database.exists():
            assert await asyncio.to_thread(main, ["restore", "--config", *restore]) == 0
        await caught_up(house.database)  # as each start does
        async with open_database(house.database) as db:
            assert await rows_of_person(db) == {}, killed
            assert [each.reason for each in await verdicts_in_force(db)] == [VerdictReason.DELETED], killed
            assert await db.one(FIND_JOB, house.jobs[0]) is None, killed
        assert not await caught_up(house.database)
    assert killed >= 5


async def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    record_file(house.database).write_bytes(b'{"kind": "erasu')
    async with open_database(house.database) as db:
        await erase(db, PERSON)
    save_record(house.database)
    put_back(house.copy, house.database)
    assert (await caught_up(house.database)).erasures == 1


async def test_a_lost_record_is_told_when_another_has_grown_longer_meanwhile(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    assert not (await caught_up(house.database)).lost
    async with open_database(house.database) as db:
        await db.run(NOTE_REPORTED, report=REPORT, job=house.jobs[0], server=SERVER, now=now_ms())
        await decide_verdicts(db, REPORT, VerdictReason.HIDDEN, server_id=SERVER)
    save_record(house.database)
    later, size = back_up(house.database, tmp_path / "later", keep=1), record_file(house.database).stat().st_size
    async with open_database(house.database) as db:
        await erase(db, PERSON)
    save_record(house.database)
    record_file(house.database).unlink()
    async with open_database(house.database) as db:
        for number in range(20, 26):
            await db.connection.execute(
                "INSERT INTO picture_verdict (server_id, reason, source, hash, created_at) "
                "VALUES (1, 'hidden', ?, ?, 1)",
                (-number, bytes(16)),
            )
        await db.connection.commit()
    save_record(house.database)
    assert record_file(house.database).stat().st_size > size
    put_back(later, house.database)
    assert (await caught_up(house.database)).lost
    async with open_database(house.database) as db:
        assert len(await verdicts_in_force(db)) == 7, "all of the new file is carried out"
    assert not await caught_up(house.database), "nothing is carried out twice"


@pytest.mark.parametrize("instead", ["", "no id\n"], ids=["removed", "damaged"])
async def test_a_record_without_its_id_gets_another(tmp_path: Path, instead: str) -> None:
    house = await lived_in(tmp_path)
    async with open_database(house.database) as db:
        await db.run(NOTE_REPORTED, report=REPORT, job=house.jobs[0], server=SERVER, now=now_ms())
        await decide_verdicts(db, REPORT, VerdictReason.HIDDEN, server_id=SERVER)
    await caught_up(house.database)
    record = record_file(house.database)
    _, rest = record.read_text("utf-8").split("\n", 1)
    record.write_text(instead + rest, "utf-8")
    assert (await caught_up(house.database)).lost
    size = record.stat().st_size
    for _ in range(2):
        assert not (await caught_up(house.database, accept_loss=True)).lost
        assert record.stat().st_size == size, "nothing is carried out and written anew"
    record.unlink()
    assert (await caught_up(house.database)).lost, "the other id is known"


async def test_a_lost_record_is_told_until_it_is_back_or_the_loss_accepted(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    await caught_up(house.database)
    copy = back_up(house.database, tmp_path / "later", keep=1)
    async with open_database(house.database) as db:
        await erase(db, PERSON)
    save_record(house.database)
    whole = record_file(house.database).read_bytes()
    record_file(house.database).unlink()
    put_back(copy, house.database)
    for _ in range(2):
        assert (await caught_up(house.database)).lost, "the copy was made before anything was removed"
    async with open_database(house.database) as db:
        assert (await unresolved(db)).lost
    damaged = back_up(house.database, tmp_path / "damaged", keep=1)
    record_file(house.database).write_bytes(whole)
    done = await caught_up(house.database)
    assert (done.erasures, done.lost) == (1, False)
    async with open_database(house.database) as db:
        assert await rows_of_person(db) == {}
    record_file(house.database).unlink()
    put_back(damaged, house.database)
    assert (await caught_up(house.database)).lost
    assert not (await caught_up(house.database, accept_loss=True)).lost
    assert not (await caught_up(house.database)).lost


@pytest.mark.parametrize(
    "line", ['{"kind": "verdict"}', '{"kind": "erasure", "person": []}', '{"kind": "case", "hashes": "x"}', "{kind"]
)
async def test_a_line_that_somebody_has_changed_is_told_and_the_others_are_carried_out(
    tmp_path: Path, line: str
) -> None:
    house = await lived_in(tmp_path)
    async with open_database(house.database) as db:
        await erase(db, PERSON)
    save_record(house.database)
    put_back(house.copy, house.database)
    record = record_file(house.database)
    record.write_text(f"{line}\n{record.read_text('utf-8')}", "utf-8")
    done = await caught_up(house.database)
    assert done.lost and done.erasures == 1 and "damaged" in summary_of(done)


async def test_erasures_wait_for_their_key(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    async with open_database(house.database) as db:
        await erase(db, PERSON)
    save_record(house.database)
    right = key_file(house.database).read_bytes()
    key_file(house.database).unlink()
    put_back(house.copy, house.database)
    for _ in range(2):
        with pytest.raises(WrongKey, match=r"pseudonyms\.key"):
            await caught_up(house.database)
    key_file(house.database).write_bytes(right)
    assert (await caught_up(house.database)).erasures == 1
    async with open_database(house.database) as db:
        assert await rows_of_person(db) == {}


async def test_a_lost_key_is_told_until_the_loss_is_accepted(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    await caught_up(house.database)
    copy = back_up(house.database, tmp_path / "later", keep=1)
    key_file(house.database).unlink()
    for _ in range(2):
        done = await caught_up(house.database)
        assert done.other_key and "pseudonyms.key" in summary_of(done), "there is nothing that it could not apply"
    async with open_database(house.database) as db:
        await erase(db, PERSON)
    save_record(house.database)
    key_file(house.database).unlink()
    put_back(copy, house.database)
    with pytest.raises(WrongKey):
        await caught_up(house.database)
    assert not (await caught_up(house.database, accept_loss=True)).other_key
    assert not (await caught_up(house.database)).other_key


async def test_another_program_moves_over_nothing_that_a_copy_lacks(tmp_path: Path) -> None:
    house = await lived_in(tmp_path)
    async with open_database(house.database) as db:
        await erase(db, PERSON)
    save_record(house.database)
    put_back(house.copy, house.database)
    request_erasure(house.database, 4711, by_operator=True)
    save_record(house.database)
    assert (await caught_up(house.database)).erasures == 1
    async with open_database(house.database) as db:
        assert await rows_of_person(db) == {}
    assert not await caught_up(house.database)


async def test_what_a_crash_has_written_twice_is_no_news(tmp_path: Path) -> None:
    """A program was killed between the file and the database."""
    house = await lived_in(tmp_path)
    await caught_up(house.database)
    async with open_database(house.database) as db:
        await erase(db, PERSON)
        (entry,) = await db.fetch("SELECT entry FROM record_entry")
    with record_file(house.database).open("a") as record:
        record.write(f"{entry['entry']}\n")
    save_record(house.database)
    assert not await caught_up(house.database)


async def test_a_copy_that_is_put_back_by_hand_gives_no_number_out_again(tmp_path: Path) -> None:
    """A verdict is known by the number of its report."""
    house = await lived_in(tmp_path)
    new = NewReport(
        Subject.PICTURES, house.jobs[0], SERVER, PERSON, shared=False, person_id=7, reason=ReportReason.CRUEL, note=""
    )
    async with open_database(house.database) as db:
        first = await save_report(db, new)
        await db.run(NOTE_REPORTED, report=first.id, job=house.jobs[0], server=SERVER, now=now_ms())
        await decide_verdicts(db, first.id, VerdictReason.HIDDEN, server_id=SERVER)
    save_record(house.database)
    for beside in house.database.parent.glob("easel.sqlite3-*"):
        beside.unlink()
    shutil.copyfile(house.copy, house.database)
    await caught_up(house.database)
    async with open_database(house.database) as db:
        other = await save_report(db, new)
        await end_verdicts(db, other.id)
        assert [each.reason for each in await verdicts_in_force(db)] == [VerdictReason.HIDDEN]


def test_nothing_makes_a_database_anew_whose_file_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "easel.sqlite3"
    with pytest.raises(DatabaseError, match="no database"):
        flush_record(path)
    with pytest.raises(DatabaseError):
        request_erasure(path, PERSON, by_operator=True)
    assert not path.exists()


def test_an_empty_database_has_no_last_entries(tmp_path: Path) -> None:
    path = tmp_path / "easel.sqlite3"
    path.touch()
    save_record(path)
    assert not record_file(path).exists()
