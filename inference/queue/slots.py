"""The workers as the queue sees them, and an index by which it finds one without looking at each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from inference.queue.waiting_jobs import Waiting

PREFETCHED_JOBS = 3  # jobs assigned to a worker that runs one picture at a time, beside the one it runs
COMPARED_SLOTS = 16  # workers compared with each other before one gets a job
_WATCHED = frozenset({"serves", "places", "loaded", "checkpoint", "draining"})
PREFETCHING = 10_000  # added to the jobs of a worker all of whose places are taken, when workers are ordered


@dataclass(eq=False)
class WorkerSlot:
    """A worker as the queue sees it: what it can load, what it has loaded, how many pictures it runs at once.

    `loras` are those that it has cached, shortened as those of jobs. `speeds` are measured, in work per second by
    checkpoint. `memory` is that of its device in bytes, `distance` the seconds to it and back.
    """

    serves: frozenset[str]
    places: int = 0
    loaded: frozenset[str] = frozenset()
    checkpoint: str | None = None  # that it stays on …
    since: float = 0.0  # … by the queue's clock
    loads: int = 0  # how often it was given a job for a checkpoint that it had to load first
    assigned: dict[int, Waiting] = field(default_factory=dict[int, Waiting])
    worked: float = 0.0  # work done by all its jobs, as far as reported …
    worked_before: dict[int, float] = field(
        default_factory=dict[int, float]
    )  # … and what that was when each job was assigned
    draining: bool = False  # it gets no job until all assigned ones have ended
    prefetch: int = PREFETCHED_JOBS
    loras: frozenset[str] = frozenset()
    speeds: dict[str, float] = field(default_factory=dict[str, float])
    memory: int | None = None
    distance: float | None = None
    compared: tuple[float, bool] = (-1.0, False)  # when it last compared other checkpoints with its own: it switches
    watcher: Callable[[WorkerSlot], None] | None = field(default=None, init=False, repr=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and tell the queue where that decides which jobs it may get."""
        object.__setattr__(self, name, value)
        if name in _WATCHED and (watcher := self.__dict__.get("watcher")) is not None:
            watcher(self)

    @property
    def held(self) -> frozenset[str]:
        """The checkpoints that it runs without loading anything."""
        return self.loaded | {self.checkpoint} if self.checkpoint else self.loaded

    @property
    def has_room(self) -> bool:
        """Whether it takes one more job; a worker that runs several pictures at once prefetches one."""
        if self.draining:
            return False
        taken = 0
        for job in self.assigned.values():
            if job.exclusive:
                return False
            taken += job.places
        if self.places == 1:
            return len(self.assigned) <= self.prefetch
        return taken < self.places + (self.places > 1)

    @property
    def level(self) -> int:
        """How much it has to do already. Of workers with room the one with the lowest level gets the next job."""
        taken = sum([job.places for job in self.assigned.values()])
        return taken if taken < self.places else taken + PREFETCHING

    def preference(self, job: Waiting) -> tuple[int, float, float]:
        """The order in which workers of the same level get this job: by LoRAs to read, speed, distance."""
        return len(job.loras - self.loras), -self.speeds.get(job.checkpoint, 0.0), self.distance or 0.0

    def loading_preference(self, job: Waiting) -> tuple[int, int, int, float, float]:
        """The order in which idle workers load a checkpoint: those first that can do the least else."""
        return len(self.serves), self.memory or 0, *self.preference(job)


@dataclass(frozen=True)
class _Entry:
    """Where the index has a slot."""

    serves: frozenset[str]
    stays: str | None  # on a checkpoint, while it has places
    open: tuple[tuple[str, int], ...]  # checkpoints for which it has room, each with its level
    idle: bool
    room: bool = False
    level: int = 0


_NOWHERE = _Entry(frozenset(), None, (), idle=False)


class SlotIndex:
    """Finds workers by what they hold and by how much they have to do."""

    def __init__(self) -> None:
        self._entries: dict[WorkerSlot, _Entry] = {}
        self._serving = Counter[str]()
        self._staying = Counter[str]()
        self._open: dict[str, dict[int, dict[WorkerSlot, None]]] = {}  # by checkpoint and level
        self._idle: dict[str | None, dict[WorkerSlot, None]] = {}  # by the checkpoint that they stay on

    def __contains__(self, slot: WorkerSlot) -> bool:
        return slot in self._entries

    def serving(self, checkpoint: str) -> bool:
        """Whether any slot can load the checkpoint."""
        return self._serving[checkpoint] > 0

    def has_room(self, slot: WorkerSlot) -> bool:
        """Whether the slot takes one more job."""
        return self._entries[slot].room

    def level(self, slot: WorkerSlot) -> int:
        """How much the slot has to do already."""
        return self._entries[slot].level

    def staying(self, checkpoint: str) -> int:
        """How many workers stay on the checkpoint."""
        return self._staying[checkpoint]

    def update(self, slot: WorkerSlot) -> tuple[str | None, str | None]:
        """Put a slot where it belongs now. Returns the checkpoints that it stayed and stays on."""
        room = slot.places > 0 and slot.has_room
        stays, level = slot.checkpoint if slot.places else None, slot.level
        opened = tuple((name, level) for name in slot.held) if room else ()
        before = self._entries.get(slot, _NOWHERE)
        after = self._entries[slot] = _Entry(slot.serves, stays, opened, room and not slot.assigned, room, level)
        self._move(slot, before, after)
        return before.stays, stays

    def remove(self, slot: WorkerSlot) -> str | None:
        """Forget a slot. Returns the checkpoint that it stayed on."""
        before = self._entries.pop(slot, _NOWHERE)
        self._move(slot, before, _NOWHERE)
        return before.stays

    def _move(self, slot: WorkerSlot, before: _Entry, after: _Entry) -> None:
        if before.serves != after.serves:
            self._serving.subtract(before.serves)
            self._serving.update(after.serves)
        if before.stays != after.stays:
            self._staying.subtract([] if before.stays is None else [before.stays])
            self._staying.update([] if after.stays is None else [after.stays])
        if before.open != after.open:
            for name, level in before.open:
                del self._open[name][level][slot]
                if not self._open[name][level]:
                    del self._open[name][level]
            for name, level in after.open:
                self._open.setdefault(name, {}).setdefault(level, {})[slot] = None
        if (before.idle, before.stays) != (after.idle, after.stays):
            if before.idle:
                del self._idle[before.stays][slot]
            if after.idle:
                self._idle.setdefault(after.stays, {})[slot] = None

    def with_room(self, job: Waiting) -> Iterator[WorkerSlot]:
        """Workers that have its checkpoint and room, those with the least to do first; some of each level."""
        levels = self._open.get(job.checkpoint, {})
        for level in sorted(levels):
            yield from sorted(islice(levels[level], COMPARED_SLOTS), key=lambda slot: slot.preference(job))

    def to_load(self, job: Waiting) -> Iterator[WorkerSlot]:
        """Idle workers that can load its checkpoint, of those first of which most have the same one; some of each."""
        for name in sorted(self._idle, key=lambda name: (name is not None, -len(self._idle[name]))):
            able = (slot for slot in self._idle[name] if job.checkpoint in slot.serves)
            yield from sorted(islice(able, COMPARED_SLOTS), key=lambda slot: slot.loading_preference(job))
