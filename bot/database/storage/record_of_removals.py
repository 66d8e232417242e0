"""The record beside the database of what was erased and decided, so that a restored copy does not bring it back.

The file `removals.jsonl` is appended to and synced. When a verdict or a case ends, spaces take the place of the lines
with its hashes. A person is a keyed hash in it, a picture a perceptual hash.
Triggers of the schema write each entry into the table `record_entry`, in the transaction of what happened. The function
`flush_record` moves entries into the file. The database remembers how much of the file it contains. A copy remembers
less, and `catch_up` carries out the rest before anything else starts; until then nothing moves over that rest. The
first line of the file is a random id: a file with another id has lost entries, however long it is. A file that has lost
its id gets another, in a later line. An erasure also contains a hash of its key: only that key shows who was erased.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from bot.database.clock import now_ms
from bot.database.database import BUSY_TIMEOUT_MS, Database
from bot.database.errors import FolderNotWritable, NoDatabase, WrongKey, explain
from bot.database.jobs.deliveries import FIND_DELIVERY
from bot.database.jobs.jobs import CANCEL_JOB, FIND_JOB, UNFINISHED_JOBS
from bot.database.key_values import FORGET_VALUE, RECALL_VALUE, REMEMBER_VALUE
from bot.database.pictures.verdicts import (
    JOBS_WITH_HASH,
    PictureVerdict,
    VerdictReason,
    end_inherited,
    inherit_verdicts,
)
from bot.database.privacy.deletions import begin_deletion
from bot.database.privacy.erased_rows import ENDED_JOBS, erase_jobs, erase_person
from bot.database.privacy.erasures import UNFINISHED_ERASURES, Erasure
from bot.database.query import Query, SqlStatement
from bot.database.storage.backup import GAP, NUMBER_ALL_TABLES, SKIP_NUMBERS
from bot.database.storage.pseudonyms import Pseudonyms, key_file
from bot.file_access import Need, why
from inference.content_rating import ContentRating

POSITION: Final = "position in removals.jsonl"  # bytes of the file that this database contains
FILE_ID: Final = "id of removals.jsonl"
KEY: Final = "check of pseudonyms.key"  # a hash of the key with which this database was written
LOST: Final = "loss in removals.jsonl"  # until it is mended or accepted: the place in the file that is missing, or null
AT_ONCE: Final = 500
_MOST_JOBS: Final = 10_000  # with the very same picture

_NAME_OF_KEY = "check of the key"  # the text whose hash identifies a key
CHECK_OF_KEY = Query(sqlite3.Row, f"SELECT pseudonym('{_NAME_OF_KEY}')")
ENTRIES_TO_MOVE = "SELECT id, entry FROM record_entry ORDER BY id LIMIT ?"
FORGET_MOVED_ENTRIES = "DELETE FROM record_entry WHERE id <= ?"
# Read from end to end, once at a restore: whose ids these are that stand in the record as keyed hashes.
_PEOPLE = """
    SELECT id FROM person UNION SELECT owner_id FROM report UNION SELECT decided_by FROM decision
    UNION SELECT actor_id FROM audit UNION SELECT person_id FROM audit UNION SELECT created_by FROM block
    UNION SELECT target_id FROM block WHERE kind = 'person' UNION SELECT holder_id FROM server_limit
    WHERE holder = 'person' UNION SELECT person_id FROM daily_usage UNION SELECT person_id FROM publication
"""
_HASHED = Query(
    sqlite3.Row,
    f"SELECT id, pseudonym(id) AS pseudonym FROM ({_PEOPLE}) WHERE id > 0",  # noqa: S608 - constants only
)
KNOWN_ERASURE = Query(
    bool, "SELECT EXISTS (SELECT 1 FROM erasure WHERE pseudonym = :pseudonym AND created_at = :created_at)"
)
ERASE_AGAIN = SqlStatement("""
    INSERT INTO erasure (person_id, pseudonym, by_operator, created_at) VALUES (:person, :pseudonym, 1, :created_at)
    ON CONFLICT (person_id) WHERE person_id IS NOT NULL DO NOTHING
