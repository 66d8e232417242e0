"""Simulates queue policies: first come first served, greedy affinity, and our `JobQueue`.

`ahead_vs_none` compares a worker that runs one picture at a time and prefetches a few jobs with one that prefetches
none: the mean wait and the slowdown of light people, on one checkpoint, at a load of 0.9.

The workload is that of a busy server: three checkpoints asked for in 60/30/10 %, twenty people of whom one sends 40 %
of the jobs, 0.1 s a step, 5 s to load a checkpoint, one worker that runs one job at a time. Seeded, so that it always
gives the same numbers; each is the mean over the seeds.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Protocol

from benchmarks._command import BenchmarkCommand, closing_line
from inference.queue.request_cost import precedence
from inference.queue.scheduler import JobQueue
from inference.queue.slots import PREFETCHED_JOBS, WorkerSlot
from inference.queue.waiting_jobs import Waiting

CHECKPOINTS, SHARES = ("a", "b", "c"), (60, 30, 10)
PEOPLE, HEAVY_SHARE = 20, 0.4
STEPS = (4, 8, 20, 28)
STEP_SECONDS, LOAD_SECONDS = 0.1, 5.0
HEAVY = 0  # the person who sends most
# As shares of greedy affinity's figures: what fairness may cost all, and what it has to gain those who ask for little.
MOST_WAIT, MOST_LIGHT_SLOWDOWN = 1.1, 0.5


@dataclass(frozen=True)
class Arrival:
    """A job of the trace."""

    at: float
    job: Waiting
    seconds: float


class Scheduler(Protocol):
    """A policy."""

    def push(self, job: Waiting) -> None:
        """A job has come."""
        ...

    def next(self) -> Waiting | None:
        """The job to start now."""
        ...

    def done(self, job: Waiting) -> None:
        """The job has ended."""
        ...


class FirstCome:
    """In the order of arrival, whatever must be loaded."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._line: list[Waiting] = []

    def push(self, job: Waiting) -> None:
        """A job has come."""
        self._line.append(job)

    def next(self) -> Waiting | None:
        """The job to start now."""
        return self._line.pop(0) if self._line else None

    def done(self, job: Waiting) -> None:
        """The job has ended."""


class Greedy(FirstCome):
    """Jobs for the loaded checkpoint as long as there are any, then the oldest job."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._loaded = ""

    def next(self) -> Waiting | None:
        """The job to start now."""
        if not self._line:
            return None
        job = next((job for job in self._line if job.checkpoint == self._loaded), self._line[0])
        self._line.remove(job)
        self._loaded = job.checkpoint
        return job


class Ours:
    """The bot's queue, and the engine's order among assigned jobs."""

    def __init__(self, clock: Callable[[], float], prefetch: int = PREFETCHED_JOBS) -> None:
        self._queue = JobQueue(clock, dict.fromkeys(CHECKPOINTS, LOAD_SECONDS))
        self._slot = WorkerSlot(frozenset(CHECKPOINTS), places=1, prefetch=prefetch)
        self._queue.slots = [self._slot]

    def push(self, job: Waiting) -> None:
        """A job has come."""
        self._queue.push(job)
        if self._slot.assigned:
            self._fill()

    def next(self) -> Waiting | None:
        """The job to start now: an assigned one, for the engine does not wait for the next assignment."""
        assigned, worked_before = list(self._slot.assigned.values()), self._slot.worked_before
        if assigned:
            started = min(assigned, key=lambda job: precedence(job.work, worked_before[job.job_id]))
        else:
            started = self._queue.next(self._slot)
        self._fill()
        return started

    def done(self, job: Waiting) -> None:
        """The job has ended."""
        self._slot.worked += job.work
        self._queue.release(self._slot, job.job_id)

    def _fill(self) -> None:
        while self._queue.next(self._slot):
            pass


def trace(
    load: float, jobs: int, seed: int, shares: Sequence[int] = SHARES, heavy: float = HEAVY_SHARE
) -> list[Arrival]:
    """Poisson arrivals at `load` times what the worker could paint if nothing had to be loaded."""
    chance = random.Random(seed)
    gap = fmean(STEPS) * STEP_SECONDS / load
    now, made = 0.0, list[Arrival]()
    for job_id in range(1, jobs + 1):
        now += chance.expovariate(1 / gap)
        person = HEAVY if chance.random() < heavy else chance.randrange(1, PEOPLE)
        (checkpoint,) = chance.choices(CHECKPOINTS, shares)
        steps = chance.choice(STEPS)
        made.append(Arrival(now, Waiting(job_id, person, checkpoint, float(steps), since=now), steps * STEP_SECONDS))
    return made


def simulate(make: Callable[[Callable[[], float]], Scheduler], arrivals: list[Arrival]) -> dict[str, float]:
    """Mean wait, loads and their share of the worker's time, and how much slower than alone light people were."""
    now, loaded, loads, worked, forced = 0.0, "", 0, 0.0, 0
    waiting: Counter[str] = Counter()  # how many wait for each checkpoint
    scheduler = make(lambda: now)
    by_id = {arrival.job.job_id: arrival for arrival in arrivals}
    waits, slow, coming = dict[int, float](), list[float](), list(reversed(arrivals))

    def pass_to(then: float) -> None:
        nonlocal now
        while coming and coming[-1].at <= then:
            now = max(now, coming[-1].at)
            waiting[coming[-1].job.checkpoint] += 1
            scheduler.push(coming.pop().job)
        now = max(now, then)

    while len(waits) < len(arrivals):
        job = scheduler.next()
        if job is None:
            if not coming:
                raise RuntimeError("somebody was never taken")
            pass_to(coming[-1].at)
            continue
        arrival = by_id[job.job_id]
        if job.checkpoint != loaded:
            forced += waiting[loaded] > 0
            loaded, loads = job.checkpoint, loads + 1
            pass_to(now + LOAD_SECONDS)
        waiting[loaded] -= 1
        if job.job_id in waits:
            raise RuntimeError("a job was taken twice")
        waits[job.job_id] = now - arrival.at
        pass_to(now + arrival.seconds)
        worked += arrival.seconds
        scheduler.done(job)
        if job.person_id != HEAVY:
            slow.append((now - arrival.at) / arrival.seconds)
    busy = loads * LOAD_SECONDS + worked
    longest = max(wait for job_id, wait in waits.items() if by_id[job_id].job.person_id != HEAVY)
    return {
        "mean_wait": fmean(waits.values()),
        "light_slowdown": fmean(slow),
        "light_longest_wait": longest,
        "loads": loads,
        "overhead": loads * LOAD_SECONDS / busy,
        "forced_overhead": forced * LOAD_SECONDS / busy,  # loaded although somebody waited for what was there
    }


