"""The playground's own clock: the wall clock, until somebody moves it forward."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class Alarm:
    """Something to do at a moment of the playground's clock."""

    due: float
    ring: Callable[[], None]
    handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Take the alarm back."""
        if self.handle is not None:
            self.handle.cancel()


@dataclass
class Clock:
    """Tells the time in seconds since 1970 and rings alarms; `advance` jumps ahead and rings what is due."""

    offset: float = 0.0
    _alarms: set[Alarm] = field(default_factory=set["Alarm"])

    def now(self) -> float:
        """Seconds since 1970 on this clock."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward; never back, because snowflakes only grow."""
        if seconds < 0:
            raise ValueError("The playground's clock only moves forward.")
        self.offset += seconds
        for alarm in sorted(self._alarms, key=lambda alarm: alarm.due):
            self._arm(alarm)

    def call_at(self, due: float, ring: Callable[[], None]) -> Alarm:
        """Call `ring` when the clock reaches `due`."""
        alarm = Alarm(due, ring)
        self._alarms.add(alarm)
        self._arm(alarm)
        return alarm

    def stop(self) -> None:
        """Forget all alarms."""
        for alarm in self._alarms:
            alarm.cancel()
        self._alarms.clear()

    def _arm(self, alarm: Alarm) -> None:
        alarm.cancel()
        wait = max(0.0, alarm.due - self.now())
        alarm.handle = asyncio.get_running_loop().call_later(wait, self._ring, alarm)

    def _ring(self, alarm: Alarm) -> None:
        if self.now() < alarm.due:  # the loop's timer may fire a hair early
            self._arm(alarm)
            return
        self._alarms.discard(alarm)
        alarm.ring()
