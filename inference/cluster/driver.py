"""The driver process: `python -m inference.cluster.driver`. It joins the cluster for one bot, and ends with it.

It may be started by the bot, or be a service of another user. Ray ends it 60 seconds after the head of the cluster has
died, with no exception to catch: the bot sees the end of the connection, and starts or reaches the next one.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, TypeAdapter

from inference.cluster.compatibility import NodeIdentity, ray_problem
from inference.cluster.network import AddressRefused, HostPort, answers
from inference.cluster.node_files import NodeCacheSettings
from inference.cluster.nodes import Cluster, ClusterLost, ClusterNode
from inference.cluster.protocol import (
    TO_DRIVER,
    CloseWorkers,
    ClusterReached,
    ClusterSettingsSent,
    ClusterUnreachable,
    Heartbeat,
)
from inference.cluster.ray import words as ray_words
from inference.cluster.tokens import token_problem
from inference.cluster.views import MAX_WORKERS, NodeReport
from inference.cluster.wire import (
    SECRET_VARIABLE,
    Connection,
    Frame,
    SocketAddress,
    WireError,
    accept_handshake,
    listen,
    refuse,
)
from inference.cluster.worker_supervisor import WorkerRules, WorkerSupervisor
from inference.files.private_files import OTHERS
from inference.processes.logs import write_lines

log = logging.getLogger("inference.cluster.driver")  # also where it is the main module

NODES_SECONDS = 1.0  # between two looks at the nodes
HEARTBEAT_SECONDS = 10.0  # between two: a driver process that hangs sends none
SILENT_SECONDS = 10.0  # without an answer, after which that is told; two answers are 5 s apart where nothing happens
END_SECONDS = 30.0  # that the workers may take to hand on their jobs once somebody else than the bot asks for the end
Join = Callable[[str], Cluster]  # the one whose head has this address; raises ClusterLost


class BotConnection:
    """Implements `inference.cluster.worker_supervisor.Bot`. Nothing is sent to a bot that is gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def tell(self, message: BaseModel, data: bytes = b"") -> None:
        """Send a message."""
        with suppress(OSError):
            await self._connection.send(message, data)

    async def forward(self, frame: Frame) -> None:
        """Send a frame as it is."""
        with suppress(OSError):
            await self._connection.send_frame(frame)


