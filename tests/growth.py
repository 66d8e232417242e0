"""How the time of reading a text grows with its length: measured so that a busy machine makes no difference."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

SHORTEST, LONGEST = 2**8, 2**14  # characters
STEP = 4  # times as long is the next text
ENOUGH, NOTHING = 0.01, 0.003  # seconds: nothing longer is tried; no harm, whatever the growth
STEEPEST = 8.0  # times as long for STEP times the length: linear is 4, quadratic 16


@dataclass(frozen=True)
class Growth:
    """The processor's seconds by characters."""

    seconds: dict[int, float]

    @property
    def factor(self) -> float:
        """How many times as long the longest text took as the one before; 0 where it took next to nothing."""
        before, longest = list(self.seconds.values())[-2:]
        return longest / before if longest > NOTHING else 0.0

    def __str__(self) -> str:
        return ", ".join(f"{length}: {seconds * 1000:.2f} ms" for length, seconds in self.seconds.items())


def growth(read: Callable[[str], object], text: Callable[[int], str], limit: int = LONGEST) -> Growth:
    """What `read` takes for `text(length)`, ever longer up to `limit` or until it takes long.

    What seems too steep is measured three times, and the least steep one counts.
    """
    measured = _measured(read, text, limit)
    for _ in range(2):
        if measured.factor > STEEPEST:
            measured = min(measured, _measured(read, text, limit), key=lambda found: found.factor)
    return measured


def _measured(read: Callable[[str], object], text: Callable[[int], str], limit: int) -> Growth:
    seconds: dict[int, float] = {}
    length = min(SHORTEST, limit // STEP)
    while length <= limit and not (len(seconds) > 1 and max(seconds.values()) > ENOUGH):
        seconds[length] = cpu_seconds(read, text(length))
        length *= STEP
    return Growth(seconds)


def cpu_seconds(read: Callable[[str], object], text: str, times: int = 3) -> float:
    """The processor's seconds of this thread that `read(text)` takes: the least of several measurements."""
    found: list[float] = []
    for _ in range(times):
        collects = gc.isenabled()
        gc.disable()  # in a large process a collection takes longer than what is measured
        try:
            before = time.thread_time()
            read(text)
            found.append(time.thread_time() - before)
        finally:
            if collects:
                gc.enable()
        if not NOTHING / 50 < found[-1] < 20 * ENOUGH:
            break  # whatever else the machine did makes no difference
    return min(found)
