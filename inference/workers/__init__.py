"""Workers: the protocol by which the bot reaches a process that runs jobs.

local.py   a child process on this machine: started, killed, restarted
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from inference.errors import WorkerStarved
from inference.memory import Shortage, said
from inference.messages import Configure, Event, Generate


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

    def starved(self, checkpoint: str, attempts: int) -> WorkerStarved | None:
        """What to tell of a job on `checkpoint` that it died at; None where memory was not short."""
        if self.shortage is None:
            return None
        needed, free = said(self.shortage.files.get(checkpoint)), said(self.shortage.free)
        return WorkerStarved(attempts=attempts, checkpoint=checkpoint, needed=needed, free=free)


class Worker(Protocol):
    """A process that runs jobs. Call all methods from one event loop."""

    @property
    def serves(self) -> frozenset[str]:
        """Names of the checkpoints it can load."""
        ...

    async def start(self) -> None:
        """Start; `Ready` arrives among the events. Raises WorkerUnavailable when it cannot even be started."""
        ...

    async def submit(self, job: Generate) -> bool:
        """Submit a job; False when the worker is not ready to take it."""
        ...

    async def cancel(self, job_id: int) -> None:
        """Ask for a job to be stopped; it ends as `Cancelled`, or as it would have ended if that comes too late."""
        ...

    async def configure(self, configure: Configure) -> None:
        """Set the configuration, also for later restarts. Only while it has no job: it would give jobs back."""
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
