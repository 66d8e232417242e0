"""Who is next. Pure policy: no clock, no database, no worker."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """A queued job. `work` is what it will cost: steps x pixels x pictures. For a `background` one nobody waits."""

    job_id: int
    person_id: int
    checkpoint: str
    work: float
    background: bool = False


class JobQueue:
    """The person served least so far comes first; among a person's jobs, the oldest.

    What a person has had is a virtual counter (work handed out). Who comes, or comes back from idle, starts where
    the person taken last stood before: nobody saves up, nobody pays for a busy past.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, Waiting] = {}
        self._served: dict[int, float] = {}
        self._level = 0.0  # what the person taken last had had before

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, job: Waiting) -> None:
        """Let a job wait. Pushing the same job again changes nothing."""
        if job.job_id in self._waiting:
            return
        if all(waiting.person_id != job.person_id for waiting in self._waiting.values()):
            self._served[job.person_id] = max(self._served.get(job.person_id, 0.0), self._level)
        self._waiting[job.job_id] = job

    def remove(self, job_id: int) -> bool:
        """Forget a waiting job; False when it does not wait (any more)."""
        return self._waiting.pop(job_id, None) is not None

    def next(self, loaded: Collection[str]) -> Waiting | None:
        """Take the next job out; between people served equally, one whose checkpoint is `loaded`. None: empty."""
        order = self.order(loaded)
        if not order:
            return None
        job = order[0]
        del self._waiting[job.job_id]
        self._level = self._served[job.person_id]
        self._served[job.person_id] += job.work
        return job

    def order(self, loaded: Collection[str] = ()) -> list[Waiting]:
        """The waiting jobs as they would be taken if nobody else came."""
        served = dict(self._served)
        left = sorted(self._waiting.values(), key=lambda job: job.job_id)
        order: list[Waiting] = []
        while left:
            job = min(
                left,
                key=lambda job: (job.background, served[job.person_id], job.checkpoint not in loaded, job.job_id),
            )
            left.remove(job)
            served[job.person_id] += job.work
            order.append(job)
        return order
