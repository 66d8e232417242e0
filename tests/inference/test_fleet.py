"""The queue before many workers: who gets a job, when a checkpoint spreads, and what it looks at."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from benchmarks.fleet import painted_at_once
from inference.queue.checkpoint_switching import QUANTUM_LOADS, SPREAD_LOADS, SWITCH_FACTOR, UNMEASURED_LOAD_SECONDS
from inference.queue.policy import EVERYWHERE
from inference.queue.scheduler import MAX_OVERTAKEN, JobQueue
from inference.queue.slots import WorkerSlot
from inference.queue.waiting_jobs import Waiting
from tests.inference.queues import BOTH, Clock, fill, filled, waiting
from tests.inference.test_queue_simulation import work_of

SPEED = 1.0  # work per second
QUANTUM_SECONDS = QUANTUM_LOADS * UNMEASURED_LOAD_SECONDS


def measured(*jobs: Waiting, slots: int = 2, places: int = 1, clock: Clock | None = None) -> JobQueue:
    return filled(*jobs, slots=slots, places=places, clock=clock, speeds=dict.fromkeys(BOTH, SPEED))


def assigned(queue: JobQueue) -> list[tuple[int, int]]:
    """All that is assigned now: numbers of slots and ids of jobs."""
    found = iter(queue.assign, None)
    return [(queue.slots.index(slot), job.job_id) for slot, job in found]


def on(slot: WorkerSlot, checkpoint: str = "vivid") -> WorkerSlot:
    """The slot stays on the checkpoint."""
    slot.checkpoint, slot.loaded = checkpoint, frozenset({checkpoint})
    return slot


# --- which worker gets a job ------------------------------------------------------------------------------------------


def test_jobs_go_to_workers_with_nothing_to_do_before_others_get_a_second() -> None:
    queue = measured(slots=3, places=4)
    for slot in queue.slots:
        on(slot)
    for i in range(1, 5):
        queue.push(waiting(i, i))
    assert sorted(slot for slot, _ in assigned(queue)) == [0, 0, 1, 2]


def test_a_worker_that_has_the_loras_of_a_job_gets_it_then_the_faster_then_the_nearer() -> None:
    queue = measured(slots=4, places=2)
    far, near, fast, knows = (on(slot) for slot in queue.slots)
    far.distance, near.distance, fast.speeds, knows.loras = 0.2, 0.01, {"vivid": 3.0}, frozenset({"aa"})
    for i in range(1, 5):
        queue.push(waiting(i, i, loras=frozenset({"aa"} if i == 1 else ())))
    found = [queue.slots[slot] for slot, _ in assigned(queue)]
    assert found == [knows, fast, near, far]


def test_of_people_served_alike_a_worker_takes_one_whose_loras_it_has_and_passes_nobody_over_for_ever() -> None:
    queue = measured(waiting(1, 1, loras=frozenset({"bb"})), slots=1)
    (slot,) = queue.slots
    on(slot).loras = frozenset({"aa"})
    taken = list[int]()
    for i in range(2, 30):
        queue.push(waiting(i, i, loras=frozenset({"aa"})))
        queue.push(waiting(100 + i, 100 + i, loras=frozenset({"aa"})))
        found = queue.next(slot)
        assert found is not None
        queue.release(slot, found.job_id, served=False)
        taken.append(found.job_id)
    assert taken.index(1) == MAX_OVERTAKEN


def test_cached_loras_never_outweigh_what_people_were_served() -> None:
    queue = measured(waiting(1, 1), waiting(2, 1, loras=frozenset({"aa"})), waiting(3, 2), slots=1, places=8)
    on(queue.slots[0]).loras = frozenset({"aa"})
    assert fill(queue, queue.slots[0]) == [1, 3, 2]


def test_idle_workers_that_can_do_the_least_else_load_what_nobody_has() -> None:
    queue = measured(slots=3)
    queue.slots[1].serves = frozenset({"pastel"})
    queue.slots[2].memory, queue.slots[0].memory = 8, 24
    queue.push(waiting(1, 1, checkpoint="pastel"))
    queue.push(waiting(2, 2, checkpoint="vivid"))
    assert assigned(queue) == [(1, 1), (2, 2)]


# --- when a checkpoint spreads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_a_checkpoint_spreads_only_when_its_queue_justifies_the_load(share: float) -> None:
    queue = measured(slots=2)
    on(queue.slots[0])
    queue.push(waiting(1, 1, work=1000.0))
    assert assigned(queue) == [(0, 1)]
    queue.slots[0].draining = True  # it prefetches nothing
    each = share * SPREAD_LOADS * UNMEASURED_LOAD_SECONDS * SPEED
    queue.push(waiting(2, 2, work=each))
    queue.push(waiting(3, 3, work=each))
    assert [slot for slot, _ in assigned(queue)] == ([1, 1] if share > 1 else [])


def test_a_checkpoint_without_any_worker_is_loaded_at_once() -> None:
    queue = measured(waiting(1, 1, work=0.1), slots=2)
    assert [slot for slot, _ in assigned(queue)] == [0]
    queue.push(waiting(2, 2, work=0.1, checkpoint="pastel"))
    assert [slot for slot, _ in assigned(queue)] == [1]


def test_the_jobs_of_a_worker_that_has_left_or_died_go_to_another() -> None:
    queue = measured(waiting(1, 1, work=0.1), slots=2)
    first, second = queue.slots
    assert assigned(queue) == [(0, 1)]
    queue.push(waiting(2, 2, work=0.1))
    assert assigned(queue) == [(0, 2)]
    for job in list(first.assigned.values()):
        queue.release(first, job.job_id, served=False)
        queue.push(job)
    queue.leave(first)
    assert sorted(assigned(queue)) == [(0, 1), (0, 2)] and queue.slots == (second,)


def test_the_last_worker_on_a_checkpoint_leaves_it_for_a_crowd_only_if_that_pays_for_two_loads() -> None:
    for factor, leaves in ((1.5, False), (2.5, True)):
        queue = measured(slots=2)
        on(queue.slots[0]).draining = True
        on(queue.slots[1], "pastel")
        each = factor * SPREAD_LOADS * UNMEASURED_LOAD_SECONDS * SPEED
        queue.push(waiting(1, 1, work=each))
        queue.push(waiting(2, 2, work=each))
        assert bool(assigned(queue)) is leaves


def test_of_several_workers_on_a_checkpoint_one_leaves_after_its_quantum_and_no_further_one() -> None:
    clock = Clock()
    queue = measured(slots=4, clock=clock)
    for slot in queue.slots:
        on(slot).since = clock.now
    for i in range(1, 200):
        queue.push(waiting(i, i))
    assigned(queue)
    for person in range(1000, 1150):
        queue.push(Waiting(person, person, "pastel", 0.01, since=clock.now))
    gone = list[WorkerSlot]()
    while not gone:
        clock.now += 1.0
        for slot in queue.slots:
            for job_id in list(slot.assigned):
                queue.release(slot, job_id)
        assigned(queue)
        for person in range(1, 90):
            queue.push(Waiting(round(clock.now) * 1000 + person, 10 * person, "vivid", 1.0, since=clock.now))
        gone = [slot for slot in queue.slots if slot.checkpoint == "pastel"]
    assert len(gone) == 1 and QUANTUM_SECONDS <= clock.now - 1000.0 <= SWITCH_FACTOR * QUANTUM_SECONDS


# --- the whole --------------------------------------------------------------------------------------------------------


def test_two_hundred_jobs_over_three_checkpoints_are_painted_by_four_workers_with_few_loads() -> None:
    for places in (1, 4):
        fleet = painted_at_once(4, 200, seed=1, places=places)
        assert fleet.loads <= 1.5 * 4


def test_placing_a_job_takes_no_more_work_before_a_hundred_times_as_many_workers() -> None:
    def placed(slots: int) -> int:
        queue = measured(slots=slots, places=4)
        for slot in queue.slots:
            on(slot)
        for i in range(100):
            queue.push(waiting(i, i))
        assigned(queue)

        def one_more() -> None:
            queue.push(waiting(1000, 1000))
            taken = queue.assign()
            assert taken is not None
            queue.release(taken[0], taken[1].job_id)
            assert queue.assign() is None

        return work_of(one_more)

    assert placed(2000) < 2 * placed(40)


class Assigning(RuleBasedStateMachine):
    """Whatever happens, nothing is left that a worker would take if all of them were looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue = measured(slots=4, clock=self.clock)
        self.number = 0
        self.ended = 0

    @rule(
        person=st.integers(1, 4), name=st.sampled_from(sorted(BOTH)), work=st.integers(1, 40), server=st.integers(7, 8),
        alone=st.booleans(), lora=st.sampled_from(["aa", "bb"]),
    )  # fmt: skip
    def order(self, person: int, name: str, work: float, server: int, alone: bool, lora: str) -> None:
        self.number += 1
        exclusive, loras = alone and self.number % 5 == 0, frozenset({lora})
        self.queue.push(waiting(self.number, person, work, name, server_id=server, exclusive=exclusive, loras=loras))
        self.look()

    @precondition(lambda self: self.queue.slots)
    @rule(which=st.integers(0, 3), number=st.integers(0, 3), served=st.booleans())
    def end(self, which: int, number: int, served: bool) -> None:
        slot = self.queue.slots[which % len(self.queue.slots)]
        if slot.assigned:
            job = list(slot.assigned.values())[number % len(slot.assigned)]
            self.queue.release(slot, job.job_id, served=served)
            self.ended += served
            if not served:
                self.queue.push(job)
        self.look()

    @precondition(lambda self: self.queue.slots)
    @rule(which=st.integers(0, 3), places=st.integers(0, 3), lora=st.sampled_from(["aa", "bb"]))
    def report(self, which: int, places: int, lora: str) -> None:
        slot = self.queue.slots[which % len(self.queue.slots)]
        slot.places, slot.loras = places, frozenset({lora})
        slot.loaded = frozenset({slot.checkpoint} if slot.checkpoint else ())
        self.look()

    @precondition(lambda self: self.queue.slots)
    @rule(which=st.integers(0, 3))
    def leave(self, which: int) -> None:
        slot = self.queue.slots[which % len(self.queue.slots)]
        self.queue.leave(slot)
        for job in list(slot.assigned.values()):
            self.queue.release(slot, job.job_id, served=False)
            self.queue.push(job)
        self.look()

    @precondition(lambda self: len(self.queue.slots) < 4)
    @rule(places=st.integers(1, 4), serves=st.sampled_from([BOTH, frozenset({"vivid"})]))
    def join(self, places: int, serves: frozenset[str]) -> None:
        self.queue.join(WorkerSlot(serves, places))
        self.look()

    @rule(servers=st.frozensets(st.sampled_from([EVERYWHERE, 7, 8]), max_size=2))
    def pause(self, servers: frozenset[int]) -> None:
        self.queue.paused = servers
        self.look()

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.queue.reconsider()
        self.look()

    def look(self) -> None:
        before = len(self.queue) + sum(len(slot.assigned) for slot in self.queue.slots)
        for slot, job in iter(self.queue.assign, None):
            assert slot in self.queue.slots and job.checkpoint in slot.serves
            assert not self.queue.paused & {job.server_id, EVERYWHERE}
        assert before == len(self.queue) + sum(len(slot.assigned) for slot in self.queue.slots)
        assert before + self.ended == self.number
        again = self.queue.copy(self.clock)
        found = again.assign() or next(((slot, job) for slot in again.slots if (job := again.next(slot))), None)
        # A worker with one place is asked again only when a job of it ends, although counters have changed.
        assert found is None or (found[0].places == 1 and len(found[0].assigned) > 1), "all of them looked at anew"


TestAssigning = Assigning.TestCase
TestAssigning.settings = settings(max_examples=60, stateful_step_count=40)
