"""A worker as the job service sees it: its slot in the queue, what it reports, and the jobs that it has."""

from __future__ import annotations

import time
from asyncio import Lock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bot import metrics
from bot.database.jobs.jobs import AnyJob
from bot.jobs.active_jobs import ActiveJob, AttemptTimer, WorkerTrouble
from bot.jobs.forecasts import Pace
from bot.jobs.kinds import kind_of
from inference.messages.events import Capacity, CardMemory, Progress, Ready, Started
from inference.messages.options import WorkerOptions
from inference.messages.request import JobRequest
from inference.queue.slots import WorkerSlot
from inference.workers import Worker, WorkerDied, WorkerPlace

LOADING_SECONDS = 1800.0  # of silence before the first step: a checkpoint may come over the network
COMPILING_SECONDS = 1800.0  # later, where any step may be one of a new shape
# Silence of a worker that operators are notified of: the longer of the two. It ends long before `hangs` restarts one.
NOTED_SILENCE_SECONDS, NOTED_SILENT_STEPS = 30.0, 5
UNKNOWN_DEVICE = "?"  # of a worker that was not ready yet
SPEED_SHARE = 0.3  # how much the newest round counts against all before
ALARM_FAILURES = 5  # in a row, after which an operator is told, and again at each doubling


class AssignedJobs(Protocol):
    """Which jobs a worker has. `bot.jobs.active_jobs` implements it."""

    def assigned_to(self, slot: WorkerSlot) -> list[ActiveJob]:
        """The jobs that this worker has, those that were cancelled there included."""
        ...


class WorkerState(StrEnum):
    """What a worker is doing."""

    STARTING = "starting"
    FREE = "free"
    PAINTING = "painting"
    CLOSING = "closing"  # it finishes the jobs it has, and then gets new settings
    AWAY = "away"  # it died, and is restarted after a pause


NOT_READY = (WorkerState.STARTING, WorkerState.AWAY)


@dataclass(frozen=True)
class WorkerStatus:
    """A worker as an operator sees it: in its state for `seconds`; if it is away, restarted in `back` seconds.

    `node` is the name of its machine, empty for the bot's own; `distance` are the seconds to it and back. `silent` are
    the seconds without progress of a worker that should have reported some. `pid` is its process, if that is on this
    machine, and `card` the memory of its graphics card, if it has one.
    """

    device: str
    state: WorkerState
    seconds: float
    loaded: tuple[str, ...]
    jobs: int
    back: float | None = None
    node: str = ""
    distance: float | None = None
    silent: float | None = None
    pid: int | None = None
    card: CardMemory | None = None


