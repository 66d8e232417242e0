"""A worker as the dispatcher sees it: its slot in the queue, and the jobs assigned to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from bot import metrics
from bot.database.jobs import Job
from bot.jobs.pace import AttemptTimer, Pace
from inference.messages import Capacity, Configure, GenerationRequest, Progress, Ready, Started
from inference.queue import WorkerSlot
from inference.request_cost import pass_work
from inference.workers import Worker, WorkerDied

SILENCE_SECONDS, SILENT_STEPS = 120.0, 20  # a worker that reports no step for the longer of the two has hung
LOADING_SECONDS = 1800.0  # before the first step: a checkpoint may come over the network
COMPILING_SECONDS = 1800.0  # in place of the first, where any step may be one of a new shape
ALARM_DEATHS = 5  # deaths in a row after which an operator is told, and again at each doubling


@dataclass(eq=False)
class Assignment:
    """A job that was taken out of the queue: about to be submitted to a worker, prefetched there, or running."""

    job: Job | None = None  # once the job table says that it runs
    cancelled: bool = False
    recalled: bool = False  # the queue wants it back
    returned: bool = False  # it is on its way back to the queue
    timer: AttemptTimer | None = None  # once the worker has begun
    last_report: float = 0.0  # by time.monotonic()

    def hangs(self, now: float, pace: Pace, *, compiles: bool = False) -> bool:
        """Whether the worker has reported nothing of this job for too long. One that `compiles` is given more time."""
        silent = now - self.last_report
        if self.job is None or self.timer is None or not self.timer.steps:
            return silent > LOADING_SECONDS
        usual = pace.round([self.job.request]) or 0.0
        return silent > max(COMPILING_SECONDS if compiles else SILENCE_SECONDS, SILENT_STEPS * usual)


class WorkerState(StrEnum):
    """What a worker is doing."""

    STARTING = "starting"
    FREE = "free"
    PAINTING = "painting"
    CLOSING = "closing"  # it finishes the jobs it has, and then gets new settings
    AWAY = "away"  # it died, and is restarted after a pause


@dataclass(frozen=True)
class WorkerStatus:
    """A worker as an operator sees it: in its state for `seconds`; if it is away, restarted in `back` seconds."""

    device: str
    state: WorkerState
    seconds: float
    loaded: tuple[str, ...]
    jobs: int
    back: float | None = None


@dataclass(eq=False)
class WorkerHandle:
    """A worker, its slot in the queue, and the jobs assigned to it, by id.

    A report counts only for the attempt that is assigned: the attempt is a fencing token."""

    worker: Worker
    slot: WorkerSlot
    assigned: dict[int, Assignment] = field(default_factory=dict[int, Assignment])
    device: str = ""  # as the worker reports it; empty until it is ready
    compiles: bool = False
    changes: Configure | None = None  # the settings that it gets once no job is assigned to it
    last_report: float = 0.0
    _since: tuple[WorkerState, float] = field(default_factory=lambda: (WorkerState.STARTING, time.monotonic()))
    _back: float | None = None

    @property
    def state(self) -> WorkerState:
        """What the worker is doing."""
        if self._back is not None:
            return WorkerState.AWAY
        if not self.device:
            return WorkerState.STARTING
        if self.changes is not None:
            return WorkerState.CLOSING
        return WorkerState.PAINTING if self.running else WorkerState.FREE

    def status(self, now: float) -> WorkerStatus:
        """What an operator is told of the worker."""
        state, since = self.update_state(now)
        back = None if self._back is None else max(0.0, self._back - now)
        return WorkerStatus(
            self.device or "?", state, now - since, tuple(sorted(self.slot.loaded)), len(self.running), back
        )

    def update_state(self, now: float) -> tuple[WorkerState, float]:
        """The state, and since when. To be called whenever something may have changed it."""
        if self._since[0] is not self.state:
            self._since = self.state, now
        return self._since

    def schedule_changes(self, changes: Configure) -> None:
        """Give the worker other checkpoints once it has no job. Jobs for these may be queued at once."""
        self.changes = changes
        self.slot.serves = frozenset(checkpoint.name for checkpoint in changes.checkpoints)
        self.slot.draining = True

    async def apply_changes(self) -> None:
        """Send the scheduled settings. The worker reads them before any job that is submitted later."""
        if self.changes is not None:
            changes, self.changes = self.changes, None
            await self.worker.configure(changes)
            self.slot.draining, self.slot.loaded, self.slot.checkpoint = False, frozenset(), None

    def set_ready(self, ready: Ready) -> None:
        """The worker has started."""
        self.device, self.compiles, self._back = ready.device, ready.compiles, None

    @property
    def running(self) -> list[Assignment]:
        """The jobs that the worker is painting."""
        return [assignment for assignment in self.assigned.values() if assignment.timer]

    @property
    def prefetched(self) -> list[Assignment]:
        """The jobs that wait at the worker."""
        return [assignment for assignment in self.assigned.values() if assignment.job and not assignment.timer]

    @property
    def suspects(self) -> list[Assignment]:
        """The jobs of which one may have killed the worker, if it died now: the running ones, else the prefetched."""
        return self.running or self.prefetched

    async def recall(self, wanted: Callable[[Job], bool]) -> None:
        """Ask the worker to return the prefetched jobs that are `wanted`."""
        for assignment in self.prefetched:
            if assignment.job and wanted(assignment.job) and not (assignment.cancelled or assignment.recalled):
                assignment.recalled = True
                await self.worker.cancel(assignment.job.id)

    def hangs(self, now: float, pace: Pace) -> bool:
        """Whether the worker has reported nothing for too long. Prefetched jobs report nothing while others run."""
        if self.running:
            return any(assignment.hangs(now, pace, compiles=self.compiles) for assignment in self.running)
        return any(
            now - max(assignment.last_report, self.last_report) > LOADING_SECONDS for assignment in self.prefetched
        )

    def current(self, job_id: int, attempt: int) -> Job | None:
        """The assigned job if this is its current attempt, else None."""
        assignment = self.assigned.get(job_id)
        return assignment.job if assignment and assignment.job and assignment.job.attempt == attempt else None

    def update_capacity(self, capacity: Capacity) -> None:
        """Take over the places and the loaded checkpoints that the worker reports."""
        self.slot.places = capacity.places
        for checkpoint in capacity.loaded:
            if checkpoint not in self.slot.loaded:
                metrics.SWAPS.labels(checkpoint).inc()
        self.slot.loaded = frozenset(capacity.loaded)

    def record_event(self, event: Started | Progress, now: float, pace: Pace) -> Job | None:
        """Note a report of a running job; the job, or None if the report is of an attempt that no longer counts."""
        job = self.current(event.job_id, event.attempt)
        if job is None:
            return None
        assignment = self.assigned[job.id]
        assignment.last_report = now
        if assignment.timer is None:
            assignment.timer = AttemptTimer(now, loads=job.checkpoint not in self.slot.loaded and not self.running)
            metrics.BATCH.observe(len(self.running))
        if isinstance(event, Progress):
            self._step(assignment.timer, job.checkpoint, event, now, pace)
        return job

    def _step(self, timer: AttemptTimer, checkpoint: str, progress: Progress, now: float, pace: Pace) -> None:
        batch = self.batch
        if timer.loads and timer.total is None:
            pace.record_load(checkpoint, now - timer.began)
        if timer.total is not None and (job := self.assigned[progress.job_id].job):
            self.slot.worked += (progress.step - timer.steps) * pass_work(job.request)
        took = timer.step(now, progress.step, progress.steps)
        if took is not None:
            metrics.STEP_SECONDS.labels(checkpoint).observe(took)
            pace.record_step(batch, took, 1 / len(batch))

    @property
    def batch(self) -> list[GenerationRequest]:
        """The requests of which the worker takes a step in each round."""
        return [
            assignment.job.request
            for assignment in self.running
            if assignment.job and assignment.timer and assignment.timer.in_batch
        ]

    def record_death(self, death: WorkerDied, now: float) -> None:
        """The worker has died; its slot has no places until it reports them again."""
        self.slot.places, self.slot.loaded, self.slot.checkpoint = 0, frozenset(), None
        self._back = now + death.pause


def raises_alarm(death: WorkerDied) -> bool:
    """Whether an operator is told of these deaths in a row."""
    often, rest = divmod(death.failures, ALARM_DEATHS)
    return rest == 0 and often & (often - 1) == 0
