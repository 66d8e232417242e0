"""A worker as a child process on this machine: JSON lines on stdin and stdout, restarted when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence

from pydantic import ValidationError

from inference.checkpoints.memory import Shortage, file_bytes, free_bytes
from inference.errors import WorkerUnavailable
from inference.messages.commands import Cancel, Configure, JobCommand, Shutdown
from inference.messages.events import EVENTS, BadCommand, Event, Finished, Ready
from inference.messages.options import Folders, WorkerOptions
from inference.processes.child_processes import environment_without_settings, module_command
from inference.processes.logs import Line, LineBudget, lines_of
from inference.workers import WorkerDied
from inference.workers.storage import StoredFile

log = logging.getLogger(__name__)

KILLED = 9  # the signal that nobody can refuse
MAX_LINE_BYTES = 4 * 2**20  # an event is a few hundred bytes; a failure's detail may hold lists
CLOSE_SECONDS = 5.0  # how long a worker may take to leave before it is killed
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 600.0  # seconds before a dead worker is restarted; doubles every time
MAX_JUNK_BYTES = 200  # of a line that is not an event, in the log
STDERR_TAIL_LINES = 20  # lines of stderr that are kept to report a death

# Two torch processes whose threads spin while they wait slow each other down 25-fold on a small machine; passive
# waiting costs nothing measurable on a large one.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Progress bars and advice are for a person at a terminal; here they would push errors out of the tail of stderr.
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
}


def environment_of(options: WorkerOptions) -> dict[str, str]:
    """The environment of a worker process."""
    environment = environment_without_settings() | ENVIRONMENT
    threads = {"OMP_NUM_THREADS": str(options.threads)} if options.threads else {}
    return environment | threads | _allocator(options, environment)


def _allocator(options: WorkerOptions, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for torch's allocator on a card, unless the operator has set one; it has such segments on Linux alone.

    Torch before 2.9 knows the second name only, later ones warn when the first is missing.
    """
    names = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
    wanted = options.expandable_segments and sys.platform == "linux" and not any(name in environment for name in names)
    return dict.fromkeys(names, "expandable_segments:True") if wanted else {}


