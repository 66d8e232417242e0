"""What is older than it is to be kept: pages of orders by their age, and their removal.

A page begins behind the last job of the one before. So a job that stays, whatever the reason, is passed once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.config.sections.retention import KeptPicture
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.posted_messages import note_report, note_results
from bot.database.key_values import REMEMBER_VALUE

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
OLD_PICTURES = f"""
    SELECT id, created_at, (SELECT json_group_array(path) FROM picture WHERE job_id = job.id) AS paths FROM job
    WHERE (created_at, id) > (:at, :id) AND created_at < :before AND delete_at IS NULL
    AND EXISTS (SELECT 1 FROM picture WHERE job_id = job.id) AND NOT ({_KEPT})
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE job_id = job.id AND state = 'pending')
    AND NOT EXISTS (
        SELECT 1 FROM report
        WHERE kind = 'pictures' AND target_id = job.id AND state = 'open'
        AND (report.created_at >= :held_since OR lasting = 1)
    )
    ORDER BY created_at, id LIMIT :limit
"""  # noqa: S608 - constants only
OLD_JOBS = """
    SELECT id, created_at, '[]' AS paths FROM job
    WHERE (created_at, id) > (:at, :id) AND created_at < :before AND delete_at IS NULL
    AND state NOT IN ('queued', 'running') AND NOT EXISTS (SELECT 1 FROM picture WHERE job_id = job.id)
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE job_id = job.id AND state = 'pending')
    ORDER BY created_at, id LIMIT :limit
"""
# The files are noted as still to be removed, as those of a deletion are.
NOTE_FILES = """
    INSERT INTO deletion (job_id, person_id, paths, created_at)
    SELECT id, person_id, (SELECT json_group_array(path) FROM picture WHERE job_id = job.id), :now
    FROM job WHERE id IN (SELECT value FROM json_each(:ids))
    ON CONFLICT (job_id) DO UPDATE SET paths = excluded.paths WHERE paths = '[]'
"""
FORGET_PICTURES = "DELETE FROM picture WHERE job_id IN (SELECT value FROM json_each(:ids))"
END_FILES = """
    DELETE FROM deletion WHERE job_id IN (SELECT value FROM json_each(:ids)) AND message_id IS NULL AND input IS NULL
"""
FORGET_JOBS = """
    DELETE FROM job WHERE id IN (SELECT value FROM json_each(:ids)) AND state NOT IN ('queued', 'running')
    AND NOT EXISTS (SELECT 1 FROM picture WHERE job_id = job.id)
"""
OLD_DRAFTS = "SELECT count(*) AS rows, min(created_at) AS oldest FROM draft WHERE created_at < ?"
OLD_RECEIPTS = "SELECT count(*) AS rows, min(finished_at) AS oldest FROM erasure WHERE finished_at < ?"
# A decision stays while staff can still reverse its effect. A report that a picture looks like a minor always stays.
OLD_REPORTS = """
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
"""
STILL_DECIDED = "SELECT 1 FROM report WHERE id = ? AND state = 'decided'"
FORGET_REPORT = "DELETE FROM report WHERE id = ?"
OLD_NOTICES = "SELECT count(*) AS rows, min(created_at) AS oldest FROM takedown_notice WHERE created_at < ?"
FORGET_NOTICES = "DELETE FROM takedown_notice WHERE created_at < ?"
# Entries about a block in force, and about a report that is stored, stay: `report 12: pictures of job 5`. Those about
# LoRAs name no id, so all of them stay while a LoRA is blocked in the server.
OLD_ENTRIES = """
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
"""
FORGET_ENTRIES = "DELETE FROM audit WHERE id IN (SELECT value FROM json_each(?))"
AUDIT_BEFORE = "audit before"  # key of the time that the trigger on the log reads
FORGET_BEFORE = "DELETE FROM memo WHERE key = ?"
BEGINNING = (0, 0)


@dataclass(frozen=True)
class OldJob:
    """A job of which something is older than it is to be kept; `paths` are of its pictures."""

    id: int
    created_at: int
    paths: tuple[str, ...]

    @property
    def place(self) -> tuple[int, int]:
        """Where the next page begins."""
        return self.created_at, self.id


@dataclass(frozen=True)
class OldRow:
    """A row that is older than it is to be kept, with its time in unix ms."""

    id: int
    at: int

    @property
    def place(self) -> tuple[int, int]:
        """Where the next page begins."""
        return self.at, self.id


async def old_pictures(
    db: Database,
    *,
    before_ms: int,
    keep: Collection[KeptPicture],
    held_since: int = 0,
    after: tuple[int, int] = BEGINNING,
    limit: int,
) -> tuple[OldJob, ...]:
    """Jobs that were ordered before `before_ms` (unix ms) and have pictures, the oldest first.

    Not those that are still to be delivered, or held for an open report made since `held_since` (unix ms). Raises
    DatabaseError.
    """
    reasons = {reason.value: int(reason in keep) for reason in KeptPicture}
    return await _page(db, OLD_PICTURES, before_ms, after, limit, reasons | {"held_since": held_since})


async def old_jobs(
    db: Database, *, before_ms: int, after: tuple[int, int] = BEGINNING, limit: int
) -> tuple[OldJob, ...]:
    """Jobs that ended without pictures, or have none any more, the oldest first. Raises DatabaseError."""
    return await _page(db, OLD_JOBS, before_ms, after, limit, {})


async def forget_pictures(db: Database, job_ids: Iterable[int]) -> None:
    """Delete the rows of jobs' pictures, and note their files as still to be removed. Raises DatabaseError."""
    ids = json.dumps(list(job_ids))
    async with db.transaction():
        await db.write(NOTE_FILES, {"ids": ids, "now": now_ms()})
        await db.write(FORGET_PICTURES, {"ids": ids})


