"""Slow work of one kind leaves threads for everything else."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path

import pytest
from PIL import Image

from bot.background import Pool
from bot.pictures.attachments import ENCODING
from bot.pictures.inputs import Inputs
from bot.pictures.thumbnails import Thumbnails

CROWD = 40  # more than asyncio's own pool has threads on any machine
PATIENCE = 60.0  # seconds


class Held:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go = threading.Event()
        self.at_once = self._most = 0
        self._counting = threading.Lock()
        self._loop = asyncio.get_running_loop()

    def __call__(self, *_: object, **__: object) -> Image.Image:
        with self._counting:
            self.at_once += 1
            self._most = max(self._most, self.at_once)
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self.go.wait(PATIENCE)
        with self._counting:
            self.at_once -= 1
        return Image.new("RGB", (8, 8))

    @property
    def most(self) -> int:
        """How many of it went on at a time."""
        return self._most


@pytest.fixture
async def held() -> AsyncIterator[Held]:
    work = Held()
    yield work
    work.go.set()


async def leaves_room(held: Held, work: Callable[[int], Awaitable[object]], at_once: int) -> None:
    """A crowd of `work` is under way, and something else runs all the same."""
    crowd = [asyncio.ensure_future(work(number)) for number in range(CROWD)]
    async with asyncio.timeout(PATIENCE):
        await held.begun.wait()
        await asyncio.to_thread(lambda: None)
        assert not any(one.done() for one in crowd)
        held.go.set()
        await asyncio.gather(*crowd)
    assert held.most <= at_once


async def test_a_crowd_in_one_pool(held: Held) -> None:
    pool = Pool("trial", 2)
    await leaves_room(held, lambda _: pool.run(held), at_once=2)


async def test_a_crowd_of_uploads(held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.pictures.inputs.given", held)
    inputs = Inputs(tmp_path)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    await leaves_room(held, lambda _: inputs.keep(file.getvalue()), at_once=1)


async def test_a_crowd_of_thumbnails(held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shrink(*_: object) -> bytes:
        return held().tobytes()

    monkeypatch.setattr("bot.pictures.thumbnails.shrink", shrink)
    thumbnails = Thumbnails(tmp_path / "thumbnails", tmp_path)
    pictures = [tmp_path / f"{number}.png" for number in range(CROWD)]
    for number, picture in enumerate(pictures):
        picture.write_bytes(bytes([number]))
    await leaves_room(held, lambda number: thumbnails.of(pictures[number]), at_once=1)


async def test_a_crowd_of_pictures_that_are_made_to_fit(held: Held) -> None:
    await leaves_room(held, lambda _: ENCODING.run(held), at_once=2)


async def test_work_sees_the_context_of_whoever_asks() -> None:
    language = ContextVar("language", default="en")
    language.set("ja")
    assert await Pool("trial", 1).run(language.get) == "ja"