""")
FORGET_WISHES = SqlStatement("DELETE FROM addition_request WHERE person_id = ?")
KEEP_VERDICT = SqlStatement("""
    INSERT OR REPLACE INTO picture_verdict (server_id, reason, rating, source, hash, created_at)
    VALUES (:server, :reason, :rating, :source, :hash, :created_at)
""")
HAS_ENTRIES = "SELECT 1 FROM sqlite_schema WHERE name = 'record_entry'"
END_VERDICTS = SqlStatement(
    "DELETE FROM picture_verdict WHERE server_id = :server AND source IS :source AND reason <> 'reported'"
)
CASE_OF_TIMES = Query(int, "SELECT id FROM takedown_case WHERE received_at = :received_at AND created_at = :created_at")
OPEN_CASE_AGAIN = SqlStatement("""
    INSERT INTO takedown_case (state, note, hashes, received_at, created_at)
    VALUES ('confirmed', '', :hashes, :received_at, :created_at)
""")
CONFIRM_CASE_AGAIN = SqlStatement("""
    UPDATE takedown_case SET state = 'confirmed', hashes = :hashes, ended_at = NULL WHERE id = :id AND state = 'open'
""")
CLOSE_CASE_AGAIN = SqlStatement("""
    UPDATE takedown_case SET state = 'closed', hashes = x'', ended_at = :now WHERE id = :id AND state <> 'closed'
