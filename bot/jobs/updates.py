"""What happens to a job, as whoever follows it hears of it, and what the queue is told of one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.jobs import Job
from bot.database.pictures import Picture
from inference.messages import Progress
from inference.queue import Waiting
from inference.work import work
from inference.workers import WorkerDied


@dataclass(frozen=True)
class JobUpdate:
    """What has just happened to a job. `progress` while it paints, `pictures` once it has succeeded.

    `trouble` is a worker's death, told to everybody who waits; the job itself goes on.
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
        # Its last chance it gets by itself, so that nobody is taken along by somebody else's bad job.
        exclusive=job.deaths > 0 and job.deaths >= max_attempts - 1,
        since=time.monotonic() - max(0, now_ms() - job.created_at) / 1000,
    )
