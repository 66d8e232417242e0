"""What is older than it is to be kept: pages of orders by their age, and their removal.

A page begins behind the last job of the one before. So a job that stays, whatever the reason, is passed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import Json

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.posted_messages import NOTE_RESULTS, note_report
from bot.database.key_values import FORGET_VALUE, REMEMBER_VALUE
from bot.database.query import Query, SqlStatement
from bot.database.reports.reports import JOB_IS_HELD


@dataclass(frozen=True)
class OldRow:
    """A row that is older than it is to be kept, with its time in unix ms."""

    id: int
    at: int


@dataclass(frozen=True)
class OldJob(OldRow):
    """A job that is older than its pictures are to be kept; `paths` are of these."""

    paths: Json[tuple[str, ...]]


@dataclass(frozen=True)
class OldRows:
    """How many rows are older than they are to be kept, and the time of the oldest in unix ms."""

    count: int
    oldest: int | None


# Pictures stay for one of these reasons, each if the settings say so; another reason is one more line.
_KEPT = """
    (:bookmarked AND EXISTS (
        SELECT 1 FROM picture JOIN picture_lora ON picture_id = picture.id
        JOIN lora_version ON lora_version.sha256 = picture_lora.sha256
        JOIN bookmark ON bookmark.lora_id = lora_version.lora_id AND bookmark.person_id = job.person_id
        WHERE picture.job_id = job.id
    )) OR (:in_stack AND EXISTS (
        SELECT 1 FROM picture JOIN picture_lora ON picture_id = picture.id
        JOIN stack ON stack.person_id = job.person_id
        JOIN stack_lora ON stack_id = stack.id AND stack_lora.sha256 = picture_lora.sha256
        WHERE picture.job_id = job.id
    )) OR (:opened AND coalesce(job.opened_at, 0) >= :before)
    OR (:published AND EXISTS (SELECT 1 FROM publication WHERE job_id = job.id AND state <> 'removing'))
"""
# Jobs that have pictures, the oldest first: not those that are still to be delivered, or held for an open report.
OLD_PICTURES = Query(
    OldJob,
    f"""
    SELECT id, created_at AS at, (SELECT json_group_array(path) FROM picture WHERE job_id = job.id) AS paths FROM job
    WHERE (created_at, id) > (:at, :id) AND created_at < :before AND delete_at IS NULL
    AND EXISTS (SELECT 1 FROM picture WHERE job_id = job.id) AND NOT ({_KEPT})
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE job_id = job.id AND state = 'pending')
    AND NOT {JOB_IS_HELD}
    ORDER BY created_at, id LIMIT :limit
    """,  # noqa: S608 - constants only
)
# Jobs that ended without pictures, or have none any more.
OLD_JOBS = Query(
    OldRow,
    """
    SELECT id, created_at AS at FROM job
    WHERE (created_at, id) > (:at, :id) AND created_at < :before AND delete_at IS NULL
    AND state NOT IN ('queued', 'running') AND NOT EXISTS (SELECT 1 FROM picture WHERE job_id = job.id)
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE job_id = job.id AND state = 'pending')
    ORDER BY created_at, id LIMIT :limit
    """,
)
# The files are noted as still to be removed, as those of a deletion are.
NOTE_OLD_FILES = SqlStatement("""
    INSERT INTO deletion (job_id, person_id, paths, created_at)
    SELECT id, person_id, (SELECT json_group_array(path) FROM picture WHERE job_id = job.id), :now
    FROM job WHERE id IN (SELECT value FROM json_each(:ids))
    ON CONFLICT (job_id) DO UPDATE SET paths = excluded.paths WHERE paths = '[]'
""")
FORGET_OLD_PICTURES = SqlStatement("DELETE FROM picture WHERE job_id IN (SELECT value FROM json_each(?))")
END_OLD_FILES = SqlStatement("""
    DELETE FROM deletion WHERE job_id IN (SELECT value FROM json_each(?)) AND message_id IS NULL AND input IS NULL
""")
FORGET_OLD_JOBS = SqlStatement("""
    DELETE FROM job WHERE id IN (SELECT value FROM json_each(?)) AND state NOT IN ('queued', 'running')
    AND NOT EXISTS (SELECT 1 FROM picture WHERE job_id = job.id)
