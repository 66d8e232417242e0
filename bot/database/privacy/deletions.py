"""Deletions: what its owner deletes is out of sight at once, can be brought back for a time, and then goes for good.

With the time, or at once where nobody asked for an undo, the job's row goes with all that it holds: pictures, prompt,
words of the search. An open report holds it until it is decided, for a time. What else is to go is kept until it is
gone. A takedown deletes the delivered message alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Json

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import Job
from bot.database.privacy.erasure_leftovers import FileFolder, LeftFile
from bot.database.query import Query, SqlStatement
from bot.database.reports.reports import JOB_IS_HELD

# A hidden job goes at `delete_at` (unix ms). A job that is hidden already, or unfinished, stays as it is.
HIDE_JOB = SqlStatement("""
    UPDATE job SET delete_at = :delete_at WHERE id = :id AND delete_at IS NULL AND state NOT IN ('queued', 'running')
""")
# Bring a hidden job back, if it is not too late.
UNDO_DELETION = Query(Job, "UPDATE job SET delete_at = NULL WHERE id = :id AND delete_at > :now RETURNING *")
# A job that its owner deleted and may still bring back.
FIND_HIDDEN_JOB = Query(Job, "SELECT * FROM job WHERE id = ? AND delete_at IS NOT NULL")
HIDDEN_JOBS = Query(Job, "SELECT * FROM job WHERE delete_at IS NOT NULL ORDER BY delete_at")
# Hidden jobs that go now, unless an open report, made since `held_since` (unix ms), holds them.
DUE_JOBS = Query(Job, f"SELECT * FROM job WHERE delete_at <= :now AND NOT {JOB_IS_HELD} ORDER BY delete_at")  # noqa: S608
# When the next hidden job goes after a time; both in unix ms.
NEXT_DUE_AT = Query(int, "SELECT delete_at FROM job WHERE delete_at > ? ORDER BY delete_at LIMIT 1")
PATHS_OF_JOB = Query(str, "SELECT path FROM picture WHERE job_id = ? ORDER BY position")
# If the row of a takedown exists, the files of its owner's deletion are added to it.
BEGIN_DELETION = SqlStatement("""
    INSERT INTO deletion (job_id, person_id, paths, input, channel_id, message_id, created_at)
    SELECT id, person_id, :paths, iif(:message_alone, NULL, request ->> '$.image.sha256'), :channel, :message, :now
    FROM job WHERE id = :job AND (:message_alone OR state NOT IN ('queued', 'running'))
    ON CONFLICT (job_id) DO UPDATE SET paths = excluded.paths, input = excluded.input WHERE paths = '[]'
""")
CHANGE_REPORT_OF_PICTURES = SqlStatement("""
    UPDATE report SET revision = revision + 1 WHERE kind = 'pictures' AND target_id = ? AND state = 'open'
""")
FORGET_ENDED_JOB = SqlStatement("DELETE FROM job WHERE id = ? AND state NOT IN ('queued', 'running')")


@dataclass(frozen=True)
class Deletion:
    """What is still to be removed: `paths` in the pictures folder, the delivered message, if any, and the `input`.

    The input is the picture that the job started from, which goes unless somebody else needs it.
    """

    job_id: int
    paths: Json[tuple[str, ...]]
    channel_id: int | None
    message_id: int | None
    input: str | None = None

    @property
    def files(self) -> tuple[LeftFile, ...]:
        """The files that are to be removed."""
        pictures = [LeftFile(FileFolder.PICTURES, path) for path in self.paths]
        return (*pictures, *([LeftFile(FileFolder.INPUTS, self.input)] if self.input else ()))


FIND_DELETION = Query(Deletion, "SELECT * FROM deletion WHERE job_id = ?")
PENDING_DELETIONS = Query(Deletion, "SELECT * FROM deletion ORDER BY job_id")
# A deletion with other files, which was begun since, stays.
END_DELETION = SqlStatement(
    "DELETE FROM deletion WHERE job_id = :job AND json(paths) = json(:paths) AND input IS :input"
)


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
    nothing of it is left.
    """
    async with db.transaction():
        paths = [] if message_alone else await db.all(PATHS_OF_JOB, job_id)
        await db.run(
            BEGIN_DELETION,
            job=job_id, message_alone=message_alone, channel=channel_id, message=message_id, paths=paths, now=now_ms(),
        )  # fmt: skip
        if not message_alone:
            await db.run(CHANGE_REPORT_OF_PICTURES, job_id)
            await db.run(FORGET_ENDED_JOB, job_id)
        return await db.one(FIND_DELETION, job_id)
