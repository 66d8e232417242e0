"""The processor time of asyncio tasks: of some by their names, each with all the tasks that it starts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any
from weakref import WeakKeyDictionary

_Task = asyncio.Task[Any]


class TaskTimes:
    """Set `factory` as the task factory of a loop; `seconds` are then those of each name of `names`."""

    def __init__(self, *names: str) -> None:
        self.seconds = dict.fromkeys(names, 0.0)
        self._names: WeakKeyDictionary[_Task, str] = WeakKeyDictionary()

    def factory(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> _Task:
        """Make a task whose steps are timed."""
        parent = asyncio.current_task(loop)
        return asyncio.Task(_Timed(work, self, parent and self._names.get(parent)), loop=loop, **options)

    def run(self, step: Callable[[], Any], inherited: str | None) -> Any:
        """Run a step of the current task; Python tells its name later than it makes it."""
        task = asyncio.current_task()
        if task is None:
            return step()
        name = task.get_name() if task.get_name() in self.seconds else inherited
        if name is None:
            return step()
        self._names[task] = name
        began = time.thread_time()
        try:
            return step()
        finally:
            self.seconds[name] += time.thread_time() - began


class _Timed(Coroutine[Any, Any, Any]):
    """A coroutine whose steps go through `TaskTimes.run`."""

    def __init__(self, work: Coroutine[Any, Any, Any], times: TaskTimes, inherited: str | None) -> None:
        self._work, self._times, self._inherited = work, times, inherited

    def send(self, value: Any) -> Any:
        return self._times.run(lambda: self._work.send(value), self._inherited)

    def throw(self, *problem: Any) -> Any:
        return self._times.run(lambda: self._work.throw(*problem), self._inherited)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._work.__await__()
