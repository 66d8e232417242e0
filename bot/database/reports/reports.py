"""Reports of pictures and LoRAs: who reported what, what is out of sight, and the message to staff.

A report is `open -> decided -> appealed -> decided`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people

OPEN_OF_SUBJECT = "SELECT * FROM report WHERE kind = ? AND target_id = ? AND server_id = ? AND state = 'open'"
REPORTED_BY = """
    SELECT report.* FROM report_by JOIN report ON report.id = report_id
    WHERE kind = ? AND target_id = ? AND server_id = ? AND person_id = ? ORDER BY report.id DESC LIMIT 1
"""
OPEN = """
    INSERT INTO report (server_id, kind, target_id, owner_id, shared, created_at, painted_at, painted_in)
    SELECT :server, :kind, :target, :owner, :shared, :now, coalesce(finished_at, job.created_at),
        iif(job.server_id > 0 AND :server IN (0, job.server_id), channel_id, NULL)
    FROM (SELECT 1) LEFT JOIN job ON job.id = :target AND :kind = 'pictures'
    RETURNING *
"""
JOIN = """
    INSERT INTO report_by (report_id, person_id, reason, note, created_at, hides) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (report_id, person_id) DO UPDATE SET reason = excluded.reason, created_at = excluded.created_at,
        note = iif(excluded.note = '', note, excluded.note), hides = max(hides, excluded.hides)
"""
NAMED_MINOR = "SELECT 1 FROM report_by WHERE report_id = ? AND person_id = ? AND reason = ?"
CHANGED = "UPDATE report SET revision = revision + 1 WHERE id = ? RETURNING *"
COUNT_BY = "SELECT count(*) AS number FROM report_by WHERE person_id = ? AND created_at >= ?"
FIND = "SELECT * FROM report WHERE id = ?"
HIDE = "UPDATE report SET hides = 1, message_due = 1 WHERE id = ? AND hides = 0"
LAST = "UPDATE report SET lasting = 1 WHERE id = ? AND lasting = 0"
HIDING = "kind = 'pictures' AND state = 'open' AND hides = 1"  # reports whose pictures nobody is shown
# Their jobs, and those of held copies. The index has those reports alone, by a time that is always above 0.
HELD_JOBS = f"""
    SELECT target_id AS job_id FROM report WHERE {HIDING}
    UNION ALL SELECT job_id FROM report INDEXED BY report_hiding CROSS JOIN held_copy ON report_id = report.id
    WHERE {HIDING} AND created_at > 0
"""  # noqa: S608 - constants only
HELD = f"SELECT job_id FROM ({HELD_JOBS}) WHERE job_id IN (SELECT value FROM json_each(:ids))"  # noqa: S608
NEWEST_OPEN = """
    SELECT max(created_at) AS since FROM report
    WHERE kind = 'pictures' AND target_id = ? AND state = 'open' AND (created_at >= ? OR lasting = 1)
"""
LEFT_UNDECIDED = """
    UPDATE report SET hides = 0, message_due = 1, revision = revision + 1
    WHERE state = 'open' AND hides = 1 AND lasting = 0 AND created_at < ? RETURNING id
"""
MESSAGES_DUE = "SELECT * FROM report WHERE message_due = 1 AND id > ? ORDER BY id LIMIT ?"
MESSAGE_WRITTEN = "UPDATE report SET message_due = 0 WHERE id = ? AND revision = ?"
COUNT_HIDDEN_BY = "SELECT count(*) AS number FROM report_by WHERE person_id = ? AND created_at >= ? AND hides = 1"
COUNT_DISMISSED_OF = """
    SELECT count(*) AS number FROM report_by JOIN decision ON decision.report_id = report_by.report_id
    JOIN report ON report.id = report_by.report_id
    WHERE person_id = ? AND report_by.created_at >= ? AND server_id IN (0, ?) AND action = 'dismiss'