""")


@dataclass(frozen=True)
class CaughtUp:
    """Numbers of entries that a copy of the database lacked, and that were applied.

    `lost`: entries of the file are missing or cannot be read. `other_key`: the key is not the one with which this
    database was written. Both stay true until the right file is back, or an operator accepts the loss.
    """

    erasures: int = 0
    verdicts: int = 0
    cases: int = 0
    lost: bool = False
    other_key: bool = False

    def __bool__(self) -> bool:
        return bool(self.erasures or self.verdicts or self.cases)


def record_file(database: Path) -> Path:
    """Return the path of the record of a database."""
    return database.with_name("removals.jsonl")


def flush_record(database: Path) -> None:
    """Move entries from the database into the file, over a separate connection. Blocks. Raises DatabaseError.

    After a crash between the two an entry may stand in the file twice, which does no harm. A database whose file was
    removed is not made anew.
    """
    where, timeout = f"{database.resolve().as_uri()}?mode=rw", BUSY_TIMEOUT_MS / 1000
    try:
        if not database.is_file():
            raise NoDatabase(f"There is no database {database}.")
        with closing(sqlite3.connect(where, uri=True, timeout=timeout, isolation_level=None)) as connection:
            if connection.execute(HAS_ENTRIES).fetchone() is None:
                return  # an empty file
            while entries := connection.execute(ENTRIES_TO_MOVE, (AT_ONCE,)).fetchall():
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    # Another program may have moved them in the meantime.
                    entries = connection.execute(ENTRIES_TO_MOVE, (AT_ONCE,)).fetchall()
                    if entries:
                        new: list[dict[str, Any]] = [json.loads(entry) for _, entry in entries]
                        behind = _read(record_file(database), _known(connection))
                        written = _append(record_file(database), map(_with(_check_of(database)), new))
                        _blank(record_file(database), new)
                        connection.execute("PRAGMA secure_delete = ON")
                        connection.execute(FORGET_MOVED_ENTRIES, (entries[-1][0],))
                        # The next start says what is lost, and applies what stands before the new entries, unless a
                        # crash has left these there.
                        if not behind.lost and all(_without_key(entry) in new for entry in behind.entries):
                            for key, value in written.memos:
                                connection.execute(REMEMBER_VALUE.sql, {"key": key, "value": value})
    except sqlite3.Error as problem:
        raise explain(problem, database) from problem
    except OSError as problem:
        file = record_file(database)
        raise FolderNotWritable(f"The record {file} cannot be written: {why(problem, file, Need.WRITE)}.") from problem


async def catch_up(db: Database, database: Path, *, accept_loss: bool = False) -> CaughtUp:
    """Apply what was erased and decided since this copy was made. The next start repeats a killed call.

    Rows go now. Files and messages of erased people and deleted pictures follow when the bot runs. `accept_loss`: what
    nobody can apply any more is left out, and is not told again. Raises WrongKey when an erasure can only be applied
    with another key, and DatabaseError.
    """
    file, done = record_file(database), CaughtUp()
    known, read = await _what_is_behind(db, file)
    foreign = await _foreign(db, read.entries)
    if foreign and not accept_loss:
        raise WrongKey(key_file(database), foreign)
    if read.entries or read.place != known or read.place.file_id is None:
        done = await _apply(db, read)
        if done.lost and await db.one(RECALL_VALUE, LOST) is None:
            gone = astuple(known) if read.place.file_id != known.file_id else None
            await db.run(REMEMBER_VALUE, key=LOST, value=json.dumps(gone))
        place = read.place
        if place.file_id is None:  # a new file, or its id was lost: copies that are made from now on know it
            place = await asyncio.to_thread(_append, file, [])
        for key, value in place.memos:
            await db.run(REMEMBER_VALUE, key=key, value=value)
    if accept_loss:
        await db.run(FORGET_VALUE, LOST)
    if accept_loss or await db.one(RECALL_VALUE, KEY) is None:
        await db.run(REMEMBER_VALUE, key=KEY, value=await _check(db))
    await asyncio.to_thread(flush_record, database)
    loss = await unresolved(db)
    return replace(done, lost=loss.lost, other_key=loss.other_key)


async def _what_is_behind(db: Database, file: Path) -> tuple[_Place, _Behind]:
    """Return the position of the database in the file, and the entries after it. A missing file may be back."""
    known = _Place(int(await db.one(RECALL_VALUE, POSITION) or 0), await db.one(RECALL_VALUE, FILE_ID))
    read = await asyncio.to_thread(_read, file, known)
    gone = json.loads(await db.one(RECALL_VALUE, LOST) or "null")
    if gone is None or read.place.file_id != (missing := _Place(*gone)).file_id:
        return known, read
    for key, value in missing.memos:
        await db.run(REMEMBER_VALUE, key=key, value=value)
    await db.run(FORGET_VALUE, LOST)
    return missing, await asyncio.to_thread(_read, file, missing)


async def _apply(db: Database, read: _Behind) -> CaughtUp:
    done = CaughtUp(lost=read.lost)
    people = {row["pseudonym"]: row["id"] for row in await db.all(_HASHED)} if read.entries else {}
    if read.entries:  # skip numbers in use: a verdict refers to its report by number
        async with db.transaction():
            await db.run(NUMBER_ALL_TABLES)
            await db.run(SKIP_NUMBERS, GAP)
    for entry in read.entries:
        try:
            done = replace(
                done,
                erasures=done.erasures + await _erase(db, people, entry),
                verdicts=done.verdicts + await _decide(db, entry),
                cases=done.cases + await _take_down(db, entry),
            )
        except (KeyError, TypeError, ValueError):  # somebody has changed the line
            done = replace(done, lost=True)
    return done


async def unresolved(db: Database) -> CaughtUp:
    """Return the losses that earlier starts found and no operator has resolved."""
    key = await db.one(RECALL_VALUE, KEY)
    return CaughtUp(lost=await db.one(RECALL_VALUE, LOST) is not None, other_key=key not in (None, await _check(db)))


# --- the key ----------------------------------------------------------------------------------------------------------


async def _check(db: Database) -> str:
    (check,) = await db.get(CHECK_OF_KEY)
    return str(check)


def _check_of(database: Path) -> str:
    return str(Pseudonyms(database).of(_NAME_OF_KEY))


def _with(key: str) -> Callable[[dict[str, Any]], str]:
    """Name the key in each erasure."""
    return lambda entry: json.dumps(entry | {"key": key} if entry["kind"] == "erasure" else entry)


def _without_key(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "key"}


async def _foreign(db: Database, entries: Iterable[Mapping[str, Any]]) -> int:
    """Count the erasures that were recorded with another key, but not by this database itself."""
    mine = (await _check(db), None)  # an erasure without a key is a damaged line
    found = [each for each in entries if each["kind"] == "erasure" and each.get("key") not in mine]
    known = [
        await db.get(KNOWN_ERASURE, pseudonym=str(each.get("person")), created_at=str(each.get("at"))) for each in found
    ]
    return known.count(False)


# --- the file ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where a database is in the file: bytes that it contains, and the file's id."""

    position: int
    file_id: str | None

    @property
    def memos(self) -> Iterator[tuple[str, str]]:
        """What the database remembers, by key."""
        yield POSITION, str(self.position)
        if self.file_id is not None:
            yield FILE_ID, self.file_id


