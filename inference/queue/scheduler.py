"""The job queue: which job a worker gets next, and how many may wait. Pure policy: no database, no worker; the clock is
passed in.

There are two rules. First, which checkpoint a worker is on: it stays on one for a while, and then switches to the one
that was waited for most (`inference.queue.checkpoint_switching`). Second, among the jobs for its checkpoint the worker
takes that of the person with the lowest virtual counter: the work done for them so far, divided by their weight.

A worker that runs one picture at a time prefetches a few jobs: it starts with the shortest
(`inference.queue.request_cost`) and reads the files of the others meanwhile. Prefetched jobs belong to different
people, and a job joins them only if its person's counter is not higher than theirs. So counters still bound the
difference: of two people who always have jobs waiting, neither is served more than the largest job of each before the
other.

Several workers share the counters. A job goes to a worker that has its checkpoint, the one with the least to do first;
another worker loads the checkpoint too when the work that waits for it pays for that.

Virtual counters are those of Sheng et al., "Fairness in Serving Large Language Models" (VTC, 2024).
`benchmarks/queue_policy.py` measures both ideas against simpler ones, `benchmarks/fleet.py` many workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from heapq import heappop, heappush, heapreplace, nlargest
from itertools import count, islice

from inference.queue.checkpoint_switching import CheckpointSwitching
from inference.queue.policy import EVERYWHERE
from inference.queue.slots import SlotIndex, WorkerSlot
from inference.queue.waiting_jobs import CheckpointQueue, Waiting

EQUAL_JOBS = 8  # first jobs of the same counter of which a worker takes one whose LoRAs it has cached …
MAX_OVERTAKEN = 8  # … unless so many have overtaken the first of them
OFFERS = 8  # workers that are offered a new job before it waits for the next one that has room
ABSENT_COUNTERS = 5000  # counters kept of people without a job here; at twice as many the lowest are forgotten


class JobQueue:
    """The waiting jobs, and the worker slots that take them. `load_seconds` and `speeds` as in `CheckpointSwitching`.

    Finding the next job looks neither at each job nor at each worker, and at each checkpoint only where a worker may
    switch. `changes` grows with every change.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        load_seconds: dict[str, float] | None = None,
        speeds: dict[str, float] | None = None,
    ) -> None:
        self._clock = clock
        self._queues: dict[str, CheckpointQueue] = {}  # by checkpoint
        self._jobs: dict[int, Waiting] = {}
        self._checkpoints_of: dict[int, set[str]] = {}  # for which a person waits
        self._served: dict[int, float] = {}
        self._forget_at = 2 * ABSENT_COUNTERS
        self._last_counter = 0.0  # of the person whose job was taken last, before it was
        self._paused: frozenset[int] = frozenset()
        self._slots: dict[WorkerSlot, None] = {}
        self._index = SlotIndex()
        self._switching = CheckpointSwitching(clock, self._queues, self._index, load_seconds, speeds)
        self._asked: list[tuple[bool, int, int, WorkerSlot]] = []  # a heap of workers that may take a job now
        self._is_asked: set[WorkerSlot] = set()
        self._unplaced: dict[str, None] = {}  # checkpoints whose jobs may be taken by another worker now
        self._numbers = count()
        self.changes = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._jobs.values())

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._jobs

    # --- workers ------------------------------------------------------------------------------------------------------

    @property
    def slots(self) -> Sequence[WorkerSlot]:
        """The workers, in the order in which they joined."""
        return tuple(self._slots)

    @slots.setter
    def slots(self, slots: Sequence[WorkerSlot]) -> None:
        for slot in self.slots:
            self.leave(slot)
        for slot in slots:
            self.join(slot)

    def join(self, slot: WorkerSlot) -> None:
        """A worker is there, and may get jobs."""
        self._slots[slot] = None
        slot.watcher = self._slot_changed
        self.changes += 1
        self._slot_changed(slot)

    def leave(self, slot: WorkerSlot) -> None:
        """A worker gets no more jobs; those that it has stay in its slot until they are released."""
        del self._slots[slot]
        slot.watcher = None
        self.changes += 1
        stayed = self._index.remove(slot)
        if stayed is not None:
            self._note(stayed)

    def _slot_changed(self, slot: WorkerSlot) -> None:
        if slot in self._slots:
            before, after = self._index.update(slot)
            for name in {before, after} if before != after else ():
                if name is not None:
                    self._note(name)
            self._ask(slot)

    def _ask(self, slot: WorkerSlot) -> None:
        """Let `assign` offer it jobs."""
        if slot not in self._is_asked and self._index.has_room(slot):
            self._is_asked.add(slot)
            heappush(self._asked, (*self._order_of(slot), next(self._numbers), slot))

    def _order_of(self, slot: WorkerSlot) -> tuple[bool, int]:
        """Those first that need load nothing, and among them those with the least to do."""
        return not self._switching.here(slot), self._index.level(slot)

    def served(self, checkpoint: str) -> bool:
        """Whether any slot can load `checkpoint`."""
        return self._index.serving(checkpoint)

    # --- jobs ---------------------------------------------------------------------------------------------------------

    @property
    def paused(self) -> frozenset[int]:
        """Servers whose jobs are not started, or EVERYWHERE."""
        return self._paused

    @paused.setter
    def paused(self, servers: Set[int]) -> None:
        self._paused = frozenset(servers)
        self.changes += 1
        for name, queue in self._queues.items():
            for person_id in queue.people:
                queue.update_head(person_id, self._counter(person_id), self._paused)
            self._note(name)
        self.reconsider()

    def push(self, job: Waiting) -> None:
        """Add a waiting job. Pushing the same job again changes nothing."""
        if job.job_id in self._jobs:
            return
        self.changes += 1
        self._raise_counter(job.person_id)
        self._jobs[job.job_id] = job
        self._arrange(self._queues, job)
        self._checkpoints_of.setdefault(job.person_id, set()).add(job.checkpoint)
        self._note(job.checkpoint)
        self._unplaced[job.checkpoint] = None

    def _arrange(self, queues: dict[str, CheckpointQueue], job: Waiting) -> None:
        queue = queues.setdefault(job.checkpoint, CheckpointQueue())
        queue.add(job, self._counter(job.person_id), self._paused)

    def remove(self, job_id: int) -> bool:
        """Remove a waiting job; False when it does not wait."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return False
        self.changes += 1
        queue = self._queues[job.checkpoint]
        queue.drop(job, self._counter(job.person_id), self._paused)
        if job.person_id not in queue.people:
            self._absent(job.person_id, job.checkpoint)
        if not queue.people:
            del self._queues[job.checkpoint]
        self._note(job.checkpoint)
        return True

    def _absent(self, person_id: int, checkpoint: str) -> None:
        """The person has no more jobs for the checkpoint."""
        names = self._checkpoints_of.get(person_id, set())
        names.discard(checkpoint)
        if not names:
            self._checkpoints_of.pop(person_id, None)

    def _note(self, name: str) -> None:
        """Note what follows from a change of the jobs for a checkpoint, or of the workers that stay on it."""
        if self._switching.note(name):
            self._unplaced[name] = None

    # --- assigning ----------------------------------------------------------------------------------------------------

    def assign(self) -> tuple[WorkerSlot, Waiting] | None:
        """Assign a job to any worker that should take one now; None when there is none yet.

        Workers that have what the jobs need come first, and among them those with the least to do; then those that
        have the LoRAs of the job, then the faster and the nearer ones.
        """
        if EVERYWHERE in self._paused:
            return None
        found = self._of_asked(idle=False)
        while found is None and self._unplaced:
            name = next(iter(self._unplaced))
            found = self._of_offered(self._offered(name))
            if found is None:
                del self._unplaced[name]
        return found or self._of_asked(idle=True)

    def _of_asked(self, *, idle: bool) -> tuple[WorkerSlot, Waiting] | None:
        """Assign a job to one of the workers that are asked; to those that have to load for it only with `idle`."""
        while self._asked:
            loads, level, number, slot = self._asked[0]
            if slot not in self._slots:  # it has left
                heappop(self._asked)
                self._is_asked.discard(slot)
                continue
            order = self._order_of(slot)
            if order > (loads, level):
                heapreplace(self._asked, (*order, number, slot))
            elif loads and not idle:
                break
            else:
                job = self.next(slot)
                if job is not None:
                    return slot, job
                heappop(self._asked)
                self._is_asked.discard(slot)
        return None

    def _of_offered(self, slots: Iterable[WorkerSlot]) -> tuple[WorkerSlot, Waiting] | None:
        """Assign a job to the first of these workers that takes one."""
        for slot in slots:
            job = self.next(slot)
            if job is not None:
                return slot, job
        return None

    def _offered(self, name: str) -> Iterator[WorkerSlot]:
        """The workers that may take a job for this checkpoint now, in order."""
        queue = self._queues.get(name)
        if queue is not None and queue.by_counter:
            job = self._jobs[queue.by_counter[0][1]]
            yield from islice(self._index.with_room(job), OFFERS)
            if self._switching.wanted(name):
                yield from islice(self._index.to_load(job), OFFERS)

    def reconsider(self) -> None:
        """Let `assign` look at every worker and checkpoint again. Some rules depend on the time that has passed."""
        for slot in self._slots:
            self._ask(slot)
        self._unplaced.update(self._queues.fromkeys(self._queues))

    def next(self, slot: WorkerSlot) -> Waiting | None:
        """Assign to `slot` the job that it should take now, and return it; None when there is none yet."""
        job = self._choose(slot)
        if job is None:
            return None
        self._queues[job.checkpoint].note_taken(job.job_id)
        self.remove(job.job_id)
        slot.assigned[job.job_id] = job
        slot.worked_before[job.job_id] = slot.worked
        if job.checkpoint not in slot.held:
            slot.loaded = frozenset()  # the worker reports what else it keeps in memory
            slot.since = self._clock()
            slot.loads += 1
        if slot.checkpoint != job.checkpoint:
            slot.checkpoint = job.checkpoint
        self._slot_changed(slot)
        self._last_counter = self._counter(job.person_id)
        self._set_counter(job.person_id, self._last_counter + job.work / job.weight)
        if len(self._served) > self._forget_at:
            self._forget_absent()
        return job

    def _forget_absent(self) -> None:
        """Keep the highest counters of people without a job here: a person with a low one returns as a newcomer."""
        here = set(self._checkpoints_of)
        here.update(job.person_id for slot in self._slots for job in slot.assigned.values())
        away = nlargest(ABSENT_COUNTERS, self._served.keys() - here, key=self._counter)
        self._served = {person_id: self._counter(person_id) for person_id in here.union(away)}
        self._forget_at = max(2 * ABSENT_COUNTERS, 2 * len(here) + ABSENT_COUNTERS)

    def release(self, slot: WorkerSlot, job_id: int, *, served: bool = True) -> None:
        """Take a job from its slot. Unless its person was `served`, their counter is set back."""
        job = slot.assigned.pop(job_id, None)
        slot.worked_before.pop(job_id, None)
        self.changes += 1
        if job is not None and not served:
            self._set_counter(job.person_id, self._counter(job.person_id) - job.work / job.weight)
        self._slot_changed(slot)

    def restore(self, waiting: Iterable[Waiting], assigned: Mapping[WorkerSlot, Iterable[Waiting]]) -> bool:
        """Hold exactly these jobs, where it holds others; whether it did. The counters of people stay.

        `assigned` has the jobs of every slot.
        """
        jobs = {job.job_id: job for job in waiting}
        taken = {slot: {job.job_id: job for job in those} for slot, those in assigned.items()}
        queues: dict[str, CheckpointQueue] = {}
        for job in jobs.values():
            self._arrange(queues, job)
        if (self._jobs, self._queues) == (jobs, queues) and all(
            slot.assigned == those and slot.worked_before.keys() == those.keys() for slot, those in taken.items()
        ):
            return False
        self.changes += 1
        gone = self._queues.keys() - queues.keys()
        self._jobs, self._checkpoints_of = jobs, {}
        self._queues.clear()
        self._queues.update(queues)
        for job in jobs.values():
            self._checkpoints_of.setdefault(job.person_id, set()).add(job.checkpoint)
        for slot, those in taken.items():
            slot.assigned = those
            slot.worked_before = {job_id: slot.worked_before.get(job_id, slot.worked) for job_id in those}
            self._slot_changed(slot)
        for name in (*gone, *queues):
            self._note(name)
        self.reconsider()
        return True

    def copy(self, clock: Callable[[], float]) -> JobQueue:
        """An independent copy with another clock."""
        other = JobQueue(clock, dict(self._switching.load_seconds), dict(self._switching.speeds))
        other._queues.update((key, queue.copy()) for key, queue in self._queues.items())
        other._jobs, other._served, other._last_counter = dict(self._jobs), dict(self._served), self._last_counter
        other._checkpoints_of = {person_id: set(names) for person_id, names in self._checkpoints_of.items()}
        other._forget_at = self._forget_at
        other._paused = self._paused
        for slot in self._slots:
            other.join(
                replace(slot, assigned=dict(slot.assigned), worked_before=dict(slot.worked_before), draining=False)
            )
        for name in other._queues:
            other._note(name)
        other.reconsider()
        return other

    def load_cost(self, checkpoint: str) -> float:
        """Seconds that loading `checkpoint` takes."""
        return self._switching.load_cost(checkpoint)

    # --- counters -----------------------------------------------------------------------------------------------------

    def _counter(self, person_id: int) -> float:
        return self._served.get(person_id, 0.0)

    def _set_counter(self, person_id: int, counter: float) -> None:
        for name in self._checkpoints_of.get(person_id, ()):
            self._queues[name].update_counter(person_id, self._counter(person_id), counter)
            self._unplaced[name] = None  # another job may be the first there now
        self._served[person_id] = counter

    def _raise_counter(self, person_id: int) -> None:
        """Raise the counter of a person who had no job to the lowest one: nobody saves up shares by being away."""
        if person_id not in self._checkpoints_of:
            firsts = (queue.by_counter[0][0] for queue in self._queues.values() if queue.by_counter)
            self._set_counter(person_id, max(self._counter(person_id), min([self._last_counter, *firsts])))

    # --- choosing -----------------------------------------------------------------------------------------------------

    def _choose(self, slot: WorkerSlot) -> Waiting | None:
        if not slot.has_room or EVERYWHERE in self._paused:
            return None
        firsts = [(*self._queues[name].by_counter[0], name) for name in self._switching.checkpoints_for(slot)]
        if not firsts:
            return None
        *_, chosen = min(firsts, key=lambda first: (first[0], first[2] != slot.checkpoint, first[1]))
        job = self._first_for(slot, self._queues[chosen])
        return job if self._may_join(slot, job) else None  # nor does any job after it

    def _first_for(self, slot: WorkerSlot, queue: CheckpointQueue) -> Waiting:
        """The job of the person with the lowest counter; among equal ones that of which it has most LoRAs cached."""
        _, first = queue.by_counter[0]
        job = self._jobs[first]
        if not slot.loras or not job.loras - slot.loras or queue.overtaken(first) >= MAX_OVERTAKEN:
            return job
        equal = (self._jobs[job_id] for job_id in queue.first_equals(EQUAL_JOBS))
        return min(equal, key=lambda job: len(job.loras - slot.loras))

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
