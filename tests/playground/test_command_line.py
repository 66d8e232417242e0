"""`python -m playground`."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from playground import Playground

from .conftest import TIMEOUT_SECONDS


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program, started as a shell without job control starts it in the background: SIGINT is ignored."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "playground", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_runs_alone_and_ends_on_a_signal(number: signal.Signals) -> None:
    async with running("--port", "0", "--token", "mine") as process:
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode() for _ in range(4)]
        found = re.search(r"http://127\.0\.0\.1:\d+/api/v10", lines[2])
        assert "not Discord" in lines[0] and found is not None and lines[3].split() == ["token", "mine"]
        headers = {"Authorization": "Bot mine"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{found[0]}/users/@me") as response:
            assert (await response.json())["username"] == "Easel"
        process.send_signal(number)
        assert (await process.communicate(), process.returncode) == ((b"Closed.\n", b""), 0)


async def test_an_occupied_port_is_reported() -> None:
    async with Playground.serve() as playground, running("--port", playground.origin.rpartition(":")[2]) as process:
        _, problem = await process.communicate()
    assert process.returncode == 1
    assert b"cannot listen on port" in problem and b"--port" in problem