class Driver:
    """Keeps a worker for each device of each node, for one bot."""

    def __init__(self, connection: Connection, cluster: Cluster, rules: WorkerRules) -> None:
        self._connection, self._cluster, self._rules = connection, cluster, rules
        self._bot = BotConnection(connection)
        self._numbers = count(1)
        self._workers: dict[int, WorkerSupervisor] = {}
        self._places: dict[tuple[str, int], WorkerSupervisor] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reports: dict[str, NodeReport] = {}
        self._heard: dict[str, float] = {}  # when a node answered last whose workers have left

    async def run(self) -> None:
        """Serve until the bot closes the connection, or asks for all workers to be closed."""
        watching = [asyncio.create_task(work) for work in (self._watch(), self._send_heartbeats())]
        try:
            async for frame in self._connection.frames():
                message = TO_DRIVER.validate_json(frame.header)
                if isinstance(message, CloseWorkers):
                    break
                if (worker := self._workers.get(message.worker)) is not None:
                    worker.deliver(message, frame)
        finally:
            for task in watching:
                task.cancel()
            for worker in self._workers.values():
                worker.leave("its driver process ends")
            if self._tasks:
                await asyncio.wait(self._tasks)
            with suppress(ClusterLost):
                for node_id in self._reports:
                    await self._cluster.report(NodeReport(node_id=node_id))  # nobody keeps workers there any more

    async def _send_heartbeats(self) -> None:
        while True:
            await self._bot.tell(Heartbeat())
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _watch(self) -> None:
        while True:
            try:
                nodes = await self._cluster.nodes()
                self._compare({node.node_id: node for node in nodes})
                await self._report()
            except ClusterLost as problem:
                log.warning("cannot list the nodes: %s", problem)
            except Exception:  # else nobody would look at the nodes any more
                log.exception("cannot check the nodes")
            await asyncio.sleep(NODES_SECONDS)

    async def _report(self) -> None:
        """Leave in the cluster what has changed of each node, for `easel cluster status`."""
        reports = self._found_reports()
        for node_id, report in reports.items():
            if self._reports.get(node_id) != report:
                try:
                    await self._cluster.report(report)
                except ClusterLost as problem:
                    log.info("cannot store the facts about a node: %s", problem)
                    return
        self._reports = reports

    def _found_reports(self) -> dict[str, NodeReport]:
        workers: dict[str, list[WorkerSupervisor]] = {}
        for (node_id, _), worker in self._places.items():
            workers.setdefault(node_id, []).append(worker)
        return {
            node_id: NodeReport(
                node_id=node_id,
                refused=next((worker.refused for worker in kept if worker.refused), ()),
                workers=tuple(worker.report for worker in kept[:MAX_WORKERS]),
                silent=_silence(kept),
            )
            for node_id, kept in workers.items()
        }

    def _compare(self, nodes: dict[str, ClusterNode]) -> None:
        for (node_id, _), worker in self._places.items():
            if node_id not in nodes:
                worker.leave("its node is gone, or is being drained")
        self._heard = {node_id: heard for node_id, heard in self._heard.items() if node_id in nodes}
        for node in nodes.values():
            for index in range(node.devices):
                if (node.node_id, index) not in self._places:
                    self._keep(node, index)

    def _keep(self, node: ClusterNode, index: int) -> None:
        worker = WorkerSupervisor(self._cluster, node, index, next(self._numbers), self._bot, self._rules)
        worker.heard = self._heard.get(node.node_id)
        self._workers[worker.number] = self._places[node.node_id, index] = worker
        task = asyncio.create_task(worker.run())
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            del self._workers[worker.number], self._places[node.node_id, index]
            self._heard.pop(node.node_id, None)
            if worker.heard is not None:
                self._heard[node.node_id] = worker.heard
            if not task.cancelled() and (problem := task.exception()) is not None:
                log.error("stopped supervising worker %s", worker.number, exc_info=problem)

        task.add_done_callback(ended)


def _silence(workers: Sequence[WorkerSupervisor]) -> int:
    """Seconds since a node with these workers answered; 0 where they are as few as between two answers."""
    heard = max((worker.heard for worker in workers if worker.heard is not None), default=None)
    seconds = 0.0 if heard is None else time.monotonic() - heard
    return math.ceil(seconds) if seconds >= SILENT_SECONDS else 0


def join_ray(address: str) -> Cluster:
    """The cluster of this head. Raises ClusterLost."""
    _require_head(address)
    if problem := ray_problem() or token_problem():
        raise ClusterLost(problem)
    from inference.cluster.ray.cluster import RayCluster  # noqa: PLC0415 (a second, and it may be missing)

    return RayCluster(address)


async def serve(
    address: SocketAddress, secret: str, end: asyncio.Event, *, with_parent: bool = False, join: Join = join_ray
) -> int:
    """Wait for a bot that knows the secret, and serve it; the exit code. Once `end` is set all workers are closed."""
    bot: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    async def accept(connection: Connection) -> None:
        """Take one bot; strangers, who may be silent, do not keep it waiting."""
        if bot.done():
            await refuse(connection, "it serves another bot, and one alone")
        elif await _is_the_bot(connection, secret) and not bot.done():
            bot.set_result(connection)
            return
        await connection.close()

    server: asyncio.Server | None = None
    if address.is_stdin:
        await accept(await Connection.of_stdin())
        if not bot.done():
            return 1
    else:
        server = await listen(address, accept)
        if with_parent:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _end_with_parent, end)
    asked = asyncio.create_task(end.wait())
    try:
        await asyncio.wait({bot, asked}, return_when=asyncio.FIRST_COMPLETED)
        return await _serve_until(asked, bot.result(), join) if bot.done() else 0
    finally:
        asked.cancel()
        if server is not None:
            server.close()


async def _serve_until(asked: asyncio.Task[Any], bot: Connection, join: Join) -> int:
    """Serve the bot until it goes or the end is asked for; it hears then where the workers leave its jobs."""
    serving = asyncio.create_task(_served(bot, join))
    await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
    bot.end_reading()
    if not (await asyncio.wait({serving}, timeout=END_SECONDS))[0]:
        bot.abort()  # it reads nothing
        await asyncio.wait({serving})
    await bot.close()
    return serving.result()


