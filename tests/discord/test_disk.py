"""The disk fills up, turns read-only, or loses folders while the bot runs: clear sentences, nothing lost or broken.

The bot's data lie on a small file system of their own, which only root can mount.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.discord.test_watchman import notice
from tests.house import House
from tests.log import Log

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEGABYTES = 24


class Disk:
    """A file system in a file, mounted at `place`."""

    def __init__(self, image: Path, place: Path) -> None:
        self.image = image
        self.place = place
        self._ballast = place / "ballast"
        place.mkdir(parents=True)
        with image.open("wb") as file:
            file.truncate(MEGABYTES * 2**20)
        _run("mkfs.ext4", "-q", "-m", "0", image)
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop", self.image, self.place)

    def unmount(self) -> None:
        _run("umount", self.place)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill the disk while the context is open."""
        with self._ballast.open("wb", buffering=0) as file:
            for size in (2**16, 2**12, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass
        try:
            yield
        finally:
            self._ballast.unlink()

    def turn_read_only(self) -> None:
        """Remount it read-only, as the kernel does after a disk error."""
        _run("mount", "-o", "remount,abort", self.place)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    if not hasattr(os, "getuid") or os.getuid():
        pytest.skip("only root can mount a file system")
    folder = tmp_path_factory.mktemp("disk")
    try:
        made = Disk(folder / "image", folder / "house" / "data")
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"no file system can be mounted here: {problem}")
    yield made
    made.unmount()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(disk: Disk) -> AsyncIterator[Scene]:
    """A playground, and a house whose data lie on the small file system."""
    async with open_scene(House(disk.place.parent)) as scene:
        yield scene


@pytest.fixture
def log() -> Iterator[Log]:
    with Log.listening() as heard:
        yield heard


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(scene: Scene) -> AsyncIterator[AsyncExitStack]:
    """The bot runs until this is closed."""
    async with AsyncExitStack() as running:
        await running.enter_async_context(scene.bot())
        yield running


@pytest.mark.usefixtures("bot")
async def test_a_full_disk(scene: Scene, disk: Disk, log: Log) -> None:
    order = await scene.begun()
    with disk.full():
        told = await (await scene.grace.slash("imagine", prompt=PROMPT)).reply()
        assert told.ephemeral and "cannot reach its database" in told.text
        await log.heard("disk is full")
        waits, ends = (asyncio.ensure_future(one) for one in (log.heard("cannot write its state"), scene.ended(order)))
        await asyncio.wait({waits, ends}, return_when=asyncio.FIRST_COMPLETED)  # a small row may still find room
        waits.cancel()
        await notice(scene, "MB of free space")
    end = await ends
    assert "could not be saved" in end.text or end.attachments
    await scene.painted(await scene.grace.slash("imagine", prompt=PROMPT))
    assert log.tracebacks == []


@pytest.mark.usefixtures("bot")
async def test_folders_deleted_while_the_bot_runs(scene: Scene, log: Log) -> None:
    storage = scene.settings.storage
    order = await scene.begun()
    for folder in (storage.spool, storage.pictures, storage.thumbnails, storage.inputs):
        shutil.rmtree(folder, ignore_errors=True)
    assert (await scene.ended(order)).attachments
    await scene.painted(await scene.grace.slash("imagine", prompt=PROMPT))
    assert log.tracebacks == []


async def test_a_disk_that_becomes_read_only(scene: Scene, disk: Disk, log: Log, bot: AsyncExitStack) -> None:
    before = len(await scene.pictures())
    order = await scene.begun()
    disk.turn_read_only()
    told = await (await scene.grace.slash("imagine", prompt=PROMPT)).reply()
    assert told.ephemeral and "cannot reach its database" in told.text
    await log.heard("cannot be written")
    began = time.monotonic()
    await bot.aclose()
    assert time.monotonic() - began < 10.0
    disk.unmount()
    disk.mount()
    with contextlib.closing(sqlite3.connect(scene.settings.storage.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with scene.bot():
        assert (await scene.ended(order)).attachments
    assert len(await scene.pictures()) == before + 1
    assert log.tracebacks == []