def pause_after(failures: int) -> float:
    """Seconds before a worker is restarted that has died so often since a job last finished."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 60))


class LocalWorker:
    """Keeps one `python -m inference.engine` running. Implements `inference.workers.Worker`.

    `folders` are those of the bot: files are read where they are, and the child writes into the spool by itself.
    """

    def __init__(self, options: WorkerOptions, folders: Folders, command: Sequence[str] | None = None) -> None:
        self._options = options
        self._folders = folders
        self._command = command or module_command("inference.engine")
        self._events: asyncio.Queue[Event | WorkerDied | None] = asyncio.Queue()
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._budget = LineBudget("the worker")
        self._stderr_tail: deque[str] = deque(maxlen=STDERR_TAIL_LINES)
        self._ready = False
        self._killed = False  # by us
        self._failures = 0

    @property
    def pid(self) -> int | None:
        """The process id of the current child."""
        return self._process.pid if self._process else None

    @property
    def serves(self) -> frozenset[str]:
        """Names of the checkpoints it was configured with."""
        return frozenset(checkpoint.name for checkpoint in self._options.checkpoints)

    async def start(self) -> None:
        """Start the child and the task that watches over it."""
        await self._spawn()
        self._supervisor = asyncio.create_task(self._supervise(), name="worker supervisor")

    async def submit(self, job: JobCommand, files: Mapping[str, StoredFile]) -> bool:
        """Write the job to the child; False while there is no configured child."""
        names = {sha256: file.name for sha256, file in files.items()}
        return self._ready and await self._send(job.model_copy(update={"files": names}))

    async def cancel(self, job_id: int) -> None:
        """Send the cancel to the child; a dead child has nothing to cancel."""
        await self._send(Cancel(job_id=job_id))

    async def configure(self, options: WorkerOptions) -> None:
        """Configure the current child, and every later one at its start."""
        self._options = options
        await self._send(Configure.of(options, self._folders))

    async def restart(self) -> None:
        """Kill the child; the supervisor restarts it."""
        if self._process and self._process.returncode is None:
            self._end(self._process)

    async def events(self) -> AsyncIterator[Event | WorkerDied]:
        """The events and deaths of the child, until `close`."""
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        """Shut the child down, kill it if it does not exit, and end `events`."""
        if self._supervisor:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        if self._process and self._process.returncode is None:
            await self._shut_down(self._process)
        self._events.put_nowait(None)

    async def _shut_down(self, process: asyncio.subprocess.Process) -> None:
        if not self._ready:  # still importing torch, it would not react for seconds; it has no job yet
            _kill(process)
        await self._send(Shutdown())
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await process.communicate()  # drains the pipes, so that the child cannot hang on a full one
        except TimeoutError:
            _kill(process)
            await process.communicate()

    async def _spawn(self) -> None:
        environment = environment_of(self._options)
        pipe = asyncio.subprocess.PIPE
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, limit=MAX_LINE_BYTES
            )
        except OSError as problem:
            raise WorkerUnavailable(reason=problem.strerror or str(problem)) from problem
        self._killed = False
        await self._send(Configure.of(self._options, self._folders))

    async def _send(self, command: Configure | JobCommand | Cancel | Shutdown) -> bool:
        stdin = self._process.stdin if self._process else None
        if stdin is None or stdin.is_closing():
            return False
        try:
            stdin.write(command.model_dump_json().encode() + b"\n")
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    async def _supervise(self) -> None:
        """Read until the child dies, report its death, start another; for ever."""
        while True:
            exit_code = await self._read_until_exit()
            self._failures += 1
            was_ready, self._ready = self._ready, False
            last = self._stderr_tail[-1] if self._stderr_tail else "it printed nothing"
            log.warning("the worker died with exit code %s (%s in a row): %s", exit_code, self._failures, last)
            pause = pause_after(self._failures)
            words = "\n".join(self._stderr_tail)
            shortage = None if self._killed or exit_code != -KILLED else await asyncio.to_thread(self._shortage)
            self._events.put_nowait(WorkerDied(exit_code, self._failures, was_ready, words, pause, shortage))
            await asyncio.sleep(pause)
            try:
                await self._spawn()
            except WorkerUnavailable as problem:
                self._process = None
                self._stderr_tail.append(str(problem))

    def _shortage(self) -> Shortage:
        sizes = {spec.name: file_bytes(spec) for spec in self._options.checkpoints}
        return Shortage(free_bytes(), {name: size for name, size in sizes.items() if size is not None})

    def _end(self, process: asyncio.subprocess.Process) -> None:
        self._killed = True
        _kill(process)

    async def _read_until_exit(self) -> int | None:
        """Forward the child's events until it exits. Returns its exit code, None when there was no child."""
        process = self._process
        if process is None or process.stdout is None or process.stderr is None:
            return None
        self._stderr_tail.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_stderr(process.stderr))
            group.create_task(self._read_stdout(process, process.stdout))
        return await process.wait()

    async def _read_stdout(self, process: asyncio.subprocess.Process, stdout: asyncio.StreamReader) -> None:
        try:
            async for line in stdout:
                self._receive(line)
        except ValueError:  # a line over the limit: the stream cannot be trusted any more
            log.exception("the worker wrote a line of more than %s bytes", MAX_LINE_BYTES)
            self._end(process)

    def _receive(self, line: bytes) -> None:
        try:
            event = EVENTS.validate_json(line)
        except ValidationError:
            if self._budget.admits(junk := repr(line[:MAX_JUNK_BYTES])):
                log.error("the worker wrote a line that is not an event: %s", junk)
            return
        if isinstance(event, Ready):
            self._ready = True
        if isinstance(event, Finished):
            self._failures = 0
        if isinstance(event, BadCommand) and not self._budget.admits(event.problem):
            return  # the event's handler logs it
        self._events.put_nowait(event)

    async def _read_stderr(self, stderr: asyncio.StreamReader) -> None:
        async for line in lines_of(stderr):
            if isinstance(line, Line):
                self._stderr_tail.extend(line.message.splitlines())
                self._budget.repeat(line)
            else:
                self._stderr_tail.append(line)
                log.debug("worker: %s", line)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it was quicker
        process.kill()
