"""Forecasts when jobs will begin and end: simulates the queue's own rules with the times that were measured here."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from bot.database.clock import now_ms
from bot.database.jobs import Job
from bot.jobs.active_jobs import ActiveJob
from bot.jobs.pace import Pace
from inference.messages import GenerationRequest
from inference.queue import Waiting
from inference.queue_simulation import Forecast, Times
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


class ForecastJobs(Protocol):
    """What forecasts read of the jobs. `bot.jobs.active_jobs` implements it."""

    def __iter__(self) -> Iterator[ActiveJob]:
        """The jobs that wait or run."""
        ...

    def get(self, job_id: int) -> ActiveJob | None:
        """The job, or None when it neither waits nor runs."""
        ...

    @property
    def waiting(self) -> list[ActiveJob]:
        """The jobs that no worker has."""
        ...

    @property
    def changes(self) -> int:
        """A number that grows with every change which may alter a forecast."""
        ...

    def simulated(self, now: float, times: Times) -> dict[int, Forecast]:
        """The forecast of every job by id, if no other job comes."""
        ...


class Forecasts:
    """Reads the jobs and changes nothing of them. One simulation answers everybody who asks."""

    def __init__(self, active: ForecastJobs, pace: Pace) -> None:
        self._active = active
        self._pace = pace
        self._played: dict[int, Forecast] = {}
        self._changes, self._at = -1, 0.0

    def of(self, job: Job) -> Forecast:
        """When a waiting or running job will begin and be delivered, if no other job comes."""
        return self._told().get(job.id, Forecast(0))

    def paints(self, job: Job) -> bool:
        """Whether a worker has begun the job; until then it waits, in the queue or at the worker."""
        active = self._active.get(job.id)
        return active is not None and active.running

    @property
    def longest_wait(self) -> float | None:
        """Seconds since the oldest job that no worker has begun was ordered; None when there is none."""
        waits = (job.row for job in self._active if not (job.running or job.cancelled))
        since = min((row.created_at for row in waits), default=None)
        return None if since is None else (now_ms() - since) / 1000

    def next_handed(self, person_id: int) -> float | None:
        """Seconds until a job of the person leaves the queue, or anybody's if none of theirs waits; None if unknown."""
        waiting = [job.row for job in self._active.waiting]
        mine = [row for row in waiting if row.person_id == person_id] or waiting
        handed = (self.of(row).handed for row in mine)
        return min((seconds for seconds in handed if seconds is not None), default=None)

    def delivered(self, job: Job) -> None:
        """Note that the job's result has just been delivered."""
        if job.finished_at is not None:
            self._pace.record_delivery((now_ms() - job.finished_at) / 1000)

    def _told(self) -> dict[int, Forecast]:
        now = time.monotonic()
        if self._changes != self._active.changes or now - self._at >= FRESH_SECONDS:
            played = self._active.simulated(now, _Times(self._pace, self._requests))
            self._played = {job_id: self._with_delivery(forecast) for job_id, forecast in played.items()}
            self._changes, self._at = self._active.changes, now
        return self._played

    @property
    def _requests(self) -> dict[int, GenerationRequest]:
        """The requests of all jobs that wait or are at a worker, those that were cancelled there included."""
        known = (job for job in self._active if job.running or job.prefetched or not job.cancelled)
        return {job.row.id: job.row.request for job in known}

    def _with_delivery(self, forecast: Forecast) -> Forecast:
        return forecast if forecast.done is None else replace(forecast, done=forecast.done + self._pace.delivery)
