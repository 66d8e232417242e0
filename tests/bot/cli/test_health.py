"""`health` beside a bot that runs: its exit code is what a container's health check goes by."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from bot.cli import DONE, REFUSED
from playground import Playground
from tests.bot.cli.commands import PATIENCE, ROOT, Said, bot
from tests.house import House


async def until(house: House, words: str) -> Said:
    """Ask again until the answer holds these words."""
    async with asyncio.timeout(PATIENCE):
        while words not in (said := await asyncio.to_thread(bot, "health", "--config", house.config)).out:
            pass
    return said


async def test_it_fails_without_a_gateway_a_worker_or_a_program(house: House, tmp_path: Path) -> None:
    assert (await until(house, "not running")).code == REFUSED
    token = tmp_path / "token"
    async with AsyncExitStack() as stack:
        playground = await stack.enter_async_context(Playground.serve())
        token.write_text(f"{playground.token}\n", "utf-8")
        environment = os.environ | {
            "EASEL_DISCORD__TOKEN_FILE": str(token),
            "EASEL_DISCORD__API_URL": playground.api_url,
            "OMP_NUM_THREADS": "1",
        }
        command = (sys.executable, "-m", "bot", "run", "--config", str(house.config))
        pipe = asyncio.subprocess.PIPE
        running = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stderr=pipe)
        assert running.stderr is not None
        try:
            async with asyncio.timeout(PATIENCE):
                while b" is ready: " not in (line := await running.stderr.readline()):  # asking would slow it down
                    assert line, "the bot has ended"
            assert (await until(house, "a worker is ready")).code == DONE
            await stack.aclose()  # Discord is gone
            assert (await until(house, "Discord is not connected")).code == REFUSED
        finally:
            running.send_signal(signal.SIGTERM)
            await running.communicate()
    assert (await until(house, "not running")).code == REFUSED
