"""Background jobs, which the bot paints for itself while nobody waits: they go past the queue and the job table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from bot.jobs.worker_handles import WorkerHandles
from bot.jobs.worker_slots import WorkerHandle
from inference.errors import InferenceError, WorkerCrashed
from inference.messages.commands import Generate
from inference.messages.events import Cancelled, Failed, Finished
from inference.messages.request import GenerationRequest
from inference.messages.spool import state_file
from inference.workers.storage import Spool, StoredFile

FIRST_BACKGROUND_ID = 2**62  # ids from here on belong to background jobs; no row of the job table gets so far
BACKGROUND_ATTEMPT = 1  # there is no second one


@dataclass(frozen=True)
class _BackgroundJob:
    """The background job that is running, its worker, and its result once it has ended."""

    job_id: int
    handle: WorkerHandle
    ended: asyncio.Future[Finished | InferenceError | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class BackgroundJobs:
    """Runs background jobs, at most one at a time."""

    def __init__(self, handles: WorkerHandles, spool: Spool) -> None:
        self._handles = handles
        self._spool = spool
        self._job: _BackgroundJob | None = None
        self._ids = count(FIRST_BACKGROUND_ID)

    @property
    def idle(self) -> bool:
        """Whether no background job is running."""
        return self._job is None

    def runs_on(self, handle: WorkerHandle) -> bool:
        """Whether a background job is running on this worker."""
        return self._job is not None and self._job.handle is handle

    async def paint(
        self, request: GenerationRequest, files: Mapping[str, StoredFile], texts: Sequence[str]
    ) -> Finished | None:
        """The end, with the pictures' names in the spool for the caller to take; None if preempted or not begun.

        The text judge reads `texts` before. Raises InferenceError, also when the worker died of it.
        """
        able = [each for each in self._handles if each.slot.has_room and request.checkpoint in each.slot.serves]
        if not able:
            return None
        handle = min(able, key=lambda handle: request.checkpoint not in handle.slot.held)
        self._job = job = _BackgroundJob(next(self._ids), handle)  # before any await: `preempt` has to find it
        command = Generate(job_id=job.job_id, attempt=BACKGROUND_ATTEMPT, request=request, texts=tuple(texts))
        if not await handle.worker.submit(command, files):
            handle.record_refusal()
            self._end(job, None)
        try:
            end = await job.ended
        except asyncio.CancelledError:
            await handle.worker.cancel(job.job_id)
            raise
        if isinstance(end, InferenceError):
            raise end
        return end

    async def preempt(self) -> None:
        """Cancel the background job, since somebody has ordered something."""
        if self._job is not None:
            await self._job.handle.worker.cancel(self._job.job_id)

    def handle_end(self, event: Finished | Failed | Cancelled) -> bool:
        """Whether the event is about a background job; that has ended now."""
        job = self._job
        if job is None or event.job_id != job.job_id:
            return event.job_id >= FIRST_BACKGROUND_ID
        self._end(job, _end_of(event))
        return True

    def worker_died(self, handle: WorkerHandle) -> None:
        """This worker has died or left, and with it its background job."""
        if self._job is not None and self._job.handle is handle:
            self._end(self._job, WorkerCrashed(attempts=1))

    def _end(self, job: _BackgroundJob, end: Finished | InferenceError | None) -> None:
        self._job = None
        kept = end.files if isinstance(end, Finished) and not job.ended.done() else ()
        self._spool.delete_attempt(job.job_id, BACKGROUND_ATTEMPT, kept)
        self._spool.delete([state_file(job.job_id)])
        if not job.ended.done():
            job.ended.set_result(end)


def _end_of(event: Finished | Failed | Cancelled) -> Finished | InferenceError | None:
    match event:
        case Finished():
            return event
        case Failed():
            return InferenceError.from_failed(event.code, event.detail)
        case Cancelled():
            return None
