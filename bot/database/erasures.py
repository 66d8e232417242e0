"""Erasures: all that is kept of a person is deleted, step by step, so that a crash at any place loses no step.

Jobs go in portions, each in a transaction that notes their files and messages as still to be removed. With the person's
own row, all other rows go, those of pictures that the person was deleting too, and the id gives way to its keyed hash
where a row stays. Files and messages follow; messages to staff that name the person are written anew.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import aiosqlite

from bot.database.clock import DAY_MS, now_ms
from bot.database.connection import BUSY_TIMEOUT_MS, fetch, fetch_one, transaction, truncate_log, write
from bot.database.errors import LogInUse, explain
from bot.database.pseudonyms import Pseudonyms, ensure_key

REQUEST = """
    INSERT INTO erasure (person_id, pseudonym, by_operator, created_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (person_id) WHERE person_id IS NOT NULL DO NOTHING
"""
UNFINISHED = "SELECT * FROM erasure WHERE state <> 'complete' ORDER BY id"
FIND = "SELECT * FROM erasure WHERE id = ?"
NEWEST = "SELECT * FROM erasure WHERE pseudonym = pseudonym(?) ORDER BY id DESC LIMIT 1"
ENDED_JOBS = """
    SELECT id FROM job WHERE person_id = ? AND state NOT IN ('queued', 'running') ORDER BY id LIMIT ?
"""
JOBS_BEING_DELETED = "SELECT job_id FROM deletion WHERE person_id = ?"
ANY_JOB = "SELECT 1 FROM job WHERE person_id = ? LIMIT 1"
# What an open report is about is held until it is decided, for a time.
NOTE_PICTURES = """
    INSERT INTO erasure_file (erasure_id, folder, path, report_id)
    SELECT :erasure, 'pictures', path,
        (SELECT id FROM report WHERE kind = 'pictures' AND target_id = job_id AND state = 'open' ORDER BY id LIMIT 1)
    FROM picture WHERE job_id IN (SELECT value FROM json_each(:ids)) ON CONFLICT DO NOTHING
"""
NOTE_DELETED_PICTURES = """
    INSERT INTO erasure_file (erasure_id, folder, path)
    SELECT :erasure, 'pictures', value FROM deletion, json_each(paths) WHERE person_id = :person ON CONFLICT DO NOTHING
"""
NOTE_DELETED_INPUTS = """
    INSERT INTO erasure_file (erasure_id, folder, path)
    SELECT :erasure, 'inputs', input FROM deletion WHERE person_id = :person AND input IS NOT NULL
    ON CONFLICT DO NOTHING
"""
NOTE_INPUTS = """
    INSERT INTO erasure_file (erasure_id, folder, path)
    SELECT :erasure, 'inputs', request ->> '$.image.sha256' FROM job
    WHERE id IN (SELECT value FROM json_each(:ids)) AND request ->> '$.image.sha256' IS NOT NULL ON CONFLICT DO NOTHING
"""
NOTE_FILE = "INSERT INTO erasure_file (erasure_id, folder, path) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
# A private result that was not sent as a direct message is an answer that its person alone can remove.
NOTE_MESSAGES = """
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, coalesce(posting_in, channel_id), message_id FROM delivery JOIN job ON job.id = job_id
    WHERE job_id IN (SELECT value FROM json_each(:ids)) AND message_id IS NOT NULL
    AND (private = 0 OR posting_in IS NOT NULL) ON CONFLICT DO NOTHING
"""
NOTE_DELETED_MESSAGES = """
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, channel_id, message_id FROM deletion
    WHERE person_id = :person AND channel_id IS NOT NULL AND message_id IS NOT NULL
    ON CONFLICT DO NOTHING
"""
NOTE_POSTED_MESSAGES = """
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, channel_id, message_id FROM posted_message WHERE person_id = :person ON CONFLICT DO NOTHING
"""
NOTE_MESSAGE = """
    INSERT INTO erasure_message (erasure_id, channel_id, message_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""
# Of decisions about reports, and of answers to appeals.
DECISION_NOTICES = """
    SELECT notice_id FROM report JOIN decision ON report_id = report.id
    WHERE owner_id = :person AND notice_id IS NOT NULL
    UNION SELECT notice_id FROM appeal WHERE person_id = :person AND notice_id IS NOT NULL
    UNION SELECT upheld_notice_id FROM appeal WHERE person_id = :person AND upheld_notice_id IS NOT NULL
"""
# Their posts are removed as well, by the rows that stay until then.
NOTE_PUBLICATIONS = """
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, channel_id, message_id FROM publication
    WHERE job_id IN (SELECT value FROM json_each(:ids)) AND message_id IS NOT NULL ON CONFLICT DO NOTHING
"""
COUNT_NOTICES = """
    SELECT count(DISTINCT notice_id) FROM takedown
    WHERE job_id IN (SELECT value FROM json_each(?)) AND notice_id IS NOT NULL
"""
COUNT_PRIVATE = """
    SELECT count(*) FROM delivery
    WHERE job_id IN (SELECT value FROM json_each(?)) AND private = 1 AND posting_in IS NULL AND message_id IS NOT NULL
"""
COUNT_PICTURES = "SELECT count(*) FROM picture WHERE job_id IN (SELECT value FROM json_each(?))"
FORGET_JOBS = "DELETE FROM job WHERE id IN (SELECT value FROM json_each(?))"
COUNT = """
    UPDATE erasure SET jobs = jobs + ?, pictures = pictures + ?, private_answers = private_answers + ?,
    unreachable = unreachable + ? WHERE id = ?
"""
NOTE_OTHER_INPUTS = """
    INSERT INTO erasure_file (erasure_id, folder, path)
    SELECT :erasure, 'inputs', sha256 FROM (
        SELECT wish ->> '$.image.sha256' AS sha256 FROM draft WHERE person_id = :person
        UNION SELECT state ->> '$.wish.image.sha256' FROM studio WHERE person_id = :person
        UNION SELECT previous ->> '$.wish.image.sha256' FROM studio WHERE person_id = :person
        UNION SELECT sha256 FROM given_input WHERE person_id = :person
    ) AS found WHERE sha256 IS NOT NULL ON CONFLICT DO NOTHING
"""
ANY_ADDITION = """
    SELECT 1 FROM addition_request JOIN addition ON addition.id = addition_id
    WHERE person_id = ? AND state = 'waiting' LIMIT 1
"""
# It counts in the quotas of additions for a day.
KEEP_ADDITIONS = """
    INSERT INTO erased_addition_request (addition_id, pseudonym, server_id, created_at)
    SELECT addition_id, :hash, server_id, created_at FROM addition_request
    WHERE person_id = :person AND created_at > :since
    ON CONFLICT DO NOTHING
"""
FORGET_PERSON = "DELETE FROM person WHERE id = ?"
CLEAR = """
    UPDATE erasure SET state = 'clearing', person_id = NULL, direct_channel = ? WHERE id = ? AND state = 'requested'
"""
FORGET_DIRECT_CHANNEL = "UPDATE erasure SET direct_channel = NULL WHERE id = ?"
NEXT_FILES = """
    SELECT folder, path FROM erasure_file WHERE erasure_id = ? AND NOT EXISTS (
        SELECT 1 FROM report WHERE report.id = report_id AND state = 'open' AND created_at >= ?
    ) LIMIT ?
"""
HELD = """
    SELECT count(*) AS number, max(report.created_at) AS reported_at
    FROM erasure_file JOIN report ON report.id = report_id
    WHERE erasure_id = ? AND state = 'open' AND report.created_at >= ?
"""
# Messages to staff that name the person, or quote them: who painted or reported it, appealed, decided or answered.
# It reads notes and decisions from end to end, once for each person who has all deleted, as `_REPLACE` does.
_NOTE_REPORTS = """
    INSERT INTO erasure_report (erasure_id, report_id)
    SELECT :erasure, id FROM report WHERE (message_id IS NOT NULL OR posting_at IS NOT NULL) AND (
        owner_id = :person
        OR id IN (SELECT report_id FROM report_by WHERE person_id = :person OR instr(note, :person))
        OR id IN (
            SELECT report_id FROM decision LEFT JOIN appeal ON decision_id = decision.id
            WHERE :person IN (decided_by, person_id, answered_by) OR instr(note, :person) OR instr(text, :person)
        )
    ) ON CONFLICT DO NOTHING
"""
REPORTS_CHANGED = """
    UPDATE report SET revision = revision + 1
    WHERE id IN (SELECT report_id FROM erasure_report WHERE erasure_id = :erasure)
"""
NEXT_REPORT = """
    SELECT report_id FROM erasure_report WHERE erasure_id = ? AND report_id > ? AND state = 'due'
    ORDER BY report_id LIMIT 1
"""
END_REPORT = "UPDATE erasure_report SET state = ? WHERE erasure_id = ? AND report_id = ?"
HELD_FOR = "SELECT path FROM erasure_file WHERE report_id = ? ORDER BY path"
REPORT_CHANGED = """
    UPDATE report SET revision = revision + 1 WHERE id IN (
        SELECT report_id FROM erasure_file WHERE erasure_id = ? AND folder = ? AND path = ?
    )
"""
# With the pictures that were held for it, they go from its message.
NOTE_REPORT_OF_FILE = """
    INSERT INTO erasure_report (erasure_id, report_id)
    SELECT erasure_id, report_id FROM erasure_file JOIN report ON report.id = report_id
    WHERE erasure_id = ? AND folder = ? AND path = ? AND (message_id IS NOT NULL OR posting_at IS NOT NULL)
    ON CONFLICT (erasure_id, report_id) DO UPDATE SET state = 'due'
"""
END_FILE = "DELETE FROM erasure_file WHERE erasure_id = ? AND folder = ? AND path = ?"
NEXT_MESSAGE = """
    SELECT channel_id, message_id FROM erasure_message WHERE erasure_id = ? AND (channel_id, message_id) > (?, ?)
    ORDER BY channel_id, message_id LIMIT 1
"""
END_MESSAGE = "DELETE FROM erasure_message WHERE erasure_id = ? AND channel_id = ? AND message_id = ? RETURNING 1"
COUNT_MESSAGE = "UPDATE erasure SET messages = messages + ?, unreachable = unreachable + ? WHERE id = ?"
COMPLETE = """
    UPDATE erasure SET state = 'complete', finished_at = ?, copies = ?, copies_until = ?,
    unreachable = unreachable + (
        SELECT count(*) FROM erasure_report WHERE erasure_id = erasure.id AND state = 'out_of_reach'
    )
    WHERE id = ? AND state = 'clearing' AND direct_channel IS NULL
    AND NOT EXISTS (SELECT 1 FROM erasure_file WHERE erasure_id = erasure.id)
    AND NOT EXISTS (SELECT 1 FROM erasure_message WHERE erasure_id = erasure.id)
    AND NOT EXISTS (SELECT 1 FROM erasure_report WHERE erasure_id = erasure.id AND state = 'due')
    RETURNING *
"""
FORGET_REPORTS = "DELETE FROM erasure_report WHERE erasure_id = ?"
FORGET_OLD = "DELETE FROM erasure WHERE finished_at < ?"
# What stays says by whom and about whom by the keyed hash. These read small tables, and the log, from end to end: once
# for each person who has all deleted.
_REPLACE = (
    "UPDATE lora SET content_rating_by = :hash WHERE content_rating_by = :person",
    "UPDATE feature SET featured_by = :hash WHERE featured_by = :person",
    "UPDATE pause SET person_id = :hash WHERE person_id = :person",
    "UPDATE base_model_proposal SET proposed_by = :hash WHERE proposed_by = :person",
    "UPDATE base_model_proposal SET decided_by = :hash WHERE decided_by = :person",
    "UPDATE base_model_proposal SET reason = replace(reason, :person, :hash) WHERE instr(reason, :person)",
    "UPDATE block SET created_by = :hash WHERE created_by = :person",
    "UPDATE block SET reason = replace(reason, :person, :hash) WHERE instr(reason, :person)",
    """UPDATE report SET owner_id = :hash, painted_at = NULL, painted_in = NULL,
       state = iif(state = 'appealed', 'decided', state)  -- with the person, the appeal has gone
       WHERE owner_id = :person""",
    "UPDATE report_by SET note = replace(note, :person, :hash) WHERE instr(note, :person)",
    """UPDATE decision SET notice_id = NULL WHERE notice_id IS NOT NULL
       AND report_id IN (SELECT id FROM report WHERE owner_id = :hash)""",
    "UPDATE decision SET decided_by = :hash WHERE decided_by = :person",
    "UPDATE decision SET note = replace(note, :person, :hash) WHERE instr(note, :person)",
    "UPDATE appeal SET answered_by = :hash WHERE answered_by = :person",
    "UPDATE appeal SET text = replace(text, :person, :hash) WHERE instr(text, :person)",
    """DELETE FROM block WHERE kind = 'person' AND target_id = :hash
       AND (server_id, kind, :person) IN (SELECT server_id, kind, target_id FROM block)""",
    "UPDATE block SET target_id = :hash WHERE kind = 'person' AND target_id = :person",
    """DELETE FROM server_limit WHERE holder = 'person' AND holder_id = :hash
       AND (server_id, :person) IN (SELECT server_id, holder_id FROM server_limit WHERE holder = 'person')""",
    "UPDATE server_limit SET holder_id = :hash WHERE holder = 'person' AND holder_id = :person",
    """INSERT INTO daily_usage (day, person_id, server_id, pictures, pixel_steps)
       SELECT day, :hash, server_id, pictures, pixel_steps FROM daily_usage WHERE person_id = :person
       ON CONFLICT (day, person_id, server_id) DO UPDATE
       SET pictures = pictures + excluded.pictures, pixel_steps = pixel_steps + excluded.pixel_steps""",
    "DELETE FROM daily_usage WHERE person_id = :person",
    """UPDATE audit SET actor_id = iif(actor_id = :person, :hash, actor_id),
       person_id = iif(person_id = :person, :hash, person_id),
       target = replace(target, :person, :hash), changes = replace(changes, :person, :hash)
       WHERE actor_id = :person OR person_id = :person OR instr(target, :person) OR instr(changes, :person)""",
)
# The full text indexes, in which what is deleted stays until their segments are merged.
MERGES = (
    "INSERT INTO job_text (job_text, rank) VALUES ('merge', ?)",
    "INSERT INTO bookmark_text (bookmark_text, rank) VALUES ('merge', ?)",
    "INSERT INTO publication_text (publication_text, rank) VALUES ('merge', ?)",
)
NEVER = 2**62  # later than any report
MERGED_PAGES = 500
_LEAST_WORK = 2  # rows that a merge changes when there is something left to merge


class ErasureState(StrEnum):
    """`requested`: rows are being deleted; `clearing`: they are gone, and files and messages follow."""

    REQUESTED = "requested"
    CLEARING = "clearing"
    COMPLETE = "complete"


@dataclass(frozen=True)
class Erasure:
    """A row of the table; times in unix ms. `person_id` is None once the rows of the person are gone.

    `messages` are gone, `unreachable` ones are not the bot's to delete, and `private_answers` the person's alone. The
    `direct_channel` is that of the person's direct messages, until what the bot wrote there is known.
    `copies` of the database still hold the person; the last expires at `copies_until`, if anybody can tell.
    """

    id: int
    person_id: int | None
    pseudonym: int
    state: ErasureState
    by_operator: bool
    jobs: int
    pictures: int
    messages: int
    unreachable: int
    private_answers: int
    copies: int
    copies_until: int | None
    created_at: int
    finished_at: int | None
    direct_channel: int | None


class FileFolder(StrEnum):
    """The folder of a file that is to be removed."""

    PICTURES = "pictures"
    INPUTS = "inputs"
    SPOOL = "spool"


@dataclass(frozen=True)
class LeftFile:
    """A file that is still to be removed, by its path in the folder."""

    folder: FileFolder
    path: str


@dataclass(frozen=True)
class HeldFiles:
    """How many files are held for open reports, and when the last of these was made (unix ms)."""

    number: int
    reported_at: int


@dataclass(frozen=True)
class LeftMessage:
    """A message that is still to be deleted."""

    channel_id: int
    message_id: int


def request_erasure(database: Path, person_id: int, *, by_operator: bool) -> None:
    """Order that all that is kept of the person is deleted; from now on it happens, also after a crash.

    Of an order that is under way nothing changes. It has a connection of its own, so that it works beside the running
    bot. Blocks. Raises DatabaseError.
    """
    ensure_key(database)
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_TIMEOUT_MS / 1000)) as connection, connection:
            values = (person_id, Pseudonyms(database).of(person_id), by_operator, now_ms())
            connection.execute(REQUEST, values)
    except sqlite3.Error as problem:
        raise explain(problem, database) from problem


