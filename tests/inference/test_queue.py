"""The order of jobs: no person starves, saves up shares or pays for a busy past, and loading takes a bounded time."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference.errors import QueueFull, TooManyWaiting
from inference.queue.checkpoint_switching import (
    QUANTUM_LOADS,
    STARVATION_QUANTA,
    SWITCH_FACTOR,
    UNMEASURED_LOAD_SECONDS,
)
from inference.queue.policy import EVERYWHERE, Policy
from inference.queue.scheduler import ABSENT_COUNTERS, JobQueue
from inference.queue.slots import PREFETCHED_JOBS, WorkerSlot
from inference.queue.waiting_jobs import Waiting
from tests.inference.queues import BOTH, Clock, fill, filled, painted_next, waiting


def take(queue: JobQueue, slot: int = 0) -> int | None:
    """Take the next job and end it at once."""
    job = queue.next(queue.slots[slot])
    if job is None:
        return None
    queue.release(queue.slots[slot], job.job_id)
    return job.job_id


def drained(queue: JobQueue) -> list[int]:
    return list(iter(lambda: take(queue), None))


def test_an_empty_queue_has_no_next_job() -> None:
    assert take(filled()) is None


def test_jobs_of_one_person_come_in_order() -> None:
    assert drained(filled(*(waiting(i, 1) for i in (3, 1, 2)))) == [1, 2, 3]


def test_people_alternate_however_many_jobs_each_has_waiting() -> None:
    many = [waiting(i, 1) for i in range(1, 6)]
    assert drained(filled(*many, waiting(6, 2), waiting(7, 3))) == [1, 6, 7, 2, 3, 4, 5]


def test_a_first_job_comes_before_another_persons_second_job() -> None:
    queue = filled(waiting(1, 1), waiting(2, 1))
    take(queue)
    queue.push(waiting(3, 2))
    assert drained(queue) == [3, 2]


def test_a_large_job_counts_for_more_than_a_small_one() -> None:
    queue = filled(waiting(1, 1, work=4), waiting(2, 1, work=4), *(waiting(i, 2) for i in range(3, 9)))
    assert drained(queue) == [1, 3, 4, 5, 6, 2, 7, 8]


def test_a_weight_gives_a_larger_share_but_never_everything() -> None:
    heavy = [waiting(i, 1, weight=2.0) for i in range(1, 9)]
    order = drained(filled(*heavy, *(waiting(i, 2) for i in range(11, 15))))
    first = [1 if job_id < 10 else 2 for job_id in order[:9]]
    assert Counter(first) == {1: 6, 2: 3}


def test_a_busy_past_costs_a_person_nothing() -> None:
    queue = filled()
    for job_id in range(1, 101):  # alone for a long time
        queue.push(waiting(job_id, 1))
        take(queue)
    for job_id in range(201, 221):
        queue.push(waiting(job_id, 2))
    queue.push(waiting(301, 1))
    assert drained(queue).index(301) <= 2


def test_no_person_saves_up_shares_by_staying_away() -> None:
    queue = filled(*(waiting(i, 1) for i in range(1, 101)))
    for _ in range(50):
        take(queue)
    for job_id in range(201, 221):
        queue.push(waiting(job_id, 2))
    assert {1, 2} == {1 if job_id < 200 else 2 for job_id in drained(queue)[:3]}


def test_ordering_one_job_at_a_time_does_not_reset_the_counter() -> None:
    queue = filled(waiting(1, 1, work=50), *(waiting(i, 2, work=10) for i in range(11, 21)))
    take(queue)
    queue.push(waiting(2, 1))
    assert drained(queue).index(2) == 5


def serve(queue: JobQueue, job: Waiting) -> None:
    """Let one job come and go."""
    queue.push(job)
    assert queue.next(queue.slots[0]) is not None
    queue.release(queue.slots[0], job.job_id)


def test_a_queue_does_not_grow_with_everybody_who_was_ever_served() -> None:
    """And who owes most is remembered: they wait behind a newcomer also after a crowd has passed."""
    queue = filled()
    serve(queue, waiting(1, 1, work=100.0))
    sizes: list[int] = []
    for person in range(2, 6 * ABSENT_COUNTERS):
        serve(queue, waiting(person, person))
        if person % ABSENT_COUNTERS == 0:
            sizes.append(len(pickle.dumps(queue)))
    assert sizes[-1] < 1.5 * max(sizes[:2])
    queue.push(waiting(10**6, 1))
    queue.push(waiting(10**6 + 1, 2))
    assert fill(queue, queue.slots[0])[0] == 10**6 + 1


def test_a_job_that_its_worker_did_not_finish_is_not_counted() -> None:
    queue = filled(waiting(1, 1), waiting(2, 2))
    (slot,) = queue.slots
    first = queue.next(slot)
    assert first is not None
    queue.release(slot, first.job_id, served=False)
    queue.push(first)
    assert drained(queue) == [1, 2]


def test_a_removed_job_never_comes() -> None:
    queue = filled(waiting(1, 1), waiting(2, 1))
    assert (queue.remove(1), queue.remove(1)) == (True, False)
    assert drained(queue) == [2]


def test_pushing_a_job_twice_changes_nothing() -> None:
    assert drained(filled(waiting(1, 1), waiting(1, 1))) == [1]


def test_a_worker_gets_as_many_jobs_as_it_has_places_and_prefetches_some() -> None:
    for places, handed in ((0, 0), (1, 1 + PREFETCHED_JOBS), (2, 3), (4, 5)):
        queue = filled(*(waiting(i, i) for i in range(1, 9)), places=places)
        assert len(fill(queue, queue.slots[0])) == handed


def test_a_worker_that_loses_places_ends_its_jobs_before_it_takes_more() -> None:
    queue = filled(*(waiting(i, i) for i in range(1, 20)), places=8)
    (slot,) = queue.slots
    assert len(fill(queue, slot)) == 9
    slot.places = 1
    for job_id in range(1, 10 - PREFETCHED_JOBS - 1):
        queue.release(slot, job_id)
        assert fill(queue, slot) == []
    queue.release(slot, 9)
    assert fill(queue, slot) == [10]
    slot.places = 0
    queue.release(slot, 10)
    assert fill(queue, slot) == []


# --- prefetched jobs ----------------------------------------------------------------------------------------------


def test_a_worker_of_one_place_prefetches_one_job_of_each_person() -> None:
    queue = filled(*(waiting(i, 1) for i in range(1, 9)))
    (slot,) = queue.slots
    assert fill(queue, slot) == [1]
    queue.push(waiting(11, 2))
    queue.push(waiting(12, 2))
    assert fill(queue, slot) == [11]
    queue.release(slot, 1)
    assert fill(queue, slot) == [2]


def test_a_new_persons_job_starts_next_however_many_jobs_another_has() -> None:
    queue = filled(*(waiting(i, 1) for i in range(1, 100)))
    (slot,) = queue.slots
    fill(queue, slot)
    queue.push(waiting(100, 2, work=1.0))
    fill(queue, slot)
    queue.release(slot, 1)
    assert painted_next(slot).job_id == 100


def test_no_job_is_prefetched_past_the_person_with_the_lowest_counter() -> None:
    queue = filled(waiting(1, 1, work=4), waiting(2, 1, work=4))
    (slot,) = queue.slots
    assert fill(queue, slot) == [1]
    queue.push(waiting(11, 2, work=9))
    queue.push(waiting(12, 2, work=9))
    assert fill(queue, slot) == [11]
    queue.release(slot, 11)
    assert fill(queue, slot) == [], "the first person has had 4, the second 9"
    queue.release(slot, 1)
    assert fill(queue, slot) == [2], "8 and 9: the second has to wait for the first"


def test_a_long_job_is_not_passed_over_by_all_short_jobs_of_another_person() -> None:
    queue = filled(*(waiting(i, 1, work=4) for i in range(1, 100)), waiting(100, 2, work=20))
    (slot,) = queue.slots
    painted: list[int] = []
    while not painted or painted[-1] != 100:
        fill(queue, slot)
        job = painted_next(slot)
        slot.worked += job.work
        queue.release(slot, job.job_id)
        painted.append(job.job_id)
    assert len(painted) == 1 + 6, "those that make up the same work, and the one whose turn is then"


def test_jobs_for_another_checkpoint_and_exclusive_jobs_are_not_prefetched() -> None:
    queue = filled(waiting(1, 1), waiting(2, 2), waiting(3, 3, exclusive=True), waiting(4, 4))
    (slot,) = queue.slots
    assert fill(queue, slot) == [1, 2]
    queue.release(slot, 1)
    queue.release(slot, 2)
    assert fill(queue, slot) == [3]
    queue.release(slot, 3)
    queue.push(waiting(5, 5, checkpoint="pastel"))
    assert fill(queue, slot) == [4], "one ends what is there"
    queue.push(waiting(6, 6))
    slot.draining = True
    assert fill(queue, slot) == []


def test_a_worker_that_is_about_to_switch_prefetches_nothing() -> None:
    clock = Clock()
    queue = filled(waiting(1, 1), waiting(2, 2, checkpoint="pastel"), clock=clock)
    (slot,) = queue.slots
    assert fill(queue, slot) == [1]
    clock.now += STARVATION_QUANTA * QUANTUM_LOADS * UNMEASURED_LOAD_SECONDS + 1
    queue.push(Waiting(3, 3, "vivid", 1.0, since=clock.now))
    assert fill(queue, slot) == []
    queue.release(slot, 1)
    assert fill(queue, slot) == [2]


def test_an_exclusive_job_shares_its_worker_with_no_other() -> None:
    queue = filled(waiting(1, 1), waiting(2, 2, exclusive=True), waiting(3, 3), places=4)
    (slot,) = queue.slots
    assert queue.next(slot) == waiting(1, 1)
    assert queue.next(slot) is None
    queue.release(slot, 1)
    assert queue.next(slot) == waiting(2, 2)
    assert queue.next(slot) is None
    queue.release(slot, 2)
    assert queue.next(slot) == waiting(3, 3)


def test_a_checkpoint_that_no_worker_can_load_is_reported() -> None:
    queue = filled()
    assert queue.served("vivid") and not queue.served("flux")
    queue.push(waiting(1, 1, checkpoint="flux"))
    assert take(queue) is None


def test_a_small_worker_is_never_given_what_only_the_large_one_can_load() -> None:
    queue = filled(waiting(1, 1, checkpoint="pastel"), waiting(2, 2), slots=2)
    queue.slots[0].serves = frozenset({"vivid"})
    assert (take(queue, 0), take(queue, 0), take(queue, 1)) == (2, None, 1)


def test_two_workers_stay_on_their_checkpoints() -> None:
    clock = Clock()
    queue = filled(slots=2, clock=clock)
    for i in range(1, 41):
        queue.push(waiting(i, i, checkpoint="vivid" if i % 2 else "pastel"))
    for _ in range(20):
        assert (take(queue, 0) or 0) % 2 == 1 and (take(queue, 1) or 1) % 2 == 0
        clock.now += 100.0


def test_a_worker_without_jobs_for_its_checkpoint_helps_the_other() -> None:
    queue = filled(*(waiting(i, i) for i in range(1, 5)), waiting(9, 9, checkpoint="pastel"), slots=2)
    assert (take(queue, 0), take(queue, 1), take(queue, 1)) == (1, 9, 2)


def test_jobs_of_a_paused_server_wait_and_others_go_on() -> None:
    queue = filled(waiting(1, 1, server_id=7), waiting(2, 1, server_id=8))
    queue.paused = {7}
    assert (take(queue), take(queue)) == (2, None)
    queue.paused = {EVERYWHERE}
    queue.push(waiting(3, 1))
    assert take(queue) is None
    queue.paused = set()
    assert drained(queue) == [1, 3]


# --- staying and leaving -----------------------------------------------------------------------------------------


def rounds(queue: JobQueue, clock: Clock, people: range, count: int, seconds: float = 1.0) -> list[str]:
    """Everybody always has a job for vivid ready; the checkpoints painted with."""
    painted: list[str] = []
    for i in range(count):
        for person in people:
            queue.push(Waiting(10_000 + i * 100 + person, person, "vivid", 1.0, since=clock.now))
        (slot,) = queue.slots
        before = slot.checkpoint
        job = queue.next(slot)
        assert job is not None
        clock.now += seconds + (UNMEASURED_LOAD_SECONDS if job.checkpoint != before else 0.0)
        queue.release(slot, job.job_id)
        painted.append(job.checkpoint)
    return painted


def test_no_job_waits_for_ever_for_another_checkpoint() -> None:
    clock = Clock()
    queue = filled(clock=clock)
    rounds(queue, clock, range(2, 9), 20)
    queue.push(Waiting(1, 1, "pastel", 1.0, since=clock.now))
    assert "pastel" in rounds(
        queue, clock, range(2, 9), int(STARVATION_QUANTA * QUANTUM_LOADS * UNMEASURED_LOAD_SECONDS) + 2
    )


def test_no_person_keeps_a_worker_by_ordering_many_jobs() -> None:
    clock = Clock()
    queue = filled(*(waiting(i, 1) for i in range(1, 1001)), clock=clock)
    take(queue)
    for person in (2, 3, 4):
        queue.push(waiting(2000 + person, person, checkpoint="pastel"))
    clock.now += SWITCH_FACTOR * QUANTUM_LOADS * UNMEASURED_LOAD_SECONDS + 1
    assert [take(queue) for _ in range(4)] == [2002, 2003, 2004, 2]


def test_loading_takes_at_most_a_tenth_of_the_time_while_all_checkpoints_are_wanted() -> None:
    clock = Clock()
    queue = filled(clock=clock)
    job_id, loads, began = 0, 0, clock.now
    for _ in range(3000):
        for checkpoint in BOTH:
            for person in range(2):
                job_id += 1
                queue.push(Waiting(job_id, person, checkpoint, 1.0, since=clock.now))
        (slot,) = queue.slots
        before = slot.checkpoint
        job = queue.next(slot)
        assert job is not None
        loads += job.checkpoint != before
        clock.now += 1.0 + (UNMEASURED_LOAD_SECONDS if job.checkpoint != before else 0.0)
        queue.release(slot, job.job_id)
    assert 2 < loads * UNMEASURED_LOAD_SECONDS <= 0.1 * (clock.now - began)


def test_a_worker_ends_its_assigned_jobs_before_it_switches() -> None:
    queue = filled(waiting(1, 1), waiting(2, 2, checkpoint="pastel"), places=4)
    (slot,) = queue.slots
    assert queue.next(slot) == waiting(1, 1)
    assert queue.next(slot) is None
    queue.release(slot, 1)
    assert queue.next(slot) == waiting(2, 2)


def test_jobs_for_another_loaded_checkpoint_need_no_switch() -> None:
    queue = filled(waiting(1, 1), waiting(2, 2, checkpoint="pastel"), places=4)
    (slot,) = queue.slots
    slot.loaded = BOTH
    assert [queue.next(slot).job_id for _ in range(2)] == [1, 2]  # type: ignore[union-attr]


# --- limits and shares ---------------------------------------------------------------------------------------------


def test_the_errors_for_too_many_jobs_and_a_full_queue_tell_how_long_it_takes() -> None:
    policy = Policy(waiting_per_person=2, waiting_in_all=5)
    policy.check(1, 4, lambda: "1 min")
    with pytest.raises(TooManyWaiting, match=r"limit for queued requests \(2\).*in about 1 min"):
        policy.check(2, 4, lambda: "about 1 min")
    with pytest.raises(QueueFull, match=r"full \(requests: 5\).*in about 1 min"):
        policy.check(1, 5, lambda: "about 1 min")


jobs = st.lists(
    st.tuples(st.integers(1, 4), st.floats(1, 100), st.sampled_from(["vivid", "pastel"])), min_size=1, max_size=40
).map(lambda rows: [waiting(i, person, work, name) for i, (person, work, name) in enumerate(rows, 1)])


@given(jobs)
def test_while_two_people_wait_neither_is_served_more_than_a_job_of_each_more(
    made: list[Waiting],
) -> None:
    """On one checkpoint and one place, with the worker's own order among its assigned jobs."""
    queue = filled(*(waiting(job.job_id, job.person_id, job.work) for job in made))
    (slot,) = queue.slots
    left = Counter(job.person_id for job in made)
    served, largest = dict.fromkeys(left, 0.0), dict.fromkeys(left, 0.0)
    for job in made:
        largest[job.person_id] = max(largest[job.person_id], job.work)
    painted: list[int] = []
    while fill(queue, slot) or slot.assigned:
        job = painted_next(slot)
        slot.worked += job.work
        queue.release(slot, job.job_id)
        painted.append(job.job_id)
        served[job.person_id] += job.work
        left[job.person_id] -= 1
        still = [person for person, count in left.items() if count]
        for one in still:
            for other in still:
                assert served[one] - served[other] <= largest[one] + largest[other] + 1e-6 or one == other
    assert sorted(painted) == [job.job_id for job in made]


