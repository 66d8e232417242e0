"""The command line that all benchmarks share: `--quick`, and one JSON object as the last line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

FAILED = "failed"  # the key of the closing line under which stands what went wrong


class BenchmarkCommand(argparse.ArgumentParser):
    """A parser whose sizes have two defaults each: the usual one, and the one of `--quick`."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        self._quick: dict[str, Any] = {}
        self._usual: dict[str, Any] = {}
        self.add_argument("--quick", action="store_true", help="smaller sizes: does it run, and is it sound?")

    def add_size(self, option: str, usual: float, quick: float, says: str) -> None:
        """Declare `option`, a number."""
        told = f"{says} (default: {usual}; with --quick {quick})"
        dest = self.add_argument(option, type=type(usual), metavar="N", help=told).dest
        self._usual[dest], self._quick[dest] = usual, quick

    def read(self) -> argparse.Namespace:
        """The command line, with every size filled in."""
        options = self.parse_args()
        for dest, value in (self._quick if options.quick else self._usual).items():
            if getattr(options, dest) is None:
                setattr(options, dest, value)
        return options


def closing_line(benchmark: str, figures: Mapping[str, object], failed: Sequence[str], *, quick: bool) -> int:
    """Print what was measured and what went wrong; the exit code: 1 where something did."""
    print(json.dumps({"benchmark": benchmark, "quick": quick, **figures, FAILED: list(failed)}), flush=True)
    return 1 if failed else 0
