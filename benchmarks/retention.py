"""A year of pictures, of which most expire, while people turn the pages of their history.

Fills a database and a folder with small pictures of a year, then lets retention run as it does beside the bot: the
folder has a limit, which holds afterwards. Measures the share of the event loop's thread that retention takes, how late
the loop is, and how long pages of a history take. The share is told twice: `share_of_steps` is the processor time of
retention's own steps, without what wakes them; `share` is the processor time of the whole thread less that without
retention, with its standard error. Without it is measured before and after, together for as long as with it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Coroutine, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks._command import BenchmarkCommand, closing_line
from bot.config import Settings
from bot.config.sections.retention import RetentionSettings
from bot.config.sections.storage import StorageSettings
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database, open_database
from bot.database.jobs.history import Wanted, history_page, numbered_page
from bot.database.jobs.terms import INDEX_JOB
from bot.library.configuration import Configuration
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.file_removal import FileRemoval
from bot.privacy.retention import Kind, Retention
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler

PEOPLE = 200
SIZE = 512  # bytes of a picture
MOST_SHARE = 0.01  # of the event loop
MOST_PAGE_MS = 100.0  # p99 of a page of a history
PAGE_EVERY = 0.1  # seconds
WINDOW_SECONDS = 5.0  # for which the processor time is told
CHUNK = 500  # jobs that are written together

JOB = """
    INSERT INTO job (person_id, channel_id, request, checkpoint, state, attempt, created_at, started_at, finished_at)
    VALUES (?, 1, ?, 'demo', 'succeeded', 1, ?, ?, ?) RETURNING id
"""
PICTURE = "INSERT INTO picture (job_id, position, path, width, height, seed, created_at) VALUES (?, 0, ?, 64, 64, 7, ?)"


@dataclass
class Load:
    """What people and the loop met: milliseconds of pages, and by how much the loop was late; seconds that it took.

    `shares` are those of the time that the loop's thread computed, window by window.
    """

    pages: list[float] = field(default_factory=list[float])
    late: list[float] = field(default_factory=list[float])
    shares: list[float] = field(default_factory=list[float])
    seconds: float = 0.0

    def mean(self) -> float:
        """The share over all windows."""
        return statistics.fmean(self.shares)

    def variance(self) -> float:
        """Of the mean, as if the windows were independent."""
        return statistics.variance(self.shares) / len(self.shares) if len(self.shares) > 1 else 0.0


class Timed:
    """Runs a coroutine, and counts the processor time of its steps on this thread."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self.seconds = 0.0
        self.result: Any = None

    def __await__(self) -> Generator[Any, Any, None]:
        inner = self._work.__await__()
        while True:
            began = time.thread_time()
            try:
                waits = inner.send(None)
            except StopIteration as end:
                self.result = end.value
                return
            finally:
                self.seconds += time.thread_time() - began
            yield waits

    async def run(self) -> None:
        """Run it to its end."""
        await self


async def fill(db: Database, folder: Path, pictures: int) -> None:
    """A year of pictures, evenly over the days and the people."""
    request = GenerationRequest(
        checkpoint="demo", prompt="a lighthouse at dusk", width=64, height=64, steps=4, guidance_scale=5,
        sampler=Sampler.EULER, seed=7,
    ).model_dump_json()  # fmt: skip
    began = now_ms() - 365 * DAY_MS
    for person in range(1, PEOPLE + 1):
        await db.write("INSERT INTO person (id, created_at) VALUES (?, 1)", (person,))
    for chunk in (range(at, min(at + CHUNK, pictures)) for at in range(0, pictures, CHUNK)):
        made = list[str]()
        async with db.transaction():
            for number in chunk:
                at, person = began + number * 365 * DAY_MS // pictures, number % PEOPLE + 1
                (row,) = await db.write(JOB, (person, request, at, at, at))
                path = f"{row['id'] // 1000}/{row['id']}.png"
                await db.write(PICTURE, (row["id"], path, at))
                await db.run(INDEX_JOB, row["id"])
                made.append(path)
        await asyncio.to_thread(_write, folder, made)


def _write(folder: Path, paths: Sequence[str]) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(os.urandom(SIZE))


async def turn_pages(db: Database, load: Load) -> None:
    """One page after the other, of everybody: by age, by a search, by a number."""
    for turn in itertools.count():
        person = turn % PEOPLE + 1
        began = time.perf_counter()
        if turn % 3 == 2:
            page = await numbered_page(db, person, Wanted(), limit=5, page=3)
        else:
            page = await history_page(db, person, Wanted("lighthouse" if turn % 3 else ""), limit=5)
        load.pages.append((time.perf_counter() - began) * 1000)
        assert all(job.person_id == person for job in page.jobs)
        await asyncio.sleep(PAGE_EVERY)


