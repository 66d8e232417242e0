"""Who is next, and who may wait. Pure policy: the clock is passed in; no database, no worker.

Two ideas. While anybody wants it, a worker stays on a checkpoint for a quantum of ten times what loading it costs, so
that loading takes at most a tenth of its time; then it goes where people have waited longest, all together, and sooner
or later to everybody. Each person counts with their first job, so that nobody calls or keeps a worker by ordering much.
And among the jobs for what it holds, that person comes first whose virtual counter is lowest: the work done for them so
far, divided by their weight.

Virtual counters are those of Sheng et al., "Fairness in Serving Large Language Models" (VTC, 2024).
`benchmarks/queue.py` measures both ideas against simpler ones.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace

from inference.errors import QueueFull, TooManyWaiting

QUANTUM = 10.0  # a worker stays on a checkpoint for this many times the seconds that loading it costs; then it leaves
CALL = 2.5  # when somebody elsewhere has waited for so many quanta and all there so many times as long as all here,
CRY = 12.0  # or when somebody elsewhere has waited for so many quanta
UNMEASURED_LOAD = 5.0  # seconds, for a checkpoint that was never loaded here
EVERYWHERE = 0  # in place of a server's id: the whole queue is paused


@dataclass(frozen=True)
class Policy:
    """How much somebody's work counts for, and how many jobs may wait: theirs, and everybody's.

    The weight divides the counter: with a weight of 2 one gets twice the share of somebody with 1, and nobody is ever
    passed over for good.
    """

    weight: float = 1.0
    waiting_per_person: int = 10
    waiting_in_all: int = 500

    def check(self, mine: int, in_all: int, wait: Callable[[], str]) -> None:
        """Whether one more may wait; `wait` tells how long it is until a place is free.

        Raises TooManyWaiting or QueueFull.
        """
        if mine >= self.waiting_per_person:
            raise TooManyWaiting(limit=self.waiting_per_person, wait=wait())
        if in_all >= self.waiting_in_all:
            raise QueueFull(waiting=in_all, wait=wait())


@dataclass(frozen=True, order=True)
class Waiting:
    """A queued job, waiting `since` then by the queue's clock. `work` is what it will cost: steps x pixels x rows.

    One that is taken `alone` shares its worker with no other.
    """

    job_id: int
    person_id: int = field(compare=False)
    checkpoint: str = field(compare=False)
    work: float = field(compare=False)
    pictures: int = field(default=1, compare=False)
    weight: float = field(default=1.0, compare=False)
    server_id: int | None = field(default=None, compare=False)
    alone: bool = field(default=False, compare=False)
    since: float = field(default=0.0, compare=False)


@dataclass
class _Line:
    """The jobs that wait for one checkpoint, each person's in their order."""

    people: dict[int, list[Waiting]] = field(default_factory=dict[int, list[Waiting]])

    def add(self, job: Waiting) -> None:
        insort(self.people.setdefault(job.person_id, []), job)

    def drop(self, job: Waiting) -> None:
        jobs = self.people[job.person_id]
        jobs.remove(job)
        if not jobs:
            del self.people[job.person_id]

    def copy(self) -> _Line:
        return _Line({person: list(jobs) for person, jobs in self.people.items()})


@dataclass(eq=False)
class Seat:
    """A worker as the queue sees it: what it can load, what it holds, how many pictures it paints at a time."""

    serves: frozenset[str]
    places: int = 0
    loaded: frozenset[str] = frozenset()
    checkpoint: str | None = None  # where it stays …
    since: float = 0.0  # … by the queue's clock
    in_hand: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    closing: bool = False  # it takes nobody until its hands are empty

    @property
    def held(self) -> frozenset[str]:
        """What it paints with without loading anything."""
        return self.loaded | {self.checkpoint} if self.checkpoint else self.loaded

    @property
    def has_room(self) -> bool:
        """Whether it takes one more. Who paints several gets one ahead, to read its files while the others run."""
        if self.closing or any(job.alone for job in self.in_hand.values()):
            return False
        return sum(job.pictures for job in self.in_hand.values()) < self.places + (self.places > 1)


@dataclass(frozen=True)
class Forecast:
    """`ahead` jobs are begun before; it begins and is done in so many seconds, None when nobody can say."""

    ahead: int
    begins: float | None = None
    done: float | None = None


