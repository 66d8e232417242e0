"""A worker as the dispatcher sees it: its slot in the queue, and the jobs in its hands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from bot import metrics
from bot.database.jobs import Job
from bot.jobs.pace import Pace, Watch
from inference.messages import Capacity, Configure, GenerationRequest, Progress, Ready, Started
from inference.queue import WorkerSlot
from inference.work import pass_work
from inference.workers import Worker, WorkerDied

SILENCE_SECONDS, SILENT_STEPS = 120.0, 20  # a worker that reports no step for the longer of the two hangs
LOADING_SECONDS = 1800.0  # before the first step: a checkpoint may come over the network
COMPILING_SECONDS = 1800.0  # in place of the first, where any step may be one of a new shape
BENCHED = 5  # deaths in a row after which an operator is told, and again at each doubling


@dataclass(eq=False)
class Hand:
    """A job that was taken out of the queue: about to be handed to a worker, waiting there, or painted."""

    job: Job | None = None  # once it is running
    cancelled: bool = False
    recalled: bool = False  # the queue wants it back
    returned: bool = False  # it is being given back
    watch: Watch | None = None  # once the worker has begun
    heard: float = 0.0

    def hangs(self, now: float, pace: Pace, *, compiles: bool = False) -> bool:
        """Whether the worker, which may compile, has reported nothing of it for far too long."""
        silent = now - self.heard
        if self.job is None or self.watch is None or not self.watch.steps:
            return silent > LOADING_SECONDS
        usual = pace.round([self.job.request]) or 0.0
        return silent > max(COMPILING_SECONDS if compiles else SILENCE_SECONDS, SILENT_STEPS * usual)


class WorkerState(StrEnum):
    """What a worker does just now."""

    STARTING = "starting"
    FREE = "free"
    PAINTING = "painting"
    CLOSING = "closing"  # it ends what it has, and then hears of new settings
    AWAY = "away"  # it died, and is started again in a while


@dataclass(frozen=True)
class WorkerSeen:
    """A worker as an operator sees it: in this state for so many seconds; if it is away, back in so many."""

    device: str
    state: WorkerState
    seconds: float
    loaded: tuple[str, ...]
    jobs: int
    back: float | None = None


@dataclass(eq=False)
class Station:
    """A worker, its slot and its hands. The attempt is the fencing number of what it reports."""

    worker: Worker
    slot: WorkerSlot
    hands: dict[int, Hand] = field(default_factory=dict[int, Hand])
    device: str = ""  # as the worker itself calls it
    compiles: bool = False
    changes: Configure | None = None  # what it hears once its hands are empty
    heard: float = 0.0
    _since: tuple[WorkerState, float] = field(default_factory=lambda: (WorkerState.STARTING, time.monotonic()))
    _back: float | None = None

    @property
    def state(self) -> WorkerState:
        """What it does now."""
        if self._back is not None:
            return WorkerState.AWAY
        if not self.device:
            return WorkerState.STARTING
        if self.changes is not None:
            return WorkerState.CLOSING
        return WorkerState.PAINTING if self.begun else WorkerState.FREE

    def seen(self, now: float) -> WorkerSeen:
        """What an operator is told of it."""
        state, since = self.noticed(now)
        back = None if self._back is None else max(0.0, self._back - now)
        return WorkerSeen(
            self.device or "?", state, now - since, tuple(sorted(self.slot.loaded)), len(self.begun), back
        )

    def noticed(self, now: float) -> tuple[WorkerState, float]:
        """Its state, and since when. To be called whenever something may have changed it."""
        if self._since[0] is not self.state:
            self._since = self.state, now
        return self._since

    def expect(self, changes: Configure) -> None:
        """It is about to know other checkpoints: people may wait for these at once, and nobody joins it until then."""
        self.changes = changes
        self.slot.serves = frozenset(checkpoint.name for checkpoint in changes.checkpoints)
        self.slot.draining = True

    async def change(self) -> None:
        """Its hands are empty: tell it. What it is handed from now on it reads after this."""
        if self.changes is not None:
            changes, self.changes = self.changes, None
            await self.worker.configure(changes)
            self.slot.draining, self.slot.loaded, self.slot.checkpoint = False, frozenset(), None

    def arrive(self, ready: Ready) -> None:
        """It is there."""
        self.device, self.compiles, self._back = ready.device, ready.compiles, None

    @property
    def begun(self) -> list[Hand]:
        """The jobs that the worker paints now."""
        return [hand for hand in self.hands.values() if hand.watch]

    @property
    def ahead(self) -> list[Hand]:
        """The jobs that wait at the worker for their turn."""
        return [hand for hand in self.hands.values() if hand.job and not hand.watch]

    @property
    def suspects(self) -> list[Hand]:
        """The jobs of which one has ended the worker, should it be gone now: those begun, else any it has."""
        return self.begun or self.ahead

    async def recall(self, wanted: Callable[[Job], bool]) -> None:
        """Ask for those back that it has not begun."""
        for hand in self.ahead:
            if hand.job and wanted(hand.job) and not (hand.cancelled or hand.recalled):
                hand.recalled = True
                await self.worker.cancel(hand.job.id)

    def hangs(self, now: float, pace: Pace) -> bool:
        """Whether it has reported nothing for far too long. Who waits there is silent for as long as others take."""
        if self.begun:
            return any(hand.hangs(now, pace, compiles=self.compiles) for hand in self.begun)
        return any(now - max(hand.heard, self.heard) > LOADING_SECONDS for hand in self.ahead)

    def current(self, job_id: int, attempt: int) -> Job | None:
        """The job in hand of which this attempt is; None for one that was given up."""
        hand = self.hands.get(job_id)
        return hand.job if hand and hand.job and hand.job.attempt == attempt else None

    def announce(self, capacity: Capacity) -> None:
        """What the worker says of itself."""
        self.slot.places = capacity.places
        for checkpoint in capacity.loaded:
            if checkpoint not in self.slot.loaded:
                metrics.SWAPS.labels(checkpoint).inc()
        self.slot.loaded = frozenset(capacity.loaded)

    def hear(self, event: Started | Progress, now: float, pace: Pace) -> Job | None:
        """A sign of life; the job it is about."""
        job = self.current(event.job_id, event.attempt)
        if job is None:
            return None
        hand = self.hands[job.id]
        hand.heard = now
        if hand.watch is None:
            hand.watch = Watch(now, loads=job.checkpoint not in self.slot.loaded and not self.begun)
            metrics.BATCH.observe(len(self.begun))
        if isinstance(event, Progress):
            self._step(hand.watch, job.checkpoint, event, now, pace)
        return job

    def _step(self, watch: Watch, checkpoint: str, progress: Progress, now: float, pace: Pace) -> None:
        sitting = self.sitting
        if watch.loads and watch.total is None:
            pace.loaded(checkpoint, now - watch.began)
        if watch.total is not None and (job := self.hands[progress.job_id].job):
            self.slot.worked += (progress.step - watch.steps) * pass_work(job.request)
        took = watch.step(now, progress.step, progress.steps)
        if took is not None:
            metrics.STEP_SECONDS.labels(checkpoint).observe(took)
            pace.took(sitting, took, 1 / len(sitting))

    @property
    def sitting(self) -> list[GenerationRequest]:
        """What it takes a step of in each round."""
        return [hand.job.request for hand in self.begun if hand.job and hand.watch and hand.watch.sits]

    def dies(self, death: WorkerDied, now: float) -> None:
        """Nothing is there any more until it announces itself again."""
        self.slot.places, self.slot.loaded, self.slot.checkpoint = 0, frozenset(), None
        self._back = now + death.pause


def is_benched(death: WorkerDied) -> bool:
    """Whether these deaths in a row are a number at which an operator is told."""
    often, rest = divmod(death.failures, BENCHED)
    return rest == 0 and often & (often - 1) == 0