""")
OLD_DRAFTS = Query(OldRows, "SELECT count(*) AS count, min(created_at) AS oldest FROM draft WHERE created_at < ?")
OLD_RECEIPTS = Query(OldRows, "SELECT count(*) AS count, min(finished_at) AS oldest FROM erasure WHERE finished_at < ?")
# Reports by the time of their decision. A decision stays while staff can still reverse its effect. A report that a
# picture looks like a minor always stays.
OLD_REPORTS = Query(
    OldRow,
    """
    SELECT decision.report_id AS id, decided_at AS at FROM decision JOIN report ON report.id = decision.report_id
    LEFT JOIN appeal ON appeal.decision_id = decision.id
    WHERE (decided_at, decision.report_id) > (:at, :id) AND decided_at < :before
    AND coalesce(answered_at, decided_at) < :before AND report.state = 'decided' AND lasting = 0
    AND NOT EXISTS (SELECT 1 FROM decision_step WHERE decision_id = decision.id AND done_at IS NULL)
    AND NOT (action = 'block' AND EXISTS (
        SELECT 1 FROM block WHERE block.server_id = report.server_id AND block.kind = 'person' AND target_id = owner_id
        AND (block.ends_at IS NULL OR block.ends_at > :now)
    ))
    AND NOT (report.kind = 'lora' AND action IN ('hide', 'block') AND EXISTS (
        SELECT 1 FROM block WHERE block.server_id = report.server_id AND block.kind = 'lora'
        AND block.target_id = report.target_id AND (block.ends_at IS NULL OR block.ends_at > :now)
    ))
    AND NOT (action = 'rate' AND coalesce(appeal.state, '') <> 'reversed' AND CASE report.kind
        WHEN 'lora' THEN EXISTS (SELECT 1 FROM lora WHERE lora.id = report.target_id)
        ELSE EXISTS (SELECT 1 FROM job WHERE job.id = report.target_id)
    END)
    ORDER BY decided_at, decision.report_id LIMIT :limit
    """,
)
STILL_DECIDED = Query(bool, "SELECT EXISTS (SELECT 1 FROM report WHERE id = ? AND state = 'decided')")
FORGET_REPORT = SqlStatement("DELETE FROM report WHERE id = ?")
OLD_NOTICES = Query(
    OldRows, "SELECT count(*) AS count, min(created_at) AS oldest FROM takedown_notice WHERE created_at < ?"
)
FORGET_OLD_NOTICES = SqlStatement("DELETE FROM takedown_notice WHERE created_at < ?")
# Entries about a block in force, and about a report that is stored, stay: `report 12: pictures of job 5`. Those about
# LoRAs name no id, so all of them stay while a LoRA is blocked in the server.
OLD_ENTRIES = Query(
    OldRow,
    """
    SELECT id, created_at AS at FROM audit
    WHERE (created_at, id) > (:at, :id) AND created_at < :before
    AND NOT (action = 'block_person' AND EXISTS (
        SELECT 1 FROM block WHERE block.server_id = audit.server_id AND kind = 'person' AND target_id = audit.person_id
        AND (ends_at IS NULL OR ends_at > :now)
    ))
    AND NOT (action = 'block_lora' AND EXISTS (
        SELECT 1 FROM block WHERE block.server_id = audit.server_id AND kind = 'lora'
        AND (ends_at IS NULL OR ends_at > :now)
    ))
    AND NOT (action IN ('view_reported_picture', 'decide_report', 'answer_appeal') AND EXISTS (
        SELECT 1 FROM report WHERE report.id = CAST(substr(target, 8) AS INTEGER)
    ))
    ORDER BY created_at, id LIMIT :limit
    """,
)
FORGET_AUDIT_ENTRIES = SqlStatement("DELETE FROM audit WHERE id IN (SELECT value FROM json_each(?))")
AUDIT_BEFORE = "audit before"  # key of the time that the trigger on the log reads


async def forget_pictures(db: Database, job_ids: Sequence[int]) -> None:
    """Delete the rows of jobs' pictures, and note their files as still to be removed."""
    async with db.transaction():
        await db.run(NOTE_OLD_FILES, now=now_ms(), ids=job_ids)
        await db.run(FORGET_OLD_PICTURES, job_ids)


async def forget_jobs(db: Database, job_ids: Sequence[int]) -> None:
    """Delete jobs without pictures; of whom their messages speak is kept."""
    async with db.transaction():
        await db.run(NOTE_RESULTS, job_ids)
        await db.run(FORGET_OLD_JOBS, job_ids)


async def forget_reports(db: Database, report_ids: Iterable[int]) -> None:
    """Delete reports that are still decided. First record whom their messages to staff name."""
    async with db.transaction():
        for report_id in report_ids:
            if await db.get(STILL_DECIDED, report_id):
                await note_report(db, report_id)
                await db.run(FORGET_REPORT, report_id)


async def forget_entries(db: Database, entry_ids: Sequence[int], *, before_ms: int) -> None:
    """Delete entries that are older than `before_ms` (unix ms): no others can be deleted."""
    async with db.transaction():
        await db.run(REMEMBER_VALUE, key=AUDIT_BEFORE, value=str(before_ms))
        await db.run(FORGET_AUDIT_ENTRIES, entry_ids)
        await db.run(FORGET_VALUE, AUDIT_BEFORE)
