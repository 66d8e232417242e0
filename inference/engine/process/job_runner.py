"""Jobs on top of the engine: writes pictures and previews into the spool, and reports progress as events."""

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

from inference.engine.batch.failures import as_inference_error
from inference.engine.batch.handle import Handle, State
from inference.engine.classifier import Classifier
from inference.engine.devices.cache import LOOKUPS
from inference.engine.devices.devices import PeakMemory
from inference.engine.engine import Engine
from inference.engine.intake.source_image import open_source
from inference.engine.process.states import States, state_digest
from inference.engine.process.text_reader import TextReader
from inference.engine.text_judge import RequestJudge, TextJudge
from inference.errors import PictureNotSaved
from inference.messages.commands import Configure, Generate
from inference.messages.events import Cancelled, Failed, Finished, JobEvent, Lookups, Progress, Started
from inference.messages.options import WatermarkSpec
from inference.messages.request import GenerationRequest
from inference.messages.spool import attempt_files
from inference.parameters import CHUNK, JSON_CHUNK, XMP_CHUNK, SoftBinding, ai_mark, infotext
from inference.processes import logs
from inference.watermark.marking import Payload, Watermark, mark, try_out
from inference.watermark.trustmark import open_watermark

log = logging.getLogger(__name__)

PREVIEW_SECONDS = 0.5  # at most one preview in this time, but always one half-way
PREVIEW_SIDE = 256  # pixels of the longer side
MAX_STATE_WAIT = 30.0  # seconds; a disk that hangs costs states, but the worker must not seem to hang


OpenWatermark = Callable[[WatermarkSpec, str], Watermark]  # with the name of the worker's device


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
    """The fields that every event about a job has."""

    job_id: int
    attempt: int


@dataclass(frozen=True)
class _Saved:
    """A picture in the spool, with the classifier's scores; None without a classifier."""

    name: str
    scores: dict[str, float] | None


@dataclass
class _Job:
    """A job that is not finished: the last step that was reported, and the writing of its states and pictures.

    `about` is the digest that its states are stored with; `saved_step` is the step of the last state, `state_write`
    the writing of it, which began at `saved_at` (monotonic seconds).
    """

    command: Generate
    handle: Handle
    about: str
    watch: _Stopwatch
    text_scores: dict[str, float] | None
    reported_step: int = -1
    saved_step: int = 0
    saved_at: float = 0.0
    state_write: Future[None] | None = None
    last_preview: float = field(default_factory=time.monotonic)
    picture_write: Future[tuple[_Saved, ...]] | None = None

    @property
    def stem(self) -> str:
        """The beginning of its files' names."""
        return attempt_files(self.command.job_id, self.command.attempt)

    @property
    def seconds(self) -> float:
        """Of painting, in all attempts of which something is left."""
        resume = self.handle.resume
        return self.watch.seconds + (resume.seconds if resume is not None and self.handle.resumed_steps else 0.0)

    @property
    def name(self) -> _Name:
        """The fields that every event about it has."""
        return _name(self.command)


