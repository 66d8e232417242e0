"""Deletions: what its owner deletes is out of sight at once, can be brought back for a time, and then goes for good.

With the time, or at once where nobody asked for an undo, the job's row goes with all that it holds: pictures, prompt,
words of the search. An open report holds it until it is decided, for a time. What else is to go is kept until it is
gone. A takedown deletes the delivered message alone.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import Job, job_from
from bot.database.privacy.erasure_leftovers import FileFolder, LeftFile

HIDE = """
    UPDATE job SET delete_at = ?
    WHERE id = ? AND delete_at IS NULL AND state NOT IN ('queued', 'running') RETURNING id
"""
UNDO = "UPDATE job SET delete_at = NULL WHERE id = ? AND delete_at > ? RETURNING *"
FIND_HIDDEN = "SELECT * FROM job WHERE id = ? AND delete_at IS NOT NULL"
HIDDEN = "SELECT * FROM job WHERE delete_at IS NOT NULL ORDER BY delete_at"
DUE = """
    SELECT * FROM job WHERE delete_at <= ? AND NOT EXISTS (
        SELECT 1 FROM report WHERE kind = 'pictures' AND target_id = job.id AND state = 'open'
        AND (created_at >= ? OR lasting = 1)
    ) ORDER BY delete_at
"""
NEXT = "SELECT min(delete_at) AS next FROM job WHERE delete_at > ?"
PATHS = "SELECT path FROM picture WHERE job_id = ? ORDER BY position"
# What its owner deletes while the message of a takedown is still to go adds the files.
BEGIN = """
    INSERT INTO deletion (job_id, person_id, paths, input, channel_id, message_id, created_at)
    SELECT id, person_id, :paths, iif(:message_alone, NULL, request ->> '$.image.sha256'), :channel, :message, :now
    FROM job WHERE id = :job AND (:message_alone OR state NOT IN ('queued', 'running'))
    ON CONFLICT (job_id) DO UPDATE SET paths = excluded.paths, input = excluded.input WHERE paths = '[]'
"""
REPORT_CHANGED = """
    UPDATE report SET revision = revision + 1 WHERE kind = 'pictures' AND target_id = ? AND state = 'open'
"""
FORGET = "DELETE FROM job WHERE id = ? AND state NOT IN ('queued', 'running')"
FIND = "SELECT * FROM deletion WHERE job_id = ?"
PENDING = "SELECT * FROM deletion ORDER BY job_id"
END = "DELETE FROM deletion WHERE job_id = ? AND paths = ? AND input IS ?"


@dataclass(frozen=True)
class Deletion:
    """What is still to be removed: `paths` in the pictures folder, the delivered message, if any, and the `input`.

    The input is the picture that the job started from, which goes unless somebody else needs it.
    """

    job_id: int
    paths: tuple[str, ...]
    channel_id: int | None
    message_id: int | None
    input: str | None = None

    @property
    def files(self) -> tuple[LeftFile, ...]:
        """The files that are to be removed."""
        pictures = [LeftFile(FileFolder.PICTURES, path) for path in self.paths]
        return (*pictures, *([LeftFile(FileFolder.INPUTS, self.input)] if self.input else ()))


async def hide_job(db: Database, job_id: int, delete_at: int) -> bool:
    """Put a job that has ended out of sight; it goes at `delete_at` (unix ms). False: it is so already, or unfinished.

    Raises DatabaseError.
    """
    return bool(await db.write(HIDE, (delete_at, job_id)))


async def undo_deletion(db: Database, job_id: int) -> Job | None:
    """Bring a hidden job back; None when it is too late. Raises DatabaseError."""
    rows = await db.write(UNDO, (job_id, now_ms()))
    return job_from(rows[0]) if rows else None


async def find_hidden_job(db: Database, job_id: int) -> Job | None:
    """A job that its owner deleted and may still bring back. Raises DatabaseError."""
    row = await db.fetch_one(FIND_HIDDEN, (job_id,))
    return None if row is None else job_from(row)


async def hidden_jobs(db: Database) -> tuple[Job, ...]:
    """All such jobs. Raises DatabaseError."""
    return tuple(job_from(row) for row in await db.fetch(HIDDEN))


async def due_jobs(db: Database, *, held_since: int) -> tuple[Job, ...]:
    """Hidden jobs that go now: not those for whose open report, made since a unix ms, they are held.

    Raises DatabaseError.
    """
    return tuple(job_from(row) for row in await db.fetch(DUE, (now_ms(), held_since)))


async def next_due(db: Database) -> int | None:
    """When the next hidden job goes that does not go yet (unix ms). Raises DatabaseError."""
    row = await db.fetch_one(NEXT, (now_ms(),))
    return row["next"] if row else None


async def begin_deletion(
    db: Database,
    job_id: int,
    channel_id: int | None,
    message_id: int | None,
    *,
    message_alone: bool = False,
) -> Deletion | None:
    """Delete a job that has ended; from now on it is deleted, also after a crash. What else is to go is returned.

    With `message_alone` it is the delivered message that is deleted, and the job stays. None: there is no such job, and
    nothing of it is left. Raises DatabaseError.
    """
    async with db.transaction():
        rows = [] if message_alone else await db.fetch(PATHS, (job_id,))
        values = {
            "job": job_id, "message_alone": message_alone, "channel": channel_id, "message": message_id,
            "paths": json.dumps([row["path"] for row in rows]), "now": now_ms(),
        }  # fmt: skip
        await db.write(BEGIN, values)
        if not message_alone:
            await db.write(REPORT_CHANGED, (job_id,))
            await db.write(FORGET, (job_id,))
        return await find_deletion(db, job_id)


async def pending_deletions(db: Database) -> tuple[Deletion, ...]:
    """The deletions that a crash or an outage interrupted. Raises DatabaseError."""
    return tuple(_deletion(row) for row in await db.fetch(PENDING))


async def find_deletion(db: Database, job_id: int) -> Deletion | None:
    """What is still to be removed of a deleted job, or of its message. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (job_id,))
    return None if row is None else _deletion(row)


async def end_deletion(db: Database, deletion: Deletion) -> None:
    """Forget a deletion: everything is removed. One with other files, which was begun since, stays.

    Raises DatabaseError.
    """
    await db.write(END, (deletion.job_id, json.dumps(deletion.paths), deletion.input))


def _deletion(row: sqlite3.Row) -> Deletion:
    return Deletion(row["job_id"], tuple(json.loads(row["paths"])), row["channel_id"], row["message_id"], row["input"])
