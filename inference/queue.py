"""Who is next, and who may wait. Pure policy: the clock is passed in; no database, no worker.

Two ideas. While anybody wants it, a worker stays on a checkpoint for a quantum of ten times what loading it costs, so
that loading takes at most a tenth of its time; then it goes where people have waited longest, all together, and sooner
or later to everybody. Each person counts with their first job, so that nobody calls or keeps a worker by ordering much.
And among the jobs for what it holds, that person comes first whose virtual counter is lowest: the work done for them so
far, divided by their weight.

A worker that paints one picture at a time has a few jobs ahead, begins with the shortest of them (`inference.work`),
and reads for the others meanwhile. So that counters go on to bound what one person gets before another, these are of as
many people, and nobody joins them whose counter is higher than that of somebody there: of two who want something all
the time, neither is served more than the largest job of each before the other.

Virtual counters are those of Sheng et al., "Fairness in Serving Large Language Models" (VTC, 2024).
`benchmarks/queue_policy.py` measures both ideas against simpler ones.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterator, Set
from dataclasses import dataclass, field, replace
from heapq import nlargest

from inference.errors import QueueFull, TooManyWaiting

QUANTUM = 10.0  # a worker stays on a checkpoint for this many times the seconds that loading it costs; then it leaves
CALL = 2.5  # when somebody elsewhere has waited for so many quanta and all there so many times as long as all here,
CRY = 12.0  # or when somebody elsewhere has waited for so many quanta
AHEAD = 3  # jobs that a worker has in hand beside the one picture that it paints at a time
UNMEASURED_LOAD = 5.0  # seconds, for a checkpoint that was never loaded here
REMEMBERED = (
    5000  # counters of people who have nothing here just now, at most; at twice as many the lowest are forgotten
)
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
    """The jobs that wait for one checkpoint, each person's in their order; of each the first that is not paused.

    Lists are kept sorted, so that whoever asks who is next need not look at everybody.
    """

    people: dict[int, list[Waiting]] = field(default_factory=dict[int, list[Waiting]])
    heads: dict[int, Waiting] = field(default_factory=dict[int, Waiting])  # by person
    turns: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])  # counters and job ids of heads
    ages: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])  # since when, and job ids of heads
    all_since: float = 0.0  # sum

    def add(self, job: Waiting, counter: float, paused: Set[int]) -> None:
        insort(self.people.setdefault(job.person_id, []), job)
        self.look(job.person_id, counter, paused)

    def drop(self, job: Waiting, counter: float, paused: Set[int]) -> None:
        jobs = self.people[job.person_id]
        del jobs[bisect_left(jobs, job)]
        self.look(job.person_id, counter, paused)
        if not jobs:
            del self.people[job.person_id]

    def look(self, person_id: int, counter: float, paused: Set[int]) -> None:
        """Find out which of a person's jobs is the first."""
        old = self.heads.get(person_id)
        new = next((job for job in self.people[person_id] if job.server_id not in paused), None)
        if old is new:
            return
        if old is not None:
            del self.heads[person_id]
            _take_out(self.turns, (counter, old.job_id))
            _take_out(self.ages, (old.since, old.job_id))
            self.all_since -= old.since
        if new is not None:
            self.heads[person_id] = new
            insort(self.turns, (counter, new.job_id))
            insort(self.ages, (new.since, new.job_id))
            self.all_since += new.since

    def count(self, person_id: int, old: float, new: float) -> None:
        """A person's counter has changed."""
        if head := self.heads.get(person_id):
            _take_out(self.turns, (old, head.job_id))
            insort(self.turns, (new, head.job_id))

    def waited(self, now: float) -> float:
        """Seconds, all heads together."""
        return len(self.heads) * now - self.all_since

    def copy(self) -> _Line:
        people = {person: list(jobs) for person, jobs in self.people.items()}
        return _Line(people, dict(self.heads), list(self.turns), list(self.ages), self.all_since)


