"""A forecast of a waiting job is what happens in the end, and costs little to compute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from functools import partial
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.queue.checkpoint_switching import UNMEASURED_LOAD_SECONDS
from inference.queue.policy import EVERYWHERE
from inference.queue.request_cost import AGEING, precedence
from inference.queue.scheduler import JobQueue
from inference.queue.simulation import Forecast, simulate
from inference.queue.slots import WorkerSlot
from inference.queue.waiting_jobs import Waiting
from tests.inference.queues import BOTH, Clock, filled, waiting


class Measured:
    """A job takes as many steps as its work, and a round one second for each picture in it."""

    def __init__(self, rest: float = 0.0, unknown: str = "") -> None:
        self._rest, self._unknown = rest, unknown

    def steps(self, job: Waiting) -> int:
        return int(job.work)

    def round(self, jobs: Collection[Waiting]) -> float | None:
        if any(job.checkpoint == self._unknown for job in jobs):
            return None
        return float(sum(job.places for job in jobs))

    def rest(self, job: Waiting) -> float:
        return self._rest


def forecasts(queue: JobQueue, left: dict[int, int] | None = None, **how: object) -> dict[int, Forecast]:
    return simulate(queue, 1000.0, Measured(**how), left or {})  # type: ignore[arg-type]


def forecasts_while_loading(queue: JobQueue, first: int) -> dict[int, Forecast]:
    return simulate(queue, 1000.0, Measured(), {first: None})


def with_assigned(queue: JobQueue, *loaded: str) -> JobQueue:
    """The queue, with all jobs assigned that the first slot takes."""
    (slot,) = queue.slots
    slot.loaded = frozenset(loaded)
    while queue.next(slot):
        pass
    return queue


def test_a_forecast_is_what_happens() -> None:
    queue = filled(waiting(1, 1, work=10), waiting(2, 1, work=10), waiting(3, 2, work=3))
    queue.next(queue.slots[0])
    queue.push(waiting(4, 1, work=1, checkpoint="pastel"))
    assert forecasts(queue, {1: 4}) == {
        1: Forecast(0, 0.0, 4.0),
        3: Forecast(0, 0.0, 7.0),
        2: Forecast(1, 7.0, 17.0),
        4: Forecast(2, 17.0, 18.0 + UNMEASURED_LOAD_SECONDS),
    }
    assert (len(queue), list(queue.slots[0].assigned)) == (3, [1])


def test_assigned_jobs_are_forecast_in_the_workers_order_not_in_that_of_assignment() -> None:
    queue = with_assigned(
        filled(*(waiting(i, i, work) for i, work in enumerate((9, 8, 2, 5), 1)), waiting(5, 5, 1)), "vivid"
    )
    told = forecasts(queue, {1: 9})
    assert {i: (forecast.ahead, forecast.done) for i, forecast in told.items()} == {
        1: (0, 9.0), 3: (0, 11.0), 5: (1, 12.0), 4: (2, 17.0), 2: (3, 25.0),
    }  # fmt: skip


def test_a_job_that_waited_long_at_the_worker_comes_before_the_shortest() -> None:
    queue = with_assigned(filled(waiting(1, 1, 9), waiting(2, 2, 8)), "vivid")
    queue.slots[0].worked += AGEING * 7.0
    queue.push(waiting(3, 3, 2))
    told = forecasts(with_assigned(queue, "vivid"), {1: 9})
    assert (told[2].ahead, told[3].ahead) == (0, 1)
    queue.slots[0].worked_before[2] += AGEING * 2.0
    told = forecasts(queue, {1: 9})
    assert (told[2].ahead, told[3].ahead) == (1, 0), "that is about what it waited, and nothing else"


def test_a_started_job_that_waits_for_its_checkpoint_comes_before_jobs_not_started() -> None:
    queue = with_assigned(filled(waiting(1, 1, 9), waiting(2, 2, 2)))
    assert [forecasts(queue)[i].done for i in (1, 2)] == [16.0, 7.0]
    assert [forecasts_while_loading(queue, 1)[i] for i in (1, 2)] == [Forecast(0, 0.0, 14.0), Forecast(0, 0.0, 16.0)]


def test_jobs_that_run_together_slow_each_other_down_while_both_run() -> None:
    queue = with_assigned(filled(waiting(1, 1, work=10), waiting(2, 2, work=4), places=2), "vivid")
    told = forecasts(queue, {1: 10, 2: 4})
    assert told == {2: Forecast(0, 0.0, 8.0), 1: Forecast(0, 0.0, 8.0 + 6.0)}


def test_a_job_beside_a_very_long_one_is_slowed_down_by_all_its_pictures() -> None:
    queue = with_assigned(filled(waiting(1, 1, work=150, places=4), places=8), "vivid")
    queue.push(waiting(2, 2, work=10))
    assert forecasts(queue, {1: 150})[2] == Forecast(0, 0.0, 10 * 5.0)


def test_an_assigned_job_without_a_place_waits_for_one() -> None:
    queue = with_assigned(filled(waiting(1, 1, work=6, places=2), waiting(2, 2, work=3), places=2), "vivid")
    assert list(queue.slots[0].assigned) == [1, 2], "one is prefetched"
    assert forecasts(queue, {1: 6}) == {1: Forecast(0, 0.0, 12.0), 2: Forecast(0, 0.0, 12.0 + 3.0)}


def test_after_its_last_step_a_job_stays_assigned_but_frees_its_place() -> None:
    queue = with_assigned(filled(waiting(1, 1, work=4), waiting(2, 2, work=4), waiting(3, 3, work=4)), "vivid")
    told = forecasts(queue, {1: 4}, rest=2.0)
    assert [told[job_id] for job_id in (1, 2, 3)] == [
        Forecast(0, 0.0, 6.0),
        Forecast(0, 0.0, 10.0),
        Forecast(1, 0.0, 14.0),
    ]
    queue = with_assigned(filled(waiting(1, 1, work=4), waiting(2, 1, work=4)), "vivid")
    assert forecasts(queue, {1: 4}, rest=2.0)[2] == Forecast(0, 6.0, 12.0), (
        "the next one of a person is assigned only after that"
    )
    queue = with_assigned(
        filled(waiting(1, 1, work=4), waiting(2, 2, work=4), waiting(3, 3, work=4), places=2), "vivid"
    )
    assert forecasts(queue, {1: 4, 2: 4}, rest=2.0)[3] == Forecast(0, 0.0, 8.0 + 4.0 + 2.0)
    assert forecasts(queue, {1: 0, 2: 4}, rest=2.0)[1] == Forecast(0, 0.0, 2.0), "its last step is done already"


def test_a_checkpoint_that_is_being_loaded_takes_the_rest_of_its_loading_time() -> None:
    queue = with_assigned(filled(waiting(1, 1, work=4)))
    assert forecasts(queue) == {1: Forecast(0, 0.0, UNMEASURED_LOAD_SECONDS + 4.0)}
    queue.slots[0].since -= 2.0
    assert forecasts(queue) == {1: Forecast(0, 0.0, UNMEASURED_LOAD_SECONDS - 2.0 + 4.0)}
    assert forecasts(queue, {1: 3}) == {1: Forecast(0, 0.0, 3.0)}, "it paints already"


def test_times_that_were_never_measured_and_all_after_them_are_unknown() -> None:
    queue = with_assigned(filled(waiting(1, 1, work=4), waiting(2, 2, checkpoint="pastel"), waiting(3, 3)), "vivid")
    told = forecasts(queue, {1: 4}, unknown="pastel")
    assert told[3] == Forecast(0, 0.0, 5.0)
    assert told[2] == Forecast(1, 5.0, None)
    queue.push(waiting(4, 4, checkpoint="pastel"))
    assert forecasts(queue, {1: 4}, unknown="pastel")[4] == Forecast(2)


def test_of_a_queue_that_stands_still_no_time_is_known() -> None:
    queue = filled(waiting(1, 1), waiting(2, 1))
    queue.paused = frozenset({EVERYWHERE})
    assert forecasts(queue) == {1: Forecast(0), 2: Forecast(1)}


jobs = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 60), st.sampled_from(["vivid", "pastel"]), st.integers(1, 3)),
    min_size=1,
    max_size=40,
).map(
    lambda rows: [
        waiting(i, person, work, name, places=pictures) for i, (person, work, name, pictures) in enumerate(rows, 1)
    ]
)


class Watched:
    """When each job starts and ends, found by simulating every moment."""

    def __init__(self, queue: JobQueue, clock: Clock, times: Measured) -> None:
        self._queue, self._clock, self._times = queue, clock, times
        self._began = clock.now
        self._left = [dict[Waiting, float]() for _ in queue.slots]
        self._outside = [list[Waiting]() for _ in queue.slots]
        self._loaded = [clock.now for _ in queue.slots]
        self._loads = [0 for _ in queue.slots]
        self._releases = dict[int, tuple[float, WorkerSlot]]()
        self.seen = dict[int, tuple[float, float]]()
        self.sat = dict[int, float]()
        while self._pass():
            pass

    def _pass(self) -> bool:
        while assigned := self._queue.assign():
            slot, job = assigned
            i = self._queue.slots.index(slot)
            if slot.loads != self._loads[i]:
                self._loads[i], self._loaded[i] = slot.loads, self._clock.now + UNMEASURED_LOAD_SECONDS
            self.seen[job.job_id] = self._clock.now - self._began, -1.0
            self._outside[i].append(job)
            self._come_in(i, self._clock.now)
        moments = [moment for moment, _ in self._releases.values()]
        moments += [self._paints_from(i) + min(of.values()) * self._round(i) for i, of in enumerate(self._left) if of]
        if not moments:
            return False
        later = min(moments)
        for i in range(len(self._left)):
            self._paint(i, later)
        self._clock.now = later
        for job_id in [job_id for job_id, (moment, _) in self._releases.items() if moment <= later]:
            self._queue.release(self._releases.pop(job_id)[1], job_id)
        return True

    def _paints_from(self, i: int) -> float:
        return max(self._loaded[i], self._clock.now)

    def _round(self, i: int) -> float:
        return self._times.round(self._left[i]) or 0.0

    def _come_in(self, i: int, now: float) -> None:
        taken = sum(job.places for job in self._left[i])
        slot = self._queue.slots[i]
        job = min(self._outside[i], key=lambda job: precedence(job.work, slot.worked_before[job.job_id]), default=None)
        if job and (not taken or taken + job.places <= slot.places):
            self._outside[i].remove(job)
            self._left[i][job] = self._times.steps(job)
            self.sat[job.job_id] = now - self._began
            self._come_in(i, now)

    def _paint(self, i: int, until: float) -> None:
        steps = max(0.0, until - self._paints_from(i)) / self._round(i)
        self._queue.slots[i].worked += steps * len(self._left[i])
        for job in list(self._left[i]):
            self._left[i][job] -= steps
            if not self._left[i][job]:
                del self._left[i][job]
                self._releases[job.job_id] = until + self._times.rest(job), self._queue.slots[i]
                self.seen[job.job_id] = self.seen[job.job_id][0], until + self._times.rest(job) - self._began
        self._come_in(i, until)


class Halving(Measured):
    """Beside other jobs everything takes a power of two longer, so that all times are exact."""

    def round(self, jobs: Collection[Waiting]) -> float:
        return 2.0 ** len(jobs)


@given(jobs, st.integers(1, 3), st.integers(1, 4), st.sampled_from([0.0, 0.5, 30.0]))
def test_every_forecast_is_what_happens(made: list[Waiting], slots: int, places: int, rest: float) -> None:
    clock = Clock()
    queue = filled(*made, slots=slots, places=places, clock=clock)
    told = simulate(queue, clock.now, Halving(rest), {})
    assert sorted(forecast.ahead for forecast in told.values()) == list(range(len(made)))
    watched = Watched(queue, clock, Halving(rest))
    assert {i: (forecast.handed, forecast.done) for i, forecast in told.items()} == watched.seen
    in_line = [watched.sat[i] for i in sorted(told, key=lambda i: told[i].ahead)]
    assert in_line == sorted(in_line)


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
def test_forecasting_four_times_as_many_jobs_takes_about_four_times_the_work(
    people: int, paused: frozenset[int]
) -> None:
    def crowd(size: int) -> JobQueue:
        clock = Clock()
        queue = JobQueue(clock)
        queue.slots = [WorkerSlot(BOTH, 8), WorkerSlot(BOTH, 1)]
        queue.paused = paused
        for i in range(size):
            name = "pastel" if i % 3 else "vivid"
            queue.push(Waiting(i, i % people, name, 1.0, since=clock.now - i, server_id=7 if i % 5 == 0 else 8))
        return queue

    few, many = (work_of(partial(forecasts, crowd(size))) for size in (50, 200))
    assert few > 50, "it was counted at all"
    assert many < 5 * few
