"""Retrying: the waits between attempts, and the rule when an error is permanent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tenacity import wait_chain, wait_fixed

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.wait import wait_base

MAX_REPEATS = 5  # times in a row that the same unforeseen error comes until it counts as permanent


def wait_times(seconds: Sequence[float]) -> wait_base:
    """These seconds between attempts, then the last of them again and again."""
    return wait_chain(*map(wait_fixed, seconds))


class RepeatedError:
    """A `stop` for tenacity: an unforeseen error is permanent once it has come MAX_REPEATS times in a row.

    Errors of the `passing` kinds, such as outages and locks, may last for days and are never permanent.
    """

    def __init__(self, *passing: type[BaseException]) -> None:
        self._passing = passing
        self._kind: type[BaseException] | None = None
        self._times = 0

    def is_permanent(self, problem: BaseException) -> bool:
        """Note one more error; whether it is permanent."""
        if isinstance(problem, self._passing):
            self._kind, self._times = None, 0
            return False
        self._times = self._times + 1 if type(problem) is self._kind else 1
        self._kind = type(problem)
        return self._times >= MAX_REPEATS

    def __call__(self, state: RetryCallState) -> bool:
        """Whether to stop after this attempt, which has failed."""
        problem = state.outcome.exception() if state.outcome else None
        return problem is not None and self.is_permanent(problem)
