"""Tells open pages and waiting tests that something changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from playground.wire import Json


@dataclass
class ChangeNotifier:
    """Listeners with the person each of them acts as, and a number that grows with every change."""

    version: int = 0
    _listeners: dict[Callable[[Json], None], str] = field(default_factory=dict[Callable[[Json], None], str])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _wakers: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def subscribe(self, listener: Callable[[Json], None], viewer: str) -> None:
        """Start telling a page what its person may see."""
        self._listeners[listener] = viewer

    def unsubscribe(self, listener: Callable[[Json], None]) -> None:
        """Stop telling a page."""
        self._listeners.pop(listener, None)

    def notify(self, event: Json, only_for: str | None = None) -> None:
        """Note a change, and tell it to all pages or to one person's."""
        for listener, viewer in list(self._listeners.items()):
            if only_for is None or viewer == only_for:
                listener(event)
        self.mark_changed()

    def mark_changed(self) -> None:
        """Note a change that no page shows."""
        self.version += 1
        waker = asyncio.ensure_future(self._wake())
        self._wakers.add(waker)
        waker.add_done_callback(self._wakers.discard)

    async def wait(self, version: int, seconds: float) -> None:
        """Return when there was a change after `version`, or when the time is over."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.version > version)
        except TimeoutError:
            return

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
