"""The driver process as a process: found, refused, ended; without a cluster, which it says."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from inference.cluster.compatibility import NodeIdentity
from inference.cluster.driver import _require_head, serve  # pyright: ignore[reportPrivateUsage]
from inference.cluster.nodes import ClusterLost
from inference.cluster.protocol import ClusterSettingsSent
from inference.cluster.wire import (
    HANDSHAKE_SECONDS,
    SECRET_VARIABLE,
    Connection,
    SocketAddress,
    WireError,
    begin_handshake,
)
from inference.errors import WorkerUnavailable
from inference.messages.options import WorkerOptions
from inference.processes.child_processes import module_command
from inference.workers import PoolUnavailable, driver_process
from inference.workers.driver_process import DriverOptions, DriverProcess
from inference.workers.ray import RayPool
from inference.workers.storage import SpoolFolder
from tests.log import Log

MAX_WAIT = 60.0
COMMAND = module_command("inference.cluster.driver")
# What a service manager does with a socket unit: it opens the socket and starts the service when somebody connects.
SERVICE = """
import os, socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1] + ".new")
listening.listen()
os.rename(sys.argv[1] + ".new", sys.argv[1])
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.execv(sys.executable, [sys.executable, "-m", "inference.cluster.driver", "--listen", "inherited"])
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a driver process that ends by itself may need long for it."""
    monkeypatch.setattr(driver_process, "END_SECONDS", MAX_WAIT)


def nowhere() -> ClusterSettingsSent:
    """A cluster whose head is not there: at a port that was free another program may listen by now, at this none."""
    return ClusterSettingsSent(address="127.0.0.1:1", unreachable_seconds=10, cache_bytes=1)


def pool_of(options: DriverOptions, spool: Path) -> RayPool:
    return RayPool(WorkerOptions(checkpoints=()), SpoolFolder(spool), DriverProcess(options))


async def test_without_a_head_the_driver_process_says_so_and_is_started_again(tmp_path: Path) -> None:
    pool = pool_of(DriverOptions(None, COMMAND, nowhere(), os.environ), tmp_path)
    with Log.listening() as log:
        async with asyncio.timeout(MAX_WAIT):
            await pool.start()
            await log.heard("nobody listens at")
            await log.heard("(exit code 1, 2 in a row)")
            await pool.close()
    changes = [change async for change in pool.changes()]
    assert [change.failures for change in changes if isinstance(change, PoolUnavailable)][:2] == [1, 2]
    assert all(isinstance(change, PoolUnavailable) for change in changes) and not log.tracebacks
    assert not [child for child in psutil.Process().children() if "inference.cluster.driver" in child.cmdline()]


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6")
def test_a_head_may_have_an_address_of_the_sixth_version() -> None:
    with pytest.raises(ClusterLost) as lost:
        _require_head("[::1]:1")
    assert not isinstance(lost.value.__context__, socket.gaierror), "its brackets are no part of it"


async def test_a_driver_process_ends_with_the_bot_that_started_it() -> None:
    driver = DriverProcess(DriverOptions(None, COMMAND, nowhere(), os.environ))
    await driver.start()
    assert driver._process and driver._socket
    driver._socket.close()  # as the system does with a bot that is killed
    async with asyncio.timeout(MAX_WAIT):
        assert await driver._process.wait() == 1
    await driver.end()


async def test_a_bot_that_is_killed_leaves_no_file_of_its_driver_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    driver = DriverProcess(DriverOptions(None, COMMAND, nowhere(), environment))
    await driver.start()
    async with asyncio.timeout(MAX_WAIT):
        bot = await driver.connect()
        assert (told := await bot.receive()) and b"nobody listens at" in told.header
        assert not os.listdir(tmp_path), "also while both run"  # noqa: PTH208
        await bot.close()
    assert await driver.end() == 1


async def reached(address: SocketAddress) -> Connection:
    """A connection to a driver process that is being started, which takes it for the bot's."""
    async with asyncio.timeout(MAX_WAIT):
        while not (found := await opened(address, 1)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await begin_handshake(found[0], "", NodeIdentity.own().easel, MAX_WAIT)
        return found[0]


@pytest.mark.parametrize("listens", [True, False])
async def test_a_signal_is_left_to_the_bot_that_started_the_driver_process(tmp_path: Path, listens: bool) -> None:
    address = SocketAddress(f"unix:{tmp_path / 's'}") if listens else None
    driver = DriverProcess(DriverOptions(address, COMMAND, nowhere(), os.environ))
    await driver.start()
    if address:
        bot = await reached(address)
    else:
        bot = await driver._reach()
        await begin_handshake(bot, "", NodeIdentity.own().easel, MAX_WAIT)
    assert driver._process
    for number in (signal.SIGINT, signal.SIGTERM):
        driver._process.send_signal(number)
    await bot.send(nowhere())
    assert (told := await bot.receive()) and b"nobody listens at" in told.header
    await bot.close()
    assert await driver.end() == 1


async def test_a_signal_ends_a_service_in_order(tmp_path: Path) -> None:
    address = SocketAddress(f"unix:{tmp_path / 's'}")
    service = await asyncio.create_subprocess_exec(*COMMAND, "--listen", address.text, stderr=asyncio.subprocess.PIPE)
    bot = await reached(address)
    service.send_signal(signal.SIGTERM)
    async with asyncio.timeout(MAX_WAIT):
        assert await bot.receive() is None
        _, said = await service.communicate()
    assert (service.returncode, said) == (0, b"")
    await bot.close()


async def test_a_service_with_a_socket_of_its_own_is_reached(tmp_path: Path) -> None:
    path = tmp_path / "s"
    service = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVICE, str(path))
    while not path.exists():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    pool = pool_of(DriverOptions(SocketAddress(f"unix:{path}"), None, nowhere(), {}), tmp_path)
    with Log.listening() as log:
        async with asyncio.timeout(MAX_WAIT):
            await pool.start()
            await log.heard("no driver process of the cluster: nobody listens at")
            await pool.close()
            assert await service.wait() == 1


