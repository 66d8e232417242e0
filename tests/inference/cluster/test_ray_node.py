"""How a node is started and asked; what Ray itself does is tested in tests/cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

import pytest

from inference.cluster.compatibility import NodeIdentity, monitor_kills_workers
from inference.cluster.files import FileCache
from inference.cluster.network import HostPort
from inference.cluster.node_files import CACHE_VARIABLE
from inference.cluster.ray.node import NodeOptions, RayNode, cluster_environment
from inference.cluster.worker_folder import WorkerFolder

OPTIONS = NodeOptions("10.0.0.5", "one", 2, memory_gb=24, labels={"gpu": "24gb"}, more=("--num-cpus=1",))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a node whose cache is not this account's."""
    return {**os.environ, CACHE_VARIABLE: str(tmp_path)}


def test_the_head_has_a_token_and_no_dashboard_for_others() -> None:
    command = OPTIONS.head_command(7000)
    wanted = {"--head", "--block", "--port=7000", "--node-ip-address=10.0.0.5", "--include-dashboard=false",
              "--dashboard-host=127.0.0.1", "--num-gpus=2", "--node-name=one", "--num-cpus=1"}  # fmt: skip
    assert wanted <= set(command)


def test_a_node_tells_its_versions_by_labels() -> None:
    command = OPTIONS.join_command(HostPort("10.0.0.5", 7000))
    assert "--address=10.0.0.5:7000" in command and "--head" not in command
    (labels,) = [part.partition("=")[2] for part in command if part.startswith("--labels=")]
    told = dict(label.split("=") for label in labels.split(","))
    assert NodeIdentity.of_labels(told) == NodeIdentity.own()
    assert (told["gpu"], told["easel-memory-gb"], told["easel-node"]) == ("24gb", "24", OPTIONS.key)


def test_the_token_never_stands_on_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret-token")
    commands = (OPTIONS.head_command(1), OPTIONS.join_command(HostPort("10.0.0.5", 1)))
    assert not any("secret-token" in part for command in commands for part in command)


@pytest.mark.parametrize("name", ["EASEL_DISCORD__TOKEN", "EASEL_CLUSTER__SECRET", "easel_sources__civitai_key"])
def test_nothing_of_the_settings_reaches_ray(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "secret")
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    environment = cluster_environment(Path("/token"))
    assert "secret" not in environment.values()
    assert (environment["RAY_AUTH_MODE"], environment["RAY_AUTH_TOKEN_PATH"]) == ("token", "/token")
    assert "RAY_AUTH_TOKEN_PATH" not in cluster_environment(None)


def test_ray_kills_no_painter_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "250")
    assert not monitor_kills_workers(cluster_environment(None), 512 * 2**30)


@pytest.mark.parametrize(
    ("printed", "says"),
    [
        ("ConnectionError: nobody there", "the head cannot be reached"),
        ("RuntimeError: Version mismatch: The cluster was started with", "another version of Ray or Python"),
        ("(raylet) something that only Ray's developers know", "it gave no known reason; run it again as"),
    ],
)
async def test_what_ray_says_is_told_in_our_words(
    environment: dict[str, str], caplog: pytest.LogCaptureFixture, printed: str, says: str
) -> None:
    caplog.set_level(logging.DEBUG, "inference.cluster.ray.words")
    program = f"print('starting'); print({printed!r}); print('goodbye')"
    node = await RayNode.start([sys.executable, "-c", program], environment)
    await node.wait()
    assert node.ended and says in node.problem and printed not in node.problem
    assert printed in caplog.text, "the debug log has it"
    await node.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="nodes run Linux")
async def test_a_node_is_ended_with_a_program_that_is_killed(tmp_path: Path) -> None:
    child = "import os, sys, time; from inference.cluster.ray.command import end_with; end_with(int(sys.argv[1])); "
    child += "print(os.getpid(), flush=True); time.sleep(600)"
    parent = "import os, subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], str(os.getpid())])"
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, child, stdout=pipe)
    assert program.stdout is not None
    assert int(await program.stdout.readline()), "the node is there"
    program.kill()
    async with asyncio.timeout(60):
        assert await program.stdout.read() == b"", "it is open as long as the node is there"


async def test_nothing_stays_of_workers_that_died_with_the_node_or_before(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """As of those of a head, which nobody drains: people's pictures to start from are there."""
    workers = [WorkerFolder(FileCache(tmp_path, 1)) for _ in range(3)]
    before, dies, other = workers
    before._lock.release()  # as the system does when the process is gone
    node = await RayNode.start([sys.executable, "-c", "import time; time.sleep(600)"], environment)
    assert [worker.path.exists() for worker in workers] == [False, True, True]
    dies._lock.release()
    stopping = asyncio.create_task(node.stop())
    await asyncio.to_thread(other.close)
    await stopping
    assert not any(worker.path.exists() for worker in workers)


async def test_a_node_is_ended_with_the_program(environment: dict[str, str]) -> None:
    node = await RayNode.start([sys.executable, "-c", "import time; time.sleep(600)"], environment)
    assert not node.ended
    await node.stop()
    assert node.ended and node.problem.startswith("it gave no known reason")
