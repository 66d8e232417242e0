"""Reports of pictures and LoRAs: who reported what, what was decided with the steps that carry it out, and the appeal.

A report is `open -> decided -> appealed -> decided`, an appeal `open -> upheld · reversed` or `upheld -> reversed`. A
dismissed report may be opened again: `decided -> open`. A decision and an answer are written down together with their
steps. A step that is not done is done again after a crash.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import aiosqlite

from bot.database import people
from bot.database.clock import now_ms
from bot.database.connection import fetch, fetch_one, transaction, write
from inference.content_rating import ContentRating

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
JOIN = "INSERT INTO report_by (report_id, person_id, reason, note, created_at, hides) VALUES (?, ?, ?, ?, ?, ?)"
CHANGED = "UPDATE report SET revision = revision + 1 WHERE id = ? RETURNING *"
COUNT_BY = "SELECT count(*) AS number FROM report_by WHERE person_id = ? AND created_at >= ?"
FIND = "SELECT * FROM report WHERE id = ?"
HIDE = "UPDATE report SET hides = 1, message_due = 1 WHERE id = ? AND hides = 0"
HIDING = "kind = 'pictures' AND state = 'open' AND hides = 1"  # reports whose pictures nobody is shown
HELD = f"SELECT target_id FROM report WHERE target_id IN (SELECT value FROM json_each(?)) AND {HIDING}"  # noqa: S608
NEWEST_OPEN = """
    SELECT max(coalesce(reopened_at, created_at)) AS since FROM report
    WHERE kind = 'pictures' AND target_id = ? AND state = 'open' AND coalesce(reopened_at, created_at) >= ?
"""
LEFT_UNDECIDED = """
    UPDATE report SET hides = 0, message_due = 1, revision = revision + 1
    WHERE state = 'open' AND hides = 1 AND coalesce(reopened_at, created_at) < ? RETURNING id
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
WAITING_SHARED = "SELECT * FROM report WHERE state <> 'decided' AND shared = 1 ORDER BY id LIMIT ? OFFSET ?"
WAITING_BY_SERVER = """
    SELECT server_id, sum(state = 'open') AS open, sum(state = 'open' AND hides = 1) AS hidden,
        sum(state = 'appealed') AS appealed, sum(shared) AS shared, min(created_at) AS oldest
    FROM report WHERE state <> 'decided' GROUP BY server_id ORDER BY server_id LIMIT ?
"""
COMPLAINTS = "SELECT reason, note FROM report_by WHERE report_id = ? ORDER BY created_at, person_id"
COUNT_WARNINGS = """
    SELECT count(*) AS number FROM report JOIN decision ON report_id = report.id
    LEFT JOIN appeal ON decision_id = decision.id
    WHERE owner_id = ? AND server_id = ? AND action = 'warn' AND coalesce(appeal.state, '') <> 'reversed'
"""
UNSHOWN = "SELECT * FROM report WHERE shown < revision AND id > ? ORDER BY id LIMIT ?"
POSTING = "UPDATE report SET channel_id = ?, message_id = NULL, posting_at = ? WHERE id = ?"
POSTED = "UPDATE report SET message_id = ?, posting_at = NULL WHERE id = ?"
SHOWN = "UPDATE report SET shown = max(shown, ?) WHERE id = ?"

