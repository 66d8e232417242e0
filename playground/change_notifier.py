"""Notifies open pages and waiting requests of changes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from playground.wire import Json


@dataclass
class ChangeNotifier:
    """The listeners with their persons, and a version that increases with every change."""

    version: int = 0
    _listeners: dict[Callable[[Json], None], str] = field(default_factory=dict[Callable[[Json], None], str])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _wakers: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def subscribe(self, listener: Callable[[Json], None], viewer: str) -> None:
        """Send a page the events that its person may see."""
        self._listeners[listener] = viewer

    def unsubscribe(self, listener: Callable[[Json], None]) -> None:
        """Stop sending events to a page."""
        self._listeners.pop(listener, None)

    def notify(self, event: Json, only_for: str | None = None) -> None:
        """Record a change, and send the event to all pages or to those of one person."""
        for listener, viewer in list(self._listeners.items()):
            if only_for is None or viewer == only_for:
                listener(event)
        self.mark_changed()

    def mark_changed(self) -> None:
        """Record a change without an event for pages."""
        self.version += 1
        waker = asyncio.ensure_future(self._wake())
        self._wakers.add(waker)
        waker.add_done_callback(self._wakers.discard)

    async def wait(self, version: int, seconds: float) -> None:
        """Wait for a change after `version`, at most `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.version > version)
        except TimeoutError:
            return

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
