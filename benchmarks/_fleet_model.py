"""Workers whose steps take time and compute nothing, with the real queue before them; for fleet.py.

A step of `n` pictures at once takes 1 + 0.5 (n - 1) times that of one, as forecasts assume where nothing was measured.
Time is simulated, and what the queue itself takes is measured: from an order, or the end of a job, until nothing more
can be assigned.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf

from inference.queue.request_cost import precedence
from inference.queue.scheduler import JobQueue
from inference.queue.slots import WorkerSlot
from inference.queue.waiting_jobs import Waiting

STEP_SECONDS = 0.1  # of one picture
STEPS = 28.0
GROWING_SHARE = 0.5  # of a step's time for each further picture
RECONSIDER_SECONDS = 5.0  # as the job service does


@dataclass(eq=False)
class SimulatedWorker:
    """Runs the jobs of its slot: as many at once as it has places, each a step in each round."""

    slot: WorkerSlot
    ready: float = 0.0  # while it loads, this lies in the future
    loads: int = 0
    running: dict[int, float] = field(default_factory=dict[int, float])  # rounds that are left
    at: float = 0.0  # until when the rounds are counted
    version: int = 0  # of its next end; older ones in the heap do not count
    busy: float = 0.0

    def advance(self, now: float) -> None:
        """Run until `now`."""
        began = max(self.at, self.ready)
        if self.running and now > began:
            rounds = (now - began) / self.round
            for job_id in self.running:
                self.running[job_id] -= rounds
            self.slot.worked += rounds * len(self.running)
            self.busy += now - began
        self.at = max(self.at, now)

    @property
    def round(self) -> float:
        """Seconds of a step of all that run."""
        return STEP_SECONDS * (1 + GROWING_SHARE * (len(self.running) - 1))

    @property
    def next_end(self) -> float:
        """When the next job ends."""
        if not self.running:
            return inf
        return max(self.at, self.ready) + min(self.running.values()) * self.round

    def admit(self) -> None:
        """Start assigned jobs while there are places."""
        assigned, before = self.slot.assigned, self.slot.worked_before
        while len(self.running) < min(self.slot.places, len(assigned)):
            waits = (job for job in assigned.values() if job.job_id not in self.running)
            job = min(waits, key=lambda job: precedence(job.work, before[job.job_id]))
            self.running[job.job_id] = job.work


class Fleet:
    """A queue, its workers, and a clock."""

    def __init__(
        self,
        workers: int,
        checkpoints: Sequence[str],
        places: int = 1,
        load_seconds: float = 5.0,
    ) -> None:
        self.now = 0.0
        rate = places / (STEP_SECONDS * (1 + GROWING_SHARE * (places - 1)))
        self.queue = JobQueue(
            lambda: self.now, dict.fromkeys(checkpoints, load_seconds), dict.fromkeys(checkpoints, rate)
        )
        self.workers = {
            slot: SimulatedWorker(slot) for slot in (WorkerSlot(frozenset(checkpoints), places) for _ in range(workers))
        }
        for slot in self.workers:
            self.queue.join(slot)
        self.cpu = 0.0  # seconds that the queue took
        self.assigned = 0
        self.waits: list[float] = []
        self._ends: list[tuple[float, int, int, SimulatedWorker]] = []
        self._numbers = count()
        self._next_look = RECONSIDER_SECONDS

    @property
    def loads(self) -> int:
        """How often a checkpoint was loaded."""
        return sum(slot.loads for slot in self.workers)

    def push(self, jobs: Sequence[Waiting]) -> None:
        """People order."""
        began = time.process_time()
        for job in jobs:
            self.queue.push(job)
        self.cpu += time.process_time() - began
        self.fill()

    def fill(self) -> None:
        """Assign what can be assigned."""
        touched = set[SimulatedWorker]()
        began = time.process_time()
        found = list[tuple[WorkerSlot, Waiting]]()
        while (pair := self.queue.assign()) is not None:
            found.append(pair)
        self.cpu += time.process_time() - began
        for slot, job in found:
            worker = self.workers[slot]
            worker.advance(self.now)
            if slot.loads != worker.loads:
                worker.loads, worker.ready = slot.loads, self.now + self.queue.load_cost(job.checkpoint)
            self.waits.append(self.now - job.since)
            touched.add(worker)
        self.assigned += len(found)
        for worker in touched:
            worker.admit()
            self._schedule(worker)

    def _schedule(self, worker: SimulatedWorker) -> None:
        worker.version += 1
        if worker.running:
            heappush(self._ends, (worker.next_end, next(self._numbers), worker.version, worker))

    def next_end(self) -> float:
        """When the next job ends; infinite when none runs."""
        while self._ends and self._ends[0][2] != self._ends[0][3].version:
            heappop(self._ends)
        return self._ends[0][0] if self._ends else inf

    def pass_to(self, now: float) -> list[Waiting]:
        """Let time pass, not beyond the next end; the jobs that end then."""
        if now >= self._next_look:
            self._next_look = now + RECONSIDER_SECONDS
            began = time.process_time()
            self.queue.reconsider()
            self.cpu += time.process_time() - began
        self.now = now
        ended = list[Waiting]()
        while self.next_end() <= now:
            worker = heappop(self._ends)[3]
            worker.advance(now)
            for job_id in [job_id for job_id, left in worker.running.items() if left <= 1e-6]:
                del worker.running[job_id]
                ended.append(worker.slot.assigned[job_id])
                began = time.process_time()
                self.queue.release(worker.slot, job_id)
                self.cpu += time.process_time() - began
            worker.admit()
            self._schedule(worker)
        self.fill()
        return ended


def crowd(jobs: int, people: int, checkpoints: Sequence[str], chance: random.Random) -> list[Waiting]:
    """So many jobs, ordered at once."""
    names = chance.choices(checkpoints, k=jobs)
    return [Waiting(i, 1 + i % people, name, STEPS) for i, name in enumerate(names, 1)]
