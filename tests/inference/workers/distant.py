"""A worker on another machine that shares no disk with the bot: all that passes between them is bytes on a socket."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from inference.messages.commands import Generate
from inference.messages.events import EVENTS, Event, Finished, Progress, Ready
from inference.messages.options import Folders, WorkerOptions
from inference.messages.spool import state_file
from inference.workers import WorkerDied
from inference.workers.local import LocalWorker
from inference.workers.storage import Spool, StoredFile

DEATHS = TypeAdapter(WorkerDied)
LIBRARY, INPUTS, SPOOL = "library", "inputs", "spool"


@dataclass(frozen=True)
class Frame:
    """A message: what it is about, in words, and bytes."""

    kind: str
    about: dict[str, str] = field(default_factory=dict[str, str])
    data: bytes = b""


class Link:
    """One end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.sent: list[Frame] = []

    @classmethod
    async def pair(cls) -> tuple[Link, Link]:
        ends = [await asyncio.open_connection(sock=end) for end in socket.socketpair()]
        return cls(*ends[0]), cls(*ends[1])

    async def send(self, kind: str, data: bytes = b"", **about: str) -> None:
        self.sent.append(Frame(kind, about, data))
        head = json.dumps([kind, about, len(data)]).encode() + b"\n"
        self._writer.write(head + data)
        await self._writer.drain()

    async def frames(self) -> AsyncIterator[Frame]:
        while head := await self._reader.readline():
            kind, about, size = json.loads(head)
            yield Frame(kind, about, await self._reader.readexactly(size))

    def close(self) -> None:
        self._writer.close()


