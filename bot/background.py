"""Background tasks and callbacks from which nothing escapes unseen."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar, cast

from bot.database.errors import DatabaseError

T = TypeVar("T")

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
    """Await `work`; what it raises is told through `tell`, or logged.

    What is wrong with the database is the operator's to mend and no mistake in the program: one sentence says it.
    """
    problem = await failure(work)
    if problem is None:
        return
    if tell is not None:
        await guard(_told(tell, problem), name)
    elif isinstance(problem, DatabaseError):
        log.error("%s failed: %s", name, problem)
    else:
        log.error("%s failed", name, exc_info=problem)


async def failure(work: Coroutine[Any, Any, object]) -> Exception | None:
    """Await `work`; what it raised, for whoever goes on differently then. One of two places that catch every error."""
    try:
        await work
    except Exception as problem:  # noqa: BLE001 (it is returned)
        return problem
    return None


async def reading(read: Callable[..., T], *arguments: Any) -> T:
    """As asyncio.to_thread, for reading that may take minutes: a program that ends does not wait for it."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, problem: BaseException | None) -> None:
        if outcome.done():
            return  # nobody waits any more
        if problem is not None:
            outcome.set_exception(problem)
        else:
            outcome.set_result(cast("T", result))

    def work() -> None:
        result, failure = None, None
        try:
            result = read(*arguments)
        except BaseException as problem:  # noqa: BLE001 (it is raised where the result is waited for)
            failure = problem
        with suppress(RuntimeError):  # the loop is closed: the program has ended
            loop.call_soon_threadsafe(tell, result, failure)

    threading.Thread(target=work, name="reading", daemon=True).start()
    return await outcome


async def _told(tell: Callable[[Exception], Awaitable[None]], problem: Exception) -> None:
    await tell(problem)
