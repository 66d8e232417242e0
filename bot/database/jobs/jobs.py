"""Jobs and their states: `queued -> running -> succeeded · failed · cancelled`.

Every move is one statement that names the state it leaves and, where a worker is involved, the attempt: a worker
that was given up and still answers finds nothing to move. None means that somebody else was first.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar, cast

from pydantic import Json, PlainValidator

from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.jobs.orders import remember_order
from bot.database.jobs.terms import INDEX_JOB
from bot.database.loras.uses import record_uses
from bot.database.people import people
from bot.database.pictures.pictures import NewPicture, Picture, record_pictures
from bot.database.query import Query, SqlStatement
from inference.errors import Detail, InferenceError
from inference.messages.request import GenerationRequest, JobRequest

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
    request: Annotated[RequestT_co, PlainValidator(JobRequest.stored)]
    checkpoint: str
    state: JobState
    attempt: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    seconds: float | None
    peak_memory: int | None
    notes: Json[tuple[str, ...]]
    weight: float
    deaths: int
    begun_at: int | None
    delete_at: int | None = None
    opened_at: int | None = None
    failure_code: str | None = None
    failure_detail: Json[dict[str, Any]] | None = None

    @property
    def failure(self) -> InferenceError | None:
        """Why the job failed."""
        code = self.failure_code
        return None if code is None else InferenceError.from_failed(code, self.failure_detail or {})


Job = StoredJob[GenerationRequest]  # one that paints, as all do whose kind nobody has to know
AnyJob = StoredJob[JobRequest]


@dataclass(frozen=True)
class FinishedJob:
    """A job that has just succeeded, with its pictures."""

    job: AnyJob
    pictures: Sequence[Picture]


CREATE_JOB = Query(
    AnyJob,
    """
    INSERT INTO job (person_id, server_id, channel_id, request, checkpoint, weight, created_at)
    VALUES (:person, :server, :channel, :request, :checkpoint, :weight, :now) RETURNING *
    """,
)
# queued -> running, with the next attempt
START_JOB = Query(
    AnyJob,
    """
    UPDATE job SET state = 'running', attempt = attempt + 1, started_at = :now, begun_at = NULL
    WHERE id = :id AND state = 'queued' RETURNING *
    """,
)
# running -> queued. `died`: the worker of this attempt died at it.
REQUEUE_JOB = Query(
    AnyJob,
    """
    UPDATE job SET state = 'queued', started_at = NULL, begun_at = NULL, deaths = deaths + :died
    WHERE id = :job AND state = 'running' AND attempt = :attempt RETURNING *
    """,
)
# The worker began this attempt, which had waited there.
NOTE_BEGUN = SqlStatement("UPDATE job SET begun_at = :now WHERE id = :id AND state = 'running' AND attempt = :attempt")
ANY_BEGUN = Query(bool, "SELECT EXISTS (SELECT 1 FROM job WHERE state = 'running' AND begun_at IS NOT NULL)")
REQUEUE_ORPHANS = Query(
    AnyJob,
    """
    UPDATE job SET state = 'queued', started_at = NULL, begun_at = NULL, deaths = deaths + max(begun_at IS NOT NULL, ?)
    WHERE state = 'running' RETURNING *
    """,
)
COMPLETE_JOB = Query(
    AnyJob,
    """
    UPDATE job SET state = 'succeeded', finished_at = :now, seconds = :seconds, peak_memory = :peak_memory,
    notes = :notes WHERE id = :id AND state = 'running' AND attempt = :attempt RETURNING *
    """,
)
_FAIL = """
    UPDATE job SET state = 'failed', finished_at = :now, failure_code = :failure_code, failure_detail = :failure_detail
    WHERE id = :id