DECIDE = "UPDATE report SET state = 'decided', revision = revision + 1 WHERE id = ? AND state = 'open' RETURNING *"
APPEALED = "UPDATE report SET state = 'appealed', revision = revision + 1 WHERE id = ?"
ANSWERED = "UPDATE report SET state = 'decided', revision = revision + 1 WHERE id = ?"
# Only what was dismissed: nothing is to be taken back. Pictures that the report hid are out of sight again.
DROP_DISMISSAL = "DELETE FROM decision WHERE id = ? AND action = 'dismiss' RETURNING report_id"
REOPEN = """
    UPDATE report SET state = 'open', message_due = hides, reopened_at = ?, revision = revision + 1 WHERE id = ?
"""
RECORD = """
    INSERT INTO decision (report_id, action, rating, ends_at, note, decided_by, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    RETURNING *
"""
PLAN = """
    INSERT INTO decision_step (decision_id, position, step)
    SELECT :decision, coalesce(max(position), 0) + 1, :step FROM decision_step WHERE decision_id = :decision
"""
DECISION = "SELECT * FROM decision WHERE id = ?"
DECISION_OF = "SELECT * FROM decision WHERE report_id = ?"
TO_DO = """
    SELECT DISTINCT decision_id FROM decision_step WHERE done_at IS NULL AND decision_id > ?
    ORDER BY decision_id LIMIT ?
"""
NEXT_STEP = "SELECT * FROM decision_step WHERE decision_id = ? AND done_at IS NULL ORDER BY position LIMIT 1"
BEGIN_STEP = "UPDATE decision_step SET begun_at = ? WHERE decision_id = ? AND position = ? AND begun_at IS NULL"
END_STEP = "UPDATE decision_step SET done_at = ? WHERE decision_id = ? AND position = ?"
RATED = "UPDATE decision SET rating_before = ? WHERE id = ?"
STANDING_RATINGS = """
    SELECT rating FROM report JOIN decision ON report_id = report.id LEFT JOIN appeal ON decision_id = decision.id
    WHERE kind = ? AND target_id = ? AND server_id = ? AND action = 'rate' AND coalesce(appeal.state, '') <> 'reversed'
"""
TOLD = "UPDATE decision SET told_at = ?, notice_id = ? WHERE id = ? AND told_at IS NULL"
# Whom no direct message reached; who is to be told nothing has a decision without such a step.
UNTOLD = """
    SELECT decision.* FROM report JOIN decision ON report_id = report.id
    WHERE owner_id = ? AND told_at IS NULL AND EXISTS (
        SELECT 1 FROM decision_step WHERE decision_id = decision.id AND step = 'tell' AND done_at IS NOT NULL
    ) ORDER BY decision.id
"""
APPEAL = """
    INSERT INTO appeal (decision_id, person_id, text, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING *
"""
APPEAL_OF = "SELECT * FROM appeal WHERE decision_id = ?"
ANSWER = """
    UPDATE appeal SET state = ?, answered_by = ?, answered_at = ? WHERE decision_id = ? AND state = 'open' RETURNING *
"""
# Once all is carried out: who is being told that the decision stays would else be told twice, or of one alone.
REVERSE_UPHELD = """
    UPDATE appeal SET state = 'reversed', answered_by = :by, answered_at = :now, told_at = NULL, notice_id = NULL,
        upheld_at = answered_at, upheld_notice_id = notice_id
    WHERE decision_id = :decision AND state = 'upheld' AND NOT EXISTS (
        SELECT 1 FROM decision_step WHERE decision_step.decision_id = appeal.decision_id AND done_at IS NULL
    ) RETURNING *
"""
ANSWER_TOLD = "UPDATE appeal SET told_at = ?, notice_id = ? WHERE decision_id = ? AND told_at IS NULL"
UNTOLD_ANSWERS = """
    SELECT * FROM appeal WHERE person_id = ? AND told_at IS NULL AND EXISTS (
        SELECT 1 FROM decision_step
        WHERE decision_step.decision_id = appeal.decision_id AND step = 'tell_answer'
        GROUP BY decision_step.decision_id HAVING count(*) = count(done_at)
    ) ORDER BY decision_id
"""


class Subject(StrEnum):
    """What is reported."""

    PICTURES = "pictures"  # of a job
    LORA = "lora"


class ReportReason(StrEnum):
    """Why something is reported. The values are stored; people read them by `label`."""

    MINORS = "sexual_and_looks_like_a_minor"
    SEXUAL = "sexual_where_it_does_not_belong"
    CRUEL = "violent_or_cruel"
    HATEFUL = "hateful_or_harassing"
    REAL_PERSON = "shows_a_real_person"
    RIGHTS = "hurts_somebody's_rights"
    OTHER = "something_else"


class ReportState(StrEnum):
    """The state of a report."""

    OPEN = "open"
    DECIDED = "decided"
    APPEALED = "appealed"  # it waits for staff again


class DecisionAction(StrEnum):
    """What was decided."""

    HIDE = "hide"  # in the server; a LoRA is blocked
    WARN = "warn"  # hide, and count a warning
    BLOCK = "block"  # hide, and block the owner for a time
    DELETE = "delete"  # everywhere, for good
    RATE = "rate"  # higher
    DISMISS = "dismiss"


class Step(StrEnum):
    """What is done to carry out a decision, or the answer to an appeal."""

    HIDE = "hide"
    BLOCK = "block"
    DELETE = "delete"
    RATE = "rate"
    TELL = "tell"
    SHOW = "show"
    SHOW_AGAIN = "show_again"
    UNBLOCK = "unblock"
    UNRATE = "unrate"
    TELL_ANSWER = "tell_answer"


