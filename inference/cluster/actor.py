"""The actor on a node: one worker process as its child, and the files that it needs from elsewhere and leaves.

It knows nothing of Ray, which calls its methods. The engine is a process of its own, as on the bot's machine: when it
dies, what else is here stays, the actor with its files and the end of what the engine printed. When the actor dies, the
engine's pipe is closed, and it ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from errno import ENOSPC
from threading import Event as ThreadEvent
from typing import TypedDict

from pydantic import BaseModel

from inference.cluster.compatibility import NodeHello
from inference.cluster.node_files import NodeCacheSettings, NodeFiles, NotOnThisNode
from inference.cluster.outbox import Frames, Outbox
from inference.cluster.protocol import (
    DEATHS,
    TO_DRIVER,
    CancelJob,
    ConfigureWorker,
    DeathReported,
    EventReported,
    FileLeft,
    PieceFound,
    PieceMissing,
    PieceWanted,
    RestartWorker,
    SubmitJob,
)
from inference.cluster.tokens import FILE_VARIABLE, TOKEN_VARIABLE
from inference.cluster.wire import MAX_DATA_BYTES, Frame
from inference.cluster.worker_folder import Manifest
from inference.errors import InferenceError, WorkerFailed
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import COMMANDS, Generate
from inference.messages.events import Cancelled, Capacity, Event, Failed, Finished, Progress
from inference.messages.options import WorkerOptions
from inference.messages.spool import state_file
from inference.processes.running_tasks import RunningTasks
from inference.workers import WorkerDied
from inference.workers.local import LocalWorker
from inference.workers.storage import StoredFile

log = logging.getLogger(__name__)

REST_SECONDS = 30.0  # in which a worker takes no job, since its node had no room for the files of one
SIGN_SECONDS = 300.0  # between two signs of life while files come, which may take hours
LAST_ATTEMPT = 3  # of a job, which fails then where it was given back before


class _Attempt(TypedDict):
    """What every event about a job names."""

    job_id: int
    attempt: int


@dataclass
class _Held:
    """A job that is here, its files included."""

    command: Generate
    loras: frozenset[str]
    inputs: frozenset[str]
    dropped: ThreadEvent = field(default_factory=ThreadEvent)  # its files need not come any more
    submitted: bool = False

    @property
    def attempt(self) -> _Attempt:
        """What every event about it names."""
        return {"job_id": self.command.job_id, "attempt": self.command.attempt}


class EngineActor:
    """One worker on a node. Its constructor takes nothing; `open` is called once, before all but `ping` and `hello`."""

    def __init__(self) -> None:
        self._outbox = Outbox()
        self._files: NodeFiles | None = None
        self._worker: LocalWorker | None = None
        self._number = 0
        self._handled = 0  # frames of the bot's
        self._deaths = 0
        self._manifests: Mapping[str, Manifest] = {}
        self._options: WorkerOptions | None = None
        self._submitting = asyncio.Lock()  # the engine gets options before the jobs that came after them
        self._jobs: dict[int, _Held] = {}
        self._loaded: frozenset[str] = frozenset()
        self._capacity: Capacity | None = None  # as the engine tells it
        self._rests = 0
        self._states: dict[int, tuple[int, int]] = {}  # by job, the state that the bot has: inode and time
        self._tasks = RunningTasks(self._break)
        self._command: Sequence[str] | None = None
        self._broken: BaseException | None = None

    async def open(self, number: int, deaths: int, cache: NodeCacheSettings, command: Sequence[str] | None) -> bool:
        """Make the folders of worker `number`, which has died `deaths` times. `command` runs another engine."""
        for name in (TOKEN_VARIABLE, FILE_VARIABLE):  # the engine needs none
            os.environ.pop(name, None)
        self._number, self._deaths, self._command = number, deaths, command
        self._files = await NodeFiles.open(cache, self._ask)
        return True

    async def hello(self) -> str:
        """What this machine says of itself, a `NodeHello` as JSON, which another Easel reads too."""
        return (await asyncio.to_thread(NodeHello.own)).model_dump_json()

    async def ping(self) -> None:
        """Return: how long that takes is how far away this node is."""

    async def poll(self, acknowledged: int, seconds: float) -> Frames:
        """What there is to tell behind the frame `acknowledged`; it waits up to `seconds` where there is nothing.

        Raises what has broken this actor.
        """
        if self._broken is not None:
            raise self._broken
        return await self._outbox.take(acknowledged, seconds)

    async def handle(self, number: int, header: bytes, data: bytes) -> None:
        """Do what a frame of the bot's says, or begin it; frame `number` comes again when its call got no answer."""
        if number <= self._handled:
            return
        self._handled = number
        message = TO_DRIVER.validate_json(header)
        match message:
            case ConfigureWorker():
                self._tasks.begin(self._configure(message))  # files of models that check may have to come
            case SubmitJob():
                self._take(message, data)
            case CancelJob():
                await self._cancel(message.job_id)
            case RestartWorker() if self._worker is not None:
                await self._worker.restart()
            case PieceFound():
                self._opened.calls.answer(message.call, data)
            case PieceMissing():
                kind = FileNotFoundError if message.gone else OSError
                self._opened.calls.answer(message.call, kind(message.reason))
            case _:
                pass

    async def close(self) -> None:
        """End the engine, tell where it has left its jobs, and delete the folders."""
        if self._worker is not None:
            await self._worker.close()
            await self._keep_states()
        if self._files is not None:
            await asyncio.to_thread(self._files.close)

    @property
    def _opened(self) -> NodeFiles:
        if self._files is None:
            raise RuntimeError("the actor has to be opened first")
        return self._files

    # --- the engine -------------------------------------------------------------------------------------------------

    async def _configure(self, message: ConfigureWorker) -> None:
        files = self._opened
        self._manifests, self._options = message.manifests, message.options
        async with self._submitting:
            options = await asyncio.to_thread(files.located, message.options, message.manifests)
            if self._worker is not None:
                await self._worker.configure(options)
                return
            self._worker = LocalWorker(options, files.folder.folders, self._command)
            await self._worker.start()
            self._tasks.begin(self._report(self._worker))

    async def _report(self, worker: LocalWorker) -> None:
        """Tell everything that the engine reports, its files first."""
        async for event in worker.events():
            if isinstance(event, WorkerDied):
                await self._keep_states()
                self._jobs.clear()
                self._states.clear()
                self._loaded, self._capacity = frozenset(), None
                self._clear()
                self._deaths += 1
                self._tell(DeathReported(worker=self._number), DEATHS.dump_json(event))
                continue
            await self._outbox.until_room()  # before files are read: newer ones take their place meanwhile
            await self._tell_files(event)
            if isinstance(event, Capacity):
                self._loaded, self._capacity = frozenset(event.loaded), event
                self._report_capacity()
                continue
            if isinstance(event, Finished | Failed | Cancelled):
                self._forget(event.job_id)
            self._report_event(event)

    def _report_event(self, event: Event) -> None:
        self._tell(EventReported(worker=self._number), event.model_dump_json().encode())

    def _report_capacity(self) -> None:
        if self._capacity is not None:
            self._report_event(self._capacity.model_copy(update={"places": 0}) if self._rests else self._capacity)

    async def _tell_files(self, event: Event) -> None:
        """Send the files that the bot must have before it hears of the event."""
        if isinstance(event, Progress):
            await self._tell_state(event.job_id)
            if event.preview and (self._opened.folder.spool / event.preview).exists():  # else it went with the last one
                await self._move_file(event.preview)
        elif isinstance(event, Finished):
            for name in event.files:
                await self._move_file(name)

    async def _tell_state(self, job_id: int) -> None:
        path = self._opened.folder.spool / state_file(job_id)
        with suppress(OSError):  # there is none yet
            status = path.stat()
            stamp = status.st_ino, status.st_mtime_ns
            if self._states.get(job_id) != stamp:
                self._states[job_id] = stamp
                await self._tell_file(path.name)

    async def _tell_file(self, name: str) -> None:
        path = self._opened.folder.spool / name
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as problem:
            log.warning("cannot read %s: %s", name, problem.strerror)
            return
        if len(data) > MAX_DATA_BYTES:
            log.warning("cannot send %s: it has %s bytes", name, len(data))
            return
        self._tell(FileLeft(worker=self._number, name=name), data)

    async def _move_file(self, name: str) -> None:
        await self._tell_file(name)
        with suppress(OSError):
            (self._opened.folder.spool / name).unlink(missing_ok=True)

    async def _keep_states(self) -> None:
        """Tell where an engine that is gone has left its jobs."""
        for job_id in list(self._jobs):  # others may come meanwhile, and are not begun
            await self._tell_state(job_id)

    def _tell(self, message: BaseModel, data: bytes = b"") -> None:
        self._outbox.put(Frame(message.model_dump_json().encode(), data))

    # --- jobs -------------------------------------------------------------------------------------------------------

    def _take(self, message: SubmitJob, data: bytes) -> None:
        command = COMMANDS.validate_json(message.job)
        if message.deaths != self._deaths or not isinstance(command, Generate):
            return  # the bot does not know yet that the worker has died, and submits it again
        held = _Held(
            command,
            frozenset(file.sha256 for file in message.loras),
            frozenset(file.sha256 for file in message.inputs),
        )
        self._jobs[command.job_id] = held
        self._tasks.begin(self._bring(held, message, data))

    async def _bring(self, held: _Held, message: SubmitJob, data: bytes) -> None:
        """Fetch what the job needs, and give it to the engine, unless it was cancelled or the engine died meanwhile."""
        await self._bring_and_submit(held, message, data)
        if self._jobs.get(held.command.job_id) is not held:
            self._clear()

    async def _bring_and_submit(self, held: _Held, message: SubmitJob, data: bytes) -> None:
        """A job whose files cannot be had fails."""
        command, files = held.command, self._opened
        files.keep_known(message, data)  # once: a second attempt would put it in the place of what is newer
        try:
            manifests, decoder = self._manifests_of(command)
            places = await self._with_room(
                lambda: files.begin(message, data, command.request, manifests, decoder, held.dropped)
            )
        except InferenceError as problem:
            self._fail(held, problem)
            return
        except NotOnThisNode as problem:
            self._leave_to_others(held, problem.failure)
            return
        except OSError as problem:
            end = self._leave_to_others if problem.errno == ENOSPC else self._fail
            end(held, WorkerFailed(reason=problem.strerror or str(problem) or type(problem).__name__))
            return
        except ValueError as problem:
            self._fail(held, WorkerFailed(reason=str(problem)[:300]))
            return
        async with self._submitting:
            if self._jobs.get(command.job_id) is not held:
                return
            held.submitted = True
            if self._worker is not None:
                await self._worker.submit(command, places)

    async def _with_room(self, begin: Callable[[], asyncio.Future[dict[str, StoredFile]]]) -> dict[str, StoredFile]:
        """Wait for files; where there is no room for them, checkpoints are given up that are loaded and have no job."""
        try:
            return await self._brought(begin())
        except NotOnThisNode:
            if not self._loaded - self._wanted:
                raise
            self._clear(keep_loaded=False)
            return await self._brought(begin())

    async def _brought(self, bringing: asyncio.Future[dict[str, StoredFile]]) -> dict[str, StoredFile]:
        """Wait for files; the bot would take a worker that says nothing for half an hour for one that hangs."""
        while not (await asyncio.wait({bringing}, timeout=SIGN_SECONDS))[0]:
            self._report_capacity()
        return bringing.result()

    def _fail(self, held: _Held, failure: InferenceError) -> None:
        self._end(held, Failed(**held.attempt, code=failure.code, detail=failure.detail))

    def _leave_to_others(self, held: _Held, failure: InferenceError) -> None:
        """Let another node have a job for whose files there is no room here, and take none for a while."""
        log.warning("this node cannot run job %s: %s", held.command.job_id, failure)
        if held.dropped.is_set():
            return
        if held.command.attempt < LAST_ATTEMPT:
            self._rests += 1
            self._report_capacity()  # before the job comes back to the queue
            self._end(held, Cancelled(**held.attempt))
            self._tasks.begin(self._rest())
        else:
            self._fail(held, failure)

    async def _rest(self) -> None:
        await asyncio.sleep(REST_SECONDS)
        self._rests -= 1
        self._report_capacity()

    def _manifests_of(self, command: Generate) -> tuple[list[Manifest], Manifest | None]:
        """The files of the job's checkpoint, and those of its preview decoder."""
        spec = next((spec for spec in self._specs if spec.name == command.request.checkpoint), None)
        if spec is None:
            return [], None
        needed = [found for each in (spec.source, spec.denoiser) if (found := self._manifests.get(each or ""))]
        return needed, self._manifests.get(spec.preview_decoder or "")

    @property
    def _specs(self) -> tuple[CheckpointSpec, ...]:
        return self._options.checkpoints if self._options else ()

    async def _cancel(self, job_id: int) -> None:
        held = self._jobs.get(job_id)
        if held is not None and not held.submitted:
            held.dropped.set()
            self._end(held, Cancelled(**held.attempt))
        elif self._worker is not None:
            await self._worker.cancel(job_id)

    def _end(self, held: _Held, event: Failed | Cancelled) -> None:
        if self._jobs.get(held.command.job_id) is held:
            self._forget(held.command.job_id)
            self._report_event(event)

    def _forget(self, job_id: int) -> None:
        """A job has ended here: what it left goes, and its files may when there is no room."""
        self._states.pop(job_id, None)
        if self._jobs.pop(job_id, None) is not None:
            self._clear()

    @property
    def _wanted(self) -> frozenset[str]:
        """The checkpoints of all jobs that are here."""
        return frozenset(held.command.request.checkpoint for held in self._jobs.values())

    def _clear(self, *, keep_loaded: bool = True) -> None:
        """Delete what no job needs that is here; at once, so that none comes between."""
        names = self._wanted | self._loaded if keep_loaded else self._wanted
        kept = {source for spec in self._specs if spec.name in names for source in _sources(spec)}
        if self._options:
            options = self._options
            kept |= {each.source for each in (options.classifier, options.text_judge, options.watermark) if each}
        loras = frozenset[str]().union(*(held.loras for held in self._jobs.values()))
        inputs = frozenset[str]().union(*(held.inputs for held in self._jobs.values()))
        with suppress(OSError):
            self._opened.release(kept, loras, inputs, self._jobs.keys())

    def _ask(self, call: int, sha256: str, offset: int, size: int) -> None:
        self._tell(PieceWanted(worker=self._number, call=call, sha256=sha256, offset=offset, size=size))

    def _break(self, problem: BaseException) -> None:
        self._broken = problem


def _sources(spec: CheckpointSpec) -> list[str]:
    return [source for source in (spec.source, spec.preview_decoder, spec.denoiser) if source]
