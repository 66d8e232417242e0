"""Ends a command in order when a signal asks for it: workers are closed and jobs requeued first."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class Ended(Exception):
    """A signal has ended the command. `code` is the exit code that tells the shell so."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by signal {number}")
        self.code = 128 + number


async def until_asked(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, which SIGINT and SIGTERM cancel. A second signal does not interrupt the cleanup.

    Raises Ended once a signal has ended it.
    """
    task = asyncio.create_task(work)
    asked: list[int] = []
    for name in ("SIGINT", "SIGTERM"):
        on_signal(name, partial(_end, task, name, asked))
    try:
        return await task
    except asyncio.CancelledError:
        if not (asked and task.cancelled()):
            raise  # cancelled by the caller, not by a signal
        raise Ended(asked[0]) from None


def on_signal(name: str, do: Callable[[], object]) -> None:
    """Call `do` in the running loop for every signal of this name, where the system has it."""
    with contextlib.suppress(NotImplementedError, AttributeError):  # Windows has no such signals
        asyncio.get_running_loop().add_signal_handler(getattr(signal, name), do)


def _end(task: asyncio.Task[Any], name: str, asked: list[int]) -> None:
    if asked:
        log.warning("%s again: still shutting down, for some seconds", name)
        return
    log.info("%s: shutting down", name)
    asked.append(getattr(signal, name))
    task.cancel()