@dataclass(eq=False)
class WorkerHandle:
    """A worker, its slot in the queue, and a view of the jobs that it has."""

    worker: Worker
    slot: WorkerSlot
    active: AssignedJobs
    place: WorkerPlace = field(default_factory=WorkerPlace)
    device: str = ""  # as the worker reports it; empty until it is ready
    compiles: bool = False
    pid: int | None = None  # of its process while it lives, if that is on this machine
    card: CardMemory | None = None  # as it last reported
    changes: WorkerOptions | None = None  # the settings that it gets once no job is assigned to it
    last_report: float = 0.0
    submitting: Lock = field(default_factory=Lock)  # held while jobs are submitted, one after the other
    _since: tuple[WorkerState, float] = field(default_factory=lambda: (WorkerState.STARTING, time.monotonic()))
    _back: float | None = None
    _reported: frozenset[str] = frozenset()  # loaded checkpoints, by the worker's own last word

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

    @property
    def device_name(self) -> str:
        """What operators call the device: on a node each worker sees its own alone, as the first."""
        if not self.device:
            return UNKNOWN_DEVICE
        return (self.place.device if self.place.node else "") or self.device

    def status(self, now: float, pace: Pace) -> WorkerStatus:
        """What an operator is told of the worker."""
        state, since = self.update_state(now)
        back = None if self._back is None else max(0.0, self._back - now)
        return WorkerStatus(
            self.device_name,
            state,
            now - since,
            tuple(sorted(self.slot.loaded)),
            len(self.running),
            back,
            self.place.node,
            self.place.distance,
            self.silence(now, pace),
            self.pid,
            self.card,
        )

    def update_state(self, now: float) -> tuple[WorkerState, float]:
        """The state, and since when. To be called whenever something may have changed it."""
        if self._since[0] is not self.state:
            self._since = self.state, now
        return self._since

    def move(self, place: WorkerPlace) -> None:
        """The worker runs at this place."""
        self.place = place
        self.slot.memory, self.slot.distance = place.memory, place.distance
        metrics.begin_at_zero(place.node, self.device_name)

    def schedule_changes(self, changes: WorkerOptions) -> None:
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
        self.pid = None if self.place.node else ready.pid
        metrics.begin_at_zero(self.place.node, self.device_name)

    @property
    def assigned(self) -> list[ActiveJob]:
        """The jobs that the worker has or is about to get."""
        return self.active.assigned_to(self.slot)

    @property
    def running(self) -> list[ActiveJob]:
        """The jobs that the worker is painting."""
        return [job for job in self.assigned if job.running]

    @property
    def prefetched(self) -> list[ActiveJob]:
        """The jobs that wait at the worker."""
        return [job for job in self.assigned if job.prefetched]

    @property
    def suspects(self) -> list[ActiveJob]:
        """The jobs of which one may have killed the worker, if it died now: the running ones, else the prefetched."""
        return self.running or self.prefetched

    async def recall(self, wanted: Callable[[AnyJob], bool]) -> None:
        """Ask the worker to return the prefetched jobs that are `wanted`."""
        for job in self.prefetched:
            if job.assignment and wanted(job.row) and not (job.cancelled or job.assignment.recalled):
                job.assignment.recalled = True
                await self.worker.cancel(job.row.id)

    def excuse(self, seconds: float) -> None:
        """So many seconds count as no silence of the worker."""
        self.last_report += seconds
        for job in self.assigned:
            if job.assignment is not None:
                job.assignment.last_report += seconds

    def hangs(self, now: float, pace: Pace) -> bool:
        """Whether the worker has reported nothing for too long. Prefetched jobs report nothing while others run."""
        if self.running:
            return any(is_silent(job, now, pace, compiles=self.compiles) for job in self.running)
        reports = [job.assignment.last_report for job in self.prefetched if job.assignment]
        return any(now - max(report, self.last_report) > LOADING_SECONDS for report in reports)

    def silence(self, now: float, pace: Pace) -> float | None:
        """Return the seconds without progress, if they are too many; None while the worker may load or compile.

        The first job that waits at an idle worker should begin at once.
        """
        jobs = self.running or self.prefetched[:1]
        if self._back is not None or self.compiles or not jobs:
            return None
        silent = now - max(self.last_report, *(job.assignment.last_report for job in jobs if job.assignment))
        ready = all(self._may_step(job) for job in jobs)
        limit = max(NOTED_SILENCE_SECONDS, NOTED_SILENT_STEPS * (pace.round([job.row.request for job in jobs]) or 0.0))
        return silent if ready and silent > limit else None

    def _may_step(self, job: ActiveJob) -> bool:
        """Whether the worker has loaded all that the job's steps need."""
        timer = job.assignment.timer if job.assignment else None
        return job.row.checkpoint in self.slot.loaded and (timer is None or timer.steps > 0 or not timer.loads)

    def current(self, job_id: int, attempt: int) -> ActiveJob | None:
        """The job if this is the attempt that the worker was given, else None."""
        found = (job for job in self.assigned if job.row.id == job_id)
        return next((job for job in found if job.assignment and job.assignment.attempt == attempt), None)

    def update_device(self, report: Capacity | CardMemory) -> None:
        """Save what the worker reports of its device: places and loaded checkpoints, or the memory of its card."""
        if isinstance(report, CardMemory):
            self.card = report
        else:
            self._update_capacity(report)

    def _update_capacity(self, capacity: Capacity) -> None:
        self.slot.places = capacity.places
        loaded = frozenset(capacity.loaded)
        for checkpoint in loaded - self._reported:
            metrics.SWAPS.labels(checkpoint).inc()
        self._reported = loaded
        if self.slot.assigned and self.slot.checkpoint not in loaded:
            loaded = frozenset[str]()  # by what it said before it loads what its jobs need, and maybe drops these
        if self.slot.loaded != loaded:
            self.slot.loaded = loaded
        self.slot.loras = frozenset(capacity.loras)

    def record_event(self, event: Started | Progress, now: float, pace: Pace) -> ActiveJob | None:
        """Note a report of a running job; the job, or None if the report is of an attempt that no longer counts."""
        job = self.current(event.job_id, event.attempt)
        if job is None or job.assignment is None:
            return None
        job.assignment.last_report = now
        if job.assignment.timer is None:
            loads = job.row.checkpoint not in self.slot.loaded and not self.running
            job.assignment.timer = AttemptTimer(now, loads=loads)
            metrics.BATCH.observe(len(self.running))
        if isinstance(event, Progress):
            self._step(job, job.assignment.timer, event, now, pace)
        return job

    def _step(self, job: ActiveJob, timer: AttemptTimer, progress: Progress, now: float, pace: Pace) -> None:
        row, stepping = job.row, self._stepping
        batch = [other.row.request for other in stepping]
        if timer.loads and timer.total is None:
            pace.record_load(row.checkpoint, now - timer.began)
        if timer.total is not None:
            steps = kind_of(row.request).steps(row.request)
            done = max(0, progress.step - timer.steps)
            metrics.WORKER_STEPS.labels(self.place.node, self.device_name).inc(done)
            self.slot.worked += (progress.step - timer.steps) * job.queued.work / max(1, steps)
        took = timer.step(now, progress.step, progress.steps)
        if took is not None:
            metrics.STEP_SECONDS.labels(row.checkpoint).observe(took)
            pace.record_step(batch, took, 1 / len(batch))
            self._record_speed(row.checkpoint, stepping, took, pace)

    def _record_speed(self, checkpoint: str, stepping: Sequence[ActiveJob], seconds: float, pace: Pace) -> None:
        """Each of these jobs has taken a step, in so many seconds. All of them report it."""
        work = sum(job.queued.work / max(1, kind_of(job.row.request).steps(job.row.request)) for job in stepping)
        if work and seconds > 0:
            pace.record_speed(checkpoint, work / seconds, 1 / len(stepping))
            old = self.slot.speeds.get(checkpoint, work / seconds)
            self.slot.speeds[checkpoint] = old + SPEED_SHARE / len(stepping) * (work / seconds - old)

    @property
    def batch(self) -> list[JobRequest]:
        """The requests of which the worker takes a step in each round."""
        return [job.row.request for job in self._stepping]

    @property
    def _stepping(self) -> list[ActiveJob]:
        """The jobs of which the worker takes a step in each round."""
        timers = ((job, job.assignment.timer) for job in self.running if job.assignment)
        return [job for job, timer in timers if timer and timer.in_batch]

    def record_refusal(self) -> None:
        """The worker took no job; its slot has no places until it reports them again."""
        self.slot.places = 0

    def record_death(self, death: WorkerDied, now: float) -> None:
        """The worker has died; its slot has no places until it reports them again."""
        self.slot.places, self.slot.loaded, self.slot.checkpoint = 0, frozenset(), None
        self.slot.loras = self._reported = frozenset()
        self.pid = self.card = None
        self._back = now + death.pause


def is_silent(job: ActiveJob, now: float, pace: Pace, *, compiles: bool = False) -> bool:
    """Whether the worker has reported nothing of this job for too long. One that `compiles` is given more time."""
    if job.assignment is None:
        return False
    silent, timer = now - job.assignment.last_report, job.assignment.timer
    if timer is None or not timer.steps:
        return silent > LOADING_SECONDS
    request = job.row.request
    limit = kind_of(request).max_silence(request, pace.round([request]))
    return silent > (max(COMPILING_SECONDS, limit) if compiles else limit)


def raises_alarm(trouble: WorkerTrouble) -> bool:
    """Whether an operator is told of so many failures in a row."""
    often, rest = divmod(trouble.failures, ALARM_FAILURES)
    return rest == 0 and often & (often - 1) == 0
