"""Runs a playground, a bot on the demo checkpoints and people who order, in separate processes.

The playground outlives the bot, so that a bot can be killed and another one started on the same folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil

from bot.app.demo_settings import copy_demo
from bot.config.example import config_text
from playground.control import Control

ROOT = Path(__file__).parents[1]
START_SECONDS = 180.0
LEAVE_SECONDS = 15.0
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(ROOT)}


class Town:
    """What runs: the playground's client, and the bot's process while there is one."""

    def __init__(self, folder: Path, control: Control, api_url: str, token: str, playground: int = 0) -> None:
        self._playground = playground
        self.folder = folder
        self.control = control
        self._discord = {"EASEL_DISCORD__API_URL": api_url, "EASEL_DISCORD__TOKEN": token}
        self._bot: asyncio.subprocess.Process | None = None
        self._had = set[psutil.Process]()  # all workers there ever were, as far as we looked
        self.starts = 0
        self._log = (folder / "bot.log").open("ab")

    @property
    def pids(self) -> tuple[int, int]:
        """The process ids of the bot and of the playground."""
        assert self._bot is not None
        return self._bot.pid, self._playground

    @property
    def database(self) -> Path:
        """The bot's database."""
        return self.folder / "data" / "easel.sqlite3"

    async def start_bot(self) -> None:
        """Start a bot and wait until it is connected; one that ends by itself is started again, as systemd does it."""
        command = (sys.executable, "-m", "bot", "run", "--config", str(self.folder / "config.toml"))
        environment = os.environ | ENVIRONMENT | self._discord
        online = asyncio.create_task(self.control.wait_online(seconds=START_SECONDS))
        while not online.done():
            self.starts += 1
            self._bot = await asyncio.create_subprocess_exec(
                *command, env=environment, stdout=self._log, stderr=self._log
            )
            gone = asyncio.create_task(self._bot.wait())
            await asyncio.wait({online, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
        await online

    async def kill_bot(self) -> None:
        """Kill the bot without a shutdown, like a power cut. Its worker sees the closed pipe and exits."""
        if self._bot is not None and self._bot.returncode is None:
            self._had.update(self.workers())
            self._bot.kill()
            await self._bot.wait()
            await self.control.wait_online(online=False, seconds=START_SECONDS)

    async def stop_bot(self) -> float:
        """With SIGTERM; the seconds it took to leave."""
        assert self._bot is not None
        began = asyncio.get_running_loop().time()
        self._bot.terminate()
        await self._bot.wait()
        return asyncio.get_running_loop().time() - began

    def workers(self) -> list[psutil.Process]:
        """The bot's child processes."""
        if self._bot is None or self._bot.returncode is not None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._bot.pid).children()
        return []

    async def abandoned(self) -> list[psutil.Process]:
        """Workers that live on although their bot does not; they have a while to find out and leave."""
        until = time.monotonic() + LEAVE_SECONDS
        while there := [process for process in self._had if process not in self.workers() and _lives(process)]:
            if time.monotonic() >= until:
                return there
            await asyncio.sleep(0.2)
        return []

    async def written(self, patience: float) -> None:
        """Wait until the bot has written something into its database, or `patience` seconds are over."""
        with self.reading() as connection, contextlib.suppress(TimeoutError):
            version = connection.execute("PRAGMA data_version").fetchone()
            async with asyncio.timeout(patience):
                while connection.execute("PRAGMA data_version").fetchone() == version:
                    await asyncio.sleep(0.003)

    def owed(self) -> int:
        """The number of unfinished jobs and of undelivered results."""
        return self.count(
            "SELECT (SELECT count(*) FROM job WHERE state IN ('queued', 'running'))"
            " + (SELECT count(*) FROM delivery WHERE state = 'pending')"
        )

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """The bot's database, to look at from outside."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def count(self, sql: str) -> int:
        """One number out of the database."""
        with self.reading() as connection:
            return int(connection.execute(sql).fetchone()[0])


@asynccontextmanager
async def town(
    folder: Path, *, heartbeat_seconds: float | None = None, **sections: dict[str, object]
) -> AsyncGenerator[Town]:
    """A town in `folder`, without its bot; `sections` are settings besides the demo's. Everything ends with it."""
    beats = ("--heartbeat-seconds", str(heartbeat_seconds)) if heartbeat_seconds else ()
    sections["worker"] = {"threads": 1, **sections.get("worker", {})}
    (folder / "config.toml").write_text(config_text(copy_demo(folder), **sections), "utf-8")
    playground = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "playground", "--port", "0", *beats),
        env=os.environ | ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        page_url, api_url, token = await _said(playground)
        async with Control.connect(page_url) as control:
            here = Town(folder, control, api_url, token, playground.pid)
            try:
                yield here
            finally:
                await here.kill_bot()
    finally:
        playground.kill()
        await playground.wait()


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


async def _said(playground: asyncio.subprocess.Process) -> tuple[str, str, str]:
    """Addresses and token, as the playground prints them."""
    assert playground.stdout is not None
    found: dict[str, str] = {}
    while len(found) < 3:
        line = (await playground.stdout.readline()).decode()
        if not line:
            raise RuntimeError("the playground did not start")
        if match := re.match(r"\s+(page|API|token)\s+(\S+)", line):
            found[match[1]] = match[2]
    return found["page"], found["API"], found["token"]
