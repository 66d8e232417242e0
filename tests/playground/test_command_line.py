"""`python -m playground`."""

import asyncio
import re
import signal
import sys

import aiohttp

from playground import Playground
from tools.interrupts import HEARD

from .conftest import PATIENCE


async def run(*options: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "playground", *options, stdout=pipe, stderr=pipe,
        preexec_fn=HEARD,
    )  # fmt: skip


async def test_it_runs_alone_and_stops_when_interrupted() -> None:
    process = await run("--port", "0", "--token", "mine")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        lines = [(await process.stdout.readline()).decode() for _ in range(4)]
        found = re.search(r"http://127\.0\.0\.1:\d+/api/v10", lines[2])
        assert "not Discord" in lines[0] and found is not None and lines[3].split() == ["token", "mine"]
        headers = {"Authorization": "Bot mine"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{found[0]}/users/@me") as response:
            assert (await response.json())["username"] == "Easel"
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_an_occupied_port_is_reported() -> None:
    async with Playground.serve() as playground:
        process = await run("--port", playground.origin.rpartition(":")[2])
        async with asyncio.timeout(PATIENCE):
            _, problem = await process.communicate()
    assert process.returncode == 1
    assert b"cannot listen on port" in problem and b"--port" in problem
