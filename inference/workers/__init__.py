"""How the bot reaches whatever paints: one Protocol, and the local child process behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from inference.errors import WorkerStarved
from inference.memory import Shortage, said
from inference.messages import Configure, Event, Generate


@dataclass(frozen=True)
class WorkerDied:
    """The worker is gone with all it had in hand; it is being started again.

    `failures` counts deaths since a job last ended well; `last_words` is the end of what it printed; `pause` is for how
    many seconds it stays away. `shortage` is there when the system killed it, as it does when memory is short.
    """

    exit_code: int | None
    failures: int
    was_ready: bool
    last_words: str
    pause: float = 0.0
    shortage: Shortage | None = None

    def starved(self, checkpoint: str, attempts: int) -> WorkerStarved | None:
        """What to tell of a job on `checkpoint` that it died at; None where memory was not short."""
        if self.shortage is None:
            return None
        needed, free = said(self.shortage.files.get(checkpoint)), said(self.shortage.free)
        return WorkerStarved(attempts=attempts, checkpoint=checkpoint, needed=needed, free=free)


class Worker(Protocol):
    """Something that paints. All methods belong to one event loop."""

    @property
    def serves(self) -> frozenset[str]:
        """Names of the checkpoints it can load."""
        ...

    async def start(self) -> None:
        """Begin; `Ready` arrives among the events. Raises WorkerUnavailable when it cannot even be started."""
        ...

    async def submit(self, job: Generate) -> bool:
        """Hand a job over; False when the worker is not there to take it."""
        ...

    async def cancel(self, job_id: int) -> None:
        """Ask for a job to be stopped; it ends as `Cancelled`, or as it would have ended if it was too late."""
        ...

    async def configure(self, configure: Configure) -> None:
        """What it knows from now on, also after a restart. For empty hands: jobs that it has it would give back."""
        ...

    async def restart(self) -> None:
        """End it by force because it does not answer; it dies as any worker, and is started again."""
        ...

    def events(self) -> AsyncIterator[Event | WorkerDied]:
        """What the worker reports, in order, until it is closed."""
        ...

    async def close(self) -> None:
        """Stop the worker and wait until it is gone."""
        ...