class JobQueue:
    """The jobs that wait, and the seats that take them. `load_seconds` are the measured costs of loading."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}  # by checkpoint
        self._jobs: dict[int, Waiting] = {}
        self._served: dict[int, float] = {}
        self._level = 0.0  # the counter of whoever was taken last, before it
        self.seats: list[Seat] = []
        self.paused: set[int] = set()  # servers whose jobs are not begun, or EVERYWHERE
        self.load_seconds: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._jobs

    def push(self, job: Waiting) -> None:
        """Let a job wait. Pushing the same job again changes nothing."""
        if job.job_id in self._jobs:
            return
        self._lift(job.person_id)
        self._jobs[job.job_id] = job
        self._lines.setdefault(job.checkpoint, _Line()).add(job)

    def remove(self, job_id: int) -> bool:
        """Forget a waiting job; False when it does not wait (any more)."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return False
        self._lines[job.checkpoint].drop(job)
        if not self._lines[job.checkpoint].people:
            del self._lines[job.checkpoint]
        return True

    def next(self, seat: Seat) -> Waiting | None:
        """Take out the job that `seat` should begin now and put it in its hand; None: nothing, or not yet."""
        job = self._choose(seat)
        if job is None:
            return None
        self.remove(job.job_id)
        if job.checkpoint not in seat.held:
            seat.loaded = frozenset()  # what else it can keep in memory, it will say
            seat.since = self._clock()
        seat.checkpoint = job.checkpoint
        seat.in_hand[job.job_id] = job
        self._level = self._counter(job.person_id)
        self._served[job.person_id] = self._level + job.work / job.weight
        return job

    def release(self, seat: Seat, job_id: int, *, served: bool = True) -> None:
        """The seat has the job no more. If its person was not `served`, their counter has not counted it."""
        job = seat.in_hand.pop(job_id, None)
        if job is not None and not served:
            self._served[job.person_id] = self._counter(job.person_id) - job.work / job.weight

    def served(self, checkpoint: str) -> bool:
        """Whether some seat can paint with `checkpoint` at all."""
        return any(checkpoint in seat.serves for seat in self.seats)

    def forecast(
        self, job: Waiting, seconds: Callable[[Waiting, int], float], remaining: Mapping[int, float]
    ) -> Forecast:
        """When `job` (waiting already or about to) begins and is done, if nobody else comes.

        `seconds(job, n)` is how long a job takes in a batch of `n`, `remaining` how long the jobs in hand still take.
        It plays the queue's own rules forward, so it tells what will be done and not a guess about it.
        """
        return _Rehearsal(self, self._clock(), seconds, remaining).until(job)

    def copy(self, clock: Callable[[], float]) -> JobQueue:
        """The same situation with another clock; what is done to the copy leaves this one alone."""
        other = JobQueue(clock)
        other._lines = {key: line.copy() for key, line in self._lines.items()}
        other._jobs, other._served, other._level = dict(self._jobs), dict(self._served), self._level
        other.seats = [replace(seat, in_hand=dict(seat.in_hand), closing=False) for seat in self.seats]
        other.paused, other.load_seconds = set(self.paused), dict(self.load_seconds)
        return other

    def load_cost(self, checkpoint: str) -> float:
        """Seconds of loading it."""
        return self.load_seconds.get(checkpoint, UNMEASURED_LOAD)

    def _counter(self, person_id: int) -> float:
        return self._served.get(person_id, 0.0)

    def _lift(self, person_id: int) -> None:
        """Who comes or comes back stands where the least served stand or stood: nobody saves up by being away."""
        waiting = {person for line in self._lines.values() for person in line.people}
        if person_id not in waiting:
            level = min([self._level, *(self._counter(person) for person in waiting)])
            self._served[person_id] = max(self._counter(person_id), level)

    def _choose(self, seat: Seat) -> Waiting | None:
        if not seat.has_room:
            return None
        heads = self._heads(seat)
        if not heads:
            return None
        candidates = [job for checkpoint in self._place(seat, heads) for job in heads[checkpoint]]
        job = min(candidates, key=lambda j: (self._counter(j.person_id), j.checkpoint != seat.checkpoint, j.job_id))
        if seat.in_hand and (job.alone or job.checkpoint not in seat.held):
            return None  # nobody joins until those in hand are done
        return job

    def _heads(self, seat: Seat) -> dict[str, list[Waiting]]:
        """Each person's first job for each checkpoint the seat can load, without what is paused."""
        if EVERYWHERE in self.paused:
            return {}
        heads: dict[str, list[Waiting]] = {}
        for checkpoint, line in self._lines.items():
            if checkpoint in seat.serves:
                first = (next((j for j in js if j.server_id not in self.paused), None) for js in line.people.values())
                if found := [job for job in first if job is not None]:
                    heads[checkpoint] = found
        return heads

    def _place(self, seat: Seat, heads: Mapping[str, list[Waiting]]) -> frozenset[str]:
        """The checkpoints from whose lines the seat takes now: what it holds, or the one it should go to."""
        here = seat.held & heads.keys()
        away = heads.keys() - seat.held
        taken = {other.checkpoint for other in self.seats if other is not seat and other.places}
        abandoned = away - taken  # nobody else sees to these
        if here and not (abandoned and self._leaves(seat, here, abandoned, heads)):
            return here
        return frozenset({self._target(seat, abandoned or away, heads)})

    def _leaves(self, seat: Seat, here: Set[str], away: Set[str], heads: Mapping[str, list[Waiting]]) -> bool:
        """Whether it goes on although there are jobs for what it holds."""
        now, quantum = self._clock(), self._quantum(seat)
        waited = now - _oldest(away, heads).since
        if now - seat.since < quantum or waited < CALL * quantum:
            return False
        elsewhere = max(self._waited(heads[checkpoint]) for checkpoint in away)
        return waited >= CRY * quantum or elsewhere > CALL * sum(self._waited(heads[checkpoint]) for checkpoint in here)

    def _target(self, seat: Seat, away: Set[str], heads: Mapping[str, list[Waiting]]) -> str:
        """Where it goes: where most was waited; to the oldest job, once that has waited too long."""
        oldest = _oldest(away, heads)
        if self._clock() - oldest.since >= CRY * self._quantum(seat):
            return oldest.checkpoint
        return max(away, key=lambda checkpoint: (self._waited(heads[checkpoint]), -min(heads[checkpoint]).job_id))

    def _quantum(self, seat: Seat) -> float:
        return QUANTUM * self.load_cost(seat.checkpoint or "")

    def _waited(self, jobs: list[Waiting]) -> float:
        """Seconds, all together."""
        return len(jobs) * self._clock() - sum(job.since for job in jobs)


