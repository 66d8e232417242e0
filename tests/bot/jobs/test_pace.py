"""Estimates of times are learned from workers' reports, for each batch size."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.database.jobs.paces import MeasuredSeconds, Shape
from bot.jobs.active_jobs import AttemptTimer
from bot.jobs.forecasts import LONGEST_DELIVERY, Pace
from inference.messages.request import GenerationRequest
from inference.queue.simulation import Forecast
from tests.bot.jobs.test_dispatching import open_rig
from tests.inference.requests import request

ONE = request()
TWO = request(count=2)
LARGE = request(width=128, height=64)


def measured(*rounds: tuple[list[GenerationRequest], float]) -> Pace:
    pace = Pace()
    for batch, seconds in rounds:
        for _ in range(200):
            for _ in batch:
                pace.record_step(batch, seconds, 1 / len(batch))
    return pace


def test_what_was_measured_is_expected_again() -> None:
    pace = measured(([ONE], 1.0), ([ONE, ONE, ONE], 1.5), ([TWO, ONE, ONE], 3.0))
    assert pace.round([ONE]) == pytest.approx(1.0)
    assert pace.round([ONE, TWO]) == pytest.approx(1.5), "two pictures of one job or of two are the same to a worker"
    assert pace.round([TWO, TWO]) == pytest.approx(3.0)


def test_between_two_numbers_of_pictures_it_lies_between_and_beyond_half_of_it_grows() -> None:
    pace = measured(([TWO], 1.0), ([TWO] * 3, 3.0))
    assert pace.round([TWO] * 2) == pytest.approx(2.0)
    assert pace.round([TWO] * 6) == pytest.approx(4.5)
    assert pace.round([ONE]) == pytest.approx(0.75)


def test_another_size_is_expected_to_take_as_much_longer_as_it_is_larger() -> None:
    assert measured(([ONE], 1.0)).round([LARGE]) == pytest.approx(2.0)


def test_sizes_take_turns_and_what_a_round_took_is_shared_between_them() -> None:
    pace = measured(([ONE], 1.0), ([LARGE], 2.0))
    assert pace.round([ONE, LARGE]) == pytest.approx(3.0)
    for _ in range(300):
        pace.record_step([ONE, LARGE], 6.0)
    assert [pace.round([one]) for one in (ONE, LARGE)] == [pytest.approx(2.0, rel=0.01), pytest.approx(4.0, rel=0.01)]


def test_of_a_checkpoint_that_was_never_painted_with_nobody_can_say() -> None:
    assert measured(([ONE], 1.0)).round([request(checkpoint="pastel")]) is None


def test_the_first_measurement_of_a_mixed_round_is_divided_by_the_work() -> None:
    pace = Pace()
    pace.record_step([ONE, LARGE], 3.0)
    assert (pace.round([ONE]), pace.round([LARGE])) == (1.0, 2.0)


def test_a_step_is_the_mean_of_the_last_ten_rounds_or_so_however_many_report_each() -> None:
    for batch in ([ONE], [ONE] * 8):
        pace = measured((batch, 1.0))
        for _ in range(10):
            for _ in batch:
                pace.record_step(batch, 2.0, 1 / len(batch))
        assert pace.round(batch) == pytest.approx(1.64, abs=0.03)


def test_a_few_slow_rounds_of_a_new_number_of_pictures_are_not_believed_at_once() -> None:
    pace = measured(([ONE], 1.0))
    for _ in range(5):
        pace.record_step([ONE, ONE], 3.5)
    assert 1.5 < (pace.round([ONE, ONE]) or 0) < 3.0
    for _ in range(50):
        pace.record_step([ONE, ONE], 3.5)
    assert pace.round([ONE, ONE]) == pytest.approx(3.5, rel=0.02)


def test_what_is_kept_is_known_after_a_restart() -> None:
    pace = measured(([ONE], 1.0))
    pace.record_end(TWO, 4.0)
    pace.record_load("vivid", 7.0)
    kept = pace.take_unsaved()
    assert kept == ({Shape("vivid", 64, 64, 1): MeasuredSeconds(1.0, 2.0)}, {"vivid": 7.0})
    assert pace.take_unsaved() == ({}, {})
    later = Pace()
    later.remember(*kept)
    assert (later.round([ONE]), later.rest(ONE), later.rest(TWO), later.loads) == (1.0, 2.0, 4.0, {"vivid": 7.0})


def test_deliveries_are_learned_and_outages_are_not() -> None:
    pace = Pace()
    pace.record_delivery(2.0)
    pace.record_delivery(LONGEST_DELIVERY)
    assert 0 < pace.delivery < 2.0


def test_the_first_report_comes_with_the_second_and_says_only_where_the_job_begins() -> None:
    for begins in (0, 6):  # from the start, or where another worker left it
        timer = AttemptTimer(100.0, loads=False)
        assert not timer.in_batch
        assert timer.step(103.0, begins, 8) is None and timer.in_batch
        assert timer.step(103.0, begins + 1, 8) is None and timer.in_batch
        assert timer.step(104.5, begins + 2, 8) == 1.5 and timer.in_batch is (begins == 0)


async def test_a_long_simulation_is_reused_and_later_orders_stand_behind_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_rig(tmp_path) as rig:
        first = await rig.order()
        await rig.worker.job()
        monkeypatch.setattr("bot.jobs.forecasts.LONG_SIMULATION", -1.0)
        monkeypatch.setattr("bot.jobs.forecasts.REUSED_TIMES", 1e9)
        second = await rig.order()
        assert rig.jobs.forecasts.of(second).ahead == 1
        third = await rig.order()
        assert rig.jobs.forecasts.of(third) == Forecast(2), "it is in no simulation, and waits"
        assert rig.jobs.forecasts.of(first).handed == 0.0
        monkeypatch.undo()
