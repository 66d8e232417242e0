"""A node of Ray on this machine, as a process: started by Ray's own command, ended with this program."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO, cast
from uuid import uuid4

from pydantic import Field, TypeAdapter, ValidationError

from inference.cluster.compatibility import MEMORY_MONITOR_OFF, NodeIdentity
from inference.cluster.network import HostPort
from inference.cluster.node_files import cache_folder
from inference.cluster.node_labels import KEY, MEMORY
from inference.cluster.ray.words import in_our_words
from inference.cluster.views import ClusterView, NodeReached, NodesReached, ProbeProblem, ReachReport
from inference.cluster.worker_folder import delete_dead
from inference.processes.child_processes import environment_without_settings, module_command

log = logging.getLogger(__name__)

STOP_SECONDS = 30.0  # Ray's processes end one after the other
DYING_SECONDS = 5.0  # that a worker may outlive the processes which started it
PROBE_SECONDS = 150.0
TAIL_BYTES = 16_384
SEE_DEBUG_LOG = "run it again as `easel --verbose …` to see what Ray said"
_Said = ReachReport | NodesReached | ClusterView
_ANSWERS: TypeAdapter[ReachReport | NodesReached | ProbeProblem | ClusterView] = TypeAdapter(
    Annotated[ReachReport | NodesReached | ProbeProblem | ClusterView, Field(union_mode="left_to_right")]
)


class ProbeFailed(Exception):
    """The cluster did not answer; the message says why."""

    def __init__(self, reason: str, *, wrong_token: bool = False) -> None:
        super().__init__(reason)
        self.wrong_token = wrong_token


def cluster_environment(token_file: os.PathLike[str] | None) -> dict[str, str]:
    """The environment of the driver process and of Ray's: token authentication is on, and no setting of ours is there.

    Ray's memory monitor is off. It would kill a painter at 95 % of the host's memory, which Easel fills on purpose.

    Ray compares Python's patch version too; ours is the rule of `compatibility`.
    """
    token = {} if token_file is None else {"RAY_AUTH_TOKEN_PATH": os.fspath(token_file)}
    ours = {
        **MEMORY_MONITOR_OFF,
        "RAY_AUTH_MODE": "token",
        "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
    }
    return environment_without_settings() | token | ours


@dataclass(frozen=True)
class NodeOptions:
    """How a node is started. `memory_gb` is that of each device, by which checkpoints choose their nodes.

    `shares_cards` where another node of this machine may have the same cards. `labels` and `more`, options for
    `ray start`, are the operator's; `key` tells the node from all others.
    """

    address: str
    name: str = ""
    devices: int | None = None
    dashboard: bool = False
    memory_gb: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    more: Sequence[str] = ()
    shares_cards: bool = False
    key: str = field(default_factory=lambda: uuid4().hex)

    def head_command(self, port: int) -> list[str]:
        """The command of the first node."""
        dashboard = [f"--include-dashboard={'true' if self.dashboard else 'false'}", "--dashboard-host=127.0.0.1"]
        return self._command("--head", f"--port={port}", *dashboard)

    def join_command(self, head: HostPort) -> list[str]:
        """The command of every other node."""
        return self._command(f"--address={head}")

    def _command(self, *arguments: str) -> list[str]:
        memory = {} if self.memory_gb is None else {MEMORY: str(self.memory_gb)}
        told = {**self.labels, **memory, **NodeIdentity.own().labels(), KEY: self.key}
        labels = ",".join(f"{name}={value}" for name, value in told.items())
        own = ["--block", f"--node-ip-address={self.address}", f"--labels={labels}", "--disable-usage-stats"]
        own += [f"--node-name={self.name}"] if self.name else []
        own += [] if self.devices is None else [f"--num-gpus={self.devices}"]
        return [*_ray_command(), "start", *arguments, *own, *self.more]


class RayNode:
    """Ray's processes of this machine. They end when this program ends them.

    What they say goes into a file without a name: a pipe would be kept open by those of them that outlive the first.
    """

    def __init__(self, process: asyncio.subprocess.Process, said: BinaryIO, cache: Path) -> None:
        self._process = process
        self._said = said
        self._cache = cache

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> RayNode:
        """Start them, and delete what dead workers left on this machine. Raises OSError."""
        await asyncio.to_thread(delete_dead, cache := cache_folder(environment))
        said = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 (it belongs to the node)
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this program, which then ends them
        )
        return cls(process, said, cache)

    @property
    def ended(self) -> bool:
        """Whether they are gone."""
        return self._process.returncode is not None

    async def wait(self) -> None:
        """Wait until they are gone."""
        await self._process.wait()

    async def stop(self) -> None:
        """End them and wait until they are gone; nothing stays of the jobs that their workers had."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()  # Ray's own watcher ends the rest
                await self._process.wait()
        await asyncio.to_thread(delete_dead, self._cache, DYING_SECONDS)

    @property
    def problem(self) -> str:
        """The reason why Ray has ended or does not start, in our words. Ray's own are logged for debugging."""
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - TAIL_BYTES))
        return in_our_words(self._said.read().decode(errors="replace"), f"it gave no known reason; {SEE_DEBUG_LOG}")