class _Rehearsal:
    """Plays a copy of the queue forward, from one end of a job to the next."""

    def __init__(
        self, queue: JobQueue, began: float, seconds: Callable[[Waiting, int], float], remaining: Mapping[int, float]
    ) -> None:
        self._now = 0.0  # seconds since `began`
        self._queue = queue.copy(lambda: began + self._now)
        self._seconds = seconds
        self._ends: list[tuple[float, int, int]] = []  # when, which job, in which seat
        for i, seat in enumerate(self._queue.seats):
            for job_id in seat.in_hand:
                heapq.heappush(self._ends, (remaining.get(job_id, 0.0), job_id, i))

    def until(self, wanted: Waiting) -> Forecast:
        """Until `wanted` is begun."""
        self._queue.push(wanted)
        ahead = 0
        while True:
            for i, seat in enumerate(self._queue.seats):
                while True:
                    held = seat.held
                    job = self._queue.next(seat)
                    if job is None:
                        break
                    load = 0.0 if job.checkpoint in held else self._queue.load_cost(job.checkpoint)
                    end = self._now + load + self._seconds(job, max(1, len(seat.in_hand)))
                    if job.job_id == wanted.job_id:
                        return Forecast(ahead, self._now, end)
                    ahead += 1
                    heapq.heappush(self._ends, (end, job.job_id, i))
            if not self._ends:
                return Forecast(ahead)
            self._now, job_id, i = heapq.heappop(self._ends)
            self._queue.release(self._queue.seats[i], job_id)


def _oldest(checkpoints: Set[str], heads: Mapping[str, list[Waiting]]) -> Waiting:
    return min((job for checkpoint in checkpoints for job in heads[checkpoint]), key=lambda job: (job.since, job))