@dataclass(eq=False)
class Seat:
    """A worker as the queue sees it: what it can load, what it holds, how many pictures it paints at a time."""

    serves: frozenset[str]
    places: int = 0
    loaded: frozenset[str] = frozenset()
    checkpoint: str | None = None  # where it stays …
    since: float = 0.0  # … by the queue's clock
    in_hand: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    worked: float = 0.0  # by all jobs there, as far as was heard …
    came: dict[int, float] = field(default_factory=dict[int, float])  # … and by when those in hand were handed over
    closing: bool = False  # it takes nobody until its hands are empty
    ahead: int = AHEAD

    @property
    def held(self) -> frozenset[str]:
        """What it paints with without loading anything."""
        return self.loaded | {self.checkpoint} if self.checkpoint else self.loaded

    @property
    def has_room(self) -> bool:
        """Whether it takes one more. Who paints several gets one ahead, to read its files while the others run."""
        if self.closing or any(job.alone for job in self.in_hand.values()):
            return False
        if self.places == 1:
            return len(self.in_hand) <= self.ahead
        return sum(job.pictures for job in self.in_hand.values()) < self.places + (self.places > 1)


class JobQueue:
    """The jobs that wait, and the seats that take them. `load_seconds` are the measured costs of loading.

    Asking who is next looks at each checkpoint once and not at each job. `changes` grows with every change.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}  # by checkpoint
        self._jobs: dict[int, Waiting] = {}
        self._served: dict[int, float] = {}
        self._level = 0.0  # the counter of whoever was taken last, before it
        self._paused: frozenset[int] = frozenset()
        self.seats: list[Seat] = []
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
        """Servers whose jobs are not begun, or EVERYWHERE."""
        return self._paused

    @paused.setter
    def paused(self, servers: Set[int]) -> None:
        self._paused = frozenset(servers)
        self.changes += 1
        for line in self._lines.values():
            for person_id in line.people:
                line.look(person_id, self._counter(person_id), self._paused)

    def push(self, job: Waiting) -> None:
        """Let a job wait. Pushing the same job again changes nothing."""
        if job.job_id in self._jobs:
            return
        self.changes += 1
        self._lift(job.person_id)
        self._jobs[job.job_id] = job
        line = self._lines.setdefault(job.checkpoint, _Line())
        line.add(job, self._counter(job.person_id), self._paused)

    def remove(self, job_id: int) -> bool:
        """Forget a waiting job; False when it does not wait (any more)."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return False
        self.changes += 1
        line = self._lines[job.checkpoint]
        line.drop(job, self._counter(job.person_id), self._paused)
        if not line.people:
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
        seat.came[job.job_id] = seat.worked
        self._level = self._counter(job.person_id)
        self._count(job.person_id, self._level + job.work / job.weight)
        if len(self._served) > 2 * REMEMBERED:
            self._forget()
        return job

    def _forget(self) -> None:
        """Of those who have nothing here, only the highest counters matter: who has a low one comes back as anybody."""
        here = {job.person_id for job in self._jobs.values()}
        here.update(job.person_id for seat in self.seats for job in seat.in_hand.values())
        away = nlargest(REMEMBERED, self._served.keys() - here, key=self._counter)
        self._served = {person_id: self._counter(person_id) for person_id in here.union(away)}

    def release(self, seat: Seat, job_id: int, *, served: bool = True) -> None:
        """The seat has the job no more. If its person was not `served`, their counter has not counted it."""
        job = seat.in_hand.pop(job_id, None)
        seat.came.pop(job_id, None)
        self.changes += 1
        if job is not None and not served:
            self._count(job.person_id, self._counter(job.person_id) - job.work / job.weight)

    def served(self, checkpoint: str) -> bool:
        """Whether some seat can paint with `checkpoint` at all."""
        return any(checkpoint in seat.serves for seat in self.seats)

    def copy(self, clock: Callable[[], float]) -> JobQueue:
        """The same situation with another clock; what is done to the copy leaves this one alone."""
        other = JobQueue(clock)
        other._lines = {key: line.copy() for key, line in self._lines.items()}
        other._jobs, other._served, other._level = dict(self._jobs), dict(self._served), self._level
        other._paused, other.load_seconds = self._paused, dict(self.load_seconds)
        other.seats = [
            replace(seat, in_hand=dict(seat.in_hand), came=dict(seat.came), closing=False) for seat in self.seats
        ]
        return other

    def load_cost(self, checkpoint: str) -> float:
        """Seconds of loading it."""
        return self.load_seconds.get(checkpoint, UNMEASURED_LOAD)

    def _counter(self, person_id: int) -> float:
        return self._served.get(person_id, 0.0)

    def _count(self, person_id: int, counter: float) -> None:
        for line in self._lines.values():
            line.count(person_id, self._counter(person_id), counter)
        self._served[person_id] = counter

    def _lift(self, person_id: int) -> None:
        """Who comes or comes back stands where the least served stand or stood: nobody saves up by being away."""
        if not any(person_id in line.people for line in self._lines.values()):
            level = min([self._level, *(line.turns[0][0] for line in self._lines.values() if line.turns)])
            self._count(person_id, max(self._counter(person_id), level))

    def _choose(self, seat: Seat) -> Waiting | None:
        if not seat.has_room or EVERYWHERE in self._paused:
            return None
        lines = {name: line for name, line in self._lines.items() if line.heads and name in seat.serves}
        if not lines:
            return None
        firsts = [(*lines[name].turns[0], name) for name in self._place(seat, lines)]
        _, job_id, _ = min(firsts, key=lambda first: (first[0], first[2] != seat.checkpoint, first[1]))
        job = self._jobs[job_id]
        return job if self._joins(seat, job) else None  # nor anybody behind it

    def _joins(self, seat: Seat, job: Waiting) -> bool:
        """Whether it may come beside those in hand."""
        if not seat.in_hand:
            return True
        if job.alone or job.checkpoint not in seat.held:
            return False
        if seat.places > 1:
            return True
        people = {other.person_id for other in seat.in_hand.values()}
        counter = self._counter(job.person_id)
        return job.person_id not in people and all(counter <= self._counter(person_id) for person_id in people)

    def _place(self, seat: Seat, lines: dict[str, _Line]) -> Collection[str]:
        """The checkpoints from whose lines the seat takes now: what it holds, or the one it should go to."""
        here = seat.held & lines.keys()
        away = lines.keys() - seat.held
        taken = {other.checkpoint for other in self.seats if other is not seat and other.places}
        abandoned = away - taken  # nobody else sees to these
        if here and not (
            abandoned and self._leaves(seat, [lines[name] for name in here], {name: lines[name] for name in abandoned})
        ):
            return here
        return [self._target(seat, {name: lines[name] for name in abandoned or away})]

    def _leaves(self, seat: Seat, here: Collection[_Line], away: dict[str, _Line]) -> bool:
        """Whether it goes on although there are jobs for what it holds."""
        now, quantum = self._clock(), self._quantum(seat)
        since, _ = min(line.ages[0] for line in away.values())
        if now - seat.since < quantum or now - since < CALL * quantum:
            return False
        elsewhere = max(line.waited(now) for line in away.values())
        return now - since >= CRY * quantum or elsewhere > CALL * sum(line.waited(now) for line in here)

    def _target(self, seat: Seat, away: dict[str, _Line]) -> str:
        """Where it goes: where most was waited; to the oldest job, once that has waited too long."""
        now = self._clock()
        since, _, oldest = min((*line.ages[0], name) for name, line in away.items())
        if now - since >= CRY * self._quantum(seat):
            return oldest
        return max(away, key=lambda name: (away[name].waited(now), -away[name].ages[0][1]))

    def _quantum(self, seat: Seat) -> float:
        return QUANTUM * self.load_cost(seat.checkpoint or "")


def _take_out(ordered: list[tuple[float, int]], entry: tuple[float, int]) -> None:
    del ordered[bisect_left(ordered, entry)]