class AppealState(StrEnum):
    """The state of an appeal."""

    OPEN = "open"
    UPHELD = "upheld"  # the decision stays
    REVERSED = "reversed"


@dataclass(frozen=True)
class Report:
    """A row of the table; times in unix ms. `server_id` EVERYWHERE: operators decide.

    The message to staff is `message_id` in `channel_id`; it shows the revision `shown`. Since `posting_at` it may have
    been posted without our knowing its id. While it is open and `hides`, nobody is shown the pictures; `message_due`
    says that the message which shows them is to be written anew. `reopened_at` is when a dismissal of it was taken
    back, from which on it hides them as from its beginning. They were painted at `painted_at`, in the channel
    `painted_in`; None: a LoRA, what those who decide may not know, or what the owner has deleted.
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
    reopened_at: int | None


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
class NewDecision:
    """What somebody decides; `note` is what the owner reads, `rating` of RATE, `ends_at` of BLOCK (unix ms)."""

    action: DecisionAction
    decided_by: int
    note: str = ""
    rating: ContentRating | None = None
    ends_at: int | None = None


@dataclass(frozen=True)
class Decision:
    """A row of the table; times in unix ms. `rating` is of RATE, `ends_at` of BLOCK."""

    id: int
    report_id: int
    action: DecisionAction
    rating: ContentRating | None
    rating_before: ContentRating | None
    ends_at: int | None
    note: str
    decided_by: int
    decided_at: int
    told_at: int | None
    notice_id: int | None  # the direct message that told the owner, if it was one


@dataclass(frozen=True)
class PendingStep:
    """A step that is not done. `begun_at`: since then it may have happened (unix ms)."""

    decision_id: int
    position: int
    step: Step
    begun_at: int | None


@dataclass(frozen=True)
class Appeal:
    """A row of the table; times in unix ms. `upheld_at`: it was upheld then, and reversed afterwards."""

    decision_id: int
    person_id: int
    text: str
    created_at: int
    state: AppealState
    answered_by: int | None
    answered_at: int | None
    told_at: int | None
    notice_id: int | None  # as of a decision
    upheld_at: int | None
    upheld_notice_id: int | None  # the direct message that told that it was upheld, if it was one


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


# --- reports --------------------------------------------------------------------------------------------------------


async def open_report(connection: aiosqlite.Connection, kind: Subject, target_id: int, server_id: int) -> Report | None:
    """The report of a subject in a server that is open, which need not be the newest. Raises DatabaseError."""
    return _report(await fetch_one(connection, OPEN_OF_SUBJECT, (kind, target_id, server_id)))


async def report_by(
    connection: aiosqlite.Connection, kind: Subject, target_id: int, server_id: int, person_id: int
) -> Report | None:
    """The newest report of a subject in which this person has joined. Raises DatabaseError."""
    return _report(await fetch_one(connection, REPORTED_BY, (kind, target_id, server_id, person_id)))


async def count_reports_by(connection: aiosqlite.Connection, person_id: int, since: int) -> int:
    """How many reports a person has made since a unix ms. Raises DatabaseError."""
    (row,) = await fetch(connection, COUNT_BY, (person_id, since))
    return row["number"]


async def save_report(connection: aiosqlite.Connection, new: NewReport) -> Report:
    """Open a report, or join the one that is open already. Raises DatabaseError."""
    now = now_ms()
    async with transaction(connection):
        await people.remember_person(connection, new.person_id)
        found = await open_report(connection, new.kind, new.target_id, new.server_id)
        if found is not None:
            (row,) = await write(connection, CHANGED, (found.id,))
        else:
            opened = {"server": new.server_id, "kind": new.kind, "target": new.target_id, "owner": new.owner_id}
            (row,) = await write(connection, OPEN, opened | {"shared": int(new.shared), "now": now})
        await write(connection, JOIN, (row["id"], new.person_id, new.reason, new.note, now, int(new.hides)))
        if new.hides:
            await write(connection, HIDE, (row["id"],))
        (row,) = await fetch(connection, FIND, (row["id"],))
    return _existing(row)


async def find_report(connection: aiosqlite.Connection, report_id: int) -> Report | None:
    """A report by its id. Raises DatabaseError."""
    return _report(await fetch_one(connection, FIND, (report_id,)))


async def waiting_reports(
    connection: aiosqlite.Connection, server_id: int, *, limit: int, offset: int = 0
) -> tuple[Report, ...]:
    """A page of the reports of a server that wait, the oldest first. Raises DatabaseError."""
    return tuple(map(_existing, await fetch(connection, WAITING_HERE, (server_id, limit, offset))))


async def shared_reports(connection: aiosqlite.Connection, *, limit: int, offset: int = 0) -> tuple[Report, ...]:
    """A page of the reports that wait and that operators see, the oldest first. Raises DatabaseError."""
    return tuple(map(_existing, await fetch(connection, WAITING_SHARED, (limit, offset))))


async def reports_waiting(connection: aiosqlite.Connection, *, limit: int = 1000) -> tuple[WaitingReports, ...]:
    """What waits, by servers, the operators' first. Raises DatabaseError."""
    return tuple(WaitingReports(**dict(row)) for row in await fetch(connection, WAITING_BY_SERVER, (limit,)))


