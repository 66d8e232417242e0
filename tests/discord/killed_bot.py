"""The program, which kills itself in the middle of a decision: `python -m tests.discord.killed_bot run …`.

Its pictures are of one colour and are there at once, so that it starts and paints without torch.

The file that `KILL_AT` names says after which of the decision's awaits that is, counted from 1. It is read when there
is a decision to carry out. When that was done before, a file `.survived` beside it gets the number of its awaits.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.app import assembly
from bot.cli.main import main
from bot.database.reports import decisions_to_carry_out
from bot.reports.carrying_out import CarryingOut
from bot.ui import bot
from inference.messages import Generate, JobCommand
from inference.workers.storage import StoredFile
from tests.bot.jobs.fake_worker import FakeWorker
from tests.stepped import Stepped

KILL_AT = "KILL_AT"


@dataclass
class Countdown:
    """Kills the process at zero, like a power cut."""

    path: Path
    left: int
    passed: int = 0

    @classmethod
    def read(cls) -> Self | None:
        """What the file says, once."""
        path = Path(os.environ[KILL_AT])
        if not path.exists():
            return None
        left = int(path.read_text("utf-8"))
        path.unlink()
        return cls(path, left)

    def look(self) -> None:
        self.passed += 1
        if self.passed == self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def survived(self) -> None:
        self.path.with_suffix(".survived").write_text(str(self.passed), "utf-8")


class PaintingAtOnce(FakeWorker):
    """Has each picture painted when it is submitted."""

    async def submit(self, job: JobCommand, files: Mapping[str, StoredFile]) -> bool:
        assert isinstance(job, Generate)
        self.begin(job)
        await asyncio.to_thread(self.finish, job)
        return True


class KilledCarryingOut(CarryingOut):
    """Carries decisions out until it is killed."""

    async def carry_out_all(self) -> None:
        waits = await decisions_to_carry_out(self._connection, after=0, limit=1)
        countdown = Countdown.read() if waits else None
        if countdown is None:
            return await super().carry_out_all()
        await Stepped(super().carry_out_all(), countdown.look)
        return countdown.survived()


if __name__ == "__main__":
    vars(bot)["CarryingOut"] = KilledCarryingOut
    vars(assembly)["make_workers"] = lambda settings, _checkpoints: (PaintingAtOnce(settings.storage.spool),)
    sys.exit(main())
