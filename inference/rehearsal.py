"""When jobs will begin and be done: the queue's own rules, played forward to the end."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Protocol

from inference.queue import JobQueue, Seat, Waiting

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
    """`ahead` jobs are begun before; it begins and is done in so many seconds, None when nobody can say."""

    ahead: int
    begins: float | None = None
    done: float | None = None


def rehearse(queue: JobQueue, now: float, times: Times, left: Mapping[int, int]) -> dict[int, Forecast]:
    """What becomes of every job that waits or is in hand, by job id, if nobody else comes.

    `now` is by the queue's clock; `left` tells how many steps those take that are being painted. Others in hand are
    still outside: their worker has no place for them yet, or loads their checkpoint.
    """
    return _Rehearsal(queue, now, times, left).to_the_end()


@dataclass(eq=False)
class _Table:
    """A seat, and what its worker paints: all who sit take a step in each round. Times are seconds from now."""

    seat: Seat
    times: Times
    sitting: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    outside: deque[Waiting] = field(default_factory=deque[Waiting])
    ends: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])  # in rounds; job ids
    rounds: float = 0.0  # that were taken …
    at: float = 0.0  # … until then, which is later than now while a checkpoint is loaded
    round: float = 0.0  # seconds
    sure: bool = True  # whether all that happened here was measured before

    @property
    def next_end(self) -> float:
        """When the next of them has taken its last step."""
        return self.at + (self.ends[0][0] - self.rounds) * self.round if self.ends else inf

    def pass_to(self, now: float) -> None:
        if now > self.at:
            self.rounds += (now - self.at) / self.round if self.round else 0.0
            self.at = now

    def sit(self, job: Waiting, steps: int) -> None:
        self.sitting[job.job_id] = job
        heapq.heappush(self.ends, (self.rounds + steps, job.job_id))
        self._measure()

    def admit(self) -> None:
        """Those outside come in, in their order, as far as there are places."""
        while self.outside:
            taken = sum(job.pictures for job in self.sitting.values())
            if taken and taken + self.outside[0].pictures > self.seat.places:
                return
            job = self.outside.popleft()
            self.sit(job, self.times.steps(job))

    def leave(self) -> Waiting:
        """The one who has taken the last step."""
        self.rounds, job_id = heapq.heappop(self.ends)
        job = self.sitting.pop(job_id)
        self._measure()
        return job

    def _measure(self) -> None:
        seconds = self.times.round(self.sitting.values()) if self.sitting else 0.0
        self.sure = self.sure and seconds is not None
        self.round = UNMEASURED_ROUND if seconds is None else seconds


class _Rehearsal:
    def __init__(self, queue: JobQueue, now: float, times: Times, left: Mapping[int, int]) -> None:
        self._now = 0.0
        self._queue = queue.copy(lambda: now + self._now)
        self._times = times
        self._tables = [_Table(seat, times) for seat in self._queue.seats]
        self._releases: list[tuple[float, int, int]] = []  # when, job ids, tables
        self._told: dict[int, Forecast] = {}
        self._ahead = 0
        for i, table in enumerate(self._tables):
            seat = table.seat
            if (
                seat.in_hand
                and seat.checkpoint not in seat.loaded
                and not any(job_id in left for job_id in seat.in_hand)
            ):
                table.at = max(0.0, seat.since + self._queue.load_cost(seat.checkpoint or "") - now)
            for job in seat.in_hand.values():
                self._told[job.job_id] = Forecast(0, 0.0)
                if job.job_id not in left:
                    table.outside.append(job)
                elif left[job.job_id]:
                    table.sit(job, left[job.job_id])
                else:
                    self._end(i, job)
            table.admit()

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
                table.admit()
        while self._releases and self._releases[0][0] <= now:
            _, job_id, i = heapq.heappop(self._releases)
            self._queue.release(self._tables[i].seat, job_id)

    def _hand_over(self, table: _Table) -> None:
        held = table.seat.held
        while (job := self._queue.next(table.seat)) is not None:
            if job.checkpoint not in held:
                table.at = self._now + self._queue.load_cost(job.checkpoint)
                held = table.seat.held
            self._told[job.job_id] = Forecast(self._ahead, self._now if table.sure else None)
            self._ahead += 1
            table.outside.append(job)
            table.admit()

    def _end(self, i: int, job: Waiting) -> None:
        done = self._now + self._times.rest(job)
        heapq.heappush(self._releases, (done, job.job_id, i))
        if self._tables[i].sure:
            self._told[job.job_id] = replace(self._told[job.job_id], done=done)