"""
LEFT_SHOWN = """
    SELECT 1 FROM report JOIN decision ON report_id = report.id LEFT JOIN appeal ON decision_id = decision.id
    WHERE kind = ? AND target_id = ? AND server_id IN (0, ?)
    AND (action IN ('dismiss', 'rate') OR appeal.state = 'reversed') LIMIT 1
"""
WAITING_HERE = "SELECT * FROM report WHERE server_id = ? AND state <> 'decided' ORDER BY id LIMIT ? OFFSET ?"
COUNT_WAITING = "SELECT count(*) AS number FROM report WHERE server_id = ? AND state <> 'decided'"
WAITING_SHARED = "SELECT * FROM report WHERE state <> 'decided' AND shared = 1 ORDER BY id LIMIT ? OFFSET ?"
WAITING_BY_SERVER = """
    SELECT server_id, sum(state = 'open') AS open, sum(state = 'open' AND hides = 1) AS hidden,
        sum(state = 'appealed') AS appealed, sum(shared) AS shared, min(created_at) AS oldest
    FROM report WHERE state <> 'decided' GROUP BY server_id ORDER BY server_id LIMIT ?
"""
COMPLAINTS = "SELECT reason, note FROM report_by WHERE report_id = ? ORDER BY created_at, person_id"
UNSHOWN = "SELECT * FROM report WHERE shown < revision AND id > ? ORDER BY id LIMIT ?"
POSTING = "UPDATE report SET channel_id = ?, message_id = NULL, posting_at = ? WHERE id = ?"
POSTED = "UPDATE report SET message_id = ?, posting_at = NULL WHERE id = ?"
SHOWN = "UPDATE report SET shown = max(shown, ?) WHERE id = ?"


class Subject(StrEnum):
    """What is reported."""

    PICTURES = "pictures"  # of a job
    LORA = "lora"


class ReportReason(StrEnum):
    """Why something is reported. The values are stored; people read them by `label`."""

    MINORS = "sexual_and_looks_like_a_minor"
    SEXUAL = "sexual_content_in_the_wrong_place"
    CRUEL = "violent_or_cruel"
    HATEFUL = "hateful_or_harassing"
    REAL_PERSON = "shows_a_real_person"
    RIGHTS = "violates_someone's_rights"
    OTHER = "something_else"


class ReportState(StrEnum):
    """The state of a report."""

    OPEN = "open"
    DECIDED = "decided"
    APPEALED = "appealed"  # it waits for staff again


@dataclass(frozen=True)
class Report:
    """A row of the table; times in unix ms. `server_id` EVERYWHERE: operators decide.

    The message to staff is `message_id` in `channel_id`; it shows the revision `shown`. Since `posting_at` it may have
    been posted without our knowing its id. While it is open and `hides`, nobody is shown the pictures; `message_due`
    says that the message which shows them is to be written anew. They were painted at `painted_at`, in the channel
    `painted_in`; None: a LoRA, what those who decide may not know, or what the owner has deleted. A `lasting` report
    hides and holds pictures until it is decided.
    """

    id: int
    server_id: int
    kind: Subject
    target_id: int
    owner_id: int | None
    shared: bool
    state: ReportState
    created_at: int
    revision: int
    shown: int
    channel_id: int | None
    message_id: int | None
    posting_at: int | None
    hides: bool
    message_due: bool
    painted_at: int | None
    painted_in: int | None
    lasting: bool = False


@dataclass(frozen=True)
class NewReport:
    """What a person reports to whom, and why. `hides`: the pictures are out of sight from now on."""

    kind: Subject
    target_id: int
    server_id: int
    owner_id: int | None
    shared: bool
    person_id: int
    reason: ReportReason
    note: str
    hides: bool = False


@dataclass(frozen=True)
class Complaint:
    """What one person said of the subject. Who it was is told to nobody."""

    reason: str
    note: str


@dataclass(frozen=True)
class WaitingReports:
    """How many reports wait in a server (EVERYWHERE: for operators): open ones, appealed ones, and from when on.

    Of the open ones, `hidden` keep their pictures out of sight. Operators see those that are `shared`. `oldest` is the
    unix ms at which the oldest was made.
    """

    server_id: int
    open: int
    hidden: int
    appealed: int
    shared: int
    oldest: int


# --- reports ----------------------------------------------------------------------------------------------------------


async def open_report(db: Database, kind: Subject, target_id: int, server_id: int) -> Report | None:
    """The report of a subject in a server that is open, which need not be the newest. Raises DatabaseError."""
    return _report(await db.fetch_one(OPEN_OF_SUBJECT, (kind, target_id, server_id)))


async def report_by(db: Database, kind: Subject, target_id: int, server_id: int, person_id: int) -> Report | None:
    """The newest report of a subject in which this person has joined. Raises DatabaseError."""
    return _report(await db.fetch_one(REPORTED_BY, (kind, target_id, server_id, person_id)))


async def named_minor(db: Database, report_id: int, person_id: int) -> bool:
    """Whether a person has said in a report that it looks like a minor. Raises DatabaseError."""
    return await db.fetch_one(NAMED_MINOR, (report_id, person_id, ReportReason.MINORS)) is not None


async def count_reports_by(db: Database, person_id: int, since: int) -> int:
    """How many reports a person has made since a unix ms. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT_BY, (person_id, since))
    return row["number"]