async def unfinished_erasures(connection: aiosqlite.Connection) -> tuple[Erasure, ...]:
    """The erasures that are not complete, the oldest first. Raises DatabaseError."""
    return tuple(map(_erasure, await fetch(connection, UNFINISHED)))


async def find_erasure(connection: aiosqlite.Connection, erasure_id: int) -> Erasure | None:
    """The erasure with this id. Raises DatabaseError."""
    row = await fetch_one(connection, FIND, (erasure_id,))
    return None if row is None else _erasure(row)


async def newest_erasure(connection: aiosqlite.Connection, person_id: int) -> Erasure | None:
    """The person's newest erasure, also one that is complete. Raises DatabaseError."""
    row = await fetch_one(connection, NEWEST, (person_id,))
    return None if row is None else _erasure(row)


async def ended_jobs(connection: aiosqlite.Connection, person_id: int, *, limit: int) -> tuple[int, ...]:
    """Ids of the person's oldest jobs that have ended. Raises DatabaseError."""
    return tuple(row["id"] for row in await fetch(connection, ENDED_JOBS, (person_id, limit)))


async def erase_jobs(
    connection: aiosqlite.Connection,
    erasure: Erasure,
    job_ids: Sequence[int],
    *,
    spooled: Iterable[str] = (),
    direct_channel: int | None = None,
) -> None:
    """Delete jobs of the person; note their files, with those `spooled`, and messages as still to be removed.

    Notices lie in the `direct_channel`; without one they are counted as out of reach. Raises DatabaseError.
    """
    ids = json.dumps(list(job_ids))
    about = {"erasure": erasure.id, "ids": ids}
    async with transaction(connection):
        (pictures,), (private,), (notices,) = [
            (await fetch(connection, sql, (ids,)))[0] for sql in (COUNT_PICTURES, COUNT_PRIVATE, COUNT_NOTICES)
        ]
        for sql in (NOTE_PICTURES, NOTE_INPUTS, NOTE_MESSAGES, NOTE_PUBLICATIONS):
            await write(connection, sql, about)
        for name in spooled:
            await write(connection, NOTE_FILE, (erasure.id, FileFolder.SPOOL, name))
        await write(connection, FORGET_JOBS, (ids,))
        unreachable = notices if direct_channel is None else 0
        await write(connection, COUNT, (len(job_ids), pictures, private, unreachable, erasure.id))


