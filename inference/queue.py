"""The job queue: which job a worker gets next, and how many may wait. Pure policy: no database, no worker; the clock is
passed in.

There are two rules. First, a worker stays on a checkpoint, while jobs wait for it, for a quantum of ten times its
loading time, so that loading takes at most a tenth of the worker's time. Then it switches to the checkpoint whose jobs
have waited longest in sum; no checkpoint waits for ever. Only the first job of each person counts, so that nobody
attracts or keeps a worker by ordering many. Second, among the jobs for its checkpoint the worker takes that of the
person with the lowest virtual counter: the work done for them so far, divided by their weight.

A worker that runs one picture at a time prefetches a few jobs: it starts with the shortest (`inference.request_cost`)
and reads the files of the others meanwhile. Prefetched jobs belong to different people, and a job joins them only if
its person's counter is not higher than theirs. So counters still bound the difference: of two people who always have
jobs waiting, neither is served more than the largest job of each before the other.

Virtual counters are those of Sheng et al., "Fairness in Serving Large Language Models" (VTC, 2024).
`benchmarks/queue_policy.py` measures both ideas against simpler ones.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from heapq import nlargest

from inference.errors import QueueFull, TooManyWaiting

QUANTUM_LOADS = 10.0  # the quantum, in loading times: so long a worker stays on a checkpoint while jobs wait for it
# Then it switches once a job elsewhere has waited so many quanta, and all there so many times as long as all here, …
SWITCH_FACTOR = 2.5
STARVATION_QUANTA = 12.0  # … or once a job elsewhere has waited so many quanta
PREFETCHED_JOBS = 3  # jobs assigned to a worker that runs one picture at a time, beside the one it runs
UNMEASURED_LOAD_SECONDS = 5.0  # seconds, for a checkpoint that was never loaded here
ABSENT_COUNTERS = 5000  # counters kept of people without a job here; at twice as many the lowest are forgotten
EVERYWHERE = 0  # in place of a server's id: the whole queue is paused


@dataclass(frozen=True)
class Policy:
    """The weight of a person, and the limits of waiting jobs: of this person, and of all.

    The weight divides the counter: a person of weight 2 gets twice the share of one of weight 1, and nobody starves.
    """

    weight: float = 1.0
    waiting_per_person: int = 10
    waiting_in_all: int = 500

    def check(self, mine: int, in_all: int, wait: Callable[[], str]) -> None:
        """Check whether one more job may wait; `wait` tells how long it takes until one leaves.

        Raises TooManyWaiting or QueueFull.
        """
        if mine >= self.waiting_per_person:
            raise TooManyWaiting(limit=self.waiting_per_person, wait=wait())
        if in_all >= self.waiting_in_all:
            raise QueueFull(waiting=in_all, wait=wait())


@dataclass(frozen=True, order=True)
class Waiting:
    """A queued job of any kind, waiting `since` then by the queue's clock.

    `work` is its cost: of a picture steps x pixels x rows, of another job that of a picture which takes as long. It is
    for workers that serve its `checkpoint`, of whose places it takes `places`: a picture takes one, or one for each of
    its regions. An `exclusive` job shares its worker with no other job.
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


@dataclass
class _CheckpointQueue:
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

    def add(self, job: Waiting, counter: float, paused: Set[int]) -> None:
        insort(self.people.setdefault(job.person_id, []), job)
        self.update_head(job.person_id, counter, paused)

    def drop(self, job: Waiting, counter: float, paused: Set[int]) -> None:
        jobs = self.people[job.person_id]
        del jobs[bisect_left(jobs, job)]
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

    def copy(self) -> _CheckpointQueue:
        people = {person: list(jobs) for person, jobs in self.people.items()}
        return _CheckpointQueue(people, dict(self.heads), list(self.by_counter), list(self.by_age), self.since_sum)


@dataclass(eq=False)
class WorkerSlot:
    """A worker as the queue sees it: what it can load, what it has loaded, how many pictures it runs at once."""

    serves: frozenset[str]
    places: int = 0
    loaded: frozenset[str] = frozenset()
    checkpoint: str | None = None  # that it stays on …
    since: float = 0.0  # … by the queue's clock
    assigned: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    worked: float = 0.0  # work done by all its jobs, as far as reported …
    worked_before: dict[int, float] = field(
        default_factory=dict[int, float]
    )  # … and what that was when each job was assigned
    draining: bool = False  # it gets no job until all assigned ones have ended
    prefetch: int = PREFETCHED_JOBS

    @property
    def held(self) -> frozenset[str]:
        """The checkpoints that it runs without loading anything."""
        return self.loaded | {self.checkpoint} if self.checkpoint else self.loaded

    @property
    def has_room(self) -> bool:
        """Whether it takes one more job; a worker that runs several pictures at once prefetches one."""
        if self.draining or any(job.exclusive for job in self.assigned.values()):
            return False
        if self.places == 1:
            return len(self.assigned) <= self.prefetch
        return sum(job.places for job in self.assigned.values()) < self.places + (self.places > 1)


