"""Work that would hold up the event loop, in threads: each kind has its own few, so that none waits behind another.

`asyncio.to_thread` has one pool for everything, as small as six threads on two cores: it is for what takes moments.
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
    """At most so many threads for one kind of work; what comes beyond that waits its turn without one.

    Its threads end with it.
    """

    def __init__(self, kind: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=kind)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `asyncio.to_thread`: the result of `work`, which sees the context variables of whoever asks.

        Who is cancelled waits no longer; work that has begun goes on, and keeps its thread until it is done.
        """
        call = partial(copy_context().run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)
