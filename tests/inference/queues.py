"""Queues for tests, and a clock for them."""

from __future__ import annotations

from inference.queue import JobQueue, Seat, Waiting

BOTH = frozenset({"vivid", "pastel"})


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waiting(job_id: int, person: int, work: float = 1.0, checkpoint: str = "vivid", **more: object) -> Waiting:
    return Waiting(job_id, person, checkpoint, work, since=1000.0, **more)  # type: ignore[arg-type]


def filled(*jobs: Waiting, seats: int = 1, places: int = 1, clock: Clock | None = None) -> JobQueue:
    queue = JobQueue(clock or Clock())
    queue.seats = [Seat(BOTH, places) for _ in range(seats)]
    for job in jobs:
        queue.push(job)
    return queue