async def watch(load: Load) -> None:
    """Note by how many milliseconds the loop is late."""
    while True:
        due = time.perf_counter() + 0.01
        await asyncio.sleep(0.01)
        load.late.append((time.perf_counter() - due) * 1000)


async def tell_windows(load: Load) -> None:
    """Note what share of each window the thread computed."""
    while True:
        cpu, began = time.thread_time(), time.perf_counter()
        await asyncio.sleep(WINDOW_SECONDS)
        load.shares.append((time.thread_time() - cpu) / (time.perf_counter() - began))


async def loaded(db: Database, work: Coroutine[Any, Any, None]) -> Load:
    """Until `work` ends: what people met."""
    load = Load()
    beside = [asyncio.create_task(each) for each in (turn_pages(db, load), watch(load), tell_windows(load))]
    began = time.perf_counter()
    await asyncio.create_task(work)
    load.seconds = time.perf_counter() - began
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    return load


def p99(times: Sequence[float]) -> float:
    """The 99th percentile, rounded."""
    return round(statistics.quantiles(times, n=100)[98], 2)


async def measure(folder: Path, pictures: int, keep: int, rest: float) -> tuple[dict[str, object], list[str]]:
    """The figures, and what must not be."""
    limit = keep * SIZE
    settings = Settings(
        storage=StorageSettings(folder=folder),
        retention=RetentionSettings(pictures_gigabytes=limit / 1e9, pictures_days=360),
    )
    configuration = Configuration(settings, [])
    async with open_database(settings.storage.database) as db:
        began = time.perf_counter()
        await fill(db, settings.storage.pictures, pictures)
        print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
        thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
        retention = Retention(db, configuration, FileRemoval(db, configuration, thumbnails))
        before = await loaded(db, asyncio.sleep(rest))
        timed = Timed(retention.sweep())
        busy = await loaded(db, timed.run())
        print(f"swept in {busy.seconds:.0f} s, steps took {timed.seconds:.2f} s of the thread", flush=True)
        after = await loaded(db, asyncio.sleep(max(rest, busy.seconds - rest)))
        gone = next(expired for expired in timed.result if expired.kind is Kind.PICTURES)
        left = sum(path.stat().st_size for path in settings.storage.pictures.rglob("*.png"))
        ((rows,),) = await db.fetch("SELECT count(*) FROM picture")
    # Pages of a larger database cost more: with retention it is as large as before and after, on average.
    share = busy.mean() - (before.mean() + after.mean()) / 2
    error = (busy.variance() + (before.variance() + after.variance()) / 4) ** 0.5
    steps = timed.seconds / busy.seconds
    idle_pages, idle_late = [*before.pages, *after.pages], [*before.late, *after.late]
    figures: dict[str, object] = {
        "expired": gone.count, "seconds": round(busy.seconds, 1), "seconds_idle": round(before.seconds + after.seconds),
        "share_of_steps": round(steps, 5), "share": round(share, 5), "share_error": round(error, 5),
        "busy": round(busy.mean(), 4), "idle_before": round(before.mean(), 4), "idle_after": round(after.mean(), 4),
        "pages": len(busy.pages), "page_p99_ms": p99(busy.pages), "page_p99_ms_idle": p99(idle_pages),
        "late_p99_ms": p99(busy.late), "late_p99_ms_idle": p99(idle_late), "late_most_ms": round(max(busy.late), 1),
        "left_bytes": left, "limit_bytes": limit,
    }  # fmt: skip
    failed = list[str]()
    if steps >= MOST_SHARE:
        failed.append(f"retention's steps took {steps:.2%} of the event loop")
    if share - 2 * error >= MOST_SHARE:
        failed.append(f"with retention the event loop computed {share:.2%} more of the time, ± {error:.2%}")
    if p99(busy.pages) > MOST_PAGE_MS:
        failed.append(f"a page took {p99(busy.pages)} ms")
    if left > limit:
        failed.append(f"the folder has {left} bytes, {limit} are its limit")
    if rows * SIZE != left:
        failed.append(f"{rows} rows, and {left // SIZE} files")
    return figures, failed


def main() -> int:
    """Measure; the exit code."""
    command = BenchmarkCommand(__doc__)
    command.add_size("--pictures", 110_000, 3_000, "pictures of a year")
    command.add_size("--keep", 10_000, 500, "pictures that the limit of the folder allows")
    command.add_size("--rest", 300.0, 10.0, "seconds without retention before it runs")
    options = command.read()
    with tempfile.TemporaryDirectory() as folder:
        figures, failed = asyncio.run(measure(Path(folder), options.pictures, options.keep, options.rest))
    return closing_line("retention", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
