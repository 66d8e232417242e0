"""Who is next, simulated: first come first served, greedy affinity, and our `JobQueue`. Prints one JSON object.

The situation of a busy server: three checkpoints asked for in 60/30/10 %, twenty people of whom one sends 40 % of the
jobs, 0.1 s a step, 5 s to load a checkpoint, one worker that paints one job at a time. Seeded, so that it always gives
the same numbers; each is the mean over the seeds.

    python benchmarks/queue.py [--jobs 820] [--seeds 20]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Protocol

sys.path.pop(0)  # this folder, whose queue.py is not Python's
sys.path.insert(0, str(Path(__file__).parents[1]))

from inference.queue import JobQueue, Seat, Waiting

CHECKPOINTS, SHARES = ("a", "b", "c"), (60, 30, 10)
PEOPLE, HEAVY_SHARE = 20, 0.4
STEPS = (4, 8, 20, 28)
STEP_SECONDS, LOAD_SECONDS = 0.1, 5.0
HEAVY = 0  # the person who sends most


@dataclass(frozen=True)
class Arrival:
    """A job of the trace."""

    at: float
    job: Waiting
    seconds: float


class Scheduler(Protocol):
    """A way to choose."""

    def push(self, job: Waiting) -> None:
        """A job has come."""
        ...

    def next(self) -> Waiting | None:
        """The job to begin now."""
        ...

    def done(self, job: Waiting) -> None:
        """It is painted."""
        ...


class FirstCome:
    """In the order of arrival, whatever has to be loaded."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._line: list[Waiting] = []

    def push(self, job: Waiting) -> None:
        """A job has come."""
        self._line.append(job)

    def next(self) -> Waiting | None:
        """The job to begin now."""
        return self._line.pop(0) if self._line else None

    def done(self, job: Waiting) -> None:
        """It is painted."""


class Greedy(FirstCome):
    """What is loaded for as long as anybody wants it; then what the oldest job wants."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._loaded = ""

    def next(self) -> Waiting | None:
        """The job to begin now."""
        if not self._line:
            return None
        job = next((job for job in self._line if job.checkpoint == self._loaded), self._line[0])
        self._line.remove(job)
        self._loaded = job.checkpoint
        return job


class Ours:
    """The queue of the bot."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._queue = JobQueue(clock)
        self._queue.load_seconds = dict.fromkeys(CHECKPOINTS, LOAD_SECONDS)
        self._seat = Seat(frozenset(CHECKPOINTS), places=1)
        self._queue.seats = [self._seat]

    def push(self, job: Waiting) -> None:
        """A job has come."""
        self._queue.push(job)

    def next(self) -> Waiting | None:
        """The job to begin now."""
        return self._queue.next(self._seat)

    def done(self, job: Waiting) -> None:
        """It is painted."""
        self._queue.release(self._seat, job.job_id)


def trace(load: float, jobs: int, seed: int) -> list[Arrival]:
    """Poisson arrivals at `load` times what the worker could paint if nothing had to be loaded."""
    chance = random.Random(seed)
    gap = fmean(STEPS) * STEP_SECONDS / load
    now, made = 0.0, list[Arrival]()
    for job_id in range(1, jobs + 1):
        now += chance.expovariate(1 / gap)
        person = HEAVY if chance.random() < HEAVY_SHARE else chance.randrange(1, PEOPLE)
        (checkpoint,) = chance.choices(CHECKPOINTS, SHARES)
        steps = chance.choice(STEPS)
        made.append(Arrival(now, Waiting(job_id, person, checkpoint, float(steps), since=now), steps * STEP_SECONDS))
    return made


def simulate(make: Callable[[Callable[[], float]], Scheduler], arrivals: list[Arrival]) -> dict[str, float]:
    """Mean wait, loads and their share of the worker's time, and how much slower than alone light people were."""
    now, loaded, loads, worked, forced = 0.0, "", 0, 0.0, 0
    wanted: Counter[str] = Counter()  # how many wait for each checkpoint
    scheduler = make(lambda: now)
    by_id = {arrival.job.job_id: arrival for arrival in arrivals}
    waits, slow, coming = dict[int, float](), list[float](), list(reversed(arrivals))
    while len(waits) < len(arrivals):
        while coming and coming[-1].at <= now:
            wanted[coming[-1].job.checkpoint] += 1
            scheduler.push(coming.pop().job)
        job = scheduler.next()
        if job is None:
            if not coming:
                raise RuntimeError("somebody was never taken")
            now = coming[-1].at
            continue
        arrival = by_id[job.job_id]
        if job.checkpoint != loaded:
            forced += wanted[loaded] > 0
            loaded, loads = job.checkpoint, loads + 1
            now += LOAD_SECONDS
        wanted[loaded] -= 1
        if job.job_id in waits:
            raise RuntimeError("a job was taken twice")
        waits[job.job_id] = now - arrival.at
        now += arrival.seconds
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


def main() -> None:
    """Both loads, and the figures by which the policy is judged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=820)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    usual, crowded = (measured(load, options.jobs, options.seeds) for load in (0.85, 1.3))
    print(
        json.dumps(
            {
                "benchmark": "queue",
                "jobs": options.jobs,
                "seeds": options.seeds,
                "wait_vs_greedy": round(usual["ours"]["mean_wait"] / usual["greedy"]["mean_wait"], 3),
                "light_slowdown_vs_greedy": round(
                    crowded["ours"]["light_slowdown"] / crowded["greedy"]["light_slowdown"], 3
                ),
                "overhead": crowded["ours"]["overhead"],  # at 0.85 a worker with nothing else to do loads at once
                "load_0.85": usual,
                "load_1.3": crowded,
            }
        )
    )


if __name__ == "__main__":
    main()
