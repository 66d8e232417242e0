"""The program, which kills itself in the middle of a piece of work: `python -m tests.discord.killed_bot run …`.

Its pictures are of one colour and are there at once, so that it starts and paints without torch. It keeps likes and
boards up to date without delay.

The file that `KILL_AT` names says in which work, and after which of its awaits that is, counted from 1. It is read when
there is such work to do; until then the loop that does it does nothing, so that none of it goes by uncounted. When that
was done before, a file `.survived` beside it gets the number of its awaits.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial, wraps
from pathlib import Path
from typing import Any, Self, TypeVar

from bot.app import assembly
from bot.cli.main import main
from bot.community import boards, like_counts
from bot.community.boards import BoardPlace, Boards, as_stored
from bot.community.like_counts import LikeCounts
from bot.community.pacing import EditPacer
from bot.community.publishing import Publishing
from bot.config.settings import Settings
from bot.database.clock import now_ms
from bot.database.gallery import likes
from bot.database.gallery.boards import FIND_BOARD
from bot.database.gallery.publications import UNSETTLED_PUBLICATIONS, Publication
from bot.database.reports.decisions import DECISIONS_TO_CARRY_OUT
from bot.database.reports.reports import MESSAGES_DUE
from bot.reports.carrying_out import CarryingOut
from bot.ui import bot
from bot.ui.views.gallery.post import ConfirmUnpublishingButton, LikeButton, RemovePublicationForm
from inference.messages.commands import Generate, JobCommand
from inference.workers.fixed import FixedPool
from inference.workers.storage import StoredFile
from tests.bot.jobs.fake_worker import FakeWorker
from tests.stepped import Stepped

KILL_AT = "KILL_AT"
OFTEN = 0.2  # seconds between two looks for what is behind

T = TypeVar("T")


class Work(StrEnum):
    """In what the program may be killed."""

    DECISION = "decision"
    PUBLISH = "publish"
    LIKE = "like"
    SHOW_LIKES = "show likes"
    UNPUBLISH = "unpublish"  # until the person is answered
    TAKE_AWAY = "take away"  # the message of what is not published any more
    BOARD = "board"


@dataclass
class Countdown:
    """Kills the process at zero, like a power cut."""

    path: Path
    left: int
    passed: int = 0

    @classmethod
    def read(cls, work: Work) -> Self | None:
        """What the file says of this work, once."""
        path = Path(os.environ[KILL_AT])
        if not path.exists():
            return None
        left, _, wanted = path.read_text("utf-8").partition(" ")
        if wanted != work:
            return None
        path.unlink()
        return cls(path, int(left))

    @staticmethod
    def is_asked(work: Work) -> bool:
        """Whether the file is about this work."""
        path = Path(os.environ[KILL_AT])
        return path.exists() and path.read_text("utf-8").partition(" ")[2] == work

    def look(self) -> None:
        self.passed += 1
        if self.passed == self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def survived(self) -> None:
        self.path.with_suffix(".survived").write_text(str(self.passed), "utf-8")


async def killed_in(work: Work, doing: Coroutine[Any, Any, T]) -> T:
    """Do it, until the process is killed."""
    countdown = Countdown.read(work)
    if countdown is None:
        return await doing
    result = await Stepped(doing, countdown.look)
    countdown.survived()
    return result


def killed(work: Work, method: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., Coroutine[Any, Any, T]]:
    """The method, in which the process is killed."""

    @wraps(method)
    async def run(*args: Any, **options: Any) -> T:
        return await killed_in(work, method(*args, **options))

    return run


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
        waits = await self._db.all(DECISIONS_TO_CARRY_OUT, after=0, limit=1)
        waits = waits or await self._db.all(MESSAGES_DUE, after=0, limit=1)  # of what is opened again
        if waits:
            await killed_in(Work.DECISION, super().carry_out_all())
        elif not Countdown.is_asked(Work.DECISION):
            await super().carry_out_all()


class KilledPublishing(Publishing):
    """Posts pictures and takes them away until it is killed."""

    async def publish(self, *args: Any, **options: Any) -> Publication:
        return await killed_in(Work.PUBLISH, super().publish(*args, **options))

    async def settle(self) -> None:
        waits = await self._db.all(UNSETTLED_PUBLICATIONS, after=0, limit=1)
        if waits:
            await killed_in(Work.TAKE_AWAY, super().settle())
        elif not Countdown.is_asked(Work.TAKE_AWAY):
            await super().settle()


class KilledLikes(LikeCounts):
    """Brings messages up to date without delay, until it is killed."""

    def __init__(self, *services: Any) -> None:
        super().__init__(*services, every=0)

    async def refresh_one(self) -> float:
        behind = await self._db.one(likes.OUTDATED_LIKES, now_ms())
        return await killed_in(Work.SHOW_LIKES, super().refresh_one()) if behind else OFTEN


class KilledBoards(Boards):
    """Keeps boards without delay, until it is killed."""

    def __init__(self, *services: Any) -> None:
        super().__init__(*services, every=0)

    async def _refresh_all(self) -> None:
        changes = [await self._changes(place) for place in await self._places()]
        if any(changes):
            await killed_in(Work.BOARD, super()._refresh_all())

    async def _changes(self, place: BoardPlace) -> bool:
        content, board = await self._content(place), await self._db.one(FIND_BOARD, place.channel_id)
        return as_stored(content) != board.digest if board else not content.empty


def pool_at_once(settings: Settings, *_: object) -> FixedPool:
    """The only worker."""
    return FixedPool([PaintingAtOnce(settings.storage.spool)])


def arrange() -> None:
    """Let the program be made of what can be killed."""
    replaced: tuple[tuple[object, str, object], ...] = (
        (assembly, "make_pool", pool_at_once),
        (bot, "CarryingOut", KilledCarryingOut),
        (bot, "Publishing", KilledPublishing),
        (bot, "LikeCounts", KilledLikes),
        (bot, "Boards", KilledBoards),
        (bot, "EditPacer", partial(EditPacer, seconds=0.0)),
        (boards, "LOOK_SECONDS", OFTEN),
        (like_counts, "IDLE_SECONDS", OFTEN),
        (LikeButton, "handle", killed(Work.LIKE, LikeButton.handle)),
        (ConfirmUnpublishingButton, "handle", killed(Work.UNPUBLISH, ConfirmUnpublishingButton.handle)),
        (RemovePublicationForm, "submitted", killed(Work.UNPUBLISH, RemovePublicationForm.submitted)),
    )
    for owner, name, what in replaced:
        setattr(owner, name, what)


if __name__ == "__main__":
    arrange()
    sys.exit(main())
