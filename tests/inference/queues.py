"""Queues for tests, and a clock for them."""

from __future__ import annotations

from inference.queue.request_cost import precedence
from inference.queue.scheduler import JobQueue
from inference.queue.slots import WorkerSlot
from inference.queue.waiting_jobs import Waiting

BOTH = frozenset({"vivid", "pastel"})


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waiting(job_id: int, person: int, work: float = 1.0, checkpoint: str = "vivid", **more: object) -> Waiting:
    return Waiting(job_id, person, checkpoint, work, since=1000.0, **more)  # type: ignore[arg-type]


def fill(queue: JobQueue, slot: WorkerSlot) -> list[int]:
    """Assign all jobs that the slot takes now; returns their ids."""
    return [job.job_id for job in iter(lambda: queue.next(slot), None)]


def painted_next(slot: WorkerSlot) -> Waiting:
    """The assigned job with which a worker starts that runs one picture at a time."""
    return min(slot.assigned.values(), key=lambda job: precedence(job.work, slot.worked_before[job.job_id]))


def filled(
    *jobs: Waiting,
    slots: int = 1,
    places: int = 1,
    clock: Clock | None = None,
    load_seconds: dict[str, float] | None = None,
    speeds: dict[str, float] | None = None,
) -> JobQueue:
    queue = JobQueue(clock or Clock(), load_seconds, speeds)
    queue.slots = [WorkerSlot(BOTH, places) for _ in range(slots)]
    for job in jobs:
        queue.push(job)
    return queue
