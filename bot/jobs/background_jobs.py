"""What the bot paints for itself, outside of the job table: only while nobody waits, and given up for any job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bot.jobs.worker_slots import WorkerHandle
from inference.errors import InferenceError, WorkerCrashed
from inference.messages import Cancelled, Failed, Finished, Generate, GenerationRequest, state_file

FIRST_ID = 2**62  # from here on, ids are of what the bot paints for itself; no row of the job table gets so far


@dataclass(frozen=True)
class _Aside:
    """What is painted just now, where, and how it will have ended."""

    job_id: int
    handle: WorkerHandle
    ended: asyncio.Future[Finished | InferenceError | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Asides:
    """At most one at a time."""

    def __init__(self, handles: Sequence[WorkerHandle], spool: Path) -> None:
        self._handles = handles
        self._spool = spool
        self._aside: _Aside | None = None
        self._ids = count(FIRST_ID)

    @property
    def idle(self) -> bool:
        """Whether none is being painted."""
        return self._aside is None

    def at(self, handle: WorkerHandle) -> bool:
        """Whether one is being painted there."""
        return self._aside is not None and self._aside.handle is handle

    async def paint(self, request: GenerationRequest, files: dict[str, str]) -> tuple[Path, ...] | None:
        """The pictures in the spool, for the caller to take. None when it was given up, or not begun.

        Raises InferenceError, also when the worker died of it.
        """
        able = [s for s in self._handles if s.slot.has_room and request.checkpoint in s.slot.serves]
        if not able:
            return None
        handle = min(able, key=lambda handle: request.checkpoint not in handle.slot.held)
        self._aside = aside = _Aside(next(self._ids), handle)  # before anything is awaited: `give_up` has to find it
        command = Generate(job_id=aside.job_id, attempt=1, request=request, files=files)
        if not await handle.worker.submit(command):
            handle.slot.places = 0
            self._end(aside, None)
        try:
            end = await aside.ended
        except asyncio.CancelledError:
            await handle.worker.cancel(aside.job_id)
            raise
        if isinstance(end, InferenceError):
            raise end
        return None if end is None else tuple(self._spool / Path(name).name for name in end.pictures)

    async def give_up(self) -> None:
        """Somebody wants something."""
        if self._aside is not None:
            await self._aside.handle.worker.cancel(self._aside.job_id)

    def hear(self, event: Finished | Failed | Cancelled) -> bool:
        """Whether the event is about an aside; then it has ended."""
        aside = self._aside
        if aside is None or event.job_id != aside.job_id:
            return event.job_id >= FIRST_ID
        self._end(aside, _end_of(event))
        return True

    def die(self, handle: WorkerHandle) -> None:
        """The station's worker is gone."""
        if self._aside is not None and self._aside.handle is handle:
            self._end(self._aside, WorkerCrashed(attempts=1))

    def _end(self, aside: _Aside, end: Finished | InferenceError | None) -> None:
        self._aside = None
        kept = set(end.pictures) if isinstance(end, Finished) and not aside.ended.done() else set[str]()
        for leftover in (*self._spool.glob(f"job{aside.job_id}-*"), self._spool / state_file(aside.job_id)):
            if leftover.name not in kept:
                leftover.unlink(missing_ok=True)
        if not aside.ended.done():
            aside.ended.set_result(end)


def _end_of(event: Finished | Failed | Cancelled) -> Finished | InferenceError | None:
    match event:
        case Finished():
            return event
        case Failed():
            return InferenceError.from_failed(event.code, event.detail)
        case Cancelled():
            return None