class JobQueue:
    """The waiting jobs, and the worker slots that take them. `load_seconds` are measured loading times.

    Finding the next job looks at each checkpoint once, not at each job. `changes` grows with every change.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._queues: dict[str, _CheckpointQueue] = {}  # by checkpoint
        self._jobs: dict[int, Waiting] = {}
        self._served: dict[int, float] = {}
        self._last_counter = 0.0  # of the person whose job was taken last, before it was
        self._paused: frozenset[int] = frozenset()
        self.slots: list[WorkerSlot] = []
        self.load_seconds: dict[str, float] = {}
        self.changes = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._jobs.values())

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._jobs

    @property
    def paused(self) -> frozenset[int]:
        """Servers whose jobs are not started, or EVERYWHERE."""
        return self._paused

    @paused.setter
    def paused(self, servers: Set[int]) -> None:
        self._paused = frozenset(servers)
        self.changes += 1
        for queue in self._queues.values():
            for person_id in queue.people:
                queue.update_head(person_id, self._counter(person_id), self._paused)

    def join(self, slot: WorkerSlot) -> None:
        """A worker is there, and may get jobs."""
        self.slots.append(slot)
        self.changes += 1

    def leave(self, slot: WorkerSlot) -> None:
        """A worker gets no more jobs; those that it has stay in its slot until they are released."""
        self.slots.remove(slot)
        self.changes += 1

    def push(self, job: Waiting) -> None:
        """Add a waiting job. Pushing the same job again changes nothing."""
        if job.job_id in self._jobs:
            return
        self.changes += 1
        self._raise_counter(job.person_id)
        self._jobs[job.job_id] = job
        self._arrange(self._queues, job)

    def _arrange(self, queues: dict[str, _CheckpointQueue], job: Waiting) -> None:
        queue = queues.setdefault(job.checkpoint, _CheckpointQueue())
        queue.add(job, self._counter(job.person_id), self._paused)

    def remove(self, job_id: int) -> bool:
        """Remove a waiting job; False when it does not wait."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return False
        self.changes += 1
        queue = self._queues[job.checkpoint]
        queue.drop(job, self._counter(job.person_id), self._paused)
        if not queue.people:
            del self._queues[job.checkpoint]
        return True

    def next(self, slot: WorkerSlot) -> Waiting | None:
        """Assign to `slot` the job that it should take now, and return it; None when there is none yet."""
        job = self._choose(slot)
        if job is None:
            return None
        self.remove(job.job_id)
        if job.checkpoint not in slot.held:
            slot.loaded = frozenset()  # the worker reports what else it keeps in memory
            slot.since = self._clock()
        slot.checkpoint = job.checkpoint
        slot.assigned[job.job_id] = job
        slot.worked_before[job.job_id] = slot.worked
        self._last_counter = self._counter(job.person_id)
        self._set_counter(job.person_id, self._last_counter + job.work / job.weight)
        if len(self._served) > 2 * ABSENT_COUNTERS:
            self._forget_absent()
        return job

    def _forget_absent(self) -> None:
        """Keep the highest counters of people without a job here: a person with a low one returns as a newcomer."""
        here = {job.person_id for job in self._jobs.values()}
        here.update(job.person_id for slot in self.slots for job in slot.assigned.values())
        away = nlargest(ABSENT_COUNTERS, self._served.keys() - here, key=self._counter)
        self._served = {person_id: self._counter(person_id) for person_id in here.union(away)}

    def release(self, slot: WorkerSlot, job_id: int, *, served: bool = True) -> None:
        """Take a job from its slot. Unless its person was `served`, their counter is set back."""
        job = slot.assigned.pop(job_id, None)
        slot.worked_before.pop(job_id, None)
        self.changes += 1
        if job is not None and not served:
            self._set_counter(job.person_id, self._counter(job.person_id) - job.work / job.weight)

    def restore(self, waiting: Iterable[Waiting], assigned: Mapping[WorkerSlot, Iterable[Waiting]]) -> bool:
        """Hold exactly these jobs, where it holds others; whether it did. The counters of people stay.

        `assigned` has the jobs of every slot.
        """
        jobs = {job.job_id: job for job in waiting}
        taken = {slot: {job.job_id: job for job in those} for slot, those in assigned.items()}
        queues: dict[str, _CheckpointQueue] = {}
        for job in jobs.values():
            self._arrange(queues, job)
        if (self._jobs, self._queues) == (jobs, queues) and all(
            slot.assigned == those and slot.worked_before.keys() == those.keys() for slot, those in taken.items()
        ):
            return False
        self.changes += 1
        self._jobs, self._queues = jobs, queues
        for slot, those in taken.items():
            slot.assigned = those
            slot.worked_before = {job_id: slot.worked_before.get(job_id, slot.worked) for job_id in those}
        return True

    def served(self, checkpoint: str) -> bool:
        """Whether any slot can load `checkpoint`."""
        return any(checkpoint in slot.serves for slot in self.slots)

    def copy(self, clock: Callable[[], float]) -> JobQueue:
        """An independent copy with another clock."""
        other = JobQueue(clock)
        other._queues = {key: queue.copy() for key, queue in self._queues.items()}
        other._jobs, other._served, other._last_counter = dict(self._jobs), dict(self._served), self._last_counter
        other._paused, other.load_seconds = self._paused, dict(self.load_seconds)
        other.slots = [
            replace(slot, assigned=dict(slot.assigned), worked_before=dict(slot.worked_before), draining=False)
            for slot in self.slots
        ]
        return other

    def load_cost(self, checkpoint: str) -> float:
        """Seconds that loading `checkpoint` takes."""
        return self.load_seconds.get(checkpoint, UNMEASURED_LOAD_SECONDS)

    def _counter(self, person_id: int) -> float:
        return self._served.get(person_id, 0.0)

    def _set_counter(self, person_id: int, counter: float) -> None:
        for queue in self._queues.values():
            queue.update_counter(person_id, self._counter(person_id), counter)
        self._served[person_id] = counter

    def _raise_counter(self, person_id: int) -> None:
        """Raise the counter of a person who had no job to the lowest one: nobody saves up shares by being away."""
        if not any(person_id in queue.people for queue in self._queues.values()):
            lowest = min(
                [self._last_counter, *(queue.by_counter[0][0] for queue in self._queues.values() if queue.by_counter)]
            )
            self._set_counter(person_id, max(self._counter(person_id), lowest))

    def _choose(self, slot: WorkerSlot) -> Waiting | None:
        if not slot.has_room or EVERYWHERE in self._paused:
            return None
        queues = {name: queue for name, queue in self._queues.items() if queue.heads and name in slot.serves}
        if not queues:
            return None
        firsts = [(*queues[name].by_counter[0], name) for name in self._checkpoints_for(slot, queues)]
        _, job_id, _ = min(firsts, key=lambda first: (first[0], first[2] != slot.checkpoint, first[1]))
        job = self._jobs[job_id]
        return job if self._may_join(slot, job) else None  # nor does any job after it

    def _may_join(self, slot: WorkerSlot, job: Waiting) -> bool:
        """Whether `job` may be assigned beside the jobs that the slot has."""
        if not slot.assigned:
            return True
        if job.exclusive or job.checkpoint not in slot.held:
            return False
        if slot.places > 1:
            return True
        people = {other.person_id for other in slot.assigned.values()}
        counter = self._counter(job.person_id)
        return job.person_id not in people and all(counter <= self._counter(person_id) for person_id in people)

    def _checkpoints_for(self, slot: WorkerSlot, queues: dict[str, _CheckpointQueue]) -> Collection[str]:
        """The checkpoints whose jobs the slot takes now: those it has loaded, or the one it should switch to."""
        here = slot.held & queues.keys()
        away = queues.keys() - slot.held
        taken = {other.checkpoint for other in self.slots if other is not slot and other.places}
        abandoned = away - taken  # no other slot serves these
        if here and not (
            abandoned
            and self._should_switch(slot, [queues[name] for name in here], {name: queues[name] for name in abandoned})
        ):
            return here
        return [self._switch_target(slot, {name: queues[name] for name in abandoned or away})]

    def _should_switch(
        self, slot: WorkerSlot, here: Collection[_CheckpointQueue], away: dict[str, _CheckpointQueue]
    ) -> bool:
        """Whether to switch although jobs wait for the checkpoints that it has loaded."""
        now, quantum = self._clock(), self._quantum(slot)
        since, _ = min(queue.by_age[0] for queue in away.values())
        if now - slot.since < quantum or now - since < SWITCH_FACTOR * quantum:
            return False
        elsewhere = max(queue.waited_seconds(now) for queue in away.values())
        return now - since >= STARVATION_QUANTA * quantum or elsewhere > SWITCH_FACTOR * sum(
            queue.waited_seconds(now) for queue in here
        )

    def _switch_target(self, slot: WorkerSlot, away: dict[str, _CheckpointQueue]) -> str:
        """The checkpoint to switch to: the one waited for most in sum, or that of the oldest job once it starves."""
        now = self._clock()
        since, _, oldest = min((*queue.by_age[0], name) for name, queue in away.items())
        if now - since >= STARVATION_QUANTA * self._quantum(slot):
            return oldest
        return max(away, key=lambda name: (away[name].waited_seconds(now), -away[name].by_age[0][1]))

    def _quantum(self, slot: WorkerSlot) -> float:
        return QUANTUM_LOADS * self.load_cost(slot.checkpoint or "")


def _remove_sorted(ordered: list[tuple[float, int]], entry: tuple[float, int]) -> None:
    del ordered[bisect_left(ordered, entry)]