class Machine:
    """The other machine: a folder of its own, with installed checkpoints, and the real worker process.

    Its disk is lost whenever the worker dies: whatever the next attempt needs comes from the bot.
    """

    def __init__(self, root: Path, installed: Mapping[str, Path], command: Sequence[str] | None = None) -> None:
        self._root, self._command = root, command
        self._installed = {name: shutil.copytree(source, root / name) for name, source in installed.items()}
        self._folders = Folders(**{name: str(root / name) for name in (LIBRARY, INPUTS, SPOOL)})
        self._arrived = asyncio.Condition()
        self._states: dict[str, int] = {}  # by name, when those that the bot has were written
        self.wiped = 0

    async def serve(self, link: Link) -> None:
        """Obey the bot until it hangs up."""
        self._wipe()
        worker, tasks = None, set[asyncio.Task[None]]()
        async for frame in link.frames():
            match frame.kind:
                case "configure":
                    options = self._own(WorkerOptions.model_validate_json(frame.data))
                    if worker is None:
                        worker = LocalWorker(options, self._folders, self._command)
                        await worker.start()
                        tasks.add(asyncio.create_task(self._report(worker, link)))
                    else:
                        await worker.configure(options)
                case "file":
                    async with self._arrived:
                        self._write(frame)
                        self._arrived.notify_all()
                case "job" if worker:
                    job = Generate.model_validate_json(frame.data)
                    tasks.add(asyncio.create_task(self._begin(worker, job, frame.about, link)))
                case "cancel" if worker:
                    await worker.cancel(int(frame.about["job"]))
                case "restart" if worker:
                    await worker.restart()
        if worker is not None:
            await worker.close()
        await asyncio.gather(*tasks)
        link.close()

    def _own(self, options: WorkerOptions) -> WorkerOptions:
        specs = [spec.model_copy(update={"source": str(self._installed[spec.name])}) for spec in options.checkpoints]
        return options.model_copy(update={"checkpoints": tuple(specs)})

    async def _begin(self, worker: LocalWorker, job: Generate, places: Mapping[str, str], link: Link) -> None:
        """Fetch by hash what is not here, then begin."""
        files: dict[str, StoredFile] = {}
        for sha256, place in places.items():
            folder, _, name = place.partition("/")
            files[sha256] = StoredFile(self._root / folder, name)
            if not files[sha256].path.is_file():
                await link.send("fetch", sha256=sha256)
        async with self._arrived:
            await self._arrived.wait_for(lambda: all(file.path.is_file() for file in files.values()))
        await worker.submit(job, files)

    def _write(self, frame: Frame) -> None:
        path = self._root / frame.about["folder"] / frame.about["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(frame.data)

    async def _report(self, worker: LocalWorker, link: Link) -> None:
        async for event in worker.events():
            if isinstance(event, WorkerDied):
                self._wipe()
                await link.send("died", DEATHS.dump_json(event))
                continue
            for name in self._left(event):
                with suppress(FileNotFoundError):  # a state is gone once its job has ended
                    await link.send("left", (self._root / SPOOL / name).read_bytes(), name=name)
            await link.send("event", event.model_dump_json().encode())

    def _left(self, event: Event) -> list[str]:
        """The files in the spool that the bot must have before it hears of the event."""
        if isinstance(event, Finished):
            return list(event.files)
        if not isinstance(event, Progress):
            return []
        name = state_file(event.job_id)
        state = self._root / SPOOL / name
        written = state.stat().st_mtime_ns if state.exists() else 0
        fresh, self._states[name] = written != self._states.get(name, 0), written
        return [*([event.preview] if event.preview else []), *([name] if fresh and written else [])]

    def _wipe(self) -> None:
        self._states.clear()
        self.wiped += 1
        for name in (LIBRARY, INPUTS, SPOOL):
            shutil.rmtree(self._root / name, ignore_errors=True)
            (self._root / name).mkdir()


class DistantWorker:
    """The bot's end. Implements `inference.workers.Worker`."""

    def __init__(self, options: WorkerOptions, spool: Spool, link: Link) -> None:
        self._options, self._spool, self._link = options, spool, link
        self._events: asyncio.Queue[Event | WorkerDied | None] = asyncio.Queue()
        self._files: dict[str, StoredFile] = {}
        self._ready = False
        self._listening: asyncio.Task[None] | None = None

    @property
    def serves(self) -> frozenset[str]:
        return frozenset(spec.name for spec in self._options.checkpoints)

    async def start(self) -> None:
        self._listening = asyncio.create_task(self._listen())
        await self.configure(self._options)

    async def submit(self, job: Generate, files: Mapping[str, StoredFile]) -> bool:
        if not self._ready:
            return False
        self._files |= files
        loras = {use.sha256 for use in job.request.loras}
        for sha256 in loras & files.keys():
            for file in files[sha256].beside():
                await self._link.send("file", file.path.read_bytes(), folder=LIBRARY, name=file.name)
        state = state_file(job.job_id)
        with suppress(OSError):  # a first attempt has none
            await self._link.send("file", self._spool.read(state), folder=SPOOL, name=state)
        places = {sha256: self._place(sha256, file, loras) for sha256, file in files.items()}
        await self._link.send("job", job.model_dump_json().encode(), **places)
        return True

    def _place(self, sha256: str, file: StoredFile, loras: set[str]) -> str:
        return f"{LIBRARY if sha256 in loras else INPUTS}/{file.name}"

    async def cancel(self, job_id: int) -> None:
        await self._link.send("cancel", job=str(job_id))

    async def configure(self, options: WorkerOptions) -> None:
        self._options = options
        await self._link.send("configure", options.model_dump_json().encode())

    async def restart(self) -> None:
        await self._link.send("restart")

    async def events(self) -> AsyncIterator[Event | WorkerDied]:
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        self._link.close()
        if self._listening is not None:
            await self._listening
        self._events.put_nowait(None)

    async def _listen(self) -> None:
        async for frame in self._link.frames():
            match frame.kind:
                case "fetch":
                    file = self._files[frame.about["sha256"]]
                    folder = LIBRARY if file.path.suffix else INPUTS
                    await self._link.send("file", file.path.read_bytes(), folder=folder, name=file.name)
                case "left":
                    self._spool.put(frame.about["name"], frame.data)
                case "died":
                    self._ready = False
                    self._events.put_nowait(DEATHS.validate_json(frame.data))
                case "event":
                    event = EVENTS.validate_json(frame.data)
                    self._ready = self._ready or isinstance(event, Ready)
                    self._events.put_nowait(event)