async def complaints_of(connection: aiosqlite.Connection, report_id: int) -> tuple[Complaint, ...]:
    """What people said of it, the first one first. Raises DatabaseError."""
    return tuple(Complaint(**dict(row)) for row in await fetch(connection, COMPLAINTS, (report_id,)))


async def count_warnings(connection: aiosqlite.Connection, owner_id: int, server_id: int) -> int:
    """How often a person was warned in a server, without what was reversed. Raises DatabaseError."""
    (row,) = await fetch(connection, COUNT_WARNINGS, (owner_id, server_id))
    return row["number"]


# --- pictures that are out of sight ---------------------------------------------------------------------------------


async def held_jobs(connection: aiosqlite.Connection, job_ids: Iterable[int]) -> frozenset[int]:
    """Those of the jobs whose pictures nobody is shown, until an open report is decided. Raises DatabaseError."""
    return frozenset(row["target_id"] for row in await fetch(connection, HELD, (json.dumps(list(job_ids)),)))


async def held_since(connection: aiosqlite.Connection, job_id: int, *, since: int) -> int | None:
    """When the newest open report of a job's pictures was opened, if that was since a unix ms: it holds their files.

    Raises DatabaseError.
    """
    (row,) = await fetch(connection, NEWEST_OPEN, (job_id, since))
    return row["since"]


async def count_hidden_by(connection: aiosqlite.Connection, person_id: int, since: int) -> int:
    """How many pictures a person's reports have hidden since a unix ms. Raises DatabaseError."""
    (row,) = await fetch(connection, COUNT_HIDDEN_BY, (person_id, since))
    return row["number"]


async def count_dismissed_of(connection: aiosqlite.Connection, person_id: int, since: int, server_id: int) -> int:
    """How many reports of a person, made since a unix ms, were dismissed by operators or in this server.

    Raises DatabaseError.
    """
    (row,) = await fetch(connection, COUNT_DISMISSED_OF, (person_id, since, server_id))
    return row["number"]


async def was_left_shown(connection: aiosqlite.Connection, kind: Subject, target_id: int, server_id: int) -> bool:
    """Whether operators or staff of this server have looked at the subject before, and left it where it is.

    Raises DatabaseError.
    """
    return await fetch_one(connection, LEFT_SHOWN, (kind, target_id, server_id)) is not None


async def end_holding(connection: aiosqlite.Connection, before: int) -> bool:
    """Show again what reports that were opened before a unix ms still hide; whether there was any.

    Raises DatabaseError.
    """
    return bool(await write(connection, LEFT_UNDECIDED, (before,)))


async def messages_due(connection: aiosqlite.Connection, *, after: int, limit: int) -> tuple[Report, ...]:
    """Reports of which the message that shows the pictures is to be written anew, by id. Raises DatabaseError."""
    return tuple(map(_existing, await fetch(connection, MESSAGES_DUE, (after, limit))))


async def mark_message_written(connection: aiosqlite.Connection, report: Report) -> None:
    """That message is as it has to be, unless the report has changed since. Raises DatabaseError."""
    await write(connection, MESSAGE_WRITTEN, (report.id, report.revision))


# --- the message to staff -------------------------------------------------------------------------------------------


async def unshown_reports(connection: aiosqlite.Connection, *, after: int, limit: int) -> tuple[Report, ...]:
    """Reports that have changed since the message to staff was last written, by id. Raises DatabaseError."""
    return tuple(map(_existing, await fetch(connection, UNSHOWN, (after, limit))))


