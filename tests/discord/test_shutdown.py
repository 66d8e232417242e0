"""SIGTERM while jobs run: the program ends within ten seconds, and no job is lost."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time

import psutil

from tests.discord.conftest import PATIENCE, PROMPT, Scene, told
from tests.discord.test_restarts import EDITS, bot_process

SECONDS = 10.0  # that a program which is asked to end may take, with a worker that hangs and people to tell


async def ended(process: asyncio.subprocess.Process) -> float:
    """Wait until it has left in good order; the seconds that took."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        assert await process.wait() == 0
    return time.monotonic() - began


def jobs(scene: Scene) -> list[tuple[str, int]]:
    """State and deaths of each."""
    with sqlite3.connect(scene.house.data / "easel.sqlite3") as database:
        return database.execute("SELECT state, deaths FROM job ORDER BY id").fetchall()


async def test_sigterm_loses_no_job_even_if_worker_and_discord_hang(empty: Scene) -> None:
    async with bot_process(empty) as process:
        (worker,) = psutil.Process(process.pid).children()
        await (await empty.grace.slash("settings", results="only I see them")).reply()
        long = {"prompt": PROMPT, "steps": 150}
        painting = await told(empty.ada, "imagine", **long)
        others = [await told(who, "imagine", **long) for who in (empty.ada, empty.grace)]
        await empty.until_painting(painting)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)  # somebody is impatient
        process.send_signal(signal.SIGINT)
        assert await ended(process) < SECONDS
        assert not worker.is_running()
        for order in (painting, *others):
            shown = await empty.control.message(order.id)
            assert shown and "restart" in shown.text
    assert jobs(empty) == [("queued", 0)] * 3
    async with bot_process(empty) as process:
        (worker,) = psutil.Process(process.pid).children()
        await empty.until_painting(painting)
        worker.suspend()
        await empty.control.fault(EDITS, method="PATCH", kind="hang", count=9)  # Discord does not answer either
        process.terminate()
        assert await ended(process) < SECONDS
        assert not worker.is_running()
        await empty.control.clear_faults()
    assert jobs(empty) == [("queued", 0)] * 3
    async with bot_process(empty):
        for order in (painting, *others):
            assert (await empty.ended(order)).attachments
    assert len(await empty.pictures()) == 3
    assert not await empty.control.messages("dm", "Grace")