@given(jobs, st.frozensets(st.integers(1, 4)))
def test_while_two_people_wait_neither_gets_more_than_one_job_more(
    made: list[Waiting], patient: frozenset[int]
) -> None:
    """Whether they order all at once or, being `patient`, the next when one is taken. On one checkpoint; between two,
    the quantum bounds it."""
    theirs = {person: [job for job in made if job.person_id == person] for person in range(1, 5)}
    queue = filled()

    def order(person: int) -> None:
        while theirs[person]:
            job = theirs[person].pop(0)
            queue.push(waiting(job.job_id, person, job.work))
            if person in patient:
                return

    for person in theirs:
        order(person)
    largest = max(job.work for job in made)
    left = Counter(job.person_id for job in made)
    served = dict.fromkeys(left, 0.0)
    by_id = {job.job_id: job for job in made}
    while job_id := take(queue):
        job = by_id[job_id]
        order(job.person_id)
        served[job.person_id] += job.work
        left[job.person_id] -= 1
        still = [served[person] for person, count in left.items() if count]
        assert not still or max(still) - min(still) <= largest + 1e-6


class Queue(RuleBasedStateMachine):
    """Orders, starts, deaths, cancels and pauses in any order, for several workers that differ."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue = JobQueue(self.clock)
        self.queue.slots = [WorkerSlot(BOTH, 2), WorkerSlot(frozenset({"vivid"}), 1)]
        self.made = dict[int, Waiting]()
        self.ended = set[int]()

    @rule(
        person=st.integers(1, 4),
        work=st.floats(1, 50),
        name=st.sampled_from(sorted(BOTH)),
        weight=st.sampled_from([0.5, 1.0, 2.0]),
        server=st.sampled_from([None, 7, 8]),
        exclusive=st.sampled_from([False, False, False, True]),
    )
    def order(self, person: int, work: float, name: str, weight: float, server: int | None, exclusive: bool) -> None:
        job_id = len(self.made) + 1
        job = Waiting(job_id, person, name, work, 1, weight, server, exclusive, self.clock.now)
        self.made[job.job_id] = job
        self.queue.push(job)

    @rule(which=st.integers(0, 1), seconds=st.floats(0, 30))
    def turn(self, which: int, seconds: float) -> None:
        self.clock.now += seconds
        slot = self.queue.slots[which]
        before = set(slot.assigned)
        job = self.queue.next(slot)
        assert set(slot.assigned) - before == ({job.job_id} if job else set())
        if job is None:
            return
        assert job.job_id not in self.ended and job.checkpoint in slot.serves
        assert not self.queue.paused & {job.server_id, EVERYWHERE}
        others = [self.made[job_id] for job_id in before]
        assert len(others) < slot.places + (PREFETCHED_JOBS if slot.places == 1 else 1), (
            "no worker has more than it can take"
        )
        assert not others or not any(one.exclusive for one in (job, *others))
        assert {other.checkpoint for other in others} <= {job.checkpoint}
        assert slot.places > 1 or job.person_id not in {other.person_id for other in others}

    @rule(which=st.integers(0, 1), places=st.integers(1, 3))
    def announce(self, which: int, places: int) -> None:
        self.queue.slots[which].places = places

    @rule(servers=st.frozensets(st.sampled_from([EVERYWHERE, 7, 8]), max_size=2))
    def pause(self, servers: frozenset[int]) -> None:
        self.queue.paused = servers

    @rule(which=st.integers(0, 1), served=st.booleans())
    def end(self, which: int, served: bool) -> None:
        slot = self.queue.slots[which]
        if slot.assigned:
            job = slot.assigned[min(slot.assigned)]
            self.queue.release(slot, job.job_id, served=served)
            if served:
                self.ended.add(job.job_id)
            else:
                self.queue.push(job)

    @rule(which=st.integers(0, 1))
    def die(self, which: int) -> None:
        slot = self.queue.slots[which]
        for job in list(slot.assigned.values()):
            self.queue.release(slot, job.job_id, served=False)
            self.queue.push(job)

    @precondition(lambda self: len(self.queue))
    @rule(number=st.integers(0, 100))
    def cancel(self, number: int) -> None:
        there = sorted(i for i in self.made if i in self.queue)
        job_id = there[number % len(there)]
        assert self.queue.remove(job_id)
        self.ended.add(job_id)

    @invariant()
    def every_job_is_in_one_place(self) -> None:
        assigned = [job_id for slot in self.queue.slots for job_id in slot.assigned]
        waits = [job_id for job_id in self.made if job_id in self.queue]
        assert sorted([*assigned, *waits, *self.ended]) == sorted(self.made)
        assert len(waits) == len(self.queue)

    @invariant()
    def the_work_before_is_known_of_every_assigned_job(self) -> None:
        assert all(slot.worked_before.keys() == slot.assigned.keys() for slot in self.queue.slots)

    def teardown(self) -> None:
        """Whatever happened: every job that waits now starts in the end."""
        self.queue.paused = frozenset()
        for slot in self.queue.slots:
            for job_id in list(slot.assigned):
                self.queue.release(slot, job_id)
        turns = 0
        while len(self.queue):
            turns += 1
            assert turns <= 3 * len(self.made), "somebody is never taken"
            for slot in self.queue.slots:
                while job := self.queue.next(slot):
                    assert job.job_id not in self.ended
                for job_id in list(slot.assigned):
                    self.queue.release(slot, job_id)
            self.clock.now += 10.0


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=40)


class Counted(RuleBasedStateMachine):
    """A queue for one checkpoint and one place, compared with a list that is searched from the start each time."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = filled()
        self.waits = list[Waiting]()
        self.assigned = list[Waiting]()
        self.served = Counter[int]()
        self.level = 0.0
        self.made = 0

    def _heads(self) -> list[Waiting]:
        begins = [job for job in sorted(self.waits) if job.server_id not in self.queue.paused]
        return [job for i, job in enumerate(begins) if job.person_id not in {other.person_id for other in begins[:i]}]

    @rule(
        person=st.integers(1, 4), work=st.integers(1, 9), weight=st.sampled_from([1.0, 2.0]), server=st.integers(7, 8)
    )
    def order(self, person: int, work: int, weight: float, server: int) -> None:
        self.made += 1
        job = waiting(self.made, person, work, weight=weight, server_id=server)
        if person not in {other.person_id for other in self.waits}:
            lowest = min([self.level, *(self.served[head.person_id] for head in self._heads())])
            self.served[person] = max(self.served[person], lowest)  # type: ignore[assignment]
        self.waits.append(job)
        self.queue.push(job)

    @rule()
    def turn(self) -> None:
        due = min(self._heads(), key=lambda job: (self.served[job.person_id], job.job_id), default=None)
        people = {job.person_id for job in self.assigned}
        if due and people and min(self.served[person] for person in people) < self.served[due.person_id]:
            due = None  # the people of assigned jobs have been served less
        if due and (len(self.assigned) > PREFETCHED_JOBS or due.person_id in people):
            due = None
        job = self.queue.next(self.queue.slots[0])
        assert job == due
        if job is not None:
            self.waits.remove(job)
            self.assigned.append(job)
            self.level = self.served[job.person_id]
            self.served[job.person_id] += job.work / job.weight  # type: ignore[assignment]

    @precondition(lambda self: self.assigned)
    @rule(number=st.integers(0, PREFETCHED_JOBS), served=st.booleans())
    def end(self, number: int, served: bool) -> None:
        job = self.assigned.pop(number % len(self.assigned))
        self.queue.release(self.queue.slots[0], job.job_id, served=served)
        if not served:
            self.served[job.person_id] -= job.work / job.weight  # type: ignore[assignment]

    @precondition(lambda self: self.waits)
    @rule(number=st.integers(0, 100))
    def cancel(self, number: int) -> None:
        assert self.queue.remove(self.waits.pop(number % len(self.waits)).job_id)

    @rule(servers=st.frozensets(st.integers(7, 8)))
    def pause(self, servers: frozenset[int]) -> None:
        self.queue.paused = servers


TestCounted = Counted.TestCase
TestCounted.settings = settings(max_examples=60, stateful_step_count=40)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5), st.booleans()), min_size=60, max_size=60),
    st.sampled_from([1.0, 5.0, 20.0]),
)
def test_no_person_starves_however_the_others_order(arrivals: list[tuple[int, int, bool]], load: float) -> None:
    """The others always have something waiting; the first job of person 9 starts within a bounded time."""
    clock = Clock()
    queue = filled(clock=clock, load_seconds=dict.fromkeys(BOTH, load))
    (slot,) = queue.slots
    queue.push(waiting(1, 9, work=5.0, checkpoint="pastel"))
    for job_id in range(2, 4000):
        person, work, vivid = arrivals[job_id % len(arrivals)]
        queue.push(Waiting(job_id, person, "vivid" if vivid else "pastel", float(work), since=clock.now))
        held = slot.held
        if fill(queue, slot) and not slot.held <= held:
            clock.now += load
        job = painted_next(slot)
        if job.job_id == 1:
            break
        clock.now += job.work
        slot.worked += job.work
        queue.release(slot, job.job_id)
    assert clock.now - 1000.0 <= (STARVATION_QUANTA + 1) * QUANTUM_LOADS * load + 100
