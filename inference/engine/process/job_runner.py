"""Jobs on top of the engine: pictures and previews go into the spool, and what happens is told as events."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inference import logs
from inference.engine.batch.failures import explained
from inference.engine.batch.handle import Handle, State
from inference.engine.devices.cache import LOOKUPS
from inference.engine.devices.devices import peak_memory
from inference.engine.engine import Engine
from inference.engine.process.states import States, what_is_painted
from inference.errors import PictureNotSaved
from inference.messages import Cancelled, Configure, Failed, Finished, Generate, JobEvent, Lookups, Progress, Started
from inference.parameters import CHUNK, JSON_CHUNK, infotext

log = logging.getLogger(__name__)

PREVIEW_SECONDS = 0.5  # at most one preview in this time, but always one half-way
PREVIEW_SIDE = 256  # pixels of the longer side
DISK_PATIENCE = 30.0  # seconds; a disk that hangs costs states, but it must not look as if the worker did


class _Stopwatch:
    """Measures how long a job is painted, in seconds, from its first step on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None

    def start(self) -> None:
        """Its first step here begins."""
        self._began = self._clock()

    @property
    def seconds(self) -> float:
        """Since then."""
        return 0.0 if self._began is None else self._clock() - self._began


class _Name(TypedDict):
    """What every event about a job carries."""

    job_id: int
    attempt: int


@dataclass
class _Job:
    """A job in hand: the last step that was told, and its pictures once they are being written.

    `about` says what it paints, for its states; `kept` is the step of the last one, `keeping` the writing of it, which
    began at the time `kept_at`.
    """

    order: Generate
    handle: Handle
    about: str
    watch: _Stopwatch
    told: int = -1
    kept: int = 0
    kept_at: float = 0.0
    keeping: Future[None] | None = None
    last_preview: float = field(default_factory=time.monotonic)
    writing: Future[tuple[str, ...]] | None = None

    @property
    def stem(self) -> str:
        """What the names of its files begin with."""
        return f"job{self.order.job_id}-{self.order.attempt}"

    @property
    def seconds(self) -> float:
        """Of painting, in all attempts of which something is left."""
        resume = self.handle.resume
        return self.watch.seconds + (resume.seconds if resume is not None and self.handle.taken_up else 0.0)

    @property
    def name(self) -> _Name:
        """What every event about it carries."""
        return {"job_id": self.order.job_id, "attempt": self.order.attempt}