async def end_files_of(db: Database, job_ids: Iterable[int]) -> None:
    """The files of these jobs are removed. Raises DatabaseError."""
    await db.write(END_FILES, {"ids": json.dumps(list(job_ids))})


async def forget_jobs(db: Database, job_ids: Iterable[int]) -> None:
    """Delete jobs without pictures; of whom their messages speak is kept. Raises DatabaseError."""
    ids = list(job_ids)
    async with db.transaction():
        await note_results(db, ids)
        await db.write(FORGET_JOBS, {"ids": json.dumps(ids)})


async def count_old_drafts(db: Database, *, before_ms: int) -> tuple[int, int | None]:
    """How many drafts are older, and when the oldest was made (unix ms). Raises DatabaseError."""
    return _counted(await db.fetch_one(OLD_DRAFTS, (before_ms,)))


async def count_old_receipts(db: Database, *, before_ms: int) -> tuple[int, int | None]:
    """How many receipts are older, and when the oldest was given (unix ms). Raises DatabaseError."""
    return _counted(await db.fetch_one(OLD_RECEIPTS, (before_ms,)))


async def old_reports(
    db: Database, *, before_ms: int, after: tuple[int, int] = BEGINNING, limit: int
) -> tuple[OldRow, ...]:
    """Reports whose last decision was before `before_ms` (unix ms) and that may go, the oldest decision first.

    Raises DatabaseError.
    """
    return await _rows(db, OLD_REPORTS, before_ms, after, limit)


async def forget_reports(db: Database, report_ids: Iterable[int]) -> None:
    """Delete reports that are still decided. First record whom their messages to staff name. Raises DatabaseError."""
    async with db.transaction():
        for report_id in report_ids:
            if await db.fetch_one(STILL_DECIDED, (report_id,)) is not None:
                await note_report(db, report_id)
                await db.write(FORGET_REPORT, (report_id,))


async def count_old_notices(db: Database, *, before_ms: int) -> tuple[int, int | None]:
    """How many notices of takedown cases are older, and when the oldest was written (unix ms). Raises DatabaseError."""
    return _counted(await db.fetch_one(OLD_NOTICES, (before_ms,)))


async def forget_old_notices(db: Database, *, before_ms: int) -> None:
    """Delete them. Raises DatabaseError."""
    await db.write(FORGET_NOTICES, (before_ms,))


async def old_entries(
    db: Database, *, before_ms: int, after: tuple[int, int] = BEGINNING, limit: int
) -> tuple[OldRow, ...]:
    """Entries of all audit logs that were written before `before_ms` (unix ms) and may go, the oldest first.

    Raises DatabaseError.
    """
    return await _rows(db, OLD_ENTRIES, before_ms, after, limit)


async def forget_entries(db: Database, entry_ids: Iterable[int], *, before_ms: int) -> None:
    """Delete entries that are older than `before_ms` (unix ms): no others can be deleted. Raises DatabaseError."""
    async with db.transaction():
        await db.run(REMEMBER_VALUE, AUDIT_BEFORE, str(before_ms))
        await db.write(FORGET_ENTRIES, (json.dumps(list(entry_ids)),))
        await db.write(FORGET_BEFORE, (AUDIT_BEFORE,))


async def _rows(db: Database, sql: str, before_ms: int, after: tuple[int, int], limit: int) -> tuple[OldRow, ...]:
    at, row_id = after
    parameters = {"at": at, "id": row_id, "before": before_ms, "limit": limit, "now": now_ms()}
    return tuple(OldRow(**dict(row)) for row in await db.fetch(sql, parameters))


def _counted(row: sqlite3.Row | None) -> tuple[int, int | None]:
    assert row is not None
    return row["rows"], row["oldest"]


async def _page(
    db: Database, sql: str, before_ms: int, after: tuple[int, int], limit: int, more: dict[str, int]
) -> tuple[OldJob, ...]:
    at, job_id = after
    parameters = {"at": at, "id": job_id, "before": before_ms, "limit": limit, **more}
    rows = await db.fetch(sql, parameters)
    return tuple(OldJob(row["id"], row["created_at"], tuple(json.loads(row["paths"]))) for row in rows)
