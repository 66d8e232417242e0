"""Jobs and their states: `queued -> running -> succeeded · failed · cancelled`.

Every move is one statement that names the state it leaves and, where a worker is involved, the attempt: a worker
that was given up and still answers finds nothing to move. None means that somebody else was first.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar, cast

from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.jobs.orders import remember_order
from bot.database.jobs.terms import ADD
from bot.database.loras.uses import record_uses
from bot.database.people import people
from bot.database.pictures.pictures import NewPicture, Picture, record_pictures
from inference.errors import Detail, InferenceError
from inference.messages.request import GenerationRequest, JobRequest

CREATE = """
    INSERT INTO job (person_id, server_id, channel_id, request, checkpoint, weight, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *
"""
START = """
    UPDATE job SET state = 'running', attempt = attempt + 1, started_at = ?, begun_at = NULL
    WHERE id = ? AND state = 'queued' RETURNING *
"""
REQUEUE = """
    UPDATE job SET state = 'queued', started_at = NULL, begun_at = NULL, deaths = deaths + ?
    WHERE id = ? AND state = 'running' AND attempt = ? RETURNING *
"""
BEGUN = "UPDATE job SET begun_at = ? WHERE id = ? AND state = 'running' AND attempt = ?"
ANY_BEGUN = "SELECT EXISTS (SELECT 1 FROM job WHERE state = 'running' AND begun_at IS NOT NULL)"
REQUEUE_ORPHANS = """
    UPDATE job SET state = 'queued', started_at = NULL, begun_at = NULL, deaths = deaths + max(begun_at IS NOT NULL, ?)
    WHERE state = 'running' RETURNING *
"""
SUCCEED = """
    UPDATE job SET state = 'succeeded', finished_at = ?, seconds = ?, peak_memory = ?, notes = ?
    WHERE id = ? AND state = 'running' AND attempt = ? RETURNING *
"""
FAIL = """
    UPDATE job SET state = 'failed', finished_at = ?, failure_code = ?, failure_detail = ?
    WHERE id = ? AND state = 'running' AND attempt = ? RETURNING *
"""
FAIL_QUEUED = """
    UPDATE job SET state = 'failed', finished_at = ?, failure_code = ?, failure_detail = ?
    WHERE id = ? AND state = 'queued' RETURNING *
"""
CANCEL = """
    UPDATE job SET state = 'cancelled', finished_at = ?
    WHERE id = ? AND state IN ('queued', 'running') RETURNING *
"""
# One that its owner has deleted is there for an undo alone (bot.database.privacy.deletions).
OPENED = "UPDATE job SET opened_at = ? WHERE id = ?"
FIND = "SELECT * FROM job WHERE id = ? AND delete_at IS NULL"
QUEUED = "SELECT * FROM job WHERE state = 'queued' ORDER BY id"
COUNT_WAITING = "SELECT count(*) FROM job WHERE person_id = ? AND state = 'queued'"
COUNT_QUEUE = "SELECT count(*) FROM job WHERE state = 'queued'"
UNFINISHED = "SELECT * FROM job WHERE person_id = ? AND state IN ('queued', 'running') ORDER BY id"
UNFINISHED_IDS = "SELECT id FROM job WHERE state IN ('queued', 'running')"
# A job that was assigned to a worker and not begun waits there.
LOADS = """
    SELECT checkpoint, sum(begun_at IS NULL) AS waiting, sum(begun_at IS NOT NULL) AS begun,
        min(CASE WHEN begun_at IS NULL THEN created_at END) AS oldest, sum(deaths) AS deaths
    FROM job WHERE state IN ('queued', 'running') GROUP BY checkpoint
"""
LAST_FAILED = "SELECT * FROM job WHERE state = 'failed' ORDER BY id DESC LIMIT ?"
UNFINISHED_OF_ALL = "SELECT * FROM job WHERE state IN ('queued', 'running') ORDER BY state DESC, id"


RequestT = TypeVar("RequestT", bound=JobRequest)
RequestT_co = TypeVar("RequestT_co", bound=JobRequest, covariant=True)


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the state is final."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True)
class StoredJob(Generic[RequestT_co]):
    """A row of the table: times in unix ms, `seconds` of work, `peak_memory` in bytes, the worker's `notes`.

    `started_at` is when the newest attempt was handed over, `begun_at` when its worker began it; a cancelled job that
    has the first was cancelled at its worker.
    `weight` says how much its person counts for in the queue, `deaths` at how many attempts the worker died.
    `delete_at` is when it goes for good, if its owner has deleted it. `opened_at` is when somebody last used a button
    under its pictures, to the day.
    """

    id: int
    person_id: int
    server_id: int | None
    channel_id: int
    request: RequestT_co
    checkpoint: str
    state: JobState
    failure: InferenceError | None
    attempt: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    seconds: float | None
    peak_memory: int | None
    notes: tuple[str, ...]
    weight: float
    deaths: int
    begun_at: int | None
    delete_at: int | None = None
    opened_at: int | None = None


Job = StoredJob[GenerationRequest]  # one that paints, as all do whose kind nobody has to know
AnyJob = StoredJob[JobRequest]


@dataclass(frozen=True)
class CheckpointLoad:
    """The unfinished jobs for a checkpoint: how many wait, since when (unix ms), and how many a worker has begun.

    `deaths` is how often a worker died at one of them.
    """

    checkpoint: str
    waiting: int
    begun: int
    oldest: int | None
    deaths: int


@dataclass(frozen=True)
class FinishedJob:
    """A job that has just succeeded, with its pictures."""

    job: AnyJob
    pictures: tuple[Picture, ...]


async def create_job(
    db: Database,
    request: RequestT,
    *,
    person_id: int,
    channel_id: int,
    server_id: int | None = None,
    weight: float = 1.0,
) -> StoredJob[RequestT]:
    """Create a queued job, which then survives any crash. Raises DatabaseError."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        if server_id is not None:
            await people.remember_server(db, server_id)
        asked = (person_id, server_id, channel_id, request.model_dump_json(), request.checkpoint)
        (row,) = await db.write(CREATE, (*asked, weight, now_ms()))
        await remember_order(db, row["id"], request)
    return _with_request(row, request)


async def start_job(db: Database, job_id: int) -> AnyJob | None:
    """queued -> running, with the next attempt. Raises DatabaseError."""
    return _moved(await db.write(START, (now_ms(), job_id)))


async def note_begun(db: Database, job_id: int, attempt: int) -> None:
    """Store when the worker began this attempt, which had waited there. Raises DatabaseError."""
    await db.write(BEGUN, (now_ms(), job_id, attempt))


async def requeue_job(db: Database, job_id: int, attempt: int, *, died: bool) -> AnyJob | None:
    """running -> queued; `died` says that the worker of this attempt died at it. Raises DatabaseError."""
    return _moved(await db.write(REQUEUE, (int(died), job_id, attempt)))


async def requeue_orphans(db: Database) -> tuple[AnyJob, ...]:
    """Every running job -> queued: at the program's start no worker has a job, so every attempt has died.

    That counts for those that were begun; for all when none was. Raises DatabaseError.
    """
    async with db.transaction():
        ((any_begun,),) = await db.fetch(ANY_BEGUN)
        rows = await db.fetch(REQUEUE_ORPHANS, (1 - any_begun,))
    return tuple(sorted(map(job_from, rows), key=lambda job: job.id))


async def finish_job(
    db: Database,
    job_id: int,
    attempt: int,
    record: Callable[[AnyJob], Awaitable[tuple[Picture, ...]]],
    *,
    seconds: float,
    peak_memory: int,
    notes: Sequence[str] = (),
) -> FinishedJob | None:
    """running -> succeeded, with the worker's `notes`; `record` stores in the same transaction what the job has made.

    Raises DatabaseError.
    """
    values = (now_ms(), seconds, peak_memory, json.dumps(list(notes)), job_id, attempt)
    async with db.transaction():
        job = _moved(await db.write(SUCCEED, values))
        return None if job is None else FinishedJob(job, await record(job))


async def record_painted(db: Database, job: Job, pictures: Sequence[NewPicture]) -> tuple[Picture, ...]:
    """Store the pictures of a job and their LoRA uses; from now on a search finds it. Raises DatabaseError."""
    request = job.request
    await record_uses(db, job.person_id, request.loras)
    await db.fetch(ADD, (job.id,))
    return await record_pictures(db, job.id, pictures, request)


async def fail_job(db: Database, job_id: int, attempt: int | None, code: str, detail: Detail) -> AnyJob | None:
    """running -> failed for this attempt; with attempt None, queued -> failed. Raises DatabaseError."""
    failure = (now_ms(), code, json.dumps(detail), job_id)
    if attempt is None:
        return _moved(await db.write(FAIL_QUEUED, failure))
    return _moved(await db.write(FAIL, (*failure, attempt)))


async def cancel_job(db: Database, job_id: int) -> AnyJob | None:
    """queued or running -> cancelled; `started_at` tells whether a worker must stop it. Raises DatabaseError."""
    return _moved(await db.write(CANCEL, (now_ms(), job_id)))


async def find_job(db: Database, job_id: int) -> Job | None:
    """The job with this id, or None, also once its owner has deleted it. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (job_id,))
    return None if row is None else job_from(row)


async def note_opened(db: Database, job: AnyJob) -> None:
    """Note that someone used a button under the job's pictures, once a day. Raises DatabaseError."""
    now = now_ms()
    if job.opened_at is None or now - job.opened_at > DAY_MS:
        await db.write(OPENED, (now, job.id))


async def queued_jobs(db: Database) -> tuple[AnyJob, ...]:
    """Every queued job, the oldest first. Raises DatabaseError."""
    return tuple(job_from(row) for row in await db.fetch(QUEUED))


async def unfinished_ids(db: Database) -> tuple[int, ...]:
    """The ids of every job that is queued or running. Raises DatabaseError."""
    return tuple(row["id"] for row in await db.fetch(UNFINISHED_IDS))


async def count_waiting(db: Database, person_id: int) -> int:
    """How many queued jobs the person has. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT_WAITING, (person_id,))
    return row[0]


async def count_queue(db: Database) -> int:
    """How many queued jobs all people together have. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT_QUEUE)
    return row[0]