class Painter:
    """Paints the jobs of one configuration; knows nothing of pipes and processes.

    `tell` hears that a job is begun at that moment, before what may be the end of this process; `step` tells the rest.
    """

    def __init__(
        self,
        config: Configure,
        device: torch.device,
        tell: Callable[[Started], None] = lambda _: None,
        *,
        states: States | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = Engine.of(config, device)
        self._device = device
        self._tell = tell
        self._clock = clock
        self._spool = Path(config.spool)
        self._states = states or States(self._spool)
        self._state_steps = config.state_steps
        self._jobs: list[_Job] = []
        self._ended: set[int] = set()  # jobs whose states go once their ends were told
        self._scribe = ThreadPoolExecutor(1, "scribe")  # compressing a picture takes as long as a step
        self._keeper = ThreadPoolExecutor(1, "keeper")  # states do not wait for pictures

    @property
    def busy(self) -> bool:
        """Whether any job is in hand."""
        return bool(self._jobs)

    def take(self, order: Generate) -> None:
        """Take in a job, to begin it or to go on with it where a worker that is gone left it."""
        about = what_is_painted(order.request, self.engine.spec(order.request.checkpoint))
        left = self._states.find(order.job_id, about) if self._state_steps else None
        with logs.about(order.job_id):
            handle = self.engine.submit(order.request, order.files, left)
        self._ended.discard(order.job_id)
        job = _Job(order, handle, about, _Stopwatch(self._clock))
        handle.begins = partial(self._tell, Started(**job.name))  # which knows nothing of the job: it would be a ring
        handle.joins = job.watch.start
        self._jobs.append(job)

    def cancel(self, job_id: int) -> None:
        """Stop a job before its next step; one that is not in hand stays what it is."""
        for job in self._jobs:
            if job.order.job_id == job_id:
                job.handle.cancel()

    @property
    def in_hand(self) -> tuple[int, ...]:
        """The ids of all jobs."""
        return tuple(job.order.job_id for job in self._jobs)

    def step(self) -> list[JobEvent]:
        """One step of the engine, and what it brought about. Who hears of a step may count on the state before it.

        What the step before brought about is taken for told.
        """
        self._forget()
        if not self.engine.step():
            wait([job.writing for job in self._jobs if job.writing], 0.05, "FIRST_COMPLETED")
        events: list[JobEvent] = []
        for job in list(self._jobs):
            self._await_keeping(job)
            events += self._progress(job)
            end = self._end(job)
            if end is not None:
                self._jobs.remove(job)
                if job.handle.begun or not isinstance(end, Cancelled):  # else it is called back, for another worker
                    self._ended.add(job.order.job_id)
                events.append(end)
            elif self._state_steps and job.handle.done - job.kept >= self._state_steps and _idle(job.keeping):
                self._keep(job)
        return events

    def rest(self) -> None:
        """Nobody has ordered anything for a while: what nobody needs any more goes, on disk and in memory."""
        self._forget()
        self.engine.rest()

    def close(self) -> list[JobEvent]:
        """Give up every job. Whoever gets it next goes on from where it is now."""
        for job in self._jobs if self._state_steps else ():
            self._keep(job)
        self._forget()
        self.engine.close()
        events = [Cancelled(**job.name) for job in self._jobs]
        self._jobs.clear()
        for threads in (self._scribe, self._keeper):
            threads.shutdown(wait=True)
        return list(events)

    def _forget(self) -> None:
        for job_id in self._ended:
            self._keeper.submit(self._states.forget, job_id)  # behind what is still being written
        self._ended.clear()

    def _keep(self, job: _Job) -> None:
        """Write its state beside the step that follows."""
        try:
            snapshot = job.handle.snapshot()
        except Exception as problem:  # noqa: BLE001 (a state is never a reason to fail)
            job.kept = job.handle.done  # the next one after as many steps
            _note(job, "its state cannot be taken", problem)
            return
        if snapshot is not None:
            job.kept, job.kept_at = snapshot.done, time.monotonic()
            snapshot = replace(snapshot, seconds=job.seconds)
            job.keeping = self._keeper.submit(self._states.keep, job.order.job_id, job.about, snapshot)

    def _await_keeping(self, job: _Job) -> None:
        """A state is there before a step is told that is further from the one before it than a worker may lose."""
        if job.keeping is not None and job.handle.done > job.kept:
            wait([job.keeping], max(0.0, job.kept_at + DISK_PATIENCE - time.monotonic()))

    def _progress(self, job: _Job) -> list[Progress]:
        handle = job.handle
        if handle.state in (State.WAITING, State.FAILED, State.CANCELLED):
            return []
        if job.told < 0:
            job.last_preview = time.monotonic()
            job.told = handle.taken_up - 1
            job.kept = handle.taken_up
        steps = range(job.told + 1, handle.done + 1)
        job.told = handle.done
        preview = self._preview(job) if steps and self._wants_preview(job) else None
        return [
            Progress(**job.name, step=step, steps=handle.total, preview=preview if step == handle.done else None)
            for step in steps
        ]

    def _wants_preview(self, job: _Job) -> bool:
        now, handle = time.monotonic(), job.handle
        due = handle.done == handle.total // 2 or now - job.last_preview >= PREVIEW_SECONDS
        if not due or handle.done in (0, handle.total):
            return False
        job.last_preview = now
        return True

    def _preview(self, job: _Job) -> str | None:
        request = job.handle.request
        scale = PREVIEW_SIDE / max(request.width, request.height)
        size = (round(request.width * scale), round(request.height * scale))
        try:
            clean = job.handle.preview()
            if clean is None:
                return None
            return _write(self.engine.sketch(clean[0], size), self._spool / f"{job.stem}-preview.png")
        except Exception as problem:  # noqa: BLE001 (the picture itself may still find room, on disk and in memory)
            _note(job, "a preview cannot be made", problem)
            return None

    def _end(self, job: _Job) -> JobEvent | None:
        """The event that a job ends with; None while it goes on."""
        handle = job.handle
        if handle.state is State.CANCELLED:
            return Cancelled(**job.name)
        if handle.state is State.FAILED:
            assert handle.error is not None
            return _failed(job, handle.error)
        if handle.state is not State.DONE:
            return None
        if job.writing is None:
            assert handle.pictures is not None
            try:
                pictures = handle.pictures.cpu()  # not there: the device is this thread's
            except (RuntimeError, MemoryError) as problem:
                return _failed(job, problem)
            job.writing = self._scribe.submit(self._save, job, pictures)
        if not job.writing.done():
            return None
        if problem := job.writing.exception():
            return _failed(job, problem)
        return Finished(
            **job.name,
            pictures=job.writing.result(),
            seconds=job.seconds,
            peak_memory=peak_memory(self._device),
            notes=handle.notes,
            lookups={name: Lookups(hits=hits, misses=misses) for name, (hits, misses) in LOOKUPS.take().items()},
        )

    def _save(self, job: _Job, pictures: torch.Tensor) -> tuple[str, ...]:
        return tuple(self._save_one(job, i, pixels) for i, pixels in enumerate(pictures.float()))

    def _save_one(self, job: _Job, i: int, pixels: torch.Tensor) -> str:
        request, info = job.order.request.only(i), PngInfo()
        spec = self.engine.spec(request.checkpoint)
        info.add_itxt(CHUNK, infotext(request, spec and spec.sha256, job.handle.autov3))
        info.add_itxt(JSON_CHUNK, request.model_dump_json())
        picture = Image.fromarray((pixels.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
        return _write(picture, self._spool / f"{job.stem}-{i}.png", pnginfo=info)


def _note(job: _Job, what: str, problem: Exception) -> None:
    with logs.about(job.order.job_id):
        log.warning("%s: %s", what, str(problem).partition("\n")[0] or type(problem).__name__)


def _idle(work: Future[None] | None) -> bool:
    return work is None or work.done()


def _failed(job: _Job, problem: BaseException) -> Failed:
    if isinstance(problem, OSError):
        problem = PictureNotSaved(reason=problem.strerror or type(problem).__name__)
    with logs.about(job.order.job_id):
        known = explained(job.order.request, problem)
    return Failed(**job.name, code=known.code, detail=known.detail)


def _write(picture: Image.Image, path: Path, **options: Any) -> str:
    """Write under another name and rename, so that nobody ever reads half a picture. Returns the file's name.

    A folder that somebody tidied away is made anew. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    try:
        picture.save(unfinished, format="PNG", **options)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)  # the disk may be full
        raise
    return path.name
