"""What an actor has to tell the bot, kept until the driver process has it: a call that is lost loses nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from inference.cluster.wire import Frame

MAX_FRAMES = 256  # that one answer has
MAX_ANSWER_BYTES = 32 * 2**20  # after which an answer gets no further frame
MAX_BYTES = 2 * MAX_ANSWER_BYTES  # after which no file is put: one answer is on its way, one is ready


@dataclass(frozen=True)
class Frames:
    """Frames in order; `last` is the number of the last one, to be acknowledged by the next call."""

    frames: Sequence[Frame]
    last: int


class Outbox:
    """Numbered frames. All methods belong to one event loop."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._acknowledged = 0  # the number of the frame before the first one here
        self._filled = asyncio.Event()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    async def until_room(self) -> None:
        """Wait until a file may be put: while nobody takes frames, they must not fill the memory."""
        await self._room.wait()

    def put(self, frame: Frame) -> None:
        """Append a frame."""
        self._frames.append(frame)
        self._filled.set()
        self._count(len(frame.data))

    async def take(self, acknowledged: int, seconds: float) -> Frames:
        """The frames behind the one with the number `acknowledged`, up to which all are dropped.

        It waits up to `seconds` for one to be there.
        """
        while self._frames and self._acknowledged < acknowledged:
            self._count(-len(self._frames.popleft().data))
            self._acknowledged += 1
        if not self._frames:
            self._filled.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._filled.wait()
        found, size = list[Frame](), 0
        for frame in self._frames:
            if len(found) == MAX_FRAMES or size > MAX_ANSWER_BYTES:
                break
            found.append(frame)
            size += len(frame.data)
        return Frames(found, self._acknowledged + len(found))

    def _count(self, new: int) -> None:
        self._bytes += new
        if self._bytes < MAX_BYTES:
            self._room.set()
        else:
            self._room.clear()
