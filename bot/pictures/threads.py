"""Thread pools for work that would block the event loop: one pool for each kind of work, so that none blocks another.

`asyncio.to_thread` has one pool for everything, as small as six threads on two cores: it is for short work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """A pool of at most `threads` threads for one kind of work; further work waits in its queue.

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
