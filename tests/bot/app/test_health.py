"""What the running program tells of itself, and when that is a problem."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot import background, metrics
from bot.app.health import STALE_SECONDS, Health, last_health
from bot.app.health_report import RESTART_SECONDS, HealthReport, observe
from bot.jobs.worker_slots import UNKNOWN_DEVICE, WorkerState, WorkerStatus
from tests.log import Log

FULL = Path("/dev/full")


def workers(*states: WorkerState) -> list[WorkerStatus]:
    return [worker(state) for state in states]


def worker(state: WorkerState, seconds: float = 0.0, back: float | None = None, device: str = "cpu") -> WorkerStatus:
    return WorkerStatus(device, state, seconds, (), 0, back)


@pytest.mark.parametrize(
    ("connected", "states", "age", "words"),
    [
        (True, [WorkerState.FREE], 0, None),
        (True, [WorkerState.AWAY, WorkerState.PAINTING], 0, None),
        (True, [WorkerState.CLOSING], STALE_SECONDS - 1, None),
        (False, [WorkerState.FREE], 0, "Discord is not connected"),
        (True, [WorkerState.STARTING], 0, "No worker"),
        (True, [], 0, "No worker"),
        (True, [WorkerState.FREE], STALE_SECONDS + 1, "nothing for 61 seconds"),
    ],
)
def test_a_problem_is_a_sentence(connected: bool, states: list[WorkerState], age: float, words: str | None) -> None:
    health = observe(connected, workers(*states))
    told = health.problem(health.at + age)
    assert told is None if words is None else words in str(told)


@pytest.mark.parametrize(
    ("seconds", "back", "healthy"),
    [
        (0.0, 1.0, True),
        (RESTART_SECONDS, 0.0, True),
        (RESTART_SECONDS + 1, 0.0, False),  # it does not come up
        (0.0, RESTART_SECONDS + 1, False),  # it died again and again, and is kept away for a while
        (90.0, 60.0, False),
    ],
)
def test_a_restart_is_no_problem_and_a_worker_that_is_kept_away_is_one(
    seconds: float, back: float, healthy: bool
) -> None:
    away = worker(WorkerState.AWAY, seconds, back)
    health = observe(True, [away])
    assert (health.workers, health.problem(health.at)) == (0, None if healthy else "No worker is ready to paint.")
    assert observe(True, [away, worker(WorkerState.FREE)]).problem(health.at) is None
    never_ready = worker(WorkerState.AWAY, seconds, back, UNKNOWN_DEVICE)
    assert observe(True, [never_ready]).problem(health.at) is not None


async def test_the_file_and_the_numbers_follow_and_the_file_goes_with_the_program(tmp_path: Path) -> None:
    file, changed, seen = tmp_path / "health.json", asyncio.Event(), list[Health]()
    states = [WorkerState.STARTING, WorkerState.FREE]

    def look() -> Health:
        seen.append(observe(len(seen) > 1, workers(*states)))
        if len(seen) > 3:
            changed.set()
        return seen[-1]

    report = HealthReport(file, look)
    telling = background.start(report.run(seconds=0), "telling")
    await changed.wait()
    told = last_health(file)
    assert told in seen
    assert (metrics.GATEWAY.collect()[0].samples[0].value, metrics.WORKERS_READY.collect()[0].samples[0].value) == (
        1,
        1,
    )
    telling.cancel()
    await asyncio.wait([telling])
    await report.write()  # the watchman still looks while the program ends
    assert not file.exists()


async def test_a_file_that_cannot_be_written_is_logged_once_and_ends_nothing(tmp_path: Path) -> None:
    rounds = 0
    enough = asyncio.Event()

    def look() -> Health:
        nonlocal rounds
        rounds += 1
        if rounds > 3:
            enough.set()
        return observe(True, [])

    with Log.listening() as log:
        telling = background.start(HealthReport(tmp_path / "gone" / "health.json", look).run(seconds=0), "telling")
        await enough.wait()
        assert not telling.done()
        telling.cancel()
        await asyncio.wait([telling])
        assert len([record for record in log.records if "cannot write" in record.getMessage()]) == 1


async def test_a_file_that_cannot_be_made_anew_is_overwritten(tmp_path: Path) -> None:
    file, health = tmp_path / "health.json", [observe(True, [])]
    report = HealthReport(file, lambda: health[-1])
    await report.write()
    file.with_suffix(".part").mkdir()  # as impossible to write as a new file on a full disk
    for connected in (False, True):
        health.append(observe(connected, []))
        await report.write()
        assert last_health(file) == health[-1]


@pytest.mark.skipif(not FULL.exists(), reason="no full device here")
async def test_a_first_file_for_which_there_is_no_room_is_logged_and_leaves_no_part(tmp_path: Path) -> None:
    part = tmp_path / "health.part"
    part.symlink_to(FULL)
    with Log.listening() as log:
        await HealthReport(tmp_path / "health.json", lambda: observe(True, [])).write()
    assert any("No space left" in record.getMessage() for record in log.records)
    assert not part.is_symlink()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"connected": true, "workers": "x", "at": 1}', "\x00"])
def test_somebody_elses_file_is_no_health(tmp_path: Path, text: str) -> None:
    (tmp_path / "health.json").write_text(text, "utf-8")
    with pytest.raises(ValueError, match="not what Easel writes"):
        last_health(tmp_path / "health.json")
