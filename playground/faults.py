"""Fault injection: errors, rate limits, lost responses and time-outs on chosen routes."""

import asyncio
import re
from dataclasses import dataclass, field


@dataclass
class Fault:
    """A fault: its kind, route, and number of times."""

    route: str
    """A regular expression searched for in the request's path."""
    method: str | None = None
    kind: str = "status"
    """`status` answers with an error, `late` carries the request out and then answers with the error
    (the bot cannot know that it worked), `hang` delays it, `slow` delays it and then carries it out,
    `cut` closes the connection, `proxy` answers as
    something in between would that knows nothing of Discord: with a page of HTML, a 429 with `Via` and no body;
    `garbled` answers with half a JSON object, `foreign` with JSON of another program."""
    status: int = 500
    code: int = 0
    """Discord's own code in the body."""
    retry_after: float = 0.1
    """Seconds, for status 429."""
    everywhere: bool = False
    """For status 429: the limit is the global one."""
    seconds: float = 60.0
    """How long `hang` and `slow` keep the request waiting."""
    count: int = 1
    uploads: bool = False
    """Whether only requests that upload files fail."""
    every: int = 1
    """Only every n-th matching request fails."""
    seen: int = 0
    """The number of matching requests so far."""

    def fits(self, method: str, path: str, *, uploads: bool) -> bool:
        """Whether the fault applies to a request."""
        return uploads >= self.uploads and (self.method or method) == method and re.search(self.route, path) is not None


@dataclass
class Faults:
    """The pending faults."""

    waiting: list[Fault] = field(default_factory=list[Fault])
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def inject(self, fault: Fault) -> None:
        """Let the next `count` matching requests fail."""
        re.compile(fault.route)
        self.waiting.append(fault)

    def take(self, method: str, path: str, *, uploads: bool = False) -> Fault | None:
        """The fault for this request; its count is reduced by one."""
        for fault in self.waiting:
            if fault.fits(method, path, uploads=uploads):
                fault.seen += 1
                if fault.seen % fault.every:
                    continue
                fault.count -= 1
                if fault.count <= 0:
                    self.waiting.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        """Remove all faults and release hanging requests."""
        self.waiting.clear()
        self._released.set()
        self._released = asyncio.Event()

    async def hang(self, seconds: float) -> None:
        """Wait, until the time is over or the faults are cleared."""
        released = self._released
        try:
            async with asyncio.timeout(seconds):
                await released.wait()
        except TimeoutError:
            return
