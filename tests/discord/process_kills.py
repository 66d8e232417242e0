"""Kills the bot's process in the middle of its work, and judges what the next one makes of what it left.

A case is a piece of work, and the number of an await of the bot's while it does it: after it the process is killed with
SIGKILL. Another one goes on. Everything has to be as it is without a kill.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from playground.control import SentInteraction
from tests.discord.conftest import PATIENCE, Scene, open_scene
from tests.discord.killed_bot import KILL_AT, Work
from tests.discord.test_removals import rows
from tests.discord.test_restarts import bot_process
from tests.house import House

MODULE = "tests.discord.killed_bot"

Case = TypeVar("Case")


@dataclass
class ProcessKills(ABC, Generic[Case]):
    """Kills one process after the other; the next one goes on with what the last one left."""

    scene: Scene
    kill_at: Path
    made: int = 0  # cases so far
    wrong: list[str] = field(default_factory=list[str])

    owed: ClassVar[str]  # the SQL that counts what the bot still has to do

    @abstractmethod
    async def prepared(self, what: str, number: int) -> Case:
        """All that is needed before the work; `number` is the case's own."""

    @abstractmethod
    async def begin(self, what: str, case: Case) -> SentInteraction:
        """Let the bot begin, without waiting for what comes of it."""

    @abstractmethod
    def work(self, what: str) -> Work:
        """In what the process is killed."""

    @abstractmethod
    async def faults(self, what: str, case: Case) -> list[str]:
        """What is not as it has to be."""

    async def set_up(self) -> None:
        """Before the first case."""

    async def go_through(self, what: str, first: int = 1, every: int = 1) -> tuple[int, int]:
        """Every case of a piece of work: its awaits, and the kills that there were."""
        async with bot_process(self.scene, module=MODULE) as process:
            if not self.made:
                await self.set_up()
            (case,) = await self._prepared(what, 1)
            awaits = await self._interrupted(process, what, case, 10**9)
            assert awaits is not None
            self.wrong += [f"{what}, not killed: {each}" for each in await self.faults(what, case)]
            places = range(first, awaits + 1, every)
            waiting = await self._prepared(what, len(places))
        killed, before = 0, None
        for place, case in [*zip(places, waiting, strict=True), (0, None)]:
            async with bot_process(self.scene, module=MODULE) as process:
                if before is not None:
                    await self.settled()
                    found = await self.faults(what, before[1])
                    self.wrong += [f"{what}, killed after await {before[0]}: {each}" for each in found]
                if case is not None:
                    killed += await self._interrupted(process, what, case, place) is None
                    before = (place, case)
        return awaits, killed

    async def settled(self) -> None:
        """Wait until the bot owes nothing."""
        changes = self.scene.playground.changes
        async with asyncio.timeout(PATIENCE):
            while await rows(self.scene, self.owed) != [(0,)]:
                await changes.wait(changes.version, 0.05)

    async def _prepared(self, what: str, count: int) -> list[Case]:
        numbers = range(self.made, self.made + count)
        self.made += count
        return [await self.prepared(what, number) for number in numbers]

    async def _interrupted(self, process: asyncio.subprocess.Process, what: str, case: Case, place: int) -> int | None:
        """Begin; None when the process was killed then, else how many awaits there were."""
        await self.settled()
        self.kill_at.write_text(f"{place} {self.work(what)}", "utf-8")
        await self.begin(what, case)
        survived, changes = self.kill_at.with_suffix(".survived"), self.scene.playground.changes
        async with asyncio.timeout(PATIENCE):
            while process.returncode is None and not await asyncio.to_thread(survived.exists):
                await changes.wait(changes.version, 0.05)
        if process.returncode is not None:
            return None
        await self.settled()
        awaits = int(await asyncio.to_thread(survived.read_text, "utf-8"))
        await asyncio.to_thread(survived.unlink)
        return awaits


async def _run(kind: type[ProcessKills[Case]], options: argparse.Namespace, folder: Path) -> int:
    """Go through what was asked for; how much is wrong."""
    os.environ[KILL_AT] = str(folder / "kill_at")
    async with open_scene(House(folder / "house")) as scene:
        kills = kind(scene, folder / "kill_at")
        for what in options.what:
            began, before = time.monotonic(), len(kills.wrong)
            awaits, killed = await kills.go_through(what, options.first, options.every)
            print(f"{what}: {killed} kills in {awaits} awaits, {time.monotonic() - began:.0f} s", flush=True)
            print(*kills.wrong[before:], sep="\n", flush=True)
    return len(kills.wrong)


def main(kind: type[ProcessKills[Case]], names: Sequence[str], text: str | None) -> None:
    """Go through what the command line names, or all; the exit code tells whether anything is wrong."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="+", default=[*names], choices=[*names])
    parser.add_argument("--every", type=int, default=1, help="only every n-th await")
    parser.add_argument("--first", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(min(1, asyncio.run(_run(kind, options, Path(folder)))))
