"""Reports of pictures and LoRAs: who reported what, what is out of sight, and the message to staff.

A report is `open -> decided -> appealed -> decided`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement


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


# --- reports ----------------------------------------------------------------------------------------------------------

# It need not be the newest one of the subject.
OPEN_REPORT = Query(
    Report, "SELECT * FROM report WHERE kind = :kind AND target_id = :target AND server_id = :server AND state = 'open'"
)
# The newest report of a subject in which this person has joined.
REPORT_BY = Query(
    Report,
    """
    SELECT report.* FROM report_by JOIN report ON report.id = report_id
    WHERE kind = :kind AND target_id = :target AND server_id = :server AND person_id = :person ORDER BY report.id DESC
    LIMIT 1
    """,
)
# Whether a person has said in a report that it looks like a minor.
NAMED_MINOR = Query(
    bool,
    """
    SELECT EXISTS (
        SELECT 1 FROM report_by WHERE report_id = :report AND person_id = :person
        AND reason = 'sexual_and_looks_like_a_minor'
    )
    """,
)
COUNT_REPORTS_BY = Query(int, "SELECT count(*) FROM report_by WHERE person_id = :person AND created_at >= :since")
START_REPORT = Query(
    int,
    """
    INSERT INTO report (server_id, kind, target_id, owner_id, shared, created_at, painted_at, painted_in)
    SELECT :server, :kind, :target, :owner, :shared, :now, coalesce(finished_at, job.created_at),
        iif(job.server_id > 0 AND :server IN (0, job.server_id), channel_id, NULL)
    FROM (SELECT 1) LEFT JOIN job ON job.id = :target AND :kind = 'pictures'
    RETURNING id
    """,
)
CHANGE_REPORT = SqlStatement("UPDATE report SET revision = revision + 1 WHERE id = ?")
JOIN_REPORT = SqlStatement("""
    INSERT INTO report_by (report_id, person_id, reason, note, created_at, hides)
    VALUES (:report, :person, :reason, :note, :now, :hides)
    ON CONFLICT (report_id, person_id) DO UPDATE SET reason = excluded.reason, created_at = excluded.created_at,
        note = iif(excluded.note = '', note, excluded.note), hides = max(hides, excluded.hides)
""")
HIDE_REPORTED = SqlStatement("UPDATE report SET hides = 1, message_due = 1 WHERE id = ? AND hides = 0")
MAKE_LASTING = SqlStatement("UPDATE report SET lasting = 1 WHERE id = ? AND lasting = 0")
FIND_REPORT = Query(Report, "SELECT * FROM report WHERE id = ?")
# Pages, the oldest first.
WAITING_REPORTS = Query(
    Report,
    "SELECT * FROM report WHERE server_id = :server AND state <> 'decided' ORDER BY id LIMIT :limit OFFSET :offset",
)
SHARED_REPORTS = Query(
    Report, "SELECT * FROM report WHERE state <> 'decided' AND shared = 1 ORDER BY id LIMIT :limit OFFSET :offset"
)
COUNT_WAITING_REPORTS = Query(int, "SELECT count(*) FROM report WHERE server_id = ? AND state <> 'decided'")
# The first one first.
COMPLAINTS = Query(Complaint, "SELECT reason, note FROM report_by WHERE report_id = ? ORDER BY created_at, person_id")


async def save_report(db: Database, new: NewReport) -> Report:
    """Open a report, or join the one that is open already, where a person's newest reason replaces an earlier one."""
    now = now_ms()
    async with db.transaction():
        await people.remember_person(db, new.person_id)
        found = await db.one(OPEN_REPORT, kind=new.kind, target=new.target_id, server=new.server_id)
        if found is not None:
            report_id = found.id
            await db.run(CHANGE_REPORT, report_id)
        else:
            report_id = await db.get(
                START_REPORT, server=new.server_id, kind=new.kind, target=new.target_id, owner=new.owner_id,
                shared=new.shared, now=now,
            )  # fmt: skip
        await db.run(
            JOIN_REPORT,
            report=report_id,
            person=new.person_id,
            reason=new.reason,
            note=new.note,
            now=now,
            hides=new.hides,
        )
        if new.hides:
            await db.run(HIDE_REPORTED, report_id)
        if new.reason is ReportReason.MINORS:
            await db.run(MAKE_LASTING, report_id)
        return await db.get(FIND_REPORT, report_id)


