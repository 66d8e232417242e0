"""`python -m benchmarks [--quick] [NAME ...]`: runs benchmarks one after the other, each as a process of its own.

Prints one line for each: its verdict, the seconds it took and its figures, or with `--json` its whole closing line. One
that fails does not keep the others from running; the exit code is 1 if any failed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._command import FAILED

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[!_]*.py"))
QUICK_SECONDS, FULL_SECONDS = 300.0, 4 * 3600.0  # after which a benchmark counts as hanging
TIDYING_SECONDS = 20.0  # that it then has for tidying up
MAX_REASON = 300  # characters of what a benchmark said before it failed


@dataclass(frozen=True)
class Verdict:
    """How a benchmark ended. `line` is its closing line, empty if it came to none."""

    name: str
    seconds: float
    line: dict[str, Any]
    failed: list[str]

    def __str__(self) -> str:
        told = [f"{self.name:13} {'FAILED' if self.failed else 'ok':6} {self.seconds:5.0f} s"]
        told += ["; ".join(self.failed)] if self.failed else []
        told += [", ".join(figures(self.line))] if self.line else []
        return "  ".join(told)


def figures(line: dict[str, Any], before: str = "") -> Iterator[str]:
    """The numbers of a closing line, and of what stands directly below it."""
    for name, value in line.items():
        if isinstance(value, dict) and not before:
            yield from figures(value, f"{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{before}{name} {value:g}"


def run(name: str, options: list[str], limit: float) -> Verdict:
    """Run a benchmark to its end, or for `limit` seconds."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}", *options],
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # with the processes that it starts
    )
    failed: list[str] = []
    try:
        said, told = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        said, told = _end(process)
        failed = [f"did not end within {limit:g} seconds"]
    except KeyboardInterrupt:
        _end(process)
        raise
    line = _closing_line(said)
    failed += line.get(FAILED, [])
    if process.returncode and not failed:
        failed = [f"ended with exit code {process.returncode}: {_last(told)}"]
    if not line and not failed:
        failed = ["ended without a closing line"]
    return Verdict(name, time.monotonic() - began, line, failed)


def _end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """End a benchmark and what it has started; what it said on stdout and stderr."""
    if os.name != "posix":
        process.kill()
        return process.communicate()
    os.killpg(process.pid, signal.SIGINT)  # it may tidy up
    try:
        return process.communicate(timeout=TIDYING_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()


def _closing_line(said: str) -> dict[str, Any]:
    try:
        line = json.loads((said.splitlines() or [""])[-1])
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _last(told: str) -> str:
    return (told.strip().splitlines() or ["no output"])[-1][:MAX_REASON]


def main() -> int:
    """Run what is named, or all; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: all of them in minutes")
    parser.add_argument("--json", action="store_true", help="the whole closing line of each")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="for each; then it is ended and has failed")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    limit = options.limit or (QUICK_SECONDS if options.quick else FULL_SECONDS)
    failed = list[str]()
    for name in options.names or NAMES:
        verdict = run(name, ["--quick"] if options.quick else [], limit)
        told = {"benchmark": name, **verdict.line, FAILED: verdict.failed, "seconds": round(verdict.seconds)}
        print(json.dumps(told) if options.json else verdict, flush=True)
        failed += [name] if verdict.failed else []
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
