"""Queues for tests, and a clock for them."""

from __future__ import annotations

from inference.queue import JobQueue, Seat, Waiting
from inference.work import precedence

BOTH = frozenset({"vivid", "pastel"})


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waiting(job_id: int, person: int, work: float = 1.0, checkpoint: str = "vivid", **more: object) -> Waiting:
    return Waiting(job_id, person, checkpoint, work, since=1000.0, **more)  # type: ignore[arg-type]


def fill(queue: JobQueue, seat: Seat) -> list[int]:
    """Hand over all that the seat takes now; what it was."""
    return [job.job_id for job in iter(lambda: queue.next(seat), None)]


def painted_next(seat: Seat) -> Waiting:
    """The one of those in hand with which a worker begins that paints one picture at a time."""
    return min(seat.in_hand.values(), key=lambda job: precedence(job.work, seat.came[job.job_id]))


def filled(*jobs: Waiting, seats: int = 1, places: int = 1, clock: Clock | None = None) -> JobQueue:
    queue = JobQueue(clock or Clock())
    queue.seats = [Seat(BOTH, places) for _ in range(seats)]
    for job in jobs:
        queue.push(job)
    return queue
