"""`python -m benchmarks`: every benchmark has the same command line, and one that fails is named and stops no other."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES, run

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_tells_what_it_can_do(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(f"benchmarks.{name}").main()
    assert end.value.code == 0
    assert "--quick" in capsys.readouterr().out


def test_the_cheapest_are_run_and_a_line_tells_of_each() -> None:
    done = benchmarks("--quick", "queue_policy", "inspect_speed")
    assert done.returncode == 0, done
    first, second = done.stdout.splitlines()
    assert first.split()[:2] == ["queue_policy", "ok"] and "wait_vs_greedy" in first
    assert second.split()[:2] == ["inspect_speed", "ok"] and "ratio" in second


def test_one_that_fails_is_named_and_the_others_go_on() -> None:
    done = benchmarks("--quick", "--json", "--limit", "0.01", "queue_policy", "inspect_speed")
    assert done.returncode == 1, done
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["benchmark"], one["failed"]) for one in told] == [
        ("queue_policy", ["did not end within 0.01 seconds"]),
        ("inspect_speed", ["did not end within 0.01 seconds"]),
    ]


@pytest.mark.parametrize(
    ("name", "words"), [("nothing_of_this_name", "No module named"), ("_command", "without a closing line")]
)
def test_one_that_breaks_has_failed(name: str, words: str) -> None:
    (failed,) = run(name, [], PATIENCE).failed
    assert words in failed


def test_a_name_that_is_none_is_told() -> None:
    done = benchmarks("queue")
    assert (done.returncode, "queue_policy" in done.stderr) == (2, True)
