"""Simulates many workers with the real queue: loads of checkpoints, throughput, and what the queue itself takes.

`loads`: 200 jobs over three checkpoints, ordered at once, on four workers; each worker has to load once at least.
`throughput`: 1 to 16 workers, as a share of so many times that of one. `large`: 1,000 workers of four places for
100,000 people who order again and again, on 40 checkpoints; how many seconds of the queue's own time go with a second
of painting. Times of steps are those of `_fleet_model.py`; loading takes 5 s.

With `--backend ray` the jobs of `loads` are painted instead, on four nodes of a Ray cluster on this machine
(`_ray_fleet.py`).
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from heapq import heappop, heappush
from math import inf
from pathlib import Path
from statistics import fmean

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._fleet_model import Fleet, crowd
from benchmarks._ray_fleet import painted_on_ray
from inference.queue.waiting_jobs import Waiting

THREE = ("a", "b", "c")
LORAS = 2000  # of which each job of the large simulation uses one, some often
WORKERS, JOBS, PEOPLE = 4, 200, 50  # of `loads`
MOST_LOADS, LEAST_THROUGHPUT, MOST_QUEUE_TIME = 1.5, 0.9, 0.2


def painted_at_once(workers: int, jobs: int, seed: int, places: int = 1) -> Fleet:
    """A fleet that has ended so many jobs, which were ordered at once."""
    fleet = Fleet(workers, THREE, places)
    fleet.push(crowd(jobs, PEOPLE, THREE, random.Random(seed)))
    while (then := fleet.next_end()) < inf:
        fleet.pass_to(then)
    if fleet.assigned != jobs or len(fleet.queue):
        raise RuntimeError("a job was lost or doubled")
    return fleet


def loads(seeds: int) -> dict[str, float]:
    """Loads of checkpoints for these jobs, as multiples of the one for each worker that is needed to use them all."""
    fleets = [painted_at_once(WORKERS, JOBS, seed, places) for seed in range(seeds) for places in (1, 4)]
    counts = [fleet.loads / WORKERS for fleet in fleets]
    return {"mean": round(fmean(counts), 3), "most": round(max(counts), 3)}


def throughput(seeds: int, jobs: int) -> dict[str, float]:
    """Throughput on n workers for n times as many jobs, as a share of n times that of one."""

    def seconds(workers: int) -> float:
        return fmean(painted_at_once(workers, jobs * workers, seed).now for seed in range(seeds))

    alone = seconds(1)
    return {str(workers): round(alone / seconds(workers), 3) for workers in (1, 2, 4, 8, 16)}


def large(workers: int, people: int, checkpoints: int, seconds: float) -> dict[str, float]:
    """Everybody has a job that waits or is painted, or orders the next one soon."""
    chance = random.Random(1)
    names = [f"c{i}" for i in range(checkpoints)]
    shares = [1 / (i + 1) for i in range(checkpoints)]
    fleet = Fleet(workers, names, places=4)
    numbers = iter(range(1, 10**9))

    def order(person: int) -> Waiting:
        (name,) = chance.choices(names, shares)
        loras = frozenset({f"{int(chance.paretovariate(1.2)) % LORAS:016x}"})
        steps = float(chance.choice((20, 28, 40)))
        return Waiting(next(numbers), person, name, steps, since=fleet.now, loras=loras)

    fleet.push([order(person) for person in range(people)])
    filled, loaded = fleet.cpu, fleet.loads
    coming = list[tuple[float, int]]()
    while fleet.now < seconds:
        then = min(fleet.next_end(), coming[0][0] if coming else inf)
        for job in fleet.pass_to(then):
            heappush(coming, (fleet.now + chance.expovariate(1 / 60), job.person_id))
        ordered = list[Waiting]()
        while coming and coming[0][0] <= fleet.now:
            ordered.append(order(heappop(coming)[1]))
        if ordered:
            fleet.push(ordered)
    took, ended = fleet.cpu - filled, fleet.assigned
    return {
        "workers": workers,
        "people": people,
        "checkpoints": checkpoints,
        "painted_seconds": round(fleet.now, 1),
        "jobs": ended,
        "busy": round(fmean(worker.busy for worker in fleet.workers.values()) / fleet.now, 3),
        "loads": fleet.loads - loaded,
        "queue_seconds_per_second": round(took / fleet.now, 4),
        "queue_ms_per_job": round(1000 * took / ended, 3),
        "ms_per_job_of_the_first_orders": round(1000 * filled / people, 3),
    }


def on_ray(jobs: int, *, quick: bool) -> int:
    """Paint the jobs of `loads` on a cluster; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(painted_on_ray(WORKERS, crowd(jobs, PEOPLE, THREE, random.Random(1)), Path(folder)))
    failed = [f"{found['loads']} loads for {WORKERS} workers"] if found["loads"] > MOST_LOADS * WORKERS else []
    failed += [f"{found[what]} {what}" for what in ("lost", "doubled") if found[what]]
    return closing_line("fleet", {"backend": "ray", **found}, failed, quick=quick)


def main() -> int:
    """Simulate all three, or paint the jobs of `loads`; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_argument("--backend", choices=("simulated", "ray"), default="simulated")
    parser.add_size("--ray-jobs", JOBS, 40, "jobs that are painted with --backend ray")
    parser.add_size("--seeds", 10, 2, "different orders of jobs")
    parser.add_size("--jobs", 100, 100, "jobs for each worker, to measure throughput")
    parser.add_size("--workers", 1000, 100, "workers of the large simulation")
    parser.add_size("--people", 100_000, 5_000, "people of the large simulation")
    parser.add_size("--seconds", 120.0, 30.0, "simulated seconds of painting there")
    options = parser.read()
    if options.backend == "ray":
        return on_ray(options.ray_jobs, quick=options.quick)
    loaded, scaled = loads(options.seeds), throughput(options.seeds, options.jobs)
    crowded = large(options.workers, options.people, 40, options.seconds)
    failed = [f"{loaded['most']} times the loads"] if loaded["most"] > MOST_LOADS else []
    failed += [f"throughput of {n} workers is {share}" for n, share in scaled.items() if share < LEAST_THROUGHPUT]
    spent = crowded["queue_seconds_per_second"]
    failed += [f"the queue takes {spent} s for each second of painting"] if spent >= MOST_QUEUE_TIME else []
    figures = {"loads": loaded, "throughput": scaled, "large": crowded}
    return closing_line("fleet", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