async def jobs_being_deleted(connection: aiosqlite.Connection, person_id: int) -> tuple[int, ...]:
    """Ids of jobs that the person deleted, of which files or messages are still to go. Raises DatabaseError."""
    return tuple(row["job_id"] for row in await fetch(connection, JOBS_BEING_DELETED, (person_id,)))


async def erase_person(
    connection: aiosqlite.Connection,
    erasure: Erasure,
    *,
    spooled: Iterable[str] = (),
    direct_channel: int | None = None,
) -> bool:
    """Delete the person's own row with all others, and hash the id where a row stays.

    False while there are jobs, or additions that the person waits for.

    The files `spooled` of jobs that the person was deleting are noted as still to be removed, and so are notices about
    reports; messages to staff that name the person as still to be written anew. Notices lie in the `direct_channel`,
    of which all that the bot wrote is to be noted; without one they are counted as out of reach. Raises DatabaseError.
    """
    person = erasure.person_id
    async with transaction(connection):
        for sql in (ANY_JOB, ANY_ADDITION):
            if await fetch_one(connection, sql, (person,)) is not None:
                return False
        for sql in (
            NOTE_OTHER_INPUTS, NOTE_DELETED_PICTURES, NOTE_DELETED_INPUTS, NOTE_DELETED_MESSAGES, NOTE_POSTED_MESSAGES,
            _NOTE_REPORTS,
        ):  # fmt: skip
            await write(connection, sql, {"erasure": erasure.id, "person": person})
        for name in spooled:
            await write(connection, NOTE_FILE, (erasure.id, FileFolder.SPOOL, name))
        notices = [row["notice_id"] for row in await fetch(connection, DECISION_NOTICES, {"person": person})]
        for message_id in notices if direct_channel is not None else ():
            await write(connection, NOTE_MESSAGE, (erasure.id, direct_channel, message_id))
        if direct_channel is None:
            await write(connection, COUNT, (0, 0, 0, len(notices), erasure.id))
        kept = {"person": person, "hash": erasure.pseudonym, "since": now_ms() - DAY_MS}
        await write(connection, KEEP_ADDITIONS, kept)
        await write(connection, FORGET_PERSON, (person,))
        for sql in _REPLACE:
            await write(connection, sql, {"person": person, "hash": erasure.pseudonym})
        await write(connection, REPORTS_CHANGED, {"erasure": erasure.id})
        await write(connection, CLEAR, (direct_channel, erasure.id))
    return True


