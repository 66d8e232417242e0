"""The workers that are there now: they join and leave while the bot runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.jobs.active_jobs import ActiveJobs
from bot.jobs.worker_slots import WorkerHandle
from inference.messages.options import WorkerOptions
from inference.queue.slots import WorkerSlot
from inference.workers import Worker, WorkerPlace


class WorkerHandles:
    """The handles of the workers that are there, in the order in which they joined."""

    def __init__(self, active: ActiveJobs) -> None:
        self._active = active
        self._handles: dict[WorkerSlot, WorkerHandle] = {}
        self._changing: dict[WorkerHandle, None] = {}  # that get other options once they have no job
        self._unapplied: dict[Worker, WorkerOptions] = {}  # of workers that have not joined yet

    def __len__(self) -> int:
        return len(self._handles)

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter(tuple(self._handles.values()))

    def at(self, slot: WorkerSlot) -> WorkerHandle | None:
        """The handle of the worker with this slot; None when it has left."""
        return self._handles.get(slot)

    def of(self, worker: Worker) -> WorkerHandle | None:
        """The handle of this worker; None when it has not joined, or has left."""
        return next((handle for handle in self._handles.values() if handle.worker is worker), None)

    def join(self, worker: Worker, place: WorkerPlace) -> WorkerHandle | None:
        """The handle of a worker that has just joined; None when it was there, and its place has changed."""
        known = self.of(worker)
        if known is not None:
            known.move(place)
            return None
        slot = WorkerSlot(worker.serves)
        handle = self._handles[slot] = WorkerHandle(worker, slot, self._active)
        handle.move(place)
        self._active.join(slot)
        options = self._unapplied.pop(worker, None)
        if options is not None:
            self._schedule(handle, options)
        return handle

    def leave(self, worker: Worker) -> WorkerHandle | None:
        """The handle of a worker that has left, with the jobs that it had; it gets no more. None: it was not there."""
        handle = self.of(worker)
        if handle is not None:
            del self._handles[handle.slot]
            self._active.leave(handle.slot)
            handle.slot.draining = True
            self._changing.pop(handle, None)
        return handle

    async def cancel(self, slot: WorkerSlot, job_id: int) -> None:
        """Cancel a job at its worker, unless that has left."""
        handle = self.at(slot)
        if handle is not None:
            await handle.worker.cancel(job_id)

    async def schedule_changes(self, worker: Worker, options: WorkerOptions) -> None:
        """Give a worker other options once it has no job, or when it joins."""
        handle = self.of(worker)
        if handle is None:
            self._unapplied[worker] = options
            return
        self._schedule(handle, options)
        await handle.recall(lambda _: True)

    def _schedule(self, handle: WorkerHandle, options: WorkerOptions) -> None:
        handle.schedule_changes(options)
        self._changing[handle] = None

    def take_changing(self, ready: Callable[[WorkerHandle], bool]) -> list[WorkerHandle]:
        """The workers whose changes are to be applied now, of those with changes."""
        taken = [handle for handle in self._changing if ready(handle)]
        for handle in taken:
            del self._changing[handle]
        return taken
