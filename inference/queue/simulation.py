"""Forecasts of when jobs start and end: simulates the rules of the queue and the engine until no job is left."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Protocol

from inference.queue.request_cost import precedence
from inference.queue.scheduler import JobQueue
from inference.queue.slots import WorkerSlot
from inference.queue.waiting_jobs import Waiting

UNMEASURED_ROUND = (
    1.0  # seconds assumed for a round that was never measured, so that the order is known although the time is not
)


class Times(Protocol):
    """Measured times."""

    def steps(self, job: Waiting) -> int:
        """How many steps the job takes in all."""
        ...

    def round(self, jobs: Collection[Waiting]) -> float | None:
        """Seconds in which one worker runs a step of each of these jobs, of one checkpoint; None: never measured."""
        ...

    def rest(self, job: Waiting) -> float:
        """Seconds from the last step of the job until it ends."""
        ...


@dataclass(frozen=True)
class Forecast:
    """`ahead` jobs start before it; it is `handed` to a worker and `done` in so many seconds, None: unknown."""

    ahead: int
    handed: float | None = None
    done: float | None = None


def simulate(queue: JobQueue, now: float, times: Times, left: Mapping[int, int | None]) -> dict[int, Forecast]:
    """The forecast of every waiting or assigned job, by job id, if no other job comes.

    `now` is by the queue's clock. `left` has the remaining steps of jobs that have started, None while their checkpoint
    is loaded. Other assigned jobs are pending: their worker has no place for them yet.
    """
    return _Simulation(queue, now, times, left).to_the_end()


@dataclass(eq=False)
class _SimulatedWorker:
    """A worker slot and the jobs that its worker runs: each takes a step in each round. Times are seconds from now."""

    slot: WorkerSlot
    times: Times
    running: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    pending: list[tuple[float, int, Waiting]] = field(
        default_factory=list[tuple[float, int, Waiting]]
    )  # the next one first
    arrivals: int = 0
    ends: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])  # in rounds, and job ids
    rounds: float = 0.0  # that were run …
    at: float = 0.0  # … until this time, which lies in the future while a checkpoint is loaded
    round: float = 0.0  # seconds
    work: float = 0.0  # of a round
    measured: bool = True  # whether the times of all rounds so far were measured
    loads: int = 0  # as the slot had counted them

    def __post_init__(self) -> None:
        self.loads = self.slot.loads

    @property
    def next_end(self) -> float:
        """The time at which the next running job has taken its last step."""
        return self.at + (self.ends[0][0] - self.rounds) * self.round if self.ends else inf

    def pass_to(self, now: float) -> None:
        if now > self.at:
            self._take((now - self.at) / self.round if self.round else 0.0)
            self.at = now

    def start(self, job: Waiting, steps: int) -> None:
        self.running[job.job_id] = job
        heapq.heappush(self.ends, (self.rounds + steps, job.job_id))
        self._measure()

    def assign(self, job: Waiting, *, first: bool = False) -> None:
        """Add an assigned job to the pending ones; with `first`, before all others."""
        worked_before = self.slot.worked_before[job.job_id]
        self.arrivals += 1
        heapq.heappush(self.pending, (-inf if first else precedence(job.work, worked_before), self.arrivals, job))

    def admit(self) -> list[Waiting]:
        """Start pending jobs, in order, as far as there are places. Returns them."""
        admitted: list[Waiting] = []
        while self.pending:
            *_, job = self.pending[0]
            taken = sum(job.places for job in self.running.values())
            if taken and taken + job.places > self.slot.places:
                break
            heapq.heappop(self.pending)
            self.start(job, self.times.steps(job))
            admitted.append(job)
        return admitted

    def leave(self) -> Waiting:
        """Remove the running job that takes its last step next, and return it."""
        end, job_id = heapq.heappop(self.ends)
        self._take(end - self.rounds)
        job = self.running.pop(job_id)
        self._measure()
        return job

    def _take(self, rounds: float) -> None:
        self.rounds += rounds
        self.slot.worked += rounds * self.work

    def _measure(self) -> None:
        seconds = self.times.round(self.running.values()) if self.running else 0.0
        self.measured = self.measured and seconds is not None
        self.round = UNMEASURED_ROUND if seconds is None else seconds
        self.work = sum(job.work / max(1, self.times.steps(job)) for job in self.running.values())


class _Simulation:
    def __init__(self, queue: JobQueue, now: float, times: Times, left: Mapping[int, int | None]) -> None:
        self._now = 0.0
        self._queue = queue.copy(lambda: now + self._now)
        self._times = times
        self._workers = [_SimulatedWorker(slot, times) for slot in self._queue.slots]
        self._releases: list[tuple[float, int, int]] = []  # time, job id, index of the worker
        self._of_slot = {worker.slot: worker for worker in self._workers}
        self._forecasts: dict[int, Forecast] = {}
        self._ahead = 0
        for i, worker in enumerate(self._workers):
            slot = worker.slot
            paints = any(left.get(job_id) is not None for job_id in slot.assigned)
            if slot.assigned and slot.checkpoint not in slot.loaded and not paints:
                worker.at = max(0.0, slot.since + self._queue.load_cost(slot.checkpoint or "") - now)
            for job in slot.assigned.values():
                self._forecasts[job.job_id] = Forecast(0, 0.0)
                steps = left.get(job.job_id)
                if steps is None:
                    worker.assign(job, first=job.job_id in left)
                elif steps:
                    worker.start(job, steps)
                else:
                    self._end(i, job)
            self._admit(worker, left)

    def to_the_end(self) -> dict[int, Forecast]:
        """Simulate until no job can move."""
        while True:
            self._hand_over()
            soonest = min((worker.next_end for worker in self._workers), default=inf)
            moment = min(soonest, self._releases[0][0] if self._releases else inf)
            if moment == inf:
                break
            self._pass_to(moment)
        stuck = sorted(self._queue)
        return self._forecasts | {job.job_id: Forecast(self._ahead + i) for i, job in enumerate(stuck)}

    def _pass_to(self, now: float) -> None:
        self._now = now
        for i, worker in enumerate(self._workers):
            worker.pass_to(now)
            while worker.next_end <= now:
                self._end(i, worker.leave())
                self._admit(worker)
        while self._releases and self._releases[0][0] <= now:
            _, job_id, i = heapq.heappop(self._releases)
            self._queue.release(self._workers[i].slot, job_id)

    def _hand_over(self) -> None:
        while (assigned := self._queue.assign()) is not None:
            slot, job = assigned
            worker = self._of_slot[slot]
            if slot.loads != worker.loads:
                worker.loads, worker.at = slot.loads, self._now + self._queue.load_cost(job.checkpoint)
            self._forecasts[job.job_id] = Forecast(0, self._now if worker.measured else None)
            worker.assign(job)
            self._admit(worker)

    def _admit(self, worker: _SimulatedWorker, begun: Collection[int] = ()) -> None:
        for job in worker.admit():
            if job.job_id not in begun:
                self._forecasts[job.job_id] = replace(self._forecasts[job.job_id], ahead=self._ahead)
                self._ahead += 1

    def _end(self, i: int, job: Waiting) -> None:
        done = self._now + self._times.rest(job)
        heapq.heappush(self._releases, (done, job.job_id, i))
        if self._workers[i].measured:
            self._forecasts[job.job_id] = replace(self._forecasts[job.job_id], done=done)