async def note_direct_messages(
    connection: aiosqlite.Connection, erasure_id: int, messages: Iterable[LeftMessage]
) -> None:
    """Note all that the bot wrote in the direct channel as still to be removed. Raises DatabaseError."""
    async with transaction(connection):
        for message in messages:
            await write(connection, NOTE_MESSAGE, (erasure_id, message.channel_id, message.message_id))
        await write(connection, FORGET_DIRECT_CHANNEL, (erasure_id,))


async def left_files(
    connection: aiosqlite.Connection, erasure_id: int, *, limit: int, held_since: int = NEVER
) -> tuple[LeftFile, ...]:
    """Files that are to be removed now: not those for whose open report, made since a unix ms, they are held.

    Raises DatabaseError.
    """
    rows = await fetch(connection, NEXT_FILES, (erasure_id, held_since, limit))
    return tuple(LeftFile(FileFolder(row["folder"]), row["path"]) for row in rows)


async def held_files(connection: aiosqlite.Connection, erasure_id: int, *, held_since: int) -> HeldFiles | None:
    """The files that are held for open reports made since a unix ms. Raises DatabaseError."""
    row = await fetch_one(connection, HELD, (erasure_id, held_since))
    return HeldFiles(**dict(row)) if row is not None and row["number"] else None


