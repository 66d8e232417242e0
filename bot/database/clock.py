"""The time as rows hold it."""

from __future__ import annotations

import time


def now_ms() -> int:
    """The wall clock in unix milliseconds."""
    return time.time_ns() // 1_000_000
