"""How far apart edits of messages are that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Discord limits edits of messages older than an hour to a few in a channel in twenty seconds.
EDIT_SECONDS = 10.0


@dataclass
class EditPacer:
    """Lets one edit pass in so many seconds, of all messages together. `clock` is in seconds."""

    clock: Callable[[], float]
    seconds: float = EDIT_SECONDS
    _free_at: float = 0.0

    def take(self) -> float:
        """0.0 when an edit may be made now, which then counts as made; else the seconds until one may."""
        now = self.clock()
        if now < self._free_at:
            return self._free_at - now
        self._free_at = now + self.seconds
        return 0.0