class JobRunner:
    """Paints the jobs of one configuration; knows nothing of pipes and processes.

    `report` is called when a job starts, before anything that may end this process; `step` returns all other events.
    `judge` replaces the model of the text judge, and `open_watermark` loads that of the watermark. Raises
    ClassifierUnusable for a configuration with a classifier, text judge or watermark that cannot be loaded.
    """

    def __init__(
        self,
        config: Configure,
        device: torch.device,
        report: Callable[[Started], None] = lambda _: None,
        *,
        states: States | None = None,
        clock: Callable[[], float] = time.monotonic,
        judge: TextJudge | None = None,
        open_watermark: OpenWatermark = open_watermark,
    ) -> None:
        self._classifier = None if config.classifier is None else Classifier.open(config.classifier, device)
        self._texts = TextReader(None if config.text_judge is None else RequestJudge.of(config.text_judge, judge))
        self._watermark = None if config.watermark is None else open_watermark(config.watermark, str(device))
        self.watermark_seconds = None if self._watermark is None else try_out(self._watermark)
        self._installation = 0 if config.watermark is None else config.watermark.installation
        self.device = device
        self.engine = Engine.of(config, device)
        self._peaks = PeakMemory(device)
        self._report = report
        self._clock = clock
        self._spool, self._inputs = Path(config.spool), Path(config.inputs)
        self._states = states or States(self._spool)
        self._state_steps = config.state_steps
        self._jobs: list[_Job] = []
        self._ended: set[int] = set()  # jobs whose states are deleted once their last event was sent
        self._picture_writer = ThreadPoolExecutor(1, "pictures")  # compressing a picture takes as long as a step
        self._state_writer = ThreadPoolExecutor(1, "states")  # states do not wait for pictures

    @property
    def busy(self) -> bool:
        """Whether any job is unfinished."""
        return bool(self._jobs or self._texts.commands)

    @property
    def text_seconds(self) -> float | None:
        """The time that the text judge needed for a short text; None without one."""
        return self._texts.seconds

    def take(self, command: Generate) -> None:
        """Submit a job to the engine, after the text judge has read its texts."""
        self._ended.discard(command.job_id)
        if not self._texts.begin(command):
            self._submit(command)

    def _submit(self, command: Generate, text_scores: dict[str, float] | None = None) -> None:
        """Submit a job to the engine; it resumes from a state that another worker process left."""
        about = state_digest(command.request, self.engine.spec(command.request.checkpoint))
        snapshot = self._states.find(command.job_id, about) if self._state_steps else None
        with logs.about(command.job_id):
            handle = self.engine.submit(command.request, command.files, snapshot)
        job = _Job(command, handle, about, _Stopwatch(self._clock), text_scores)
        handle.on_start = partial(self._report, Started(**job.name))  # refers to no job, so there is no reference cycle
        handle.on_join = partial(_begin, command.job_id, job.watch, self._peaks)  # nor does this
        self._jobs.append(job)

    def cancel(self, job_id: int) -> None:
        """Stop a job before its next step; an unknown id is ignored."""
        self._texts.cancel(job_id)
        for job in self._jobs:
            if job.command.job_id == job_id:
                job.handle.cancel()

    @property
    def job_ids(self) -> tuple[int, ...]:
        """The ids of all unfinished jobs."""
        return tuple(command.job_id for command in self._commands)

    @property
    def _commands(self) -> list[Generate]:
        return [*self._texts.commands, *(job.command for job in self._jobs)]

    def step(self) -> list[JobEvent]:
        """One step of the engine; returns the events that it caused.

        A step is reported only once the state before it is on disk. The events of the call before count as sent.
        """
        self._delete_ended_states()
        events = self._submit_read()
        if not self.engine.step():
            writing = [job.picture_write for job in self._jobs if job.picture_write]
            work: list[Future[Any]] = [*writing, *self._texts.reading]
            wait(work, 0.05, "FIRST_COMPLETED")
        for job in list(self._jobs):
            self._await_state(job)
            events += self._progress(job)
            end = self._end(job)
            if end is not None:
                self._jobs.remove(job)
                self._peaks.end(job.command.job_id)
                if job.handle.started or not isinstance(end, Cancelled):  # else the bot recalled it, for another worker
                    self._ended.add(job.command.job_id)
                events.append(end)
            elif (
                self._state_steps
                and job.handle.done - job.saved_step >= self._state_steps
                and _is_done(job.state_write)
            ):
                self._save_state(job)
        return events

    def release_memory(self) -> None:
        """Delete states of ended jobs and free unused memory; called when there has been no job for a while."""
        self._delete_ended_states()
        self.engine.release_memory()

    def close(self) -> list[JobEvent]:
        """Give up every job, saving its state for the worker that gets it next. Returns their last events."""
        for job in self._jobs if self._state_steps else ():
            self._save_state(job)
        self._delete_ended_states()
        self.engine.close()
        events = [Cancelled(**_name(command)) for command in self._commands]
        self._texts.close()
        self._jobs.clear()
        for threads in (self._picture_writer, self._state_writer):
            threads.shutdown(wait=True)
        return list(events)

    def _submit_read(self) -> list[JobEvent]:
        """Submit the jobs whose texts the judge allows. Returns the last events of the others."""
        events: list[JobEvent] = []
        for read in self._texts.take_ended():
            if read.cancelled:
                events.append(Cancelled(**_name(read.command)))
            elif problem := read.scores.exception():
                self._ended.add(read.command.job_id)
                events.append(_failed(read.command, problem))
            else:
                self._submit(read.command, read.scores.result())
        return events

    def _delete_ended_states(self) -> None:
        for job_id in self._ended:
            self._state_writer.submit(self._states.delete, job_id)  # after the states that are still being written
        self._ended.clear()

    def _save_state(self, job: _Job) -> None:
        """Start to write its state, on a separate thread."""
        try:
            snapshot = job.handle.snapshot()
        except Exception as problem:  # noqa: BLE001 (a state is never a reason to fail)
            job.saved_step = job.handle.done  # the next attempt comes after as many steps
            _warn(job, "its state cannot be taken", problem)
            return
        if snapshot is not None:
            job.saved_step, job.saved_at = snapshot.done, time.monotonic()
            snapshot = replace(snapshot, seconds=job.seconds)
            job.state_write = self._state_writer.submit(self._states.save, job.command.job_id, job.about, snapshot)

    def _await_state(self, job: _Job) -> None:
        """Wait for the state that is being written before a step beyond it is reported: no more steps may be lost."""
        if job.state_write is not None and job.handle.done > job.saved_step:
            wait([job.state_write], max(0.0, job.saved_at + MAX_STATE_WAIT - time.monotonic()))

    def _progress(self, job: _Job) -> list[Progress]:
        handle = job.handle
        if handle.state in (State.WAITING, State.FAILED, State.CANCELLED):
            return []
        if job.reported_step < 0:
            job.last_preview = time.monotonic()
            job.reported_step = handle.resumed_steps - 1
            job.saved_step = handle.resumed_steps
        steps = range(job.reported_step + 1, handle.done + 1)
        job.reported_step = handle.done
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
            latents = job.handle.preview()
            if latents is None:
                return None
            return _write(self.engine.preview(latents[0], size), self._spool / f"{job.stem}preview.png")
        except Exception as problem:  # noqa: BLE001 (the picture itself may still succeed)
            _warn(job, "a preview cannot be made", problem)
            return None

    def _end(self, job: _Job) -> JobEvent | None:
        """The event that a job ends with; None while it goes on."""
        handle = job.handle
        if handle.state is State.CANCELLED:
            return Cancelled(**job.name)
        if handle.state is State.FAILED:
            assert handle.error is not None
            return _failed(job.command, handle.error)
        if handle.state is not State.DONE:
            return None
        if job.picture_write is None:
            assert handle.pictures is not None
            try:
                pictures = handle.pictures.cpu()  # here, for the device belongs to this thread
            except (RuntimeError, MemoryError) as problem:
                return _failed(job.command, problem)
            job.picture_write = self._picture_writer.submit(self._save, job, pictures)
        if not job.picture_write.done():
            return None
        if problem := job.picture_write.exception():
            return _failed(job.command, problem)
        saved = job.picture_write.result()
        return Finished(
            **job.name,
            files=tuple(picture.name for picture in saved),
            seconds=job.seconds,
            peak_memory=self._peaks.end(job.command.job_id),
            notes=handle.notes,
            lookups={name: Lookups(hits=hits, misses=misses) for name, (hits, misses) in LOOKUPS.take().items()},
            scores=tuple(picture.scores for picture in saved if picture.scores is not None),
            text_scores=job.text_scores,
        )

    def _save(self, job: _Job, pictures: torch.Tensor) -> tuple[_Saved, ...]:
        source = self._source_scores(job.command.request)
        return tuple(self._save_one(job, i, pixels, source) for i, pixels in enumerate(pictures.float()))

    def _source_scores(self, request: GenerationRequest) -> dict[str, float]:
        """The classifier's scores of the whole picture that the request starts from. Raises SourceImageGone."""
        if self._classifier is None or request.image is None:
            return {}
        return self._classifier.scores(open_source(self._inputs, request.image))

    def _save_one(self, job: _Job, i: int, pixels: torch.Tensor, source: dict[str, float]) -> _Saved:
        """Write a picture. Each class has the higher score of the picture and of its `source`."""
        request, info = job.command.request.only(i), PngInfo()
        spec = self.engine.spec(request.checkpoint)
        picture = Image.fromarray((pixels.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
        scores = None if self._classifier is None else self._classifier.scores(picture)
        if scores is not None:
            scores = {name: max(score, source.get(name, 0.0)) for name, score in scores.items()}
        picture, binding = self._mark(picture, job.command.job_id)
        info.add_itxt(CHUNK, infotext(request, spec and spec.sha256, job.handle.autov3))
        info.add_itxt(JSON_CHUNK, request.model_dump_json())
        info.add_itxt(XMP_CHUNK, ai_mark(request, binding))
        return _Saved(_write(picture, self._spool / f"{job.stem}{i}.png", pnginfo=info), scores)

    def _mark(self, picture: Image.Image, job_id: int) -> tuple[Image.Image, SoftBinding | None]:
        if self._watermark is None:
            return picture, None
        with logs.about(job_id):
            return mark(self._watermark, picture, Payload.of_job(self._installation, job_id))


def _name(command: Generate) -> _Name:
    return {"job_id": command.job_id, "attempt": command.attempt}


def _begin(job_id: int, watch: _Stopwatch, peaks: PeakMemory) -> None:
    watch.start()
    peaks.begin(job_id)


def _warn(job: _Job, what: str, problem: Exception) -> None:
    with logs.about(job.command.job_id):
        log.warning("%s: %s", what, str(problem).partition("\n")[0] or type(problem).__name__)


def _is_done(work: Future[None] | None) -> bool:
    return work is None or work.done()


def _failed(command: Generate, problem: BaseException) -> Failed:
    if isinstance(problem, OSError):
        problem = PictureNotSaved(reason=problem.strerror or type(problem).__name__)
    with logs.about(command.job_id):
        known = as_inference_error(command.request, problem)
    return Failed(**_name(command), code=known.code, detail=known.detail)


def _write(picture: Image.Image, path: Path, **options: Any) -> str:
    """Write under another name and rename, so that no half-written picture is read. Returns the file's name.

    A folder that was deleted is created again; not so the one that it lies in, which goes with a dead worker. Raises
    OSError.
    """
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".part")
    try:
        picture.save(unfinished, format="PNG", **options)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)  # the disk may be full
        raise
    return path.name