def _ray_command() -> list[str]:
    return [*module_command("inference.cluster.ray.command"), str(os.getpid())]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


async def run_ray(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Run a command of Ray to its end; the reason in our words if it failed, else None."""
    command = [*_ray_command(), *arguments]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
    try:
        out, err = await process.communicate()
    finally:
        await _end(process)
    if process.returncode:
        return in_our_words((err + out).decode(errors="replace"), f"it gave no known reason; {SEE_DEBUG_LOG}")
    return None


async def drain(node_id: str, head: HostPort, environment: Mapping[str, str], why: str) -> str | None:
    """Have a node get no new jobs, hand on those that it has, and leave; why Ray does not do it, else None."""
    return await run_ray(
        ["drain-node", f"--address={head}", f"--node-id={node_id}",
         "--reason=DRAIN_NODE_REASON_PREEMPTION", f"--reason-message={why}"], environment,
    )  # fmt: skip


async def ask(question: str, address: HostPort, environment: Mapping[str, str], *own: str) -> _Said:
    """Ask a cluster about itself, in a process that imports Ray. Raises ProbeFailed."""
    command = [*module_command("inference.cluster.probe"), question, str(address), *own]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        raise ProbeFailed(f"{address} did not answer within {PROBE_SECONDS:.0f} seconds") from None
    finally:
        await _end(process)
    try:
        answer = _ANSWERS.validate_json((out.splitlines() or [b""])[-1])
    except ValidationError:
        says = in_our_words(err.decode(errors="replace"), f"Ray gave no answer; {SEE_DEBUG_LOG}")
        raise ProbeFailed(says) from None
    if isinstance(answer, ProbeProblem):
        log.debug("Ray: %s", err.decode(errors="replace")[-TAIL_BYTES:].strip())
        raise ProbeFailed(answer.problem, wrong_token=answer.wrong_token)
    return answer


async def cluster_view(address: HostPort, environment: Mapping[str, str]) -> ClusterView:
    """The nodes of a cluster. Raises ProbeFailed."""
    answer = await ask("nodes", address, environment)
    assert isinstance(answer, ClusterView)
    return answer


async def reach_report(address: HostPort, environment: Mapping[str, str], own_address: str) -> ReachReport:
    """Whether the head reaches the node of this machine. Raises ProbeFailed."""
    answer = await ask("reach", address, environment, own_address)
    assert isinstance(answer, ReachReport)
    return answer


async def nodes_reached(address: HostPort, environment: Mapping[str, str], own_address: str) -> Sequence[NodeReached]:
    """How the head, on this machine, and the nodes reach each other. Raises ProbeFailed."""
    answer = await ask("reach-nodes", address, environment, own_address)
    assert isinstance(answer, NodesReached)
    return answer.reached


def only_on_linux() -> str | None:
    """Why this machine cannot be a node for the sake of its system; None when it can."""
    if sys.platform == "linux":
        return None
    return "nodes of a cluster run on Linux (under Windows: in WSL2); the bot itself may run here"
