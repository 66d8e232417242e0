"""Trying again what has to succeed in the end: the waits, and when an error is one that trying again does not mend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tenacity import wait_chain, wait_fixed

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.wait import wait_base

SAME = 5  # times in a row that the same unforeseen error comes before it is taken to stay


def waits(seconds: Sequence[float]) -> wait_base:
    """Between attempts these seconds, then the last of them again and again."""
    return wait_chain(*map(wait_fixed, seconds))


class Poison:
    """Tells errors that stay from those that pass: one unforeseen kind that comes SAME times in a row stays.

    It is tenacity's `stop`. `passing` are the kinds that may last for days and still pass: an outage, a lock.
    """

    def __init__(self, *passing: type[BaseException]) -> None:
        self._passing = passing
        self._kind: type[BaseException] | None = None
        self._times = 0

    def stays(self, problem: BaseException) -> bool:
        """Note one more error; whether it is one that stays."""
        if isinstance(problem, self._passing):
            self._kind, self._times = None, 0
            return False
        self._times = self._times + 1 if type(problem) is self._kind else 1
        self._kind = type(problem)
        return self._times >= SAME

    def __call__(self, state: RetryCallState) -> bool:
        """Whether to stop after this attempt, which has failed."""
        problem = state.outcome.exception() if state.outcome else None
        return problem is not None and self.stays(problem)