@pytest.mark.parametrize("secret", ["right", "wrong", ""])
async def test_at_a_port_a_secret_is_needed(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int], secret: str
) -> None:
    listen = SocketAddress(f"tcp:127.0.0.1:{unused_tcp_port_factory()}")
    environment = {**os.environ, SECRET_VARIABLE: "right"}
    options = DriverOptions(listen, COMMAND, nowhere(), environment, secret)
    pool = pool_of(options, tmp_path)
    with Log.listening() as log:
        async with asyncio.timeout(MAX_WAIT):
            await pool.start()
            await log.heard("the secrets differ" if secret != "right" else "nobody listens at")
            await pool.close()
    assert not any("right" in record.getMessage().split() for record in log.records)


async def test_strangers_who_say_nothing_do_not_keep_the_bot_out(unused_tcp_port_factory: Callable[[], int]) -> None:
    address = SocketAddress(f"tcp:127.0.0.1:{unused_tcp_port_factory()}")
    serving = asyncio.create_task(serve(address, "secret", asyncio.Event()))
    async with asyncio.timeout(HANDSHAKE_SECONDS - 1):
        while not (strangers := await opened(address, 3)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for stranger in strangers:
            await stranger.receive()  # the driver's hello: it is being served
        (bot,) = await opened(address, 1)
        await begin_handshake(bot, "secret", NodeIdentity.own().easel)
        await bot.send(nowhere())
        assert await serving == 1
        for each in (*strangers, bot):
            await each.close()


async def test_a_second_bot_is_told_that_there_is_another(tmp_path: Path) -> None:
    address = SocketAddress(f"unix:{tmp_path / 's'}")
    serving = asyncio.create_task(serve(address, "secret", asyncio.Event()))
    async with asyncio.timeout(MAX_WAIT):
        while not (bots := await opened(address, 1)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await begin_handshake(bots[0], "secret", NodeIdentity.own().easel)
        bots += await opened(address, 1)
        with pytest.raises(WireError, match="it serves another bot"):
            await begin_handshake(bots[1], "secret", NodeIdentity.own().easel)
        for each in bots:
            await each.close()
        assert await serving == 0


async def opened(address: SocketAddress, number: int) -> list[Connection]:
    try:
        return [await Connection.open(address) for _ in range(number)]
    except OSError:
        return []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--listen", "tcp:127.0.0.1:1"), "a TCP address needs a secret"),
        (("--listen", "tcp:127.0.0.1:1", "--secret-file", "nowhere"), "nowhere cannot be read: No such file"),
        (("--listen", "unix:/nowhere/s"), "it cannot listen at unix:/nowhere/s: No such file"),
        (("--listen", "here"), "an address is unix:/path or tcp:host:port"),
    ],
)
async def test_what_it_cannot_use_is_one_line(options: tuple[str, ...], words: str) -> None:
    process = await asyncio.create_subprocess_exec(*COMMAND, *options, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 2 and words in said.decode() and "Traceback" not in said.decode()


async def test_a_service_that_is_not_there_is_told() -> None:
    address = SocketAddress("tcp:127.0.0.1:1")
    with pytest.raises(WireError, match=r"nobody listens at tcp:.*; start the service of the driver process"):
        await DriverProcess(DriverOptions(address, None, nowhere(), {}, "secret")).connect()


async def test_a_command_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(WorkerUnavailable, match="No such file"):
        await pool_of(DriverOptions(None, ("/nowhere",), nowhere(), {}), tmp_path).start()


async def test_a_driver_process_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_process, "END_SECONDS", 0.1)
    command = (sys.executable, "-c", "import time; time.sleep(1000)")
    driver = DriverProcess(DriverOptions(None, command, nowhere(), os.environ))
    await driver.start()
    assert await driver.end() == -9
