"""What is told about a job that waits is what will be done with it, and telling it costs little."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.queue import EVERYWHERE, UNMEASURED_LOAD, JobQueue, Seat, Waiting
from inference.rehearsal import Forecast, rehearse
from tests.inference.queues import BOTH, Clock, filled, waiting


def forecasts(queue: JobQueue, remaining: dict[int, float] | None = None) -> dict[int, Forecast]:
    return rehearse(queue, 1000.0, lambda job, n: job.work * n, remaining or {})


def test_a_forecast_says_what_will_be_done() -> None:
    queue = filled(waiting(1, 1, work=10), waiting(2, 1, work=10), waiting(3, 2, work=3))
    (seat,) = queue.seats
    queue.next(seat)
    queue.push(waiting(4, 1, work=1, checkpoint="pastel"))
    assert forecasts(queue, {1: 4.0}) == {
        3: Forecast(0, 4.0, 7.0),
        2: Forecast(1, 7.0, 17.0),
        4: Forecast(2, 17.0, 18.0 + UNMEASURED_LOAD),
    }
    assert (len(queue), list(seat.in_hand)) == (3, [1])


def test_nobody_can_say_when_a_queue_that_stands_still_goes_on() -> None:
    queue = filled(waiting(1, 1), waiting(2, 1))
    queue.paused = frozenset({EVERYWHERE})
    assert forecasts(queue) == {1: Forecast(0), 2: Forecast(0)}


jobs = st.lists(
    st.tuples(st.integers(1, 4), st.floats(1, 100), st.sampled_from(["vivid", "pastel"])), min_size=1, max_size=40
).map(lambda rows: [waiting(i, person, work, name) for i, (person, work, name) in enumerate(rows, 1)])


@given(jobs, st.integers(1, 3), st.integers(1, 3))
def test_the_order_is_the_one_that_was_forecast(made: list[Waiting], seats: int, places: int) -> None:
    clock = Clock()
    queue = filled(*made, seats=seats, places=places, clock=clock)
    told = forecasts(queue)
    assert [told[i].ahead for i in sorted(told, key=lambda i: told[i].ahead)] == list(range(len(made)))
    begun, ends = dict[int, float](), list[tuple[float, int, Seat]]()
    while True:
        for seat in queue.seats:
            held = seat.held
            while job := queue.next(seat):
                begun[job.job_id] = clock.now
                load = 0.0 if job.checkpoint in held else UNMEASURED_LOAD
                ends.append((clock.now + load + job.work * len(seat.in_hand), job.job_id, seat))
                held = seat.held
        if not ends:
            break
        end = min(ends, key=lambda end: end[:2])
        ends.remove(end)
        clock.now = end[0]
        queue.release(end[2], end[1])
    assert {i: pytest.approx(begun[i] - 1000.0) for i in begun} == {i: told[i].begins for i in told}


def work_of(act: Callable[[], object]) -> int:
    """How many instructions of Python's it takes; what C code sorts or copies meanwhile counts as one."""
    count = 0

    def trace(frame: FrameType, event: str, _arg: object) -> Callable[[FrameType, str, object], object]:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("people", [1, 10, 10_000])
@pytest.mark.parametrize("paused", [frozenset[int](), frozenset({7})])
def test_four_times_as_many_who_wait_take_about_four_times_the_work_to_tell(
    people: int, paused: frozenset[int]
) -> None:
    def crowd(size: int) -> JobQueue:
        clock = Clock()
        queue = JobQueue(clock)
        queue.seats = [Seat(BOTH, 8), Seat(BOTH, 1)]
        queue.paused = paused
        for i in range(size):
            name = "pastel" if i % 3 else "vivid"
            queue.push(Waiting(i, i % people, name, 1.0, since=clock.now - i, server_id=7 if i % 5 == 0 else 8))
        return queue

    few, many = (work_of(partial(forecasts, crowd(size))) for size in (50, 200))
    assert few > 50, "it was counted at all"
    assert many < 5 * few