async def checkpoint_loads(db: Database) -> tuple[CheckpointLoad, ...]:
    """Everybody's unfinished jobs, by checkpoint. Raises DatabaseError."""
    return tuple(CheckpointLoad(**dict(row)) for row in await db.fetch(LOADS))


async def last_failed(db: Database, limit: int) -> tuple[Job, ...]:
    """The newest jobs that failed, the newest first. Raises DatabaseError."""
    return tuple(job_from(row) for row in await db.fetch(LAST_FAILED, (limit,)))


async def unfinished_of_all(db: Database) -> tuple[Job, ...]:
    """Everybody's running and queued jobs, the running ones first, then by age. Raises DatabaseError."""
    return tuple(job_from(row) for row in await db.fetch(UNFINISHED_OF_ALL))


async def unfinished_jobs(db: Database, person_id: int) -> tuple[Job, ...]:
    """A person's queued and running jobs, the oldest first. Raises DatabaseError."""
    return tuple(job_from(row) for row in await db.fetch(UNFINISHED, (person_id,)))


def _moved(rows: list[sqlite3.Row]) -> AnyJob | None:
    return job_from(rows[0]) if rows else None


def job_from(row: sqlite3.Row) -> Job:
    """The job of a row, which may be of another kind; a caller that can meet one takes an `AnyJob`."""
    return _with_request(row, cast("GenerationRequest", JobRequest.stored(row["request"])))


def _with_request(row: sqlite3.Row, request: RequestT) -> StoredJob[RequestT]:
    columns = dict(row)
    code, detail = columns.pop("failure_code"), columns.pop("failure_detail")
    columns["request"] = request
    columns["state"] = JobState(columns["state"])
    columns["notes"] = tuple(json.loads(columns["notes"]))
    failure = None if code is None else InferenceError.from_failed(code, json.loads(detail))
    return StoredJob(**columns, failure=failure)
