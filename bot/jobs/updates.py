"""Updates of a job for its followers."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.jobs import Job
from bot.database.pictures import Picture
from inference.messages import Progress
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
