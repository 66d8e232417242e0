"""Which interactions are being answered, so that a deletion can wait for those of its person."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any


class AnswersUnderWay:
    """The tasks that answer interactions, by the person who asked."""

    def __init__(self) -> None:
        self._tasks = defaultdict[int, set[asyncio.Task[Any]]](set)

    def begin(self, person_id: int) -> None:
        """Until it ends, the current task answers the person."""
        task = asyncio.current_task()
        assert task is not None

        def end(_task: asyncio.Task[Any]) -> None:
            self._tasks[person_id].discard(task)
            if not self._tasks[person_id]:
                del self._tasks[person_id]

        if task not in self._tasks[person_id]:
            self._tasks[person_id].add(task)
            task.add_done_callback(end)

    async def until_given(self, person_id: int) -> None:
        """Wait until what the person has asked for so far is answered."""
        if tasks := set(self._tasks.get(person_id, ())):
            await asyncio.wait(tasks)
