"""When the jobs that wait will begin and be done: the queue's own rules, played forward to the end."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from inference.queue import JobQueue, Waiting


@dataclass(frozen=True)
class Forecast:
    """`ahead` jobs are begun before; it begins and is done in so many seconds, None when nobody can say."""

    ahead: int
    begins: float | None = None
    done: float | None = None


def rehearse(
    queue: JobQueue, now: float, seconds: Callable[[Waiting, int], float], remaining: Mapping[int, float]
) -> dict[int, Forecast]:
    """What becomes of every job that waits, by job id, if nobody else comes; `now` by the queue's clock.

    `seconds(job, n)` is how long a job takes in a batch of `n`, `remaining` how long the jobs in hand still take.
    """
    elapsed = 0.0
    played = queue.copy(lambda: now + elapsed)
    ends: list[tuple[float, int, int]] = []  # when, which job, in which seat
    told: dict[int, Forecast] = {}
    for i, seat in enumerate(played.seats):
        for job_id in seat.in_hand:
            heapq.heappush(ends, (remaining.get(job_id, 0.0), job_id, i))
    while True:
        for i, seat in enumerate(played.seats):
            held = seat.held
            while (job := played.next(seat)) is not None:
                load = 0.0 if job.checkpoint in held else played.load_cost(job.checkpoint)
                end = elapsed + load + seconds(job, max(1, len(seat.in_hand)))
                told[job.job_id] = Forecast(len(told), elapsed, end)
                heapq.heappush(ends, (end, job.job_id, i))
                held = seat.held
        if not ends:
            return told | {job.job_id: Forecast(len(told)) for job in played}
        elapsed, job_id, i = heapq.heappop(ends)
        played.release(played.seats[i], job_id)
