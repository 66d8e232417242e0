"""Updates of a job for its followers, and a job as the queue sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.jobs import Job
from bot.database.pictures import Picture
from inference.messages import Progress
from inference.queue import Waiting
from inference.request_cost import work
from inference.workers import WorkerDied


@dataclass(frozen=True)
class JobUpdate:
    """An update of a job: `progress` while it runs, `pictures` once it has succeeded.

    `trouble` is the death of a worker, sent to followers of every waiting job; the job itself goes on.
    """

    job: Job
    progress: Progress | None = None
    pictures: tuple[Picture, ...] = ()
    trouble: WorkerDied | None = None


def waiting(job: Job, max_attempts: int) -> Waiting:
    """The job as the queue sees it."""
    request = job.request
    return Waiting(
        job_id=job.id,
        person_id=job.person_id,
        checkpoint=job.checkpoint,
        work=float(work(request)),
        pictures=request.count,
        weight=job.weight,
        server_id=job.server_id,
        # The last attempt runs alone, so that a job which kills its worker takes no other job along.
        exclusive=job.deaths > 0 and job.deaths >= max_attempts - 1,
        since=time.monotonic() - max(0, now_ms() - job.created_at) / 1000,
    )
