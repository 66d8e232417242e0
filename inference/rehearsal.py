"""When jobs will begin and be done: the rules of queue and engine, played forward to the end."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Protocol

from inference.queue import JobQueue, Seat, Waiting
from inference.work import precedence

UNMEASURED_ROUND = 1.0  # seconds, to find out in which order jobs come although nobody knows when


class Times(Protocol):
    """What is known about how long things take."""

    def steps(self, job: Waiting) -> int:
        """How many steps the whole of it takes."""
        ...

    def round(self, jobs: Collection[Waiting]) -> float | None:
        """Seconds in which one worker takes a step for each of these, all of one checkpoint; None: never measured."""
        ...

    def rest(self, job: Waiting) -> float:
        """Seconds from its last step until its worker is done with it."""
        ...


@dataclass(frozen=True)
class Forecast:
    """`ahead` jobs are begun before; it is handed to a worker and done in so many seconds, None: nobody can say."""

    ahead: int
    handed: float | None = None
    done: float | None = None


def rehearse(queue: JobQueue, now: float, times: Times, left: Mapping[int, int | None]) -> dict[int, Forecast]:
    """What becomes of every job that waits or is in hand, by job id, if nobody else comes.

    `now` is by the queue's clock; `left` tells how many steps those take that were begun, None while their checkpoint
    is loaded. Others in hand are still outside: their worker has no place for them yet.
    """
    return _Rehearsal(queue, now, times, left).to_the_end()


@dataclass(eq=False)
class _Table:
    """A seat, and what its worker paints: all who sit take a step in each round. Times are seconds from now."""

    seat: Seat
    times: Times
    sitting: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    outside: list[tuple[float, int, Waiting]] = field(
        default_factory=list[tuple[float, int, Waiting]]
    )  # the next first
    arrivals: int = 0
    ends: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])  # in rounds; job ids
    rounds: float = 0.0  # that were taken …
    at: float = 0.0  # … until then, which is later than now while a checkpoint is loaded
    round: float = 0.0  # seconds
    work: float = 0.0  # of a round
    sure: bool = True  # whether all that happened here was measured before

    @property
    def next_end(self) -> float:
        """When the next of them has taken its last step."""
        return self.at + (self.ends[0][0] - self.rounds) * self.round if self.ends else inf

    def pass_to(self, now: float) -> None:
        if now > self.at:
            self._take((now - self.at) / self.round if self.round else 0.0)
            self.at = now

    def sit(self, job: Waiting, steps: int) -> None:
        self.sitting[job.job_id] = job
        heapq.heappush(self.ends, (self.rounds + steps, job.job_id))
        self._measure()

    def receive(self, job: Waiting, *, at_once: bool = False) -> None:
        """It was handed over, and waits outside; `at_once` it comes before all others."""
        came = self.seat.came[job.job_id]
        self.arrivals += 1
        heapq.heappush(self.outside, (-inf if at_once else precedence(job.work, came), self.arrivals, job))

    def admit(self) -> list[Waiting]:
        """Those outside come in, in their order, as far as there are places."""
        admitted: list[Waiting] = []
        while self.outside:
            *_, job = self.outside[0]
            taken = sum(job.pictures for job in self.sitting.values())
            if taken and taken + job.pictures > self.seat.places:
                break
            heapq.heappop(self.outside)
            self.sit(job, self.times.steps(job))
            admitted.append(job)
        return admitted

    def leave(self) -> Waiting:
        """The one who has taken the last step."""
        end, job_id = heapq.heappop(self.ends)
        self._take(end - self.rounds)
        job = self.sitting.pop(job_id)
        self._measure()
        return job

    def _take(self, rounds: float) -> None:
        self.rounds += rounds
        self.seat.worked += rounds * self.work

    def _measure(self) -> None:
        seconds = self.times.round(self.sitting.values()) if self.sitting else 0.0
        self.sure = self.sure and seconds is not None
        self.round = UNMEASURED_ROUND if seconds is None else seconds
        self.work = sum(job.work / max(1, self.times.steps(job)) for job in self.sitting.values())


class _Rehearsal:
    def __init__(self, queue: JobQueue, now: float, times: Times, left: Mapping[int, int | None]) -> None:
        self._now = 0.0
        self._queue = queue.copy(lambda: now + self._now)
        self._times = times
        self._tables = [_Table(seat, times) for seat in self._queue.seats]
        self._releases: list[tuple[float, int, int]] = []  # when, job ids, tables
        self._told: dict[int, Forecast] = {}
        self._ahead = 0
        for i, table in enumerate(self._tables):
            seat = table.seat
            paints = any(left.get(job_id) is not None for job_id in seat.in_hand)
            if seat.in_hand and seat.checkpoint not in seat.loaded and not paints:
                table.at = max(0.0, seat.since + self._queue.load_cost(seat.checkpoint or "") - now)
            for job in seat.in_hand.values():
                self._told[job.job_id] = Forecast(0, 0.0)
                steps = left.get(job.job_id)
                if steps is None:
                    table.receive(job, at_once=job.job_id in left)
                elif steps:
                    table.sit(job, steps)
                else:
                    self._end(i, job)
            self._admit(table, left)

    def to_the_end(self) -> dict[int, Forecast]:
        """Until nothing moves any more."""
        while True:
            for table in self._tables:
                self._hand_over(table)
            soonest = min((table.next_end for table in self._tables), default=inf)
            moment = min(soonest, self._releases[0][0] if self._releases else inf)
            if moment == inf:
                break
            self._pass_to(moment)
        stuck = sorted(self._queue)
        return self._told | {job.job_id: Forecast(self._ahead + i) for i, job in enumerate(stuck)}

    def _pass_to(self, now: float) -> None:
        self._now = now
        for i, table in enumerate(self._tables):
            table.pass_to(now)
            while table.next_end <= now:
                self._end(i, table.leave())
                self._admit(table)
        while self._releases and self._releases[0][0] <= now:
            _, job_id, i = heapq.heappop(self._releases)
            self._queue.release(self._tables[i].seat, job_id)

    def _hand_over(self, table: _Table) -> None:
        held = table.seat.held
        while (job := self._queue.next(table.seat)) is not None:
            if job.checkpoint not in held:
                table.at = self._now + self._queue.load_cost(job.checkpoint)
                held = table.seat.held
            self._told[job.job_id] = Forecast(0, self._now if table.sure else None)
            table.receive(job)
            self._admit(table)

    def _admit(self, table: _Table, begun: Collection[int] = ()) -> None:
        for job in table.admit():
            if job.job_id not in begun:
                self._told[job.job_id] = replace(self._told[job.job_id], ahead=self._ahead)
                self._ahead += 1

    def _end(self, i: int, job: Waiting) -> None:
        done = self._now + self._times.rest(job)
        heapq.heappush(self._releases, (done, job.job_id, i))
        if self._tables[i].sure:
            self._told[job.job_id] = replace(self._told[job.job_id], done=done)