async def serve_until_asked(address: SocketAddress, secret: str, *, with_parent: bool, join: Join = join_ray) -> int:
    """Serve until a signal asks for the end. A child leaves that to the bot, which gets the same signals."""
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            do = (lambda: None) if with_parent or address.is_stdin else end.set
            asyncio.get_running_loop().add_signal_handler(number, do)
    return await serve(address, secret, end, with_parent=with_parent, join=join)


async def _is_the_bot(connection: Connection, secret: str) -> bool:
    try:
        await accept_handshake(connection, secret, NodeIdentity.own().easel)
    except (WireError, OSError) as problem:
        log.warning("refused a connection: %s", problem)
        return False
    return True


def _end_with_parent(end: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1):  # the bot that started this process is gone
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        end.set()


async def _served(connection: Connection, join: Join) -> int:
    try:
        return await _serve_bot(connection, join)
    except Exception:
        log.exception("the driver process failed")
        return 1


async def _serve_bot(connection: Connection, join: Join) -> int:
    frame = await connection.receive()
    if frame is None:
        return 0
    told = TypeAdapter(ClusterSettingsSent).validate_json(frame.header)
    try:
        cluster = join(told.address)
    except ClusterLost as lost:
        log.warning("cannot join the cluster: %s", lost)
        await connection.send(ClusterUnreachable(reason=str(lost)[:1000]))
        return 1
    await connection.send(ClusterReached(ray=cluster.version))
    rules = WorkerRules(
        cache=NodeCacheSettings(told.cache_bytes, told.shared),
        unreachable_seconds=told.unreachable_seconds,
        identity=NodeIdentity.own(),
        engine=told.engine or None,
    )
    try:
        await Driver(connection, cluster, rules).run()
    finally:
        cluster.leave()
    return 0


def _require_head(address: str) -> None:
    """Raise ClusterLost when nobody listens there: Ray would look for a minute."""
    if address == "auto":  # which Ray alone can tell
        return
    try:
        problem = answers(HostPort.of(address))
    except AddressRefused as refused:
        problem = str(refused)
    if problem:
        raise ClusterLost(problem)


def _address(text: str) -> SocketAddress:
    try:
        return SocketAddress(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _secret_of(file: Path) -> str:
    """What the file holds. Raises OSError, UnicodeDecodeError."""
    if file.stat().st_mode & OTHERS:
        log.warning("other accounts can read %s; create a new secret, and run: chmod 600 %s", file, file)
    return file.read_text().strip()


def main() -> NoReturn:
    """Read the command line, serve, and end this process."""
    parser = argparse.ArgumentParser(prog="python -m inference.cluster.driver", description=__doc__)
    parser.add_argument(
        "--listen",
        required=True,
        type=_address,
        metavar="ADDRESS",
        help="unix:/path, tcp:host:port, inherited, or stdin where the bot is already",
    )
    parser.add_argument(
        "--secret-file", type=Path, metavar="FILE", help=f"holds what the bot must know; or {SECRET_VARIABLE}"
    )
    parser.add_argument("--with-parent", action="store_true", help="end when stdin is closed")
    options = parser.parse_args()
    write_lines(logging.INFO)
    logging.getLogger(ray_words.__name__).setLevel(logging.DEBUG)  # the bot decides whether it logs these
    secret = os.environ.pop(SECRET_VARIABLE, "")
    try:
        secret = _secret_of(options.secret_file) if options.secret_file else secret
    except (OSError, UnicodeDecodeError) as problem:
        parser.error(f"{options.secret_file} cannot be read: {getattr(problem, 'strerror', None) or 'it is no text'}")
    if not secret and not options.listen.is_private:
        parser.error("a TCP address needs a secret")
    try:
        code = asyncio.run(serve_until_asked(options.listen, secret, with_parent=options.with_parent))
    except OSError as problem:
        parser.error(f"it cannot listen at {options.listen.text}: {problem.strerror or problem}")
    sys.stderr.flush()
    os._exit(code)  # the interpreter's own end would wait for Ray's threads


if __name__ == "__main__":
    main()