async def held_for(connection: aiosqlite.Connection, report_id: int) -> tuple[str, ...]:
    """The paths of pictures that are held for a report. Raises DatabaseError."""
    return tuple(row["path"] for row in await fetch(connection, HELD_FOR, (report_id,)))


async def end_files(connection: aiosqlite.Connection, erasure_id: int, files: Iterable[LeftFile]) -> None:
    """These are removed. Raises DatabaseError."""
    async with transaction(connection):
        for file in files:
            await write(connection, REPORT_CHANGED, (erasure_id, file.folder, file.path))
            await write(connection, NOTE_REPORT_OF_FILE, (erasure_id, file.folder, file.path))
            await write(connection, END_FILE, (erasure_id, file.folder, file.path))


async def next_report(connection: aiosqlite.Connection, erasure_id: int, after: int = 0) -> int | None:
    """The next report of which the message to staff is still to be written anew. Raises DatabaseError."""
    row = await fetch_one(connection, NEXT_REPORT, (erasure_id, after))
    return None if row is None else row["report_id"]


async def end_report(connection: aiosqlite.Connection, erasure_id: int, report_id: int, *, written: bool) -> None:
    """The message to staff is `written` anew or gone, or it is out of reach. Raises DatabaseError."""
    await write(connection, END_REPORT, ("written" if written else "out_of_reach", erasure_id, report_id))


