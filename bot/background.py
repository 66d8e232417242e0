"""Work in the background: errors are logged, what may succeed later is tried again, slow work has its own threads."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from tenacity import wait_chain, wait_fixed

from bot.database.errors import DatabaseError

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.wait import wait_base

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_REPEATS = 5  # times in a row that the same unforeseen error comes until it counts as permanent


class DiscordUnreachable(Exception):
    """Discord cannot be reached now; it can be tried again."""


class DiscordRefuses(Exception):
    """Discord refuses, and will refuse again: a closed way, a channel or a message that is gone."""


_running: set[asyncio.Task[None]] = set()  # asyncio itself keeps tasks only weakly


def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run `work` as a task; an error that it raises is logged with its traceback."""
    task = asyncio.create_task(guard(work, name), name=name)
    _running.add(task)
    task.add_done_callback(_running.discard)
    task.add_done_callback(lambda _: work.close())  # cancelled before its first step, it was never awaited: no mistake
    return task


async def guard(
    work: Coroutine[Any, Any, object],
    name: str,
    tell: Callable[[Exception], Awaitable[None]] | None = None,
    *,
    expected: tuple[type[Exception], ...] = (),
) -> None:
    """Await `work`; an error that it raises is passed to `tell`, or logged.

    A DatabaseError is logged as one sentence without a traceback: the operator can mend it, the code is fine. The same
    holds for `expected` errors.
    """
    problem = await failure(work)
    if problem is None:
        return
    if tell is not None:
        await guard(_told(tell, problem), name)
    elif isinstance(problem, (DatabaseError, *expected)):
        log.error("%s failed: %s", name, problem)
    else:
        log.error("%s failed", name, exc_info=problem)


async def attempt(work: Coroutine[Any, Any, None], name: str) -> None:
    """Await `work` that is tried again later: what keeps it from being done now is logged, and raises nothing."""
    problem = await failure(work)
    if isinstance(problem, DiscordUnreachable | DatabaseError | OSError):
        log.warning("%s: will retry: %s", name, problem)
    elif problem is not None:
        log.error("%s: will retry", name, exc_info=problem)


async def failure(work: Coroutine[Any, Any, object]) -> Exception | None:
    """Await `work`; the error that it raised, or None. One of two places that catch every error."""
    try:
        await work
    except Exception as problem:  # noqa: BLE001 (it is returned)
        return problem
    return None


class Recurring:
    """Work that is done again and again: after so many seconds, and at once when it is woken.

    An error ends one time of it, is logged, and keeps none of the next times from being done. A call of `wake` while it
    is being done is not lost: then it is done once more.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Coroutine[Any, Any, float | None]],
        seconds: float,
    ) -> None:
        """`seconds` are between two times, unless `work` returns how many there are until the next."""
        self._name = name
        self._work = work
        self._seconds = self._wait = seconds
        self._woken = asyncio.Event()
        self._stopped = False

    def wake(self) -> None:
        """Do it at once, or once more."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` end when what is being done is done."""
        self._stopped = True
        self._woken.set()

    async def run(self) -> None:
        """Do it now, and from now on again and again. Runs until stopped or cancelled."""
        while not self._stopped:
            self._woken.clear()
            await guard(self._once(), self._name)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait):
                    await self._woken.wait()

    async def _once(self) -> None:
        self._wait = self._seconds
        wait = await self._work()
        if wait is not None:
            self._wait = wait


async def reading(read: Callable[..., T], *arguments: Any) -> T:
    """Like asyncio.to_thread, for reads that may take minutes: the program does not wait for them when it ends."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, problem: BaseException | None) -> None:
        if outcome.done():
            return  # nobody waits for it any more
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


class Pool:
    """A pool of at most `threads` threads for one kind of work that would block the event loop; further work waits.

    Each kind has its own, so that none blocks another. `asyncio.to_thread` has one pool for everything, as small as six
    threads on two cores: it is for short work.

    Its threads end when the pool is garbage collected.
    """

    def __init__(self, kind: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=kind)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `asyncio.to_thread`: the result of `work`, which sees the caller's context variables.

        A cancelled caller stops waiting; work that has begun goes on and keeps its thread until it is done.
        """
        call = partial(copy_context().run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)


async def _told(tell: Callable[[Exception], Awaitable[None]], problem: Exception) -> None:
    await tell(problem)


def wait_times(seconds: Sequence[float]) -> wait_base:
    """These seconds between attempts, then the last of them again and again."""
    return wait_chain(*map(wait_fixed, seconds))


class RepeatedError:
    """A `stop` for tenacity: an unforeseen error is permanent once it has come MAX_REPEATS times in a row.

    Errors of the `passing` kinds, such as outages and locks, may last for days and are never permanent.
    """

    def __init__(self, *passing: type[BaseException]) -> None:
        self._passing = passing
        self._kind: type[BaseException] | None = None
        self._times = 0

    def is_permanent(self, problem: BaseException) -> bool:
        """Note one more error; whether it is permanent."""
        if isinstance(problem, self._passing):
            self._kind, self._times = None, 0
            return False
        self._times = self._times + 1 if type(problem) is self._kind else 1
        self._kind = type(problem)
        return self._times >= MAX_REPEATS

    def __call__(self, state: RetryCallState) -> bool:
        """Whether to stop after this attempt, which has failed."""
        problem = state.outcome.exception() if state.outcome else None
        return problem is not None and self.is_permanent(problem)
