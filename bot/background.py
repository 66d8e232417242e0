"""Background tasks and callbacks from which nothing escapes unseen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.database.errors import DatabaseError

log = logging.getLogger(__name__)

_running: set[asyncio.Task[None]] = set()  # asyncio itself keeps tasks only weakly


def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run `work` beside everything else; what it raises is logged with its traceback instead of being lost."""
    task = asyncio.create_task(guard(work, name), name=name)
    _running.add(task)
    task.add_done_callback(_running.discard)
    task.add_done_callback(lambda _: work.close())  # cancelled before it began, it was never awaited: not a mistake
    return task


async def guard(
    work: Coroutine[Any, Any, None], name: str, tell: Callable[[Exception], Awaitable[None]] | None = None
) -> None:
    """Await `work`; what it raises is told through `tell`, or logged. One of two places that catch every error.

    What is wrong with the database is the operator's to mend and no mistake in the program: one sentence says it.
    """
    try:
        await work
    except Exception as problem:
        if tell is not None:
            await guard(_told(tell, problem), name)
        elif isinstance(problem, DatabaseError):
            log.error("%s failed: %s", name, problem)
        else:
            log.exception("%s failed", name)


async def _told(tell: Callable[[Exception], Awaitable[None]], problem: Exception) -> None:
    await tell(problem)
