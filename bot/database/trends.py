"""Trends: how often and how lately something happened, as one number by which lists are sorted.

A trend is log2 of the sum of 2^(t / half-life) over what happened. Time decays all of them alike, so that the order
needs no upkeep.
"""

from __future__ import annotations

import math

HALF_LIFE_MS = 7 * 24 * 3600 * 1000  # what happened a week ago counts half as much as what happens now


def sum_of(trend: float, other: float) -> float:
    """The trend of what has both: log2(2^trend + 2^other), without overflow."""
    low, high = sorted((trend, other))
    return high + math.log2(1 + 2.0 ** (low - high))


def raised(trend: float, at_ms: int) -> float:
    """`trend` after one more at `at_ms` (unix ms)."""
    return sum_of(trend, at_ms / HALF_LIFE_MS)


def lowered(trend: float, at_ms: int) -> float:
    """`trend` without the one that happened at `at_ms` (unix ms); 0 when nothing is left."""
    left = 1 - 2.0 ** (at_ms / HALF_LIFE_MS - trend)
    return trend + math.log2(left) if left > 1e-9 else 0.0
