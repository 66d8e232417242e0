"""Runs work step by step, so that a test can look at the world after each of them: there a program may be killed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Stepped:
    """Runs a coroutine and calls a hook after whatever it has awaited, when nothing is under way."""

    def __init__(self, work: Coroutine[Any, Any, None], look: Callable[[], None]) -> None:
        self._work, self._look = work, look

    def __await__(self) -> Generator[Any, Any, None]:
        inner = self._work.__await__()
        while True:
            try:
                waits = inner.send(None)
            except StopIteration:
                return
            yield waits
            self._look()
