"""`easel cluster` with real Ray: a head and nodes on this machine, joined by the command that the head prints."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from inference.cluster.compatibility import NodeIdentity
from inference.cluster.network import own_address_towards
from inference.cluster.views import ClusterView, NodeState
from tests.bot.cli.commands import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAX_WAIT = 300.0
# Few and small; `--public` since a machine that tests may have any address, and other tests may run on it.
SMALL = ("--public", "--share-cards", "--ray-option=--num-cpus=1", "--ray-option=--object-store-memory=80000000")


@dataclass
class Running:
    """A command that runs, and the lines that it said."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list[str])

    async def says(self, words: str) -> str:
        """Wait for a line with these words."""
        assert self.process.stdout is not None
        async with asyncio.timeout(MAX_WAIT):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line.rstrip())
                if words in line:
                    return line.rstrip()
        raise AssertionError(f"it ended without {words!r}: {self.lines}")

    async def ends(self) -> int:
        """Wait until it is over."""
        async with asyncio.timeout(MAX_WAIT):
            assert self.process.stdout is not None
            self.lines += (await self.process.stdout.read()).decode().splitlines()
            return await self.process.wait()

    async def stop(self) -> None:
        """End it as a service manager does."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await self.ends()


@dataclass
class Machines:
    """Homes of accounts, one for each machine that is played, and the head's port."""

    folder: Path
    port: int
    head: str

    def environment(self, machine: str, **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("EASEL_", "RAY_", "XDG_"))}
        home = self.folder / machine
        home.mkdir(exist_ok=True)
        return clean | {"HOME": str(home), "PYTHONPATH": str(ROOT), "EASEL_DISCORD__TOKEN": "not for Ray"} | more

    async def easel(self, machine: str, *arguments: str, **more: str) -> Running:
        return await self.run(machine, [sys.executable, "-m", "bot", *arguments], **more)

    async def run(self, machine: str, command: Sequence[str], **more: str) -> Running:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=self.environment(machine, **more), stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        return Running(process)

    def own(self, machine: str) -> tuple[str, ...]:
        """Options of a node on this machine."""
        return (*SMALL, "--name", machine, f"--ray-option=--temp-dir={self.folder / f'{machine}-ray'}")

    def wrong_token(self) -> Path:
        file = self.folder / "wrong"
        file.touch(0o600)
        file.write_text("0123456789abcdef")
        return file

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Running]:
        head = await self.easel("one", "cluster", "up", "--port", str(self.port), "--gpus", "0", *self.own("one"))
        try:
            await head.says("The cluster runs at")
            yield head
        finally:
            await head.stop()

    @asynccontextmanager
    async def joined(self, machine: str, **more: str) -> AsyncIterator[Running]:
        """A node that was joined by the command that the head prints, without its ssh."""
        token = self.folder / "one" / ".ray" / "auth_token"
        arguments = ("cluster", "join", self.head, "--token-file", str(token), "--gpus", "2", *self.own(machine))
        node = await self.easel(machine, *arguments, **more)
        try:
            await node.says(f"This machine has joined {self.head} as {machine}.")
            yield node
        finally:
            await node.stop()

    async def view(self) -> ClusterView:
        status = await self.easel("one", "cluster", "status", "--json")
        await status.ends()
        return ClusterView.model_validate_json(status.lines[-1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machines() -> AsyncIterator[Machines]:
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    address = own_address_towards("10.255.255.255")
    assert address is not None, "this machine has no network"
    folder = Path(tempfile.mkdtemp(prefix="easel-"))  # short: Ray makes sockets below it
    yield Machines(folder, port, f"{address}:{port}")
    shutil.rmtree(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def head(machines: Machines) -> AsyncIterator[Running]:
    async with machines.up() as head:
        yield head


async def test_a_second_machine_joins_by_the_printed_command_and_leaves_when_it_is_drained(
    machines: Machines, head: Running
) -> None:
    printed = await head.says(" cluster join ")
    token = (machines.folder / "one" / ".ray" / "auth_token").read_text()
    assert not any(token in line for line in head.lines)
    command = re.sub(r"ssh \S+ ", "", printed.strip()).replace("python -m bot", f"{sys.executable} -m bot")
    more = " ".join((*machines.own("two"), "--gpus", "2", "--memory-gb", "24", "--label", "gpu=24gb"))
    node = await machines.run("two", ["bash", "-c", f"{command} {more}"])
    await node.says("has joined")
    assert any("one trust domain" in line for line in node.lines)
    view = await machines.view()
    assert [(each.name, each.head, each.devices, each.state) for each in view.nodes] == [
        ("one", True, 0, NodeState.ALIVE), ("two", False, 2, NodeState.ALIVE),
    ]  # fmt: skip
    assert all(each.identity == NodeIdentity.own() for each in view.nodes)
    assert (view.nodes[1].labels["gpu"], view.nodes[1].labels["easel-memory-gb"]) == ("24gb", "24")
    doctor = await machines.easel("two", "doctor", "--cluster", machines.head)
    await doctor.ends()
    assert any("node two: fits" in line for line in doctor.lines), doctor.lines
    assert any("ports and clock: the head and" in line for line in doctor.lines), doctor.lines

    drain = await machines.easel("two", "cluster", "drain", "two")
    assert await drain.ends() == 0 and drain.lines[-1] == "two has left the cluster."
    assert await node.ends() == 0 and node.lines[-1] == "This machine was drained and has left the cluster."
    assert (await machines.view()).nodes[1].state is NodeState.DRAINED


async def test_a_wrong_token_is_refused(machines: Machines, head: Running) -> None:
    wrong = machines.wrong_token()
    join = await machines.easel("three", "cluster", "join", machines.head, "--token-file", str(wrong), "--public")
    assert await join.ends() == 1
    assert join.lines[-1] == "The token is not that of this cluster; use the head's, by --token-file."


async def test_a_bot_with_a_wrong_token_is_told_so_at_once(machines: Machines, head: Running) -> None:
    """Ray itself tries for a minute, and says that it cannot connect."""
    wrong = machines.wrong_token()
    cluster = {"EASEL_WORKER__BACKEND": "ray", "EASEL_CLUSTER__ADDRESS": machines.head}
    files = {"EASEL_CLUSTER__TOKEN_FILE": str(wrong), "EASEL_STORAGE__FOLDER": str(machines.folder / "bot")}
    out = str(machines.folder / "star.png")
    paint = await machines.easel("one", "paint", "a star", "--out", out, **cluster, **files)
    async with asyncio.timeout(MAX_WAIT):
        assert await paint.ends() == 2
    assert paint.lines[-1].endswith(
        "the token is not that of this cluster; give this account the one that the head has."
    )


async def test_another_torch_is_refused_with_the_reason(machines: Machines, head: Running) -> None:
    other = machines.folder / "other" / "torch-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.0\n")
    await _refused(machines, f"{other.parent}:{ROOT}", "it has torch 1.0 and the cluster ")


async def test_another_easel_is_refused_with_the_reason(machines: Machines, head: Running) -> None:
    copy = machines.folder / "copy"
    for top in ("bot", "inference"):
        shutil.copytree(ROOT / top, copy / top, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    with (copy / "inference" / "queue.py").open("a") as file:
        file.write("# changed\n")
    await _refused(machines, str(copy), "it has Easel ", folder=copy)


async def _refused(machines: Machines, path: str, words: str, folder: Path = ROOT) -> None:
    token = machines.folder / "one" / ".ray" / "auth_token"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "cluster", "join", machines.head, "--token-file", str(token), "--public",
        cwd=folder, env=machines.environment("three", PYTHONPATH=path), stdout=pipe, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    join = Running(process)
    assert await join.ends() == 1
    assert join.lines[-1].startswith(f"This machine does not fit the cluster: {words}"), join.lines


async def test_rays_processes_hear_nothing_of_discords(machines: Machines, head: Running) -> None:
    token = (machines.folder / "one" / ".ray" / "auth_token").read_bytes()
    async with machines.joined("two"):
        of_ray = [each for each in of_processes("environ") if b"RAY_AUTH_TOKEN_PATH=" + bytes(machines.folder) in each]
        assert len(of_ray) > 3 and not any(b"not for Ray" in environment for environment in of_ray)
        assert not any(token in line for line in of_processes("cmdline"))


def of_processes(what: str) -> list[bytes]:
    return [_bytes(path) for path in Path("/proc").glob(f"[0-9]*/{what}")]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended, or belongs to another account
        return b""


async def test_a_node_that_is_ended_hands_its_jobs_on_first(machines: Machines, head: Running) -> None:
    async with machines.joined("two") as node:
        await node.stop()
        assert node.lines[-1] == "This machine hands over its jobs and leaves the cluster."
        (two,) = [each for each in (await machines.view()).listed if each.name == "two"]
        assert (two.state, two.reason) == (NodeState.DRAINED, "its `cluster join` was ended")


async def test_a_node_joins_the_next_head_again(machines: Machines, head: Running) -> None:
    soon = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}  # Ray waits a minute for a head that does not answer
    async with machines.joined("two", **soon) as node:
        await head.stop()
        await node.says("The connection to the cluster was lost. This machine joins again as soon as possible.")
        async with machines.up():
            await node.says("has joined")
            assert {each.name for each in (await machines.view()).present} == {"one", "two"}