def measured(load: float, jobs: int, seeds: int) -> dict[str, dict[str, float]]:
    """All three on the same traces."""
    makers = {"fifo": FirstCome, "greedy": Greedy, "ours": Ours}
    traces = [trace(load, jobs, seed) for seed in range(seeds)]
    table: dict[str, dict[str, float]] = {}
    for name, make in makers.items():
        runs = [simulate(make, arrivals) for arrivals in traces]
        table[name] = {key: round(fmean(run[key] for run in runs), 3) for key in runs[0]}
    return table


def prefetch_vs_none(jobs: int, seeds: int, heavy: float) -> dict[str, float]:
    """Mean wait and slowdown with prefetched jobs, and as shares of those without."""
    traces = [trace(0.9, jobs, seed, (1, 0, 0), heavy) for seed in range(seeds)]
    told: dict[str, float] = {}
    some, none = (
        [simulate(partial(Ours, prefetch=prefetch), arrivals) for arrivals in traces]
        for prefetch in (PREFETCHED_JOBS, 0)
    )
    for key in ("mean_wait", "light_slowdown", "light_longest_wait"):
        told[key], without = (fmean(run[key] for run in runs) for runs in (some, none))
        told[f"{key}_vs_none"] = told[key] / without
    return {key: round(value, 3) for key, value in told.items()}


def main() -> int:
    """Both loads, and the figures by which the policy is judged; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--jobs", 820, 820, "jobs of a trace")
    parser.add_size("--seeds", 20, 4, "traces")
    options = parser.read()
    usual, crowded = (measured(load, options.jobs, options.seeds) for load in (0.85, 1.3))
    wait = round(usual["ours"]["mean_wait"] / usual["greedy"]["mean_wait"], 3)
    slowdown = round(crowded["ours"]["light_slowdown"] / crowded["greedy"]["light_slowdown"], 3)
    figures = {
        "jobs": options.jobs,
        "seeds": options.seeds,
        "wait_vs_greedy": wait,
        "light_slowdown_vs_greedy": slowdown,
        "overhead": crowded["ours"]["overhead"],  # at 0.85 a worker with nothing else to do loads at once
        "ahead_vs_none": {
            "all_alike": prefetch_vs_none(options.jobs, options.seeds, 1 / PEOPLE),
            "one_sends_40%": prefetch_vs_none(options.jobs, options.seeds, HEAVY_SHARE),
        },
        "load_0.85": usual,
        "load_1.3": crowded,
    }
    failed = [f"people wait {wait} times as long as with greedy affinity"] if wait > MOST_WAIT else []
    failed += [f"light people's slowdown is {slowdown} of greedy's"] if slowdown > MOST_LIGHT_SLOWDOWN else []
    return closing_line("queue_policy", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