async def mark_report_posting(connection: aiosqlite.Connection, report_id: int, channel_id: int) -> None:
    """The message is about to be posted in this channel. Raises DatabaseError."""
    await write(connection, POSTING, (channel_id, now_ms(), report_id))


async def mark_report_posted(connection: aiosqlite.Connection, report_id: int, message_id: int | None) -> None:
    """The message was posted; None: it is gone, and may be posted anew. Raises DatabaseError."""
    await write(connection, POSTED, (message_id, report_id))


async def mark_report_shown(connection: aiosqlite.Connection, report: Report) -> None:
    """The message shows this revision. Raises DatabaseError."""
    await write(connection, SHOWN, (report.revision, report.id))


# --- decisions ------------------------------------------------------------------------------------------------------


async def save_decision(
    connection: aiosqlite.Connection,
    report_id: int,
    new: NewDecision,
    steps: Iterable[Step],
) -> Decision | None:
    """open -> decided, with the steps that carry it out; None when it was decided before. Raises DatabaseError."""
    async with transaction(connection):
        if not await write(connection, DECIDE, (report_id,)):
            return None
        values = (report_id, new.action, new.rating, new.ends_at, new.note, new.decided_by, now_ms())
        (row,) = await write(connection, RECORD, values)
        await _plan(connection, row["id"], steps)
    return _decision(row)


async def reopen_report(connection: aiosqlite.Connection, decision: Decision) -> bool:
    """decided -> open, for a report that was dismissed; False when it is no more. Raises DatabaseError."""
    async with transaction(connection):
        if not await write(connection, DROP_DISMISSAL, (decision.id,)):
            return False
        await write(connection, REOPEN, (now_ms(), decision.report_id))
    return True


async def _plan(connection: aiosqlite.Connection, decision_id: int, steps: Iterable[Step]) -> None:
    for step in steps:
        await write(connection, PLAN, {"decision": decision_id, "step": step})


async def find_decision(connection: aiosqlite.Connection, decision_id: int) -> Decision | None:
    """A decision by its id. Raises DatabaseError."""
    row = await fetch_one(connection, DECISION, (decision_id,))
    return None if row is None else _decision(row)


async def decision_of(connection: aiosqlite.Connection, report_id: int) -> Decision | None:
    """What was decided about a report. Raises DatabaseError."""
    row = await fetch_one(connection, DECISION_OF, (report_id,))
    return None if row is None else _decision(row)


async def decisions_to_carry_out(connection: aiosqlite.Connection, *, after: int, limit: int) -> tuple[int, ...]:
    """Ids of decisions with a step that is not done, a page by id. Raises DatabaseError."""
    return tuple(row["decision_id"] for row in await fetch(connection, TO_DO, (after, limit)))


async def next_step(connection: aiosqlite.Connection, decision_id: int) -> PendingStep | None:
    """The first step that is not done. Raises DatabaseError."""
    row = await fetch_one(connection, NEXT_STEP, (decision_id,))
    if row is None:
        return None
    return PendingStep(row["decision_id"], row["position"], Step(row["step"]), row["begun_at"])


async def begin_step(connection: aiosqlite.Connection, pending: PendingStep) -> None:
    """From now on it may have happened. Raises DatabaseError."""
    await write(connection, BEGIN_STEP, (now_ms(), pending.decision_id, pending.position))


async def end_step(connection: aiosqlite.Connection, pending: PendingStep) -> None:
    """It is done. Raises DatabaseError."""
    await write(connection, END_STEP, (now_ms(), pending.decision_id, pending.position))


async def remember_rating_before(
    connection: aiosqlite.Connection, decision_id: int, rating: ContentRating | None
) -> None:
    """Store what it was rated before the decision. Raises DatabaseError."""
    await write(connection, RATED, (rating, decision_id))


async def standing_rating(
    connection: aiosqlite.Connection, kind: Subject, target_id: int, server_id: int
) -> ContentRating | None:
    """The highest rating that decisions of a server gave the subject and that holds. Raises DatabaseError."""
    rows = await fetch(connection, STANDING_RATINGS, (kind, target_id, server_id))
    return max((ContentRating(row["rating"]) for row in rows), default=None)


async def mark_decision_told(connection: aiosqlite.Connection, decision_id: int, notice_id: int | None = None) -> None:
    """The owner knows of the decision, by a direct message or else. Raises DatabaseError."""
    await write(connection, TOLD, (now_ms(), notice_id, decision_id))