def _known(connection: sqlite3.Connection) -> _Place:
    position, file_id = (connection.execute(RECALL_VALUE.sql, (key,)).fetchone() for key in (POSITION, FILE_ID))
    return _Place(int(position[0]) if position else 0, file_id[0] if file_id else None)


def _append(file: Path, entries: Iterable[str]) -> _Place:
    """Append lines, sync them, and return where the file ends. A file without an id gets one first."""
    is_new = not file.exists() or not file.stat().st_size
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "rb+") as opened:
        if _id_in(opened) is None:
            entries = [json.dumps({"kind": "record", "id": secrets.token_hex(8)}), *entries]
        size = opened.seek(0, os.SEEK_END)
        torn = False
        if size:
            opened.seek(-1, os.SEEK_END)
            torn = opened.read(1) != b"\n"  # a program was killed while it wrote
        opened.write(b"\n" * torn + "".join(f"{entry}\n" for entry in entries).encode())
        opened.flush()
        os.fsync(opened.fileno())
        size = opened.seek(0, os.SEEK_END)
        opened.seek(0)
        file_id = _id_in(opened)
    if is_new and hasattr(os, "O_DIRECTORY"):
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return _Place(size, file_id)


def _id_in(lines: Iterable[bytes]) -> str | None:
    """The first id that a file names; None if it has none, or somebody has changed it."""
    entries = (entry for line in lines if (entry := _entry(line)) is not None)
    return next((str(entry["id"]) for entry in entries if entry["kind"] == "record" and "id" in entry), None)


