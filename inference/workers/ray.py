"""Workers on the machines of a Ray cluster, reached through the driver process; nothing here imports Ray.

The driver process is a child of this one, started again when it dies, or a service of another user. When the connection
to it ends, all workers have left; those of the next one join anew.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from inference.cluster.node_labels import has_labels
from inference.cluster.protocol import (
    DEATHS,
    TO_BOT,
    CancelJob,
    CloseWorkers,
    ClusterReached,
    ClusterUnreachable,
    ConfigureWorker,
    DeathReported,
    EventReported,
    FileLeft,
    Heartbeat,
    OfWorker,
    PieceFound,
    PieceMissing,
    PieceWanted,
    RestartWorker,
    ToBot,
    WorkerGone,
    WorkerRefused,
    WorkerRenewed,
    WorkerStarting,
    WorkerUp,
)
from inference.cluster.wire import Connection, WireError
from inference.errors import WorkerUnavailable
from inference.messages.commands import JobCommand
from inference.messages.events import EVENTS, Cancelled, Event, Failed, Finished, Ready
from inference.messages.options import WorkerOptions
from inference.processes.running_tasks import RunningTasks
from inference.workers import (
    PoolChange,
    PoolUnavailable,
    Unserved,
    Worker,
    WorkerDied,
    WorkerJoined,
    WorkerLeft,
    WorkerPlace,
)
from inference.workers.awaited_workers import AwaitedWorkers
from inference.workers.driver_process import DriverProcess
from inference.workers.job_frames import JobFrames
from inference.workers.local import pause_after
from inference.workers.manifests import Manifests
from inference.workers.storage import Spool, StoredFile

log = logging.getLogger(__name__)

CLOSE_SECONDS = 20.0  # that it may take to close all workers
LONGEST_PAUSE = 30.0  # before the driver process is started again: a cluster comes back at any time
SILENT_SECONDS = 120.0  # after which a driver process hangs; it needs some of them to join the cluster
LOOK_SECONDS = 1.0  # between two looks at whether it does
PIECES_AT_ONCE = 4
ALONE_SECONDS = 30.0  # without a worker, after which that is told, and told again


class RayWorker:
    """A worker on a node. Implements `inference.workers.Worker`; `RayPool` makes it."""

    def __init__(self, number: int, labels: Mapping[str, str], options: WorkerOptions, pool: RayPool) -> None:
        self.number = number
        self.labels = labels
        self._options = options
        self._pool = pool
        self._events: asyncio.Queue[Event | WorkerDied | None] = asyncio.Queue()
        self._ready = False
        self._left = False
        self.pid: int | None = None  # of its engine on its node
        self._deaths = 0
        self._frames = JobFrames()
        self._offered: dict[int, Mapping[str, StoredFile]] = {}  # by the job that needs them

    @property
    def serves(self) -> frozenset[str]:
        """Names of the checkpoints it was configured with."""
        return frozenset(checkpoint.name for checkpoint in self._options.checkpoints)

    async def start(self) -> None:
        """Nothing: it is there, and gets its options as soon as it has joined."""

    async def submit(self, job: JobCommand, files: Mapping[str, StoredFile]) -> bool:
        """Send the job; the node asks for the files that it does not have."""
        if not self._ready:
            return False
        self._offered[job.job_id] = files
        message, data = await asyncio.to_thread(
            self._frames.of, self.number, self._deaths, job, files, self._pool.spool
        )
        sent = self._ready and await self._pool.send(message, data)
        if not sent:
            self._offered.pop(job.job_id, None)
        return sent

    async def cancel(self, job_id: int) -> None:
        """Send the cancel."""
        await self._send(CancelJob(worker=self.number, job_id=job_id))

    async def configure(self, options: WorkerOptions) -> None:
        """Send the options, now and whenever the worker has died."""
        self._options = options
        await self.send_options()

    async def restart(self) -> None:
        """Have its engine killed."""
        await self._send(RestartWorker(worker=self.number))

    async def events(self) -> AsyncIterator[Event | WorkerDied]:
        """Its events and deaths until it has left."""
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        """End its events: the pool closes all workers together."""
        self.leave()

    async def send_options(self) -> None:
        """Send the options with the files that they name."""
        options, manifests = await self._pool.manifests.of(self._options)
        await self._send(ConfigureWorker(worker=self.number, options=options, manifests=manifests))

    def report(self, event: Event) -> None:
        """The worker has reported something."""
        if isinstance(event, Ready):
            self._ready, self.pid = True, event.pid
        if isinstance(event, Finished | Failed | Cancelled):
            self._offered.pop(event.job_id, None)
        self._events.put_nowait(event)

    def die(self, death: WorkerDied) -> None:
        """The worker has died."""
        self._ready = False
        self._deaths += 1
        self._frames = JobFrames()  # another one, since a thread may be making a frame that the worker does not get
        self._offered.clear()
        self._events.put_nowait(death)

    def leave(self) -> None:
        """The worker is gone for good."""
        self._ready = False
        if not self._left:
            self._left = True
            self._events.put_nowait(None)

    def offered(self, sha256: str) -> Path | None:
        """A file that one of its jobs needs; None for all others, for which a node may not ask."""
        return next((files[sha256].path for files in self._offered.values() if sha256 in files), None)

    async def _send(self, message: BaseModel) -> None:
        if not self._left:
            await self._pool.send(message)


class RayPool:
    """Keeps a connection to a driver process. Implements `inference.workers.WorkerPool`."""

    def __init__(self, options: WorkerOptions, spool: Spool, driver: DriverProcess) -> None:
        self._options, self._driver = options, driver
        self.spool = spool
        self.manifests = Manifests()
        self._workers: dict[int, RayWorker] = {}
        self._changes: asyncio.Queue[PoolChange | None] = asyncio.Queue()
        self._connection: Connection | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._pieces = asyncio.Semaphore(PIECES_AT_ONCE)
        self._tasks = RunningTasks(_log_failure)
        self._failures = 0
        self._problem = ""
        self._silent = 0.0  # looks since it said something
        self._alone_since = 0.0
        self._alone = 0  # how often that was told since a worker was there
        self._awaited = AwaitedWorkers()
        self._closing = False

    @property
    def workers(self) -> tuple[RayWorker, ...]:
        """Those that are there now."""
        return tuple(self._workers.values())

    @property
    def serves(self) -> frozenset[str]:
        """Names of all checkpoints of the settings: a node that has the memory for one may join at any time."""
        return frozenset(spec.name for spec in self._options.checkpoints)

    async def start(self) -> None:
        """Start the driver process where it is a child of this one. Raises WorkerUnavailable when that cannot be."""
        await self._driver.start()
        self._keeping = asyncio.create_task(self._keep(), name="driver supervisor")

    async def changes(self) -> AsyncIterator[PoolChange]:
        """The workers that join and leave, until `close`."""
        while (change := await self._changes.get()) is not None:
            yield change

    def unserved(self, checkpoint: str) -> Unserved:
        """Why no worker is there for this checkpoint: none may load it, or the driver process says why."""
        labels = (spec.node_labels for spec in self._options.checkpoints if spec.name == checkpoint)
        return self._awaited.unserved(checkpoint, next(labels, ()))

    def configure(self, options: Sequence[WorkerOptions | None]) -> Mapping[Worker, WorkerOptions]:
        """The first options are those of all workers, as far as the labels of their nodes let them."""
        new = options[0] if options else None
        if new is None:
            return {}
        self._options = new
        return {worker: _selected(new, worker.labels) for worker in self._workers.values()}

    async def close(self) -> None:
        """Have all workers closed, which leave the states of their jobs, and end the driver process."""
        self._closing = True
        with suppress(TimeoutError):  # a driver process that hangs reads nothing
            async with asyncio.timeout(CLOSE_SECONDS):
                if await self.send(CloseWorkers()) and self._keeping is not None:
                    await asyncio.wait({self._keeping})
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        await self._driver.end()
        for worker in self._workers.values():
            worker.leave()
        self._workers.clear()
        self._changes.put_nowait(None)

    async def send(self, message: BaseModel, data: bytes = b"") -> bool:
        """Send to the driver process; False when it is not there."""
        connection = self._connection
        if connection is None:
            return False
        try:
            await connection.send(message, data)
        except OSError:
            return False
        except WireError as problem:
            log.error("cannot send a message to a worker: %s", problem)
            return False
        return True

    # --- the driver process -----------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Keep a driver process, and serve its connection."""
        while True:
            self._problem = ""
            try:
                connection = await self._driver.connect()
                await self._serve(connection)
                self._problem = self._problem or "it has closed the connection"
            except (WireError, OSError, ValidationError) as problem:
                self._problem = str(problem)
            except Exception as problem:
                log.exception("the connection to the driver process failed")
                self._problem = str(problem) or type(problem).__name__
            code = await self._driver.end()
            self._lose_all()
            if self._closing:
                return
            self._failures += 1
            self._changes.put_nowait(PoolUnavailable(self._failures, self._problem))
            pause = min(LONGEST_PAUSE, pause_after(self._failures))
            log.warning(
                "no driver process of the cluster: %s (exit code %s, %s in a row); retrying in %.1f s",
                self._problem, code, self._failures, pause,
            )  # fmt: skip
            await asyncio.sleep(pause)
            with suppress(WorkerUnavailable):  # told once, at the start
                await self._driver.start()

    async def _serve(self, connection: Connection) -> None:
        """Take what the driver process tells until it closes the connection."""
        self._connection = connection
        self._alone_since, self._silent = time.monotonic(), 0
        watching = asyncio.create_task(self._watch(connection))
        try:
            async for frame in connection.frames():
                self._silent = -math.inf  # none counts while that is taken, for which a slow disk may need long
                await self._take(TO_BOT.validate_json(frame.header), frame.data)
                self._silent = 0
        finally:
            watching.cancel()
            self._connection = None
            await connection.close()

    async def _watch(self, connection: Connection) -> None:
        """End the connection to a driver process that hangs.

        Looks are counted, and not seconds: a bot that stood still itself has not read what came meanwhile.
        """
        while self._silent * LOOK_SECONDS < SILENT_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            self._silent += 1
        self._problem = f"it has said nothing for {SILENT_SECONDS:.0f} seconds"
        connection.abort()

    async def _take(self, message: ToBot, data: bytes) -> None:
        match message:
            case ClusterReached():
                log.info("reached the cluster; Ray %s", message.ray)
            case ClusterUnreachable():
                self._problem = message.reason
            case WorkerStarting():
                self._awaited.keep(message)
            case WorkerRefused():
                if self._awaited.keep(message):
                    log.warning("node %s gets no work: %s", message.node, message.reason)
            case Heartbeat():
                self._look_for_workers()
            case WorkerUp():
                await self._join(message)
            case _:
                if isinstance(message, WorkerGone):
                    self._awaited.forget(message.worker)
                if (worker := self._workers.get(message.worker)) is not None:
                    await self._take_of(worker, message, data)

    async def _take_of(self, worker: RayWorker, message: OfWorker, data: bytes) -> None:
        match message:
            case FileLeft():
                try:
                    await asyncio.to_thread(self.spool.put, message.name, data)
                except OSError as problem:
                    log.error("cannot write %s into the spool: %s", message.name, problem.strerror)
            case EventReported():
                event = EVENTS.validate_json(data)
                if isinstance(event, Finished):
                    self._failures = 0
                worker.report(event)
            case DeathReported():
                worker.die(DEATHS.validate_json(data))
            case WorkerRenewed():
                self._tasks.begin(worker.send_options())
            case WorkerGone():
                self._lose(worker, message.reason)
            case PieceWanted():
                self._tasks.begin(self._send_piece(worker, message))

    def _look_for_workers(self) -> None:
        """Tell now and then that nobody paints: the cluster is there, and no node of it has a worker."""
        now = time.monotonic()
        if self._workers:
            self._alone_since, self._alone = now, 0
        elif now - self._alone_since >= ALONE_SECONDS:
            self._alone_since, self._alone = now, self._alone + 1
            self._changes.put_nowait(PoolUnavailable(self._alone, self._awaited.unserved().reason))

    async def _join(self, message: WorkerUp) -> None:
        place = WorkerPlace(message.node, message.device, message.memory, message.distance)
        self._awaited.forget(message.worker)
        worker = self._workers.get(message.worker)
        if worker is None:
            options = _selected(self._options, message.labels)
            worker = self._workers[message.worker] = RayWorker(message.worker, message.labels, options, self)
            self._tasks.begin(worker.send_options())
        self._changes.put_nowait(WorkerJoined(worker, place))

    def _lose(self, worker: RayWorker, reason: str) -> None:
        del self._workers[worker.number]
        worker.leave()
        if not self._closing:
            self._changes.put_nowait(WorkerLeft(worker, reason))

    def _lose_all(self) -> None:
        self._awaited.clear()
        for worker in [*self._workers.values()]:
            self._lose(worker, f"the cluster cannot be reached: {self._problem}"[:500])

    async def _send_piece(self, worker: RayWorker, wanted: PieceWanted) -> None:
        path = worker.offered(wanted.sha256) or self.manifests.paths.get(wanted.sha256)
        async with self._pieces:
            try:
                if path is None:
                    raise OSError("it was not offered")
                data = await asyncio.to_thread(_read_piece, path, wanted.offset, wanted.size)
            except OSError as problem:
                reason, gone = problem.strerror or str(problem), isinstance(problem, FileNotFoundError)
                await self.send(PieceMissing(worker=wanted.worker, call=wanted.call, reason=reason, gone=gone))
            else:
                await self.send(PieceFound(worker=wanted.worker, call=wanted.call), data)


def _log_failure(problem: BaseException) -> None:
    log.error("a task of the cluster failed", exc_info=problem)


def _selected(options: WorkerOptions, labels: Mapping[str, str]) -> WorkerOptions:
    """The options of a worker on a node with these labels, with those checkpoints alone that it has the memory for."""
    specs = (spec for spec in options.checkpoints if has_labels(labels, spec.node_labels))
    return options.model_copy(update={"checkpoints": tuple(specs)})


def _read_piece(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)
