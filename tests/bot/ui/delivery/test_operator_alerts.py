"""What operators are told of workers that fail again and again."""

from __future__ import annotations

import pytest

from bot.jobs.active_jobs import WorkerTrouble
from bot.ui.delivery.operator_alerts import MAX_REASON, _trouble_text
from inference.workers import PoolUnavailable, WorkerDied


@pytest.mark.parametrize(
    ("trouble", "says", "reason"),
    [
        (
            WorkerDied(1, 5, was_ready=False, stderr_tail="Traceback …\nRuntimeError: no device"),
            "A worker died 5 times in a row.",
            "no device",
        ),
        (WorkerDied(-9, 10, was_ready=True, stderr_tail=""), "A worker died 10 times in a row.", "no output"),
        (
            PoolUnavailable(5, "the head is gone"),
            "Easel could not reach a worker 5 times in a row.",
            "the head is gone",
        ),
    ],
)
def test_how_often_and_why_is_told(trouble: WorkerTrouble, says: str, reason: str) -> None:
    first, last = _trouble_text(trouble).splitlines()
    assert first.startswith(says)
    assert last.startswith("> ") and reason in last


def test_a_long_reason_is_cut_and_pings_nobody() -> None:
    _, last = _trouble_text(PoolUnavailable(5, "@everyone " * 100)).splitlines()
    assert "@everyone" not in last and "…" in last and len(last) < 2 * MAX_REASON
