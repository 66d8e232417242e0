"""A pool whose workers a test lets join and leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from inference.messages.events import Ready
from inference.messages.options import WorkerOptions
from inference.workers import PoolChange, PoolUnavailable, Unserved, Worker, WorkerJoined, WorkerLeft, WorkerPlace
from tests.bot.jobs.fake_worker import FakeWorker


class FakePool:
    """Implements `inference.workers.WorkerPool`. Nobody is there at first."""

    def __init__(self, spool: Path) -> None:
        self.serves = frozenset({"vivid", "pastel"})
        self._spool = spool
        self._changes: asyncio.Queue[PoolChange | None] = asyncio.Queue()
        self._here = list[FakeWorker]()
        self.why = Unserved("no node fits")
        self.asked = asyncio.Event()  # why nobody is there

    async def start(self) -> None:
        pass

    async def changes(self) -> AsyncIterator[PoolChange]:
        while (change := await self._changes.get()) is not None:
            yield change

    def unserved(self, checkpoint: str) -> Unserved:
        assert checkpoint in self.serves
        self.asked.set()
        return self.why

    def configure(self, options: Sequence[WorkerOptions | None]) -> Mapping[Worker, WorkerOptions]:
        (newest,) = options
        return {} if newest is None else dict.fromkeys(self._here, newest)

    async def close(self) -> None:
        for worker in self._here:
            await worker.close()
        self._changes.put_nowait(None)

    async def join(self, node: str = "one", places: int = 1, serves: frozenset[str] | None = None) -> FakeWorker:
        """A worker joins, and is ready."""
        worker = FakeWorker(self._spool, places)
        worker.serves = serves or self.serves
        self._here.append(worker)
        worker.say(Ready(device="cuda:0", pid=1))
        await worker.start()
        self._changes.put_nowait(WorkerJoined(worker, WorkerPlace(node, "cuda:0", 24 * 2**30, 0.002)))
        await worker.heard()
        return worker

    async def leave(self, worker: FakeWorker, reason: str = "its node was lost") -> None:
        """A worker is gone for good."""
        self._here.remove(worker)
        worker.takes = False
        await worker.close()
        self._changes.put_nowait(WorkerLeft(worker, reason))

    def fail(self, failures: int, reason: str) -> None:
        """What stands before the workers cannot be reached."""
        self._changes.put_nowait(PoolUnavailable(failures, reason))
