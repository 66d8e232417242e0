"""A Ray cluster on this machine for tests and benchmarks: a head without devices, and nodes to be ended or cut off.

Where network namespaces can be made, which needs root, each node has one of its own on a bridge, and its network is cut
by taking its link down. Elsewhere all nodes share the loopback, and one that is cut off stands still: SIGSTOP.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psutil

from bot.config import Settings
from bot.config.sections.cluster import ClusterSettings
from bot.config.sections.worker import Backend
from inference.cluster.compatibility import MEMORY_MONITOR_OFF
from inference.cluster.node_files import CACHE_VARIABLE

ROOT = Path(__file__).parents[1]
OBJECT_STORE_BYTES = 80_000_000
START_SECONDS = 90.0  # of each attempt
# Ray's own times are made shorter, or nothing would happen for minutes: when a head that is dead ends its driver, and a
# node that does not answer is dead.
SYSTEM = '{"gcs_rpc_server_reconnect_timeout_s": 8}'


@dataclass(eq=False)
class RayMachine:
    """A node: its processes are known by the folder of its cache, which stands in their environment."""

    name: str
    folder: Path
    block: asyncio.subprocess.Process
    link: str | None = None
    stopped: list[psutil.Process] = field(default_factory=list[psutil.Process])

    def processes(self, word: str = "") -> list[psutil.Process]:
        """Those of the node that have `word` in their command."""
        return [each for each in _processes(CACHE_VARIABLE, str(self.folder)) if word in _command(each)]

    @property
    def engines(self) -> list[psutil.Process]:
        """The processes that paint."""
        return self.processes("inference.engine")

    @property
    def actors(self) -> list[psutil.Process]:
        """The processes of the actors; Ray keeps idle ones beside them, which are called otherwise."""
        return self.processes("ray::EngineActor")

    @property
    def raylets(self) -> list[psutil.Process]:
        """Ray's own process on the node, or none."""
        return [each for each in self.processes("raylet/raylet") if "raylet" in each.name()]

    def cut(self) -> None:
        """Nothing reaches the node any more, and nothing leaves it."""
        if self.link is not None:
            _ip("link", "set", self.link, "down")
            return
        self.stopped = self.processes()
        for process in self.stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def mend(self) -> None:
        """The network is there again."""
        if self.link is not None:
            _ip("link", "set", self.link, "up")
        for process in self.stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self.stopped = []