async def save_report(db: Database, new: NewReport) -> Report:
    """Open a report, or join the one that is open already, where a person's newest reason replaces an earlier one.

    Raises DatabaseError.
    """
    now = now_ms()
    async with db.transaction():
        await people.remember_person(db, new.person_id)
        found = await open_report(db, new.kind, new.target_id, new.server_id)
        if found is not None:
            (row,) = await db.write(CHANGED, (found.id,))
        else:
            opened = {"server": new.server_id, "kind": new.kind, "target": new.target_id, "owner": new.owner_id}
            (row,) = await db.write(OPEN, opened | {"shared": int(new.shared), "now": now})
        await db.write(JOIN, (row["id"], new.person_id, new.reason, new.note, now, int(new.hides)))
        if new.hides:
            await db.write(HIDE, (row["id"],))
        if new.reason is ReportReason.MINORS:
            await db.write(LAST, (row["id"],))
        (row,) = await db.fetch(FIND, (row["id"],))
    return _existing(row)


async def find_report(db: Database, report_id: int) -> Report | None:
    """A report by its id. Raises DatabaseError."""
    return _report(await db.fetch_one(FIND, (report_id,)))


async def waiting_reports(db: Database, server_id: int, *, limit: int, offset: int = 0) -> tuple[Report, ...]:
    """A page of the reports of a server that wait, the oldest first. Raises DatabaseError."""
    return tuple(map(_existing, await db.fetch(WAITING_HERE, (server_id, limit, offset))))


async def count_waiting_reports(db: Database, server_id: int) -> int:
    """How many reports of a server wait. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT_WAITING, (server_id,))
    return row["number"]


async def shared_reports(db: Database, *, limit: int, offset: int = 0) -> tuple[Report, ...]:
    """A page of the reports that wait and that operators see, the oldest first. Raises DatabaseError."""
    return tuple(map(_existing, await db.fetch(WAITING_SHARED, (limit, offset))))


async def reports_waiting(db: Database, *, limit: int = 1000) -> tuple[WaitingReports, ...]:
    """What waits, by servers, the operators' first. Raises DatabaseError."""
    return tuple(WaitingReports(**dict(row)) for row in await db.fetch(WAITING_BY_SERVER, (limit,)))


async def complaints_of(db: Database, report_id: int) -> tuple[Complaint, ...]:
    """What people said of it, the first one first. Raises DatabaseError."""
    return tuple(Complaint(**dict(row)) for row in await db.fetch(COMPLAINTS, (report_id,)))


