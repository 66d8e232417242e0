"""Runs work step by step, so that a test can look at the world after each of them: there a program may be killed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Stepped(Generic[T]):
    """Runs a coroutine and calls a hook after whatever it has awaited, when nothing is under way."""

    def __init__(self, work: Coroutine[Any, Any, T], look: Callable[[], None]) -> None:
        self._work, self._look = work, look

    def __await__(self) -> Generator[Any, Any, T]:
        inner = self._work.__await__()
        step = partial(inner.send, None)
        while True:
            try:
                waits = step()
            except StopIteration as end:
                return end.value
            try:
                yield waits
            except BaseException as problem:  # noqa: BLE001 (the work's own: what it has awaited failed)
                step = partial(inner.throw, problem)
            else:
                step = partial(inner.send, None)
            self._look()


class SteppedBefore:
    """Runs a coroutine and calls a hook before each of its awaits, and after the last.

    So a test also sees what was done and is not written down yet.
    """

    def __init__(self, work: Coroutine[Any, Any, None], look: Callable[[], None]) -> None:
        self._work, self._look = work, look

    def __await__(self) -> Generator[Any, Any, None]:
        inner = self._work.__await__()
        while True:
            try:
                waits = inner.send(None)
            except StopIteration:
                self._look()
                return
            self._look()
            yield waits