async def untold_decisions(connection: aiosqlite.Connection, person_id: int) -> tuple[Decision, ...]:
    """Decisions of which no direct message could tell their owner. Raises DatabaseError."""
    return tuple(map(_decision, await fetch(connection, UNTOLD, (person_id,))))


# --- appeals --------------------------------------------------------------------------------------------------------


async def save_appeal(connection: aiosqlite.Connection, decision: Decision, person_id: int, text: str) -> Appeal | None:
    """Appeal a decision; None when that was done before. Raises DatabaseError."""
    async with transaction(connection):
        await people.remember_person(connection, person_id)
        rows = await write(connection, APPEAL, (decision.id, person_id, text, now_ms()))
        if rows:
            await write(connection, APPEALED, (decision.report_id,))
    return _appeal(rows[0]) if rows else None


async def appeal_of(connection: aiosqlite.Connection, decision_id: int) -> Appeal | None:
    """The appeal against a decision. Raises DatabaseError."""
    row = await fetch_one(connection, APPEAL_OF, (decision_id,))
    return None if row is None else _appeal(row)


async def answer_appeal(
    connection: aiosqlite.Connection,
    decision: Decision,
    state: AppealState,
    steps: Iterable[Step],
    *,
    answered_by: int,
) -> Appeal | None:
    """open -> upheld or reversed, with the steps that carry it out; None when it was answered before.

    Raises DatabaseError.
    """
    async with transaction(connection):
        rows = await write(connection, ANSWER, (state, answered_by, now_ms(), decision.id))
        if not rows:
            return None
        await _plan(connection, decision.id, steps)
        await write(connection, ANSWERED, (decision.report_id,))
    return _appeal(rows[0])


async def reverse_decision(
    connection: aiosqlite.Connection,
    decision: Decision,
    steps: Iterable[Step],
    *,
    person_id: int,
    reversed_by: int,
) -> Appeal | None:
    """Reverse a decision that nobody has appealed, as if `person_id` had, without words; None if somebody has.

    Raises DatabaseError.
    """
    async with transaction(connection):
        if await save_appeal(connection, decision, person_id, "") is None:
            return None
        return await answer_appeal(connection, decision, AppealState.REVERSED, steps, answered_by=reversed_by)


async def reverse_upheld(
    connection: aiosqlite.Connection, decision: Decision, steps: Iterable[Step], *, reversed_by: int
) -> Appeal | None:
    """upheld -> reversed, with the steps that carry it out; None when it is not upheld, or not carried out yet.

    Raises DatabaseError.
    """
    async with transaction(connection):
        values = {"by": reversed_by, "now": now_ms(), "decision": decision.id}
        rows = await write(connection, REVERSE_UPHELD, values)
        if not rows:
            return None
        await _plan(connection, decision.id, steps)
        await write(connection, ANSWERED, (decision.report_id,))
    return _appeal(rows[0])


async def mark_answer_told(connection: aiosqlite.Connection, decision_id: int, notice_id: int | None = None) -> None:
    """The person knows the answer, by a direct message or else. Raises DatabaseError."""
    await write(connection, ANSWER_TOLD, (now_ms(), notice_id, decision_id))


async def untold_answers(connection: aiosqlite.Connection, person_id: int) -> tuple[Appeal, ...]:
    """Answered appeals of which no direct message could tell the person. Raises DatabaseError."""
    return tuple(map(_appeal, await fetch(connection, UNTOLD_ANSWERS, (person_id,))))


def _existing(row: sqlite3.Row) -> Report:
    columns = dict(row)
    columns |= {"kind": Subject(row["kind"]), "state": ReportState(row["state"]), "shared": bool(row["shared"])}
    columns |= {"hides": bool(row["hides"]), "message_due": bool(row["message_due"])}
    return Report(**columns)


def _report(row: sqlite3.Row | None) -> Report | None:
    return None if row is None else _existing(row)


def _decision(row: sqlite3.Row) -> Decision:
    columns = dict(row)
    ratings = {name: row[name] and ContentRating(row[name]) for name in ("rating", "rating_before")}
    columns |= {"action": DecisionAction(row["action"]), **ratings}
    return Decision(**columns)


def _appeal(row: sqlite3.Row) -> Appeal:
    columns = dict(row)
    columns["state"] = AppealState(row["state"])
    return Appeal(**columns)
