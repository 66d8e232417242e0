"""The quantile of the beta distribution, which `beta` spacing takes; without scipy."""

from __future__ import annotations

import math
from functools import cache

_TINY = 1e-300  # in place of a denominator of zero
_PRECISION = 1e-15
_ROUNDS = 200  # far more than any probability needs


@cache
def beta_quantile(probability: float, a: float, b: float) -> float:
    """The number below which a beta(a, b) variable lies with this probability: Newton's method inside a bracket."""
    if not 0 < probability < 1:
        return float(probability >= 1)
    low, high, found = 0.0, 1.0, 0.5
    norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    for _ in range(_ROUNDS):
        beyond = _share_below(found, a, b) - probability
        low, high = (low, found) if beyond > 0 else (found, high)
        density = math.exp(norm + (a - 1) * math.log(found) + (b - 1) * math.log1p(-found))
        step = found - beyond / density
        following = step if low < step < high else (low + high) / 2
        if abs(following - found) <= _PRECISION * found:
            return following
        found = following
    return found


def _share_below(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by the continued fraction that converges quickly on this side."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _share_below(1 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1 + d1/(1 + d2/(1 + …)), evaluated from its front by Lentz's method."""
    value, numerator, denominator = 1.0, 1.0, 0.0
    for count in range(1, _ROUNDS):
        half = count // 2
        if count % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        denominator = 1 / _not_zero(1 + term * denominator)
        numerator = _not_zero(1 + term / numerator)
        value *= numerator * denominator
        if abs(numerator * denominator - 1) < _PRECISION:
            break
    return value


def _not_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
