"""A pool of workers that are known at the start, and stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from inference.messages.options import WorkerOptions
from inference.workers import PoolChange, Unserved, Worker, WorkerJoined, WorkerPlace


class FixedPool:
    """Implements `inference.workers.WorkerPool`. The workers join at once, in order, and none leaves.

    `places` are theirs, in the same order; a worker without one is on the bot's machine.
    """

    def __init__(self, workers: Sequence[Worker], places: Sequence[WorkerPlace] = ()) -> None:
        self.workers = tuple(workers)
        given = [*places, *(WorkerPlace() for _ in self.workers[len(places) :])]
        self._joined = [WorkerJoined(worker, place) for worker, place in zip(self.workers, given, strict=True)]
        self._serves = [worker.serves for worker in self.workers]
        self._closed = asyncio.Event()

    @property
    def serves(self) -> frozenset[str]:
        """Names of the checkpoints that any of them can load, by its newest options."""
        return frozenset[str]().union(*self._serves)

    async def start(self) -> None:
        """Start them one after the other. Raises WorkerUnavailable."""
        for worker in self.workers:
            await worker.start()

    async def changes(self) -> AsyncIterator[PoolChange]:
        """All of them join; then nothing changes until `close`."""
        for joined in self._joined:
            yield joined
        await self._closed.wait()

    def unserved(self, checkpoint: str) -> Unserved:
        """They have not joined yet: none of them leaves."""
        return Unserved(f"no worker has begun to load {checkpoint}", starting=True)

    def configure(self, options: Sequence[WorkerOptions | None]) -> Mapping[Worker, WorkerOptions]:
        """Each worker has to be given the options that stand at its place."""
        changed = {worker: new for worker, new in zip(self.workers, options, strict=True) if new is not None}
        self._serves = [
            frozenset(spec.name for spec in changed[worker].checkpoints) if worker in changed else serves
            for worker, serves in zip(self.workers, self._serves, strict=True)
        ]
        return changed

    async def close(self) -> None:
        """Close all at the same time."""
        await asyncio.gather(*(worker.close() for worker in self.workers))
        self._closed.set()