"""
FAIL_RUNNING_JOB = Query(AnyJob, f"{_FAIL} AND state = 'running' AND attempt = :attempt RETURNING *")
FAIL_QUEUED_JOB = Query(AnyJob, f"{_FAIL} AND state = 'queued' RETURNING *")
# queued or running -> cancelled; `started_at` tells whether a worker must stop it
CANCEL_JOB = Query(
    AnyJob,
    """
    UPDATE job SET state = 'cancelled', finished_at = :now
    WHERE id = :id AND state IN ('queued', 'running') RETURNING *
    """,
)
NOTE_OPENED = SqlStatement("UPDATE job SET opened_at = :now WHERE id = :id")
# A job that its owner has deleted is there for an undo alone (bot.database.privacy.deletions).
FIND_JOB = Query(Job, "SELECT * FROM job WHERE id = ? AND delete_at IS NULL")
QUEUED_JOBS = Query(AnyJob, "SELECT * FROM job WHERE state = 'queued' ORDER BY id")
COUNT_WAITING = Query(int, "SELECT count(*) FROM job WHERE person_id = ? AND state = 'queued'")
COUNT_QUEUE = Query(int, "SELECT count(*) FROM job WHERE state = 'queued'")
UNFINISHED_JOBS = Query(Job, "SELECT * FROM job WHERE person_id = ? AND state IN ('queued', 'running') ORDER BY id")
UNFINISHED_IDS = Query(int, "SELECT id FROM job WHERE state IN ('queued', 'running')")
# The running jobs first, then by age.
ALL_UNFINISHED_JOBS = Query(Job, "SELECT * FROM job WHERE state IN ('queued', 'running') ORDER BY state DESC, id")


async def create_job(
    db: Database,
    request: RequestT,
    *,
    person_id: int,
    channel_id: int,
    server_id: int | None = None,
    weight: float = 1.0,
) -> StoredJob[RequestT]:
    """Create a queued job, which then survives any crash."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        if server_id is not None:
            await people.remember_server(db, server_id)
        job = await db.get(
            CREATE_JOB, person=person_id, server=server_id, channel=channel_id,
            request=request.model_dump_json(), checkpoint=request.checkpoint, weight=weight, now=now_ms(),
        )  # fmt: skip
        await remember_order(db, job.id, request)
    return cast("StoredJob[RequestT]", job)


async def requeue_orphans(db: Database) -> list[AnyJob]:
    """Every running job -> queued: at the program's start no worker has a job, so every attempt has died.

    That counts for those that were begun; for all when none was.
    """
    async with db.transaction():
        orphans = await db.all(REQUEUE_ORPHANS, not await db.get(ANY_BEGUN))
    return sorted(orphans, key=lambda job: job.id)


async def finish_job(
    db: Database,
    job_id: int,
    attempt: int,
    record: Callable[[AnyJob], Awaitable[Sequence[Picture]]],
    *,
    seconds: float,
    peak_memory: int,
    notes: Sequence[str] = (),
) -> FinishedJob | None:
    """running -> succeeded, with the worker's `notes`. In the same transaction, `record` stores what the job made."""
    async with db.transaction():
        job = await db.one(
            COMPLETE_JOB,
            id=job_id,
            attempt=attempt,
            seconds=seconds,
            peak_memory=peak_memory,
            notes=[*notes],
            now=now_ms(),
        )
        return None if job is None else FinishedJob(job, await record(job))


async def record_painted(db: Database, job: Job, pictures: Sequence[NewPicture]) -> Sequence[Picture]:
    """Store the pictures of a job and their LoRA uses; from now on a search finds it."""
    request = job.request
    await record_uses(db, job.person_id, request.loras)
    await db.run(INDEX_JOB, job.id)
    return await record_pictures(db, job.id, pictures, request)


async def fail_job(db: Database, job_id: int, attempt: int | None, code: str, detail: Detail) -> AnyJob | None:
    """running -> failed for this attempt; with attempt None, queued -> failed."""
    failure = {"id": job_id, "failure_code": code, "failure_detail": json.dumps(detail), "now": now_ms()}
    if attempt is None:
        return await db.one(FAIL_QUEUED_JOB, **failure)
    return await db.one(FAIL_RUNNING_JOB, **failure, attempt=attempt)


async def note_opened(db: Database, job: AnyJob) -> None:
    """Note that someone used a button under the job's pictures, once a day."""
    now = now_ms()
    if job.opened_at is None or now - job.opened_at > DAY_MS:
        await db.run(NOTE_OPENED, now=now, id=job.id)
