"""Workers: the protocols by which the bot reaches processes that run jobs.

storage.py   the files that bot and worker exchange: by SHA-256 to the worker, pictures and states back
local.py     a child process on this machine: started, killed, restarted
fixed.py     a pool of workers that are known at the start, and stay
ray.py       a pool of workers on the nodes of a cluster; driver_process.py: the process that it speaks with
awaited_workers.py   those of its workers that are not there, and why
job_frames.py · manifests.py   for workers elsewhere: a job with its small files, checkpoints by SHA-256
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from inference.checkpoints.memory import Shortage, said
from inference.errors import WorkerStarved
from inference.messages.commands import JobCommand
from inference.messages.events import Event
from inference.messages.options import WorkerOptions
from inference.workers.storage import StoredFile


@dataclass(frozen=True)
class WorkerDied:
    """The worker process has died with all its jobs; it is restarted.

    `failures` counts deaths since a job last finished; `stderr_tail` is the end of what it printed; it is restarted
    after `pause` seconds. `shortage` is there when the system killed it, as it does when memory is short.
    """

    exit_code: int | None
    failures: int
    was_ready: bool
    stderr_tail: str
    pause: float = 0.0
    shortage: Shortage | None = None

    @property
    def reason(self) -> str:
        """The last line that it printed, at most 300 characters; without the name of the error's class."""
        last = (self.stderr_tail.strip().splitlines() or ["no output"])[-1].strip()
        return re.sub(r"^(\w+\.)*\w*(Error|Exception): ", "", last)[:300]

    def starved(self, checkpoint: str, attempts: int) -> WorkerStarved | None:
        """What to tell of a job on `checkpoint` that it died at; None where memory was not short."""
        if self.shortage is None:
            return None
        needed, free = said(self.shortage.files.get(checkpoint)), said(self.shortage.free)
        return WorkerStarved(attempts=attempts, checkpoint=checkpoint, needed=needed, free=free)


class Worker(Protocol):
    """A process that runs jobs, on this machine or another. Call all methods from one event loop.

    What it leaves lies in the bot's spool before an event speaks of it: previews and pictures by their names, and the
    resume state of a job, from which the next attempt goes on wherever it runs.
    """

    @property
    def serves(self) -> frozenset[str]:
        """Names of the checkpoints it can load."""
        ...

    async def start(self) -> None:
        """Start; `Ready` arrives among the events. Raises WorkerUnavailable when it cannot even be started."""
        ...

    async def submit(self, job: JobCommand, files: Mapping[str, StoredFile]) -> bool:
        """Submit a job with the files that it needs, by SHA-256; False when the worker is not ready to take it.

        It returns soon: files that have to be copied are copied afterwards, and the job fails if they cannot be.
        """
        ...

    async def cancel(self, job_id: int) -> None:
        """Ask for a job to be stopped; it ends as `Cancelled`, or as it would have ended if that comes too late."""
        ...

    async def configure(self, options: WorkerOptions) -> None:
        """Set the options, also for later restarts. Only while it has no job: it would give jobs back."""
        ...

    async def restart(self) -> None:
        """Kill a worker that does not answer; its death is reported, and it is restarted."""
        ...

    def events(self) -> AsyncIterator[Event | WorkerDied]:
        """The events of the worker, in order, until it is closed."""
        ...

    async def close(self) -> None:
        """Stop the worker and wait until it is gone."""
        ...


@dataclass(frozen=True)
class WorkerPlace:
    """Where a worker runs.

    `node` is the name of its machine, empty for the bot's own. `memory` is that of its device in bytes, `distance` the
    seconds that a message takes to it and back; None: unknown.
    """

    node: str = ""
    device: str = ""
    memory: int | None = None
    distance: float | None = None

    def __str__(self) -> str:
        return " of ".join(part for part in (self.device, self.node) if part) or "this machine"


@dataclass(frozen=True)
class WorkerJoined:
    """A worker is there, and started. A place that has changed is told by a second one of the same worker."""

    worker: Worker
    place: WorkerPlace


@dataclass(frozen=True)
class WorkerLeft:
    """A worker is gone for good, with all its jobs: its node was lost or drained. `reason` is told to operators."""

    worker: Worker
    reason: str


@dataclass(frozen=True)
class PoolUnavailable:
    """No worker is there: the cluster cannot be reached, or none of its nodes has one.

    `failures` counts each of the two by itself, in a row; `reason` is told to operators.
    """

    failures: int
    reason: str


@dataclass(frozen=True)
class Unserved:
    """Why no worker is there that can load a checkpoint; `starting` says that one which can is being started."""

    reason: str
    starting: bool = False


PoolChange = WorkerJoined | WorkerLeft | PoolUnavailable


class WorkerPool(Protocol):
    """Workers that join and leave while the bot runs. Call all methods from one event loop.

    A worker whose process is restarted on its node stays, and reports `WorkerDied`. Once one has left, it takes no job
    (`submit` returns False), reports no event, and writes nothing into the bot's spool; its `events` have ended. If its
    node comes back, another `Worker` joins.
    """

    @property
    def serves(self) -> frozenset[str]:
        """Names of the checkpoints that its workers can load. Jobs for these wait, also while no worker is there."""
        ...

    async def start(self) -> None:
        """Start, before `changes` are read. Raises WorkerUnavailable when it cannot even be started."""
        ...

    def changes(self) -> AsyncIterator[PoolChange]:
        """The workers that join and leave, in order, from those that are there at the start until it is closed."""
        ...

    def unserved(self, checkpoint: str) -> Unserved:
        """Why no worker is there for this checkpoint of `serves`; asked while there is none."""
        ...

    def configure(self, options: Sequence[WorkerOptions | None]) -> Mapping[Worker, WorkerOptions]:
        """Set the options, in the order of the devices in the settings, for workers that join from now on.

        None changes nothing. Returns the options that workers which are there now have to be given: the caller does it
        by `Worker.configure` once they have no job.
        """
        ...

    async def close(self) -> None:
        """Stop all workers, wait until they are gone, and end `changes`. They are not reported as having left."""
        ...