class RayNodes:
    """The cluster. `address` is that of its head, also of the next one after a head that was killed."""

    def __init__(self, folder: Path, *, namespaces: bool) -> None:
        self.folder = folder
        self._namespaces = namespaces
        self._tag = secrets.token_hex(2)
        self._numbers = count(2)
        self._head: asyncio.subprocess.Process | None = None
        self._head_folder = folder / "head"
        self.token = folder / "token"
        self.token.write_text(secrets.token_hex(32))
        self.token.chmod(0o600)
        self.machines: list[RayMachine] = []
        self._host = self._bridge() if namespaces else "127.0.0.1"
        with socket.socket() as free:
            free.bind((self._host, 0))
            self._port = free.getsockname()[1]

    @property
    def address(self) -> str:
        """Host and port of the head."""
        return f"{self._host}:{self._port}"

    @property
    def has_head(self) -> bool:
        """Whether the head runs."""
        return self._head is not None and self._head.returncode is None

    @property
    def environment(self) -> Mapping[str, str]:
        """That of every process of the cluster."""
        return os.environ | MEMORY_MONITOR_OFF | {
            "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token), "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
        }  # fmt: skip

    async def start_head(self) -> None:
        """Start a head on the same address, in place of what is left of the one before."""
        await self.kill_head()
        self._head = await self._start(
            [], self._head_folder, "--head", f"--port={self._port}", "--include-dashboard=false", "--num-gpus=0",
            f"--node-ip-address={self._host}", f"--system-config={SYSTEM}", f"--temp-dir={self.folder / 'r'}",
        )  # fmt: skip

    async def add(self, devices: int = 1, **labels: str) -> RayMachine:
        """Start a node, with logical devices."""
        number = next(self._numbers)
        name, prefix, link, more = f"node{number}", [], None, [f"--labels={_listed(labels)}"] if labels else []
        if self._namespaces:
            space, link, host = f"easel{self._tag}{number}", f"e{self._tag}h{number}", f"10.77.{self._net}.{number}"
            self._namespace(space, link, host)
            prefix, more = ["ip", "netns", "exec", space], [*more, f"--node-ip-address={host}"]
        folder = self.folder / name
        block = await self._start(
            prefix, folder, f"--address={self.address}", f"--num-gpus={devices}", f"--node-name={name}", *more
        )
        self.machines.append(RayMachine(name, folder, block, link))
        return self.machines[-1]

    async def _start(self, prefix: list[str], folder: Path, *options: str) -> asyncio.subprocess.Process:
        """Start a node, again where Ray gives up or hangs: on a busy machine it waits too little for its processes."""
        for last in (False, False, True):
            said = _log(folder)
            with said.open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *prefix, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats",
                    "--num-cpus=0", f"--object-store-memory={OBJECT_STORE_BYTES}", *options,
                    env={**self.environment, CACHE_VARIABLE: str(folder)}, stdout=log, stderr=log,
                )  # fmt: skip
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    while process.returncode is None:
                        if b"--block" in said.read_bytes():
                            return process
                        await asyncio.sleep(0.2)
            await self._kill(folder)
            await process.wait()
            if last:
                raise RuntimeError(said.read_text("utf-8")[-2000:])
        raise AssertionError

    async def drain(self, machine: RayMachine) -> None:
        """Let a node leave as an operator does, by `easel cluster drain`. Raises RuntimeError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "cluster", "drain", machine.name, "--head", self.address,
            cwd=ROOT, env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(said.decode())

    @property
    def section(self) -> dict[str, object]:
        """The section [cluster] of a bot's settings."""
        return {
            "address": self.address, "token_file": self.token, "cache_gigabytes": 1, "unreachable_seconds": 10,
        }  # fmt: skip

    def settings(self, settings: Settings, **cluster: object) -> Settings:
        """The settings, but for workers on this cluster."""
        section = ClusterSettings.model_validate({**self.section, **cluster})
        worker = settings.worker.model_copy(update={"backend": Backend.RAY})
        return settings.model_copy(update={"worker": worker, "cluster": section})

    def kill_gcs(self) -> None:
        """Kill the process of the head that knows all nodes and actors, and no other one."""
        (found,) = (each for each in _processes(CACHE_VARIABLE, str(self._head_folder)) if each.name() == "gcs_server")
        found.kill()

    async def kill_head(self) -> None:
        """Kill all processes of the head with SIGKILL, as a power cut does."""
        await self._kill(self._head_folder)
        if self._head is not None:
            await self._head.wait()

    async def remove(self, machine: RayMachine) -> None:
        """End a node and wait until nothing is left of it."""
        machine.mend()
        await self._kill(machine.folder)
        await machine.block.wait()
        self.machines.remove(machine)

    async def close(self) -> None:
        """End everything."""
        for machine in [*self.machines]:
            await self.remove(machine)
        await self.kill_head()
        await self._kill(self.folder)
        if self._namespaces:
            for number in range(2, next(self._numbers)):
                _ip("netns", "del", f"easel{self._tag}{number}", check=False)
            _ip("link", "del", f"e{self._tag}", check=False)

    async def _kill(self, folder: Path) -> None:
        """Kill what belongs to a folder, or to one below it, until there is nothing."""
        while there := _processes(CACHE_VARIABLE, str(folder), below=True):
            for process in there:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
            await asyncio.sleep(0.1)

    def _bridge(self) -> str:
        self._net = int(self._tag[:2], 16)
        _ip("link", "add", f"e{self._tag}", "type", "bridge")
        _ip("addr", "add", f"10.77.{self._net}.1/24", "dev", f"e{self._tag}")
        _ip("link", "set", f"e{self._tag}", "up")
        return f"10.77.{self._net}.1"

    def _namespace(self, space: str, link: str, host: str) -> None:
        _ip("netns", "add", space)
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("link", "set", link, "master", f"e{self._tag}")
        _ip("link", "set", link, "up")
        for command in (
            ("addr", "add", f"{host}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", space, *command)


@asynccontextmanager
async def ray_nodes() -> AsyncGenerator[RayNodes]:
    """A cluster with a head and no nodes; all of it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="er-"))  # short: sockets lie in it
    nodes = RayNodes(folder, namespaces=can_make_namespaces())
    try:
        await nodes.start_head()
        yield nodes
    finally:
        await nodes.close()
        shutil.rmtree(folder, ignore_errors=True)


def can_make_namespaces() -> bool:
    """Whether this user may, on this system."""
    if not shutil.which("ip"):
        return False
    name = f"easel{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode == 0:
        _ip("netns", "del", name)
    return made.returncode == 0


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True)


def _log(folder: Path) -> Path:
    """Where the processes of a node write what they say."""
    folder.mkdir(exist_ok=True)
    return folder.with_suffix(".log")


def _listed(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _processes(variable: str, value: str, *, below: bool = False) -> list[psutil.Process]:
    """The processes in whose environment the variable has this value, or with `below` one that begins so."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            told = process.environ().get(variable, "")
            if (told == value or (below and told.startswith(f"{value}/"))) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
