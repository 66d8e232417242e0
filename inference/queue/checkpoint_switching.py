"""Which checkpoint a worker is on: when it stays, and to which it switches. Pure policy; the clock is passed in.

A worker stays on a checkpoint, while jobs wait for it, for a quantum of ten times its loading time, so that loading
takes at most a tenth of the worker's time. Then it switches to the checkpoint whose jobs have waited longest in sum; no
checkpoint waits for ever. Only the first job of each person counts, so that nobody attracts or keeps a worker by
ordering many. Another worker loads a checkpoint too when the work that waits for it pays for that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from inference.queue.slots import SlotIndex, WorkerSlot
from inference.queue.waiting_jobs import CheckpointQueue

QUANTUM_LOADS = 10.0  # the quantum, in loading times: so long a worker stays on a checkpoint while jobs wait for it
# Then it switches once a job elsewhere has waited so many quanta, and all there so many times as long as all here, …
SWITCH_FACTOR = 2.5
STARVATION_QUANTA = 12.0  # … or once a job elsewhere has waited so many quanta
SPREAD_LOADS = 2.0  # work in loading times that an idle worker needs to find waiting before it loads a checkpoint too
LOOK_SECONDS = 1.0  # between two comparisons of other checkpoints with that on which a worker stays
UNMEASURED_LOAD_SECONDS = 5.0  # seconds, for a checkpoint that was never loaded here


class CheckpointSwitching:
    """Chooses checkpoints for workers, by the `queues` of jobs that wait for each and the `index` of workers.

    `load_seconds` are measured loading times, `speeds` the work per second that a worker does with a checkpoint.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        queues: Mapping[str, CheckpointQueue],
        index: SlotIndex,
        load_seconds: dict[str, float] | None = None,
        speeds: dict[str, float] | None = None,
    ) -> None:
        self.load_seconds: dict[str, float] = {} if load_seconds is None else load_seconds
        self.speeds: dict[str, float] = {} if speeds is None else speeds
        self._clock = clock
        self._queues = queues
        self._index = index
        self._abandoned: dict[str, None] = {}  # checkpoints with jobs on which no worker stays
        self._crowded: dict[str, None] = {}  # … and with more of them than its workers should do alone

    def note(self, name: str) -> bool:
        """Note a change of its jobs, or of the workers that stay on it; whether more workers may load it now."""
        queue = self._queues.get(name)
        waits = queue is not None and bool(queue.heads)
        staying = self._index.staying(name)
        more = False
        for names, belongs in (
            (self._abandoned, waits and not staying),
            (self._crowded, waits and staying > 0 and self._justifies(name, SPREAD_LOADS)),
        ):
            if not belongs:
                names.pop(name, None)
            elif name not in names:
                names[name] = None
                more = True
        return more

    def wanted(self, name: str) -> bool:
        """Whether a worker that has another checkpoint may load this one for its jobs."""
        return name in self._abandoned or name in self._crowded

    def _justifies(self, name: str, loads: float) -> bool:
        """Whether one more worker there finds a job, and its share of the work takes as long as so many loads.

        What was never measured justifies it.
        """
        queue, workers, speed = self._queues[name], self._index.staying(name) + 1, self.speeds.get(name)
        return queue.count >= workers and (not speed or queue.work / speed >= loads * self.load_cost(name) * workers)

    def here(self, slot: WorkerSlot) -> list[str]:
        """The checkpoints with jobs that the slot runs without loading anything."""
        queues = self._queues
        return [name for name in slot.held if name in queues and queues[name].heads and name in slot.serves]

    def checkpoints_for(self, slot: WorkerSlot) -> Collection[str]:
        """The checkpoints whose jobs the slot takes now: those it has loaded, or the one it should switch to."""
        here = self.here(slot)
        if not here and slot.assigned:
            return ()  # it ends those first
        if here and not self._should_switch(slot, here):
            return here
        away = self._away(slot, self._abandoned)
        if away:
            return [self._switch_target(slot, away)]
        away = self._away(slot, self._crowded)
        if not here and self._stays_alone(slot):  # which has to be loaded again for the next job that comes
            away = [name for name in away if self._justifies(name, 2 * SPREAD_LOADS)]
        return [self._switch_target(slot, away)] if away else here

    def _away(self, slot: WorkerSlot, names: Mapping[str, None]) -> list[str]:
        return [name for name in names if name in slot.serves and name not in slot.held] if names else []

    def _stays_alone(self, slot: WorkerSlot) -> bool:
        return slot.checkpoint is not None and self._index.staying(slot.checkpoint) == 1

    def _should_switch(self, slot: WorkerSlot, here: Collection[str]) -> bool:
        """Whether to switch although jobs wait for the checkpoints that it has loaded."""
        now, quantum = self._clock(), self._quantum(slot)
        if now - slot.since < quantum or not (self._abandoned or self._crowded):
            return False
        looked, switches = slot.compared
        if now - looked >= LOOK_SECONDS or now < looked:
            switches = self._compare(slot, here, now, quantum)
            slot.compared = now, switches
        return switches

    def _compare(self, slot: WorkerSlot, here: Collection[str], now: float, quantum: float) -> bool:
        """Compare how long people wait for other checkpoints and for those that it has loaded, for each worker there.

        A checkpoint on which others stay is compared only if the slot does not leave its own without any.
        """
        sharing = max(1, self._index.staying(slot.checkpoint or ""))
        here_waited = SWITCH_FACTOR * sum(self._queues[name].waited_seconds(now) for name in here) / sharing
        away = [self._queues[name] for name in self._away(slot, self._abandoned)]
        oldest = now - min((queue.by_age[0][0] for queue in away), default=now)
        if away and oldest >= STARVATION_QUANTA * quantum:
            return True
        if away and oldest >= SWITCH_FACTOR * quantum / sharing:
            return max(queue.waited_seconds(now) for queue in away) > here_waited
        return sharing > 1 and any(
            now - self._queues[name].by_age[0][0] >= SWITCH_FACTOR * quantum
            and self._queues[name].waited_seconds(now) > here_waited * self._index.staying(name)
            for name in self._away(slot, self._crowded)
        )

    def _switch_target(self, slot: WorkerSlot, away: Collection[str]) -> str:
        """The checkpoint to switch to: the one waited for most in sum, or that of the oldest job once it starves."""
        now = self._clock()
        since, _, oldest = min((*self._queues[name].by_age[0], name) for name in away)
        if now - since >= STARVATION_QUANTA * self._quantum(slot) and oldest in self._abandoned:
            return oldest

        def waited(name: str) -> tuple[float, float]:
            queue = self._queues[name]
            return queue.waited_seconds(now) / max(1, self._index.staying(name)), -queue.by_age[0][1]

        return max(away, key=waited)

    def _quantum(self, slot: WorkerSlot) -> float:
        return QUANTUM_LOADS * self.load_cost(slot.checkpoint or "")

    def load_cost(self, checkpoint: str) -> float:
        """Seconds that loading `checkpoint` takes."""
        return self.load_seconds.get(checkpoint, UNMEASURED_LOAD_SECONDS)
