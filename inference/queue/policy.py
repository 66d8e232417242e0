"""The weight of a person in the queue, and how many of their jobs may wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inference.errors import QueueFull, TooManyWaiting

EVERYWHERE = 0  # in place of a server's id: the whole queue is paused


@dataclass(frozen=True)
class Policy:
    """The weight of a person, and the limits of waiting jobs: of this person, and of all.

    The weight divides the counter: a person of weight 2 gets twice the share of one of weight 1, and nobody starves.
    """

    weight: float = 1.0
    waiting_per_person: int = 10
    waiting_in_all: int = 500

    def check(self, mine: int, in_all: int, wait: Callable[[], str]) -> None:
        """Check whether one more job may wait; `wait` tells how long it takes until one leaves.

        Raises TooManyWaiting or QueueFull.
        """
        if mine >= self.waiting_per_person:
            raise TooManyWaiting(limit=self.waiting_per_person, wait=wait())
        if in_all >= self.waiting_in_all:
            raise QueueFull(waiting=in_all, wait=wait())
