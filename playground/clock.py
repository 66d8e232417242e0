"""The playground's clock: the wall clock plus an offset that tests increase."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class Timer:
    """A callback at a time of the playground's clock."""

    due: float
    callback: Callable[[], None]
    handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Cancel the timer."""
        if self.handle is not None:
            self.handle.cancel()


@dataclass
class Clock:
    """The time in seconds since 1970, and timers; `advance` moves it forward and fires the timers that are due."""

    offset: float = 0.0
    _timers: set[Timer] = field(default_factory=set["Timer"])

    def now(self) -> float:
        """The current time, in seconds since 1970."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward. Never back: snowflakes have to increase."""
        if seconds < 0:
            raise ValueError("The playground's clock only moves forward.")
        self.offset += seconds
        for timer in sorted(self._timers, key=lambda timer: timer.due):
            self._start(timer)

    def call_at(self, due: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` when the clock reaches `due`."""
        timer = Timer(due, callback)
        self._timers.add(timer)
        self._start(timer)
        return timer

    def stop(self) -> None:
        """Cancel all timers."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _start(self, timer: Timer) -> None:
        timer.cancel()
        wait = max(0.0, timer.due - self.now())
        timer.handle = asyncio.get_running_loop().call_later(wait, self._fire, timer)

    def _fire(self, timer: Timer) -> None:
        if self.now() < timer.due:  # the loop's timer may fire slightly early
            self._start(timer)
            return
        self._timers.discard(timer)
        timer.callback()
