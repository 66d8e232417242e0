"""Measures how long things take here, and forecasts from it when jobs will begin and end, by the queue's own rules."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from bot.database.clock import now_ms
from bot.database.jobs.jobs import AnyJob
from bot.database.jobs.paces import MeasuredSeconds, Shape
from bot.jobs.active_jobs import ActiveJob
from bot.jobs.kinds import kind_of
from inference.messages.request import GenerationRequest, JobRequest
from inference.queue.request_cost import slots
from inference.queue.simulation import Forecast, Times
from inference.queue.waiting_jobs import Waiting

# A simulation that took this many seconds is reused for so many times as long, whatever has changed meanwhile.
LONG_SIMULATION, REUSED_TIMES = 0.1, 20.0
FRESH_SECONDS = 1.0  # for so long a simulation is reused, unless the queue has changed
NEWEST_SHARE = 0.3  # how much the newest measurement of a load or an end counts against all before
AVERAGED_ROUNDS = 10.0  # a step's time is the mean of about so many
GUESSED_ROUNDS = 5.0  # that an estimate from other numbers of pictures counts for: the first rounds may be slow ones
GROWING_SHARE = 0.5  # of a step's time grows with the pictures at once, while only one number of them was measured
LONGEST_DELIVERY = 60.0  # seconds; what takes longer was an outage


class Pace:
    """Holds what was measured, and estimates from it. Times are seconds.

    Only painting is measured: nothing is told of the times of other jobs, nor of those that run beside them.
    """

    def __init__(self) -> None:
        self._steps: dict[Shape, float] = {}  # seconds of a step for so many pictures of one size at once
        self._rounds: dict[Shape, float] = {}  # how many rounds that is the mean of, at most AVERAGED_ROUNDS
        self._rests: dict[str, float] = {}  # by checkpoint: seconds for each pixel, from the last step to the end
        self.loads: dict[str, float] = {}
        self.speeds: dict[str, float] = {}  # work per second of a worker, by checkpoint
        self.delivery = 0.0  # seconds from a job's end until its person has it
        self._unsaved: set[Shape] = set()
        self._unsaved_loads: set[str] = set()

    def remember(self, paces: Mapping[Shape, MeasuredSeconds], loads: Mapping[str, float]) -> None:
        """Load what was measured before this start."""
        for shape, measured in paces.items():
            self._steps[shape], self._rounds[shape] = measured.step_seconds, AVERAGED_ROUNDS
            self._rests[shape.checkpoint] = measured.rest_seconds / _work(shape)
        self.loads.update(loads)

    def take_unsaved(self) -> tuple[dict[Shape, MeasuredSeconds], dict[str, float]]:
        """What was measured since the last call, to be stored."""
        paces = {
            shape: MeasuredSeconds(self._steps[shape], self._rests.get(shape.checkpoint, 0.0) * _work(shape))
            for shape in self._unsaved
        }
        loads = {checkpoint: self.loads[checkpoint] for checkpoint in self._unsaved_loads}
        self._unsaved, self._unsaved_loads = set(), set()
        return paces, loads

    # --- measuring ---------------------------------------------------------------------------------------------

    def record_step(self, batch: Collection[JobRequest], seconds: float, share: float = 1.0) -> None:
        """Each job of the batch has taken a step. This report is one of `1 / share` reports of the same round."""
        shapes = _shapes(batch)
        if shapes is None:
            return
        expected = self._expected(shapes)
        for shape in shapes:
            usual = self._step(shape)
            if usual is None or not expected:
                usual = seconds * _work(shape) / sum(map(_work, shapes))
            seen = self._rounds.get(shape, GUESSED_ROUNDS if expected else 0.0)
            self._rounds[shape] = min(AVERAGED_ROUNDS, seen + share)
            newest = share / self._rounds[shape]
            self._steps[shape] = usual * (1 + newest * (seconds / expected - 1)) if expected else usual
            self._unsaved.add(shape)

    def record_speed(self, checkpoint: str, work_per_second: float, share: float = 1.0) -> None:
        """A worker does so much work with the checkpoint. This report is one of `1 / share` of the same round."""
        old = self.speeds.get(checkpoint, work_per_second)
        self.speeds[checkpoint] = old + NEWEST_SHARE * share * (work_per_second - old)

    def record_end(self, request: JobRequest, seconds: float) -> None:
        """A job has succeeded, `seconds` after its last step."""
        if not isinstance(request, GenerationRequest):
            return
        each = seconds / (request.width * request.height * request.count)
        self._rests[request.checkpoint] = _moving_average(self._rests.get(request.checkpoint), each)

    def record_load(self, checkpoint: str, seconds: float) -> None:
        """A checkpoint was loaded in `seconds`."""
        self.loads[checkpoint] = _moving_average(self.loads.get(checkpoint), seconds)
        self._unsaved_loads.add(checkpoint)

    def record_delivery(self, seconds: float) -> None:
        """A result was delivered, `seconds` after its job had ended."""
        if seconds < LONGEST_DELIVERY:
            self.delivery = _moving_average(self.delivery, seconds)

    # --- estimating --------------------------------------------------------------------------------------------

    def round(self, batch: Collection[JobRequest]) -> float | None:
        """Seconds of one step of this batch; None if that was never measured."""
        shapes = _shapes(batch)
        return None if shapes is None else self._expected(shapes)

    def rest(self, request: JobRequest) -> float:
        """Seconds from a job's last step to its end."""
        if not isinstance(request, GenerationRequest):
            return 0.0
        return self._rests.get(request.checkpoint, 0.0) * request.width * request.height * request.count

    def _expected(self, shapes: Iterable[Shape]) -> float | None:
        """Seconds of one round: pictures of different sizes are denoised one size after the other."""
        steps = [self._step(shape) for shape in shapes]
        return None if None in steps else sum(step for step in steps if step is not None)

    def _step(self, wanted: Shape) -> float | None:
        """Seconds measured for this shape, or estimated from the nearest ones of the checkpoint."""
        if (exact := self._steps.get(wanted)) is not None:
            return exact
        known = [shape for shape in self._steps if shape.checkpoint == wanted.checkpoint]
        if not known:
            return None
        alike = sorted(shape for shape in known if (shape.width, shape.height) == (wanted.width, wanted.height))
        if not alike:
            near = min(known, key=lambda shape: (abs(_work(shape) - _work(wanted)), shape))
            return self._steps[near] * _work(wanted) / _work(near)
        for fewer, more in pairwise(alike):
            if fewer.pictures < wanted.pictures < more.pictures:
                part = (wanted.pictures - fewer.pictures) / (more.pictures - fewer.pictures)
                return self._steps[fewer] + part * (self._steps[more] - self._steps[fewer])
        near = alike[0] if wanted.pictures < alike[0].pictures else alike[-1]
        return self._steps[near] * (1 + GROWING_SHARE * (wanted.pictures / near.pictures - 1))


