"""The jobs that wait for one checkpoint, in the orders by which the queue chooses among them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Set
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Waiting:
    """A queued job of any kind, waiting `since` then by the queue's clock.

    `work` is its cost: of a picture steps x pixels x rows, of another job that of a picture which takes as long. It is
    for workers that serve its `checkpoint`, of whose places it takes `places`: a picture takes one, or one for each of
    its regions. An `exclusive` job shares its worker with no other job. `loras` are those that it uses, as
    `inference.messages.events.lora_key` shortens them.
    """

    job_id: int
    person_id: int = field(compare=False)
    checkpoint: str = field(compare=False)
    work: float = field(compare=False)
    places: int = field(default=1, compare=False)
    weight: float = field(default=1.0, compare=False)
    server_id: int | None = field(default=None, compare=False)
    exclusive: bool = field(default=False, compare=False)
    since: float = field(default=0.0, compare=False)
    loras: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass
class CheckpointQueue:
    """The jobs that wait for one checkpoint, of each person in order. `heads` are the first ones that are not paused.

    Lists are kept sorted, so that finding the next job need not look at every person.
    """

    people: dict[int, list[Waiting]] = field(default_factory=dict[int, list[Waiting]])
    heads: dict[int, Waiting] = field(default_factory=dict[int, Waiting])  # by person
    by_counter: list[tuple[float, int]] = field(
        default_factory=list[tuple[float, int]]
    )  # counters and job ids of heads
    by_age: list[tuple[float, int]] = field(
        default_factory=list[tuple[float, int]]
    )  # waiting since, and job ids of heads
    since_sum: float = field(default=0.0, compare=False)  # of the heads; rounded, as the order of additions has it
    count: int = field(default=0, compare=False)  # of all jobs, paused ones too …
    work: float = field(default=0.0, compare=False)  # … and what they cost, rounded likewise
    passed: tuple[int, int] = field(default=(0, 0), compare=False)  # the first job by counter, and how many overtook it

    def add(self, job: Waiting, counter: float, paused: Set[int]) -> None:
        """A job waits, of a person with this counter."""
        insort(self.people.setdefault(job.person_id, []), job)
        self.count += 1
        self.work += job.work
        self.update_head(job.person_id, counter, paused)

    def drop(self, job: Waiting, counter: float, paused: Set[int]) -> None:
        """A job does not wait any more."""
        jobs = self.people[job.person_id]
        del jobs[bisect_left(jobs, job)]
        self.count -= 1
        self.work -= job.work
        self.update_head(job.person_id, counter, paused)
        if not jobs:
            del self.people[job.person_id]

    def update_head(self, person_id: int, counter: float, paused: Set[int]) -> None:
        """Find the first job of a person that is not paused."""
        old = self.heads.get(person_id)
        new = next((job for job in self.people[person_id] if job.server_id not in paused), None)
        if old is new:
            return
        if old is not None:
            del self.heads[person_id]
            _remove_sorted(self.by_counter, (counter, old.job_id))
            _remove_sorted(self.by_age, (old.since, old.job_id))
            self.since_sum -= old.since
        if new is not None:
            self.heads[person_id] = new
            insort(self.by_counter, (counter, new.job_id))
            insort(self.by_age, (new.since, new.job_id))
            self.since_sum += new.since

    def update_counter(self, person_id: int, old: float, new: float) -> None:
        """Change a person's counter from `old` to `new`."""
        if head := self.heads.get(person_id):
            _remove_sorted(self.by_counter, (old, head.job_id))
            insort(self.by_counter, (new, head.job_id))

    def waited_seconds(self, now: float) -> float:
        """Waiting seconds of all heads in sum."""
        return len(self.heads) * now - self.since_sum

    def first_equals(self, count: int) -> list[int]:
        """The first jobs by counter, at most so many, whose people have the same counter as that of the first."""
        lowest = self.by_counter[0][0]
        return [job_id for counter, job_id in self.by_counter[:count] if counter == lowest]

    def overtaken(self, job_id: int) -> int:
        """By how many jobs of the same counter this first job was overtaken."""
        return self.passed[1] if self.passed[0] == job_id else 0

    def note_taken(self, job_id: int) -> None:
        """This job, of the lowest counter, is about to be taken; it overtakes the first one unless it is that."""
        first = self.by_counter[0][1]
        self.passed = (first, self.overtaken(first) + 1) if job_id != first else (0, 0)

    def copy(self) -> CheckpointQueue:
        """An independent copy."""
        people = {person: list(jobs) for person, jobs in self.people.items()}
        return CheckpointQueue(
            people,
            dict(self.heads),
            list(self.by_counter),
            list(self.by_age),
            self.since_sum,
            self.count,
            self.work,
            self.passed,
        )


def _remove_sorted(ordered: list[tuple[float, int]], entry: tuple[float, int]) -> None:
    del ordered[bisect_left(ordered, entry)]
