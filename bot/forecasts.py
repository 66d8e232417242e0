"""When jobs will begin and be done: the queue's own rules played forward, with the times that were measured here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.database.jobs import Job
from bot.pace import Pace
from bot.stations import Station
from inference.queue import Forecast, JobQueue, Waiting


class Forecasts:
    """Looks at what the dispatcher keeps, and changes nothing of it. `waiting` is what the queue sees of a job."""

    def __init__(
        self,
        queue: JobQueue,
        stations: Sequence[Station],
        jobs: Mapping[int, Job],
        pace: Pace,
        waiting: Callable[[Job], Waiting],
    ) -> None:
        self._queue = queue
        self._stations = stations
        self._jobs = jobs
        self._pace = pace
        self._waiting = waiting

    def of(self, job: Job) -> Forecast:
        """When a job that waits or is about to will begin and be done, if nobody else comes."""
        if self._pace.seconds(job.request) is None:
            return Forecast(self._queue.forecast(self._waiting(job), lambda _job, _n: 1.0, {}).ahead)
        remaining = {job_id: self.remaining(job_id) or 0.0 for station in self._stations for job_id in station.hands}

        def seconds(waiting: Waiting, jobs: int) -> float:
            known = self._jobs.get(waiting.job_id, job)
            return self._pace.seconds(known.request, jobs) or 0.0

        return self._queue.forecast(self._waiting(job), seconds, remaining)

    def next_begins(self, person_id: int) -> float | None:
        """Seconds until the next of a person's jobs begins, or if none waits, anybody's; None when nobody can say."""
        waiting = [job for job in self._jobs.values() if job.id in self._queue]
        mine = [job for job in waiting if job.person_id == person_id] or waiting
        begins = [forecast.begins for job in mine[:1] if (forecast := self.of(job)).begins is not None]
        return min(begins, default=None)

    def remaining(self, job_id: int) -> float | None:
        """Seconds until a job in a worker's hands is done; None when nobody can say."""
        for station in self._stations:
            if (hand := station.hands.get(job_id)) and hand.job:
                done = hand.watch.steps if hand.watch else 0
                return self._pace.seconds(hand.job.request, max(1, len(station.begun)), done=done)
        return None