async def next_message(
    connection: aiosqlite.Connection, erasure_id: int, after: LeftMessage | None = None
) -> LeftMessage | None:
    """The next message that is still to be deleted. Raises DatabaseError."""
    place = (after.channel_id, after.message_id) if after else (0, 0)
    row = await fetch_one(connection, NEXT_MESSAGE, (erasure_id, *place))
    return None if row is None else LeftMessage(**dict(row))


async def end_message(connection: aiosqlite.Connection, erasure_id: int, message: LeftMessage, *, gone: bool) -> None:
    """The message is `gone`, or not the bot's to delete; it is counted once. Raises DatabaseError."""
    async with transaction(connection):
        if await write(connection, END_MESSAGE, (erasure_id, message.channel_id, message.message_id)):
            await write(connection, COUNT_MESSAGE, (int(gone), int(not gone), erasure_id))


async def overwrite_deleted(connection: aiosqlite.Connection) -> None:
    """Merge the full text indexes, in which deleted words are left, and empty the log.

    Raises DatabaseError, among them LogInUse.

    The merge goes in portions, between which others write.
    """
    for sql in MERGES:
        pages = -MERGED_PAGES  # at first: merge into one, however few changes there are
        while await _merge(connection, sql, pages):
            pages = MERGED_PAGES
    if not await truncate_log(connection):
        raise LogInUse("The log of the database is being read; it is emptied a moment later.")


async def _merge(connection: aiosqlite.Connection, sql: str, pages: int) -> bool:
    """Whether there is more to merge."""
    async with transaction(connection):
        before = connection.total_changes
        await write(connection, sql, (pages,))
        return connection.total_changes - before >= _LEAST_WORK


async def complete_erasure(
    connection: aiosqlite.Connection, erasure_id: int, *, copies: int, copies_until: int | None
) -> Erasure | None:
    """clearing -> complete; None while a file or a message is left. Raises DatabaseError."""
    async with transaction(connection):
        rows = await write(connection, COMPLETE, (now_ms(), copies, copies_until, erasure_id))
        if rows:
            await write(connection, FORGET_REPORTS, (erasure_id,))
    return _erasure(rows[0]) if rows else None


async def forget_old_receipts(connection: aiosqlite.Connection, *, before_ms: int) -> None:
    """Delete the erasures that were complete before `before_ms` (unix ms). Raises DatabaseError."""
    await write(connection, FORGET_OLD, (before_ms,))


def _erasure(row: sqlite3.Row) -> Erasure:
    columns = dict(row)
    columns["state"] = ErasureState(columns["state"])
    columns["by_operator"] = bool(columns["by_operator"])
    return Erasure(**columns)