def _shapes(requests: Iterable[JobRequest]) -> list[Shape] | None:
    """The shapes of the pictures, a slot counted as one; None where a request asks for something else."""
    pictures = Counter[tuple[str, int, int]]()
    for request in requests:
        if not isinstance(request, GenerationRequest):
            return None
        pictures[request.checkpoint, request.width, request.height] += slots(request)
    return [Shape(*size, count) for size, count in pictures.items()]


def _moving_average(old: float | None, new: float) -> float:
    return new if old is None else old + NEWEST_SHARE * (new - old)


def _work(shape: Shape) -> int:
    return shape.width * shape.height * shape.pictures


@dataclass(frozen=True)
class _Times:
    """The times that `simulate` asks for. A job that was cancelled while it was being assigned takes none."""

    pace: Pace
    requests: Mapping[int, JobRequest]

    def steps(self, job: Waiting) -> int:
        request = self.requests.get(job.job_id)
        return 0 if request is None else kind_of(request).steps(request)

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
        self._changes, self._at, self._reused_until = -1, 0.0, 0.0

    def of(self, job: AnyJob) -> Forecast:
        """When a waiting or running job will begin and be delivered, if no other job comes."""
        told = self._told()
        if job.id not in told and self._waits(job):  # it was ordered after a simulation that is reused
            return Forecast(len(told))
        return told.get(job.id, Forecast(0))

    def _waits(self, job: AnyJob) -> bool:
        active = self._active.get(job.id)
        return active is not None and active.assignment is None

    def paints(self, job: AnyJob) -> bool:
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

    def delivered(self, job: AnyJob) -> None:
        """Note that the job's result has just been delivered."""
        if job.finished_at is not None:
            self._pace.record_delivery((now_ms() - job.finished_at) / 1000)

    def _told(self) -> dict[int, Forecast]:
        now = time.monotonic()
        changed = self._changes != self._active.changes and now >= self._reused_until
        if changed or now - self._at >= max(FRESH_SECONDS, self._reused_until - self._at):
            began = time.thread_time()
            played = self._active.simulated(now, _Times(self._pace, self._requests))
            self._played = {job_id: self._with_delivery(forecast) for job_id, forecast in played.items()}
            self._changes, self._at = self._active.changes, now
            took = time.thread_time() - began
            self._reused_until = now + (took * REUSED_TIMES if took > LONG_SIMULATION else 0.0)
        return self._played

    @property
    def _requests(self) -> dict[int, JobRequest]:
        """The requests of all jobs that wait or are at a worker, those that were cancelled there included."""
        known = (job for job in self._active if job.running or job.prefetched or not job.cancelled)
        return {job.row.id: job.row.request for job in known}

    def _with_delivery(self, forecast: Forecast) -> Forecast:
        return forecast if forecast.done is None else replace(forecast, done=forecast.done + self._pace.delivery)
