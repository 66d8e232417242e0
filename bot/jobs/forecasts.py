"""Forecasts when jobs will begin and end: simulates the queue's own rules with the times that were measured here."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.database.clock import now_ms
from bot.database.jobs import Job
from bot.jobs.pace import Pace
from bot.jobs.worker_slots import WorkerHandle
from inference.messages import GenerationRequest
from inference.queue import JobQueue, Waiting
from inference.queue_simulation import Forecast, simulate
from inference.request_cost import passes

FRESH_SECONDS = 1.0  # for so long a simulation is reused, unless the queue has changed


@dataclass(frozen=True)
class _Times:
    """The times that `simulate` asks for. A job that was cancelled while it was being assigned takes none."""

    pace: Pace
    requests: Mapping[int, GenerationRequest]

    def steps(self, job: Waiting) -> int:
        request = self.requests.get(job.job_id)
        return 0 if request is None else passes(request)

    def round(self, jobs: Collection[Waiting]) -> float | None:
        return self.pace.round([self.requests[job.job_id] for job in jobs if job.job_id in self.requests])

    def rest(self, job: Waiting) -> float:
        request = self.requests.get(job.job_id)
        return 0.0 if request is None else self.pace.rest(request)


class Forecasts:
    """Reads the dispatcher's state and changes nothing of it. One simulation answers everybody who asks."""

    def __init__(self, queue: JobQueue, handles: Sequence[WorkerHandle], jobs: Mapping[int, Job], pace: Pace) -> None:
        self._queue = queue
        self._handles = handles
        self._jobs = jobs
        self._pace = pace
        self._played: dict[int, Forecast] = {}
        self._changes, self._at = -1, 0.0

    def of(self, job: Job) -> Forecast:
        """When a waiting or running job will begin and be delivered, if no other job comes."""
        return self._told().get(job.id, Forecast(0))

    def paints(self, job: Job) -> bool:
        """Whether a worker has begun the job; until then it waits, in the queue or at the worker."""
        return any((assignment := handle.assigned.get(job.id)) and assignment.timer for handle in self._handles)

    @property
    def longest_wait(self) -> float | None:
        """Seconds since the oldest job that no worker has begun was ordered; None when there is none."""
        since = min((job.created_at for job in self._jobs.values() if not self.paints(job)), default=None)
        return None if since is None else (now_ms() - since) / 1000

    def next_handed(self, person_id: int) -> float | None:
        """Seconds until a job of the person leaves the queue, or anybody's if none of theirs waits; None if unknown."""
        waiting = [job for job in self._jobs.values() if job.id in self._queue]
        mine = [job for job in waiting if job.person_id == person_id] or waiting
        handed = (self.of(job).handed for job in mine)
        return min((seconds for seconds in handed if seconds is not None), default=None)

    def delivered(self, job: Job) -> None:
        """Note that the job's result has just been delivered."""
        if job.finished_at is not None:
            self._pace.record_delivery((now_ms() - job.finished_at) / 1000)

    def _told(self) -> dict[int, Forecast]:
        now = time.monotonic()
        if self._changes != self._queue.changes or now - self._at >= FRESH_SECONDS:
            left = {
                job_id: None if assignment.timer.total is None else assignment.timer.total - assignment.timer.steps
                for handle in self._handles
                for job_id, assignment in handle.assigned.items()
                if assignment.timer
            }
            played = simulate(self._queue, now, _Times(self._pace, self._requests), left)
            self._played = {job_id: self._with_delivery(forecast) for job_id, forecast in played.items()}
            self._changes, self._at = self._queue.changes, now
        return self._played

    @property
    def _requests(self) -> dict[int, GenerationRequest]:
        """The requests of all jobs that wait or are assigned to a worker, those that were cancelled there included."""
        assigned = [
            assignment.job for handle in self._handles for assignment in handle.assigned.values() if assignment.job
        ]
        return {job.id: job.request for job in (*self._jobs.values(), *assigned)}

    def _with_delivery(self, forecast: Forecast) -> Forecast:
        return forecast if forecast.done is None else replace(forecast, done=forecast.done + self._pace.delivery)
