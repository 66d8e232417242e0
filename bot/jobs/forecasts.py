"""When jobs will begin and be done: the queue's own rules played forward, with the times that were measured here."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.database.clock import now_ms
from bot.database.jobs import Job
from bot.jobs.pace import Pace
from bot.jobs.worker_slots import Station
from inference.messages import GenerationRequest
from inference.queue import JobQueue, Waiting
from inference.rehearsal import Forecast, rehearse
from inference.work import passes

FRESH_SECONDS = 1.0  # for so long what was played holds, if nobody came or went meanwhile


@dataclass(frozen=True)
class _Times:
    """What `rehearse` asks. A job that was cancelled while it was being handed over wants nothing any more."""

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
    """Looks at what the dispatcher keeps, and changes nothing of it. One play answers everybody who asks."""

    def __init__(self, queue: JobQueue, stations: Sequence[Station], jobs: Mapping[int, Job], pace: Pace) -> None:
        self._queue = queue
        self._stations = stations
        self._jobs = jobs
        self._pace = pace
        self._played: dict[int, Forecast] = {}
        self._changes, self._at = -1, 0.0

    def of(self, job: Job) -> Forecast:
        """When a job that waits or is painted will begin and be with its person, if nobody else comes."""
        return self._told().get(job.id, Forecast(0))

    def paints(self, job: Job) -> bool:
        """Whether a worker has begun it; until then it waits, in the queue or at the worker."""
        return any((hand := station.hands.get(job.id)) and hand.watch for station in self._stations)

    @property
    def longest_wait(self) -> float | None:
        """Seconds since the first of those ordered who are not painted yet; None when there is none."""
        since = min((job.created_at for job in self._jobs.values() if not self.paints(job)), default=None)
        return None if since is None else (now_ms() - since) / 1000

    def next_handed(self, person_id: int) -> float | None:
        """Seconds until one of a person's jobs leaves the queue, or if none waits, anybody's; None: nobody can say."""
        waiting = [job for job in self._jobs.values() if job.id in self._queue]
        mine = [job for job in waiting if job.person_id == person_id] or waiting
        handed = (self.of(job).handed for job in mine)
        return min((seconds for seconds in handed if seconds is not None), default=None)

    def delivered(self, job: Job) -> None:
        """Its person has what became of it, just now."""
        if job.finished_at is not None:
            self._pace.delivered((now_ms() - job.finished_at) / 1000)

    def _told(self) -> dict[int, Forecast]:
        now = time.monotonic()
        if self._changes != self._queue.changes or now - self._at >= FRESH_SECONDS:
            left = {
                job_id: None if hand.watch.total is None else hand.watch.total - hand.watch.steps
                for station in self._stations
                for job_id, hand in station.hands.items()
                if hand.watch
            }
            played = rehearse(self._queue, now, _Times(self._pace, self._requests), left)
            self._played = {job_id: self._with_delivery(forecast) for job_id, forecast in played.items()}
            self._changes, self._at = self._queue.changes, now
        return self._played

    @property
    def _requests(self) -> dict[int, GenerationRequest]:
        """What everybody wants who waits or is in a worker's hands, also when it was cancelled there."""
        hands = [hand.job for station in self._stations for hand in station.hands.values() if hand.job]
        return {job.id: job.request for job in (*self._jobs.values(), *hands)}

    def _with_delivery(self, forecast: Forecast) -> Forecast:
        return forecast if forecast.done is None else replace(forecast, done=forecast.done + self._pace.delivery)
