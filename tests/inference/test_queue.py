"""Who is next: nobody starves, nobody saves up, nobody pays for a busy past."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.queue import JobQueue, Waiting


def waiting(job_id: int, person: int, work: float = 1.0, checkpoint: str = "vivid") -> Waiting:
    return Waiting(job_id, person, checkpoint, work)


def filled(*jobs: Waiting) -> JobQueue:
    queue = JobQueue()
    for job in jobs:
        queue.push(job)
    return queue


def drained(queue: JobQueue, loaded: tuple[str, ...] = ()) -> list[int]:
    return [job.job_id for _ in range(len(queue)) if (job := queue.next(loaded))]


def test_an_empty_queue_has_nobody() -> None:
    assert JobQueue().next(()) is None


def test_one_persons_jobs_come_in_their_order() -> None:
    assert drained(filled(*(waiting(i, 1) for i in (3, 1, 2)))) == [1, 2, 3]


def test_people_take_turns_whatever_they_have_waiting() -> None:
    many = [waiting(i, 1) for i in range(1, 6)]
    assert drained(filled(*many, waiting(6, 2), waiting(7, 3))) == [1, 6, 7, 2, 3, 4, 5]


def test_whoever_has_nothing_running_comes_before_a_second_job_of_whoever_has() -> None:
    queue = filled(waiting(1, 1), waiting(2, 1))
    queue.next(())
    queue.push(waiting(3, 2))
    assert drained(queue) == [3, 2]


def test_large_work_counts_for_more_than_small() -> None:
    queue = filled(waiting(1, 1, work=4), waiting(2, 1, work=4), *(waiting(i, 2) for i in range(3, 9)))
    assert drained(queue) == [1, 3, 4, 5, 6, 2, 7, 8]


def test_between_equals_the_loaded_checkpoint_comes_first() -> None:
    jobs = [waiting(1, 1, checkpoint="pastel"), waiting(2, 2)]
    assert filled(*jobs).next(["vivid"]) == jobs[1]
    assert filled(*jobs).next(["pastel"]) == jobs[0]


def test_the_loaded_checkpoint_starves_nobody() -> None:
    queue = filled(waiting(1, 1, checkpoint="pastel"))
    taken = []
    for job_id in range(2, 6):  # one who always has the next job ready, on the checkpoint that is loaded
        queue.push(waiting(job_id, 2))
        taken.append(queue.next(["vivid"]))
    assert waiting(1, 1, checkpoint="pastel") in taken[:3]


def test_nobody_pays_for_a_busy_past() -> None:
    queue = JobQueue()
    for job_id in range(1, 101):  # alone for a long time
        queue.push(waiting(job_id, 1))
        queue.next(())
    for job_id in range(201, 221):
        queue.push(waiting(job_id, 2))
    queue.push(waiting(301, 1))
    assert drained(queue).index(301) <= 2


def test_nobody_saves_up_by_staying_away() -> None:
    queue = filled(*(waiting(i, 1) for i in range(1, 101)))
    for _ in range(50):
        queue.next(())
    for job_id in range(201, 221):
        queue.push(waiting(job_id, 2))
    assert {1, 2} == {job.person_id for job in queue.order()[:3]}


def test_a_removed_job_never_comes() -> None:
    queue = filled(waiting(1, 1), waiting(2, 1))
    assert (queue.remove(1), queue.remove(1)) == (True, False)
    assert drained(queue) == [2]


def test_pushing_a_job_twice_changes_nothing() -> None:
    assert drained(filled(waiting(1, 1), waiting(1, 1))) == [1]


jobs = st.lists(
    st.tuples(st.integers(1, 4), st.floats(1, 100), st.sampled_from(["vivid", "pastel"])), min_size=1, max_size=40
).map(lambda rows: [waiting(i, person, work, name) for i, (person, work, name) in enumerate(rows, 1)])


@given(jobs, st.sampled_from([(), ("vivid",), ("pastel",)]))
def test_every_job_comes_exactly_once_and_in_the_order_that_was_told(made: list[Waiting], loaded: tuple[str]) -> None:
    queue = filled(*made)
    told = [job.job_id for job in queue.order(loaded)]
    assert drained(queue, loaded) == told
    assert sorted(told) == [job.job_id for job in made]


@given(jobs, st.sampled_from([(), ("vivid",)]))
def test_while_two_people_wait_neither_gets_more_than_one_job_ahead(made: list[Waiting], loaded: tuple[str]) -> None:
    queue = filled(*made)
    largest = max(job.work for job in made)
    left = {person: sum(job.person_id == person for job in made) for person in range(1, 5)}
    served = dict.fromkeys(left, 0.0)
    while job := queue.next(loaded):
        served[job.person_id] += job.work
        left[job.person_id] -= 1
        still = [served[person] for person, count in left.items() if count]
        assert not still or max(still) - min(still) <= largest + 1e-6


@given(st.lists(st.tuples(st.integers(1, 3), st.floats(1, 10), st.booleans()), max_size=120))
def test_whoever_waits_is_served_before_the_others_have_had_much(steps: list[tuple[int, float, bool]]) -> None:
    """Arrivals and turns in any order: between a job's arrival as its person's only one and its turn, each of the
    two others has had no more than two jobs' worth."""
    queue, since = JobQueue(), dict[int, dict[int, float]]()
    for job_id, (person, work, turn) in enumerate(steps, 1):
        alone = all(job.person_id != person for job in queue.order())
        queue.push(waiting(job_id, person, work))
        if alone:
            since[job_id] = dict.fromkeys((1, 2, 3), 0.0)
        if not turn or (taken := queue.next(())) is None:
            continue
        since.pop(taken.job_id, None)
        for had in since.values():
            had[taken.person_id] += taken.work
        assert all(had[other] <= 30 for had in since.values() for other in had)