# --- pictures that are out of sight -----------------------------------------------------------------------------------

HIDING = "kind = 'pictures' AND state = 'open' AND hides = 1"  # reports whose pictures nobody is shown
# Reports that keep files from being deleted: open ones since a unix ms, and lasting ones.
HOLDING = "state = 'open' AND (report.created_at >= :held_since OR lasting = 1)"
JOB_IS_HELD = f"EXISTS (SELECT 1 FROM report WHERE kind = 'pictures' AND target_id = job.id AND {HOLDING})"  # noqa: S608
# Their jobs, and those of held copies. The index has those reports alone, by a time that is always above 0.
HELD_JOBS = f"""
    SELECT target_id AS job_id FROM report WHERE {HIDING}
    UNION ALL SELECT job_id FROM report INDEXED BY report_hiding CROSS JOIN held_copy ON report_id = report.id
    WHERE {HIDING} AND created_at > 0
"""  # noqa: S608 - constants only
# Those of the jobs whose pictures nobody is shown, until an open report is decided: reported ones and copies.
HELD_AMONG = Query(int, f"SELECT job_id FROM ({HELD_JOBS}) WHERE job_id IN (SELECT value FROM json_each(?))")  # noqa: S608
# When the newest report that holds the files of a job's pictures was opened.
HELD_SINCE = Query(
    int,
    f"""
    SELECT created_at FROM report WHERE kind = 'pictures' AND target_id = :target AND {HOLDING}
    ORDER BY created_at DESC LIMIT 1
    """,  # noqa: S608 - constants only
)
# Pictures that a person's reports have hidden since a unix ms.
COUNT_HIDDEN_BY = Query(
    int, "SELECT count(*) FROM report_by WHERE person_id = :person AND created_at >= :since AND hides = 1"
)
# Reports of a person, made since a unix ms, that were dismissed by operators or in this server.
COUNT_DISMISSED_OF = Query(
    int,
    """
    SELECT count(*) FROM report_by JOIN decision ON decision.report_id = report_by.report_id
    JOIN report ON report.id = report_by.report_id
    WHERE person_id = :person AND report_by.created_at >= :since AND server_id IN (0, :server) AND action = 'dismiss'
    """,
)
# Whether operators or staff of this server have looked at the subject before, and left it where it is.
LEFT_SHOWN = Query(
    bool,
    """
    SELECT EXISTS (
        SELECT 1 FROM report JOIN decision ON report_id = report.id LEFT JOIN appeal ON decision_id = decision.id
        WHERE kind = :kind AND target_id = :target AND server_id IN (0, :server)
        AND (action IN ('dismiss', 'rate') OR appeal.state = 'reversed')
    )
    """,
)
# Show again what reports that were opened before a unix ms still hide.
END_HOLDING = SqlStatement("""
    UPDATE report SET hides = 0, message_due = 1, revision = revision + 1
    WHERE state = 'open' AND hides = 1 AND lasting = 0 AND created_at < ?
""")
# Reports of which the message that shows the pictures is to be written anew, by id.
MESSAGES_DUE = Query(Report, "SELECT * FROM report WHERE message_due = 1 AND id > :after ORDER BY id LIMIT :limit")
MARK_MESSAGE_WRITTEN = SqlStatement("UPDATE report SET message_due = 0 WHERE id = :id AND revision = :revision")


# --- the message to staff ---------------------------------------------------------------------------------------------

# Reports that have changed since the message to staff was last written, by id.
UNSHOWN_REPORTS = Query(Report, "SELECT * FROM report WHERE shown < revision AND id > :after ORDER BY id LIMIT :limit")
# The message is about to be posted in this channel.
MARK_REPORT_POSTING = SqlStatement(
    "UPDATE report SET channel_id = :channel, message_id = NULL, posting_at = :now WHERE id = :id"
)
# The message was posted; NULL: it is gone, and may be posted anew.
MARK_REPORT_POSTED = SqlStatement("UPDATE report SET message_id = :message, posting_at = NULL WHERE id = :id")
# The message shows this revision.
MARK_REPORT_SHOWN = SqlStatement("UPDATE report SET shown = max(shown, :revision) WHERE id = :id")
