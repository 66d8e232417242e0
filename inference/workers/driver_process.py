"""The driver process of a cluster, as the bot reaches it: started as a child, or found where a service listens."""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from inference.cluster.compatibility import NodeIdentity
from inference.cluster.protocol import ClusterSettingsSent
from inference.cluster.socket_address import SocketAddress
from inference.cluster.wire import HANDSHAKE_SECONDS, Connection, WireError, begin_handshake
from inference.errors import WorkerUnavailable
from inference.processes.logs import Line, LineBudget, lines_of

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.2  # between two attempts to reach a driver process that is being started
START_SECONDS = 60.0  # that it may take until it can be spoken with
END_SECONDS = 5.0  # that it may take to end once it has nothing to do


@dataclass(frozen=True)
class DriverOptions:
    """How the driver process is reached: at `listen`, where `command` starts it unless it is a service of its own.

    Without `listen` it gets a socket as its stdin, which nobody else can reach. `cluster` is what it is told first,
    `environment` is that of the command.
    """

    listen: SocketAddress | None
    command: tuple[str, ...] | None
    cluster: ClusterSettingsSent
    environment: Mapping[str, str]
    secret: str = ""


class DriverProcess:
    """One at a time. A child ends with this process: its stdin is closed then."""

    def __init__(self, options: DriverOptions) -> None:
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None  # to the child, until it is connected

    @property
    def pid(self) -> int | None:
        """The process id of the child."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start it where it is a child of this one. Raises WorkerUnavailable."""
        options = self._options
        if options.command is None:
            return
        if options.listen is not None:
            await self._start((*options.command, "--listen", options.listen.text, "--with-parent"), PIPE)
            return
        ours, theirs = socket.socketpair()
        self._close_socket()
        self._socket = ours
        with theirs:
            await self._start((*options.command, "--listen", "stdin"), theirs.fileno())

    async def _start(self, command: Sequence[str], stdin: int) -> None:
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *command, stdin=stdin, stdout=DEVNULL, stderr=PIPE, env=dict(self._options.environment)
            )
        )
        try:
            self._take(await asyncio.shield(starting))
        except asyncio.CancelledError:
            self._take(await starting)  # it is there all the same, and has to be ended
            raise
        except OSError as problem:
            raise WorkerUnavailable(reason=problem.strerror or str(problem)) from problem

    def _take(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr
        self._process = process
        self._reading = asyncio.create_task(_read_stderr(process.stderr))

    async def connect(self) -> Connection:
        """A connection to one that knows the secret, and knows the cluster by now. Raises OSError or WireError."""
        connection = await self._reach()
        try:
            patience = HANDSHAKE_SECONDS if self._options.listen else START_SECONDS
            await begin_handshake(connection, self._options.secret, NodeIdentity.own().easel, patience)
            await connection.send(self._options.cluster)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _reach(self) -> Connection:
        if (address := self._options.listen) is None:
            if self._socket is None:
                raise WireError("it was not started")
            connected, self._socket = self._socket, None
            return await Connection.of(connected)
        until = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            try:
                return await Connection.open(address)
            except OSError as problem:
                if self._options.command is None:
                    says = f"nobody listens at {address.text} ({problem.strerror or problem})"
                    raise WireError(f"{says}; start the service of the driver process") from None
                ended = self._process is not None and self._process.returncode is not None
                if ended or asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    async def end(self) -> int | None:
        """End the child, if there is one; its exit code."""
        self._close_socket()
        process = self._process
        if process is None:
            return None
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                code = await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            code = await process.wait()
        if self._reading is not None:
            await self._reading
        self._process = None  # not before: who was cancelled on the way calls this again
        return code

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


async def _read_stderr(stderr: asyncio.StreamReader) -> None:
    budget = LineBudget("the driver process")
    async for line in lines_of(stderr):
        if isinstance(line, Line):
            budget.repeat(line)
        else:
            log.debug("driver process: %s", line)