def _blank(file: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Overwrite the lines of verdicts and cases that have ended; sizes and positions stay."""
    ended = {_subject(each) for each in entries if _ends(each)}
    if not ended or not file.exists():
        return
    with file.open("rb+") as opened:
        position = 0
        for line in opened.read().splitlines(keepends=True):
            entry = _entry(line)
            if entry is not None and not _ends(entry) and _subject(entry) in ended:
                opened.seek(position)
                opened.write(b" " * len(line.rstrip(b"\n")))
            position += len(line)
        opened.flush()
        os.fsync(opened.fileno())


def _ends(entry: Mapping[str, Any]) -> bool:
    """Whether an entry ends a verdict or a case."""
    return entry["kind"] == "verdict ended" or entry.get("state") == "closed"


def _subject(entry: Mapping[str, Any]) -> tuple[object, ...]:
    """Which verdict or case an entry is about."""
    return tuple(entry.get(name) for name in ("server", "source", "received", "created"))


def _entry(line: bytes) -> Mapping[str, Any] | None:
    """The entry of a line; None for a line that is blank, or torn by a kill."""
    try:
        entry: object = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", entry) if isinstance(entry, dict) and "kind" in entry else None


@dataclass(frozen=True)
class _Behind:
    """What stands behind a place: the entries, where the last whole line ends, and whether something is missing."""

    entries: list[Mapping[str, Any]]
    place: _Place
    lost: bool = False


def _read(file: Path, known: _Place) -> _Behind:
    try:
        with file.open("rb") as opened:
            file_id = _id_in(opened)
            other = known.file_id is not None and file_id != known.file_id
            position = 0 if other else known.position
            opened.seek(position)
            lines, there = opened.read().splitlines(keepends=True), file.stat().st_size
    except FileNotFoundError:
        return _Behind([], _Place(0, None), lost=known != _Place(0, None))
    except OSError as problem:
        raise FolderNotWritable(f"The record {file} cannot be read: {why(problem, file, Need.WRITE)}.") from problem
    if lines and not lines[-1].endswith(b"\n"):  # torn by a kill: it is written once more
        lines.pop()
    entries = [entry for line in lines if (entry := _entry(line)) is not None and entry["kind"] != "record"]
    unreadable = any(line.strip() and _entry(line) is None for line in lines)
    size = min(position, there) + sum(map(len, lines))
    return _Behind(entries, _Place(size, file_id), lost=other or there < position or unreadable)


# --- what is carried out ----------------------------------------------------------------------------------------------


async def _erase(db: Database, people: Mapping[int, int], entry: Mapping[str, Any]) -> bool:
    """Erase the rows of a person who deleted all their data since. False for other entries and unknown people."""
    person_id = people.get(entry["person"]) if entry.get("kind") == "erasure" else None
    if person_id is None:
        return False
    pending = await _pending(db, person_id)
    if pending is None:
        if await db.get(KNOWN_ERASURE, pseudonym=entry["person"], created_at=entry["at"]):
            return False
        await db.run(ERASE_AGAIN, person=person_id, pseudonym=entry["person"], created_at=entry["at"])
        pending = await _pending(db, person_id)
    assert pending is not None
    for job in await db.all(UNFINISHED_JOBS, person_id):
        await db.one(CANCEL_JOB, now=now_ms(), id=job.id)
    await db.run(FORGET_WISHES, person_id)
    while ids := await db.all(ENDED_JOBS, person=person_id, limit=AT_ONCE):
        await erase_jobs(db, pending, ids)
    return await erase_person(db, pending)


async def _pending(db: Database, person_id: int) -> Erasure | None:
    return next((each for each in await db.all(UNFINISHED_ERASURES) if each.person_id == person_id), None)


async def _decide(db: Database, entry: Mapping[str, Any]) -> bool:
    """Keep or end a verdict, and apply it to the pictures of the copy. False for other entries."""
    kind = entry.get("kind")
    if kind not in {"verdict", "verdict ended", "copy"}:
        return False
    if kind == "copy":  # of a takedown case
        await _delete(db, bytes.fromhex(entry["hash"]))
        return False
    server_id, source = entry["server"], entry["source"]
    if kind == "verdict ended":
        async with db.transaction():
            await db.run(END_VERDICTS, server=server_id, source=source)
            await end_inherited(db, source)
        return True
    hashed = bytes.fromhex(entry["hash"])
    reason = VerdictReason(entry["reason"])
    rating = None if entry["rating"] is None else ContentRating(entry["rating"])
    await db.run(
        KEEP_VERDICT, server=server_id, reason=reason, rating=rating, source=source, hash=hashed, created_at=entry["at"]
    )
    if reason is VerdictReason.DELETED:
        await _delete(db, hashed)
        return True
    verdict = PictureVerdict(0, server_id, reason, rating, source, hashed)
    for job_id in await db.all(JOBS_WITH_HASH, hash=hashed, limit=_MOST_JOBS):
        await inherit_verdicts(db, job_id, [verdict])
    return True


async def _delete(db: Database, hashed: bytes) -> None:
    """Delete the jobs with this very picture; their files and messages are noted as still to be removed."""
    for job_id in await db.all(JOBS_WITH_HASH, hash=hashed, limit=_MOST_JOBS):
        job, delivery = await db.one(FIND_JOB, job_id), await db.one(FIND_DELIVERY, job_id)
        if job is not None:
            message_id = None if delivery is None else delivery.message_id
            channel_id = job.channel_id if delivery is None else delivery.posting_in or job.channel_id
            await begin_deletion(db, job_id, None if message_id is None else channel_id, message_id)


async def _take_down(db: Database, entry: Mapping[str, Any]) -> bool:
    """Confirm or close a takedown case. False for other entries."""
    if entry.get("kind") != "case":
        return False
    hashes = bytes.fromhex(entry["hashes"])
    async with db.transaction():
        case_id = await db.one(CASE_OF_TIMES, received_at=entry["received"], created_at=entry["created"])
        if entry["state"] == "closed":
            if case_id is not None:
                await db.run(CLOSE_CASE_AGAIN, now=now_ms(), id=case_id)
        elif case_id is None:
            await db.run(OPEN_CASE_AGAIN, hashes=hashes, received_at=entry["received"], created_at=entry["created"])
        else:
            await db.run(CONFIRM_CASE_AGAIN, hashes=hashes, id=case_id)
    return True
