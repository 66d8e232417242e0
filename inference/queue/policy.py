"""Weight of a person in the queue, and limits of waiting jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inference.errors import QueueFull, TooManyWaiting

EVERYWHERE = 0  # in place of a server's id: all servers


@dataclass(frozen=True)
class Policy:
    """Weight of a person, and the maximum numbers of waiting jobs of this person and of all people.

    A person with weight 2 gets twice the share of a person with weight 1. Every person's jobs start eventually.
    """

    weight: float = 1.0
    waiting_per_person: int = 10
    waiting_in_all: int = 500

    def check(self, mine: int, in_all: int, wait: Callable[[], str]) -> None:
        """Check the limits for one more job: `mine` and `in_all` jobs wait already.

        `wait` returns the time until the next job leaves the queue, for the error message. Raises TooManyWaiting or
        QueueFull.
        """
        if mine >= self.waiting_per_person:
            raise TooManyWaiting(limit=self.waiting_per_person, wait=wait())
        if in_all >= self.waiting_in_all:
            raise QueueFull(waiting=in_all, wait=wait())
