"""When jobs will begin and be done: the queue's own rules played forward, with the times that were measured here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from bot.database.jobs import Job
from bot.pace import Pace
from bot.stations import Station
from inference.queue import JobQueue, Waiting
from inference.rehearsal import Forecast, rehearse

FRESH_SECONDS = 1.0  # for so long what was played holds, if nobody came or went meanwhile


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
        """When a job that waits or is painted will begin and be done, if nobody else comes."""
        forecast = self._told().get(job.id)
        if forecast is None:
            return Forecast(0, 0.0, self.remaining(job.id))
        if self._pace.seconds(job.request) is None:
            return Forecast(forecast.ahead)
        return forecast

    def next_begins(self, person_id: int) -> float | None:
        """Seconds until the next of a person's jobs begins, or if none waits, anybody's; None when nobody can say."""
        waiting = [job for job in self._jobs.values() if job.id in self._queue]
        mine = [job for job in waiting if job.person_id == person_id] or waiting
        begins = (self.of(job).begins for job in mine)
        return min((seconds for seconds in begins if seconds is not None), default=None)

    def remaining(self, job_id: int) -> float | None:
        """Seconds until a job in a worker's hands is done; None when nobody can say."""
        for station in self._stations:
            if (hand := station.hands.get(job_id)) and hand.job:
                done = hand.watch.steps if hand.watch else 0
                return self._pace.seconds(hand.job.request, max(1, len(station.begun)), done=done)
        return None

    def _told(self) -> dict[int, Forecast]:
        now = time.monotonic()
        if self._changes != self._queue.changes or now - self._at >= FRESH_SECONDS:
            remaining = {job_id: self.remaining(job_id) or 0.0 for s in self._stations for job_id in s.hands}
            self._played = rehearse(self._queue, now, self._seconds, remaining)
            self._changes, self._at = self._queue.changes, now
        return self._played

    def _seconds(self, waiting: Waiting, jobs: int) -> float:
        return self._pace.seconds(self._jobs[waiting.job_id].request, jobs) or 0.0
