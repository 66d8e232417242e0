"""Snowflakes: ids that carry their moment and only grow."""

from playground.clock import Clock

DISCORD_EPOCH_MS = 1_420_070_400_000  # 2015-01-01T00:00:00Z, from which snowflakes count


def at(seconds: float, step: int = 0) -> str:
    """The snowflake of a moment (seconds since 1970); `step` tells several of one millisecond apart."""
    return str((int(seconds * 1000) - DISCORD_EPOCH_MS) << 22 | step)


class Snowflakes:
    """Makes new ids from the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def new(self) -> str:
        """An id larger than every id before it."""
        self._last = max(self._last + 1, int(at(self._clock.now())))
        return str(self._last)