# --- pictures that are out of sight -----------------------------------------------------------------------------------


async def held_jobs(db: Database, job_ids: Iterable[int]) -> frozenset[int]:
    """Those of the jobs whose pictures nobody is shown, until an open report is decided: reported ones and copies.

    Raises DatabaseError.
    """
    return frozenset(row["job_id"] for row in await db.fetch(HELD, {"ids": json.dumps(list(job_ids))}))


async def held_since(db: Database, job_id: int, *, since: int) -> int | None:
    """When the newest open report of a job's pictures was opened, if that was since a unix ms: it holds their files.

    Raises DatabaseError.
    """
    (row,) = await db.fetch(NEWEST_OPEN, (job_id, since))
    return row["since"]


async def count_hidden_by(db: Database, person_id: int, since: int) -> int:
    """How many pictures a person's reports have hidden since a unix ms. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT_HIDDEN_BY, (person_id, since))
    return row["number"]


async def count_dismissed_of(db: Database, person_id: int, since: int, server_id: int) -> int:
    """How many reports of a person, made since a unix ms, were dismissed by operators or in this server.

    Raises DatabaseError.
    """
    (row,) = await db.fetch(COUNT_DISMISSED_OF, (person_id, since, server_id))
    return row["number"]


async def was_left_shown(db: Database, kind: Subject, target_id: int, server_id: int) -> bool:
    """Whether operators or staff of this server have looked at the subject before, and left it where it is.

    Raises DatabaseError.
    """
    return await db.fetch_one(LEFT_SHOWN, (kind, target_id, server_id)) is not None


async def end_holding(db: Database, before: int) -> bool:
    """Show again what reports that were opened before a unix ms still hide; whether there was any.

    Raises DatabaseError.
    """
    return bool(await db.write(LEFT_UNDECIDED, (before,)))


async def messages_due(db: Database, *, after: int, limit: int) -> tuple[Report, ...]:
    """Reports of which the message that shows the pictures is to be written anew, by id. Raises DatabaseError."""
    return tuple(map(_existing, await db.fetch(MESSAGES_DUE, (after, limit))))


async def mark_message_written(db: Database, report: Report) -> None:
    """That message is as it has to be, unless the report has changed since. Raises DatabaseError."""
    await db.write(MESSAGE_WRITTEN, (report.id, report.revision))


# --- the message to staff ---------------------------------------------------------------------------------------------


async def unshown_reports(db: Database, *, after: int, limit: int) -> tuple[Report, ...]:
    """Reports that have changed since the message to staff was last written, by id. Raises DatabaseError."""
    return tuple(map(_existing, await db.fetch(UNSHOWN, (after, limit))))


async def mark_report_posting(db: Database, report_id: int, channel_id: int) -> None:
    """The message is about to be posted in this channel. Raises DatabaseError."""
    await db.write(POSTING, (channel_id, now_ms(), report_id))


async def mark_report_posted(db: Database, report_id: int, message_id: int | None) -> None:
    """The message was posted; None: it is gone, and may be posted anew. Raises DatabaseError."""
    await db.write(POSTED, (message_id, report_id))


async def mark_report_shown(db: Database, report: Report) -> None:
    """The message shows this revision. Raises DatabaseError."""
    await db.write(SHOWN, (report.revision, report.id))


def _existing(row: sqlite3.Row) -> Report:
    columns = dict(row)
    columns |= {"kind": Subject(row["kind"]), "state": ReportState(row["state"]), "shared": bool(row["shared"])}
    columns |= {"hides": bool(row["hides"]), "message_due": bool(row["message_due"]), "lasting": bool(row["lasting"])}
    return Report(**columns)


def _report(row: sqlite3.Row | None) -> Report | None:
    return None if row is None else _existing(row)
