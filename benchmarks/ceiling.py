"""What one bot process can do: answer interactions, take jobs through their life, write into its database.

`interactions` go through a playground of its own process, in closed loops, to a bot whose worker paints beside it;
told are those a second, and the bot's milliseconds of processor for each. `jobs` go through the job service with the
real database and workers that leave a picture at once after some steps: ordered, assigned, reported, stored. `writes`
are single transactions, synced to disk. Each figure comes with the load average beside it.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import psutil
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._town import Town, town
from bot.config import LimitSettings
from bot.database.connection import open_database, write
from bot.database.jobs import Job, create_job
from bot.jobs.service import JobService
from bot.library.catalogue import LibraryFiles
from bot.pictures.removed_pictures import RemovedPictures
from inference.messages import (
    Capacity,
    Event,
    Finished,
    GenerationRequest,
    JobCommand,
    Progress,
    Ready,
    Sampler,
    Started,
    WorkerOptions,
    attempt_files,
)
from inference.queue import Policy
from inference.workers import WorkerDied
from inference.workers.fixed import FixedPool
from inference.workers.storage import SpoolFolder, StoredFile
from playground.control import Person

PATIENCE = 300.0
STEPS, MANY_STEPS = 20, 150  # reported of each job
PEOPLE = 50  # who order at the same time
UNLIMITED = Policy(waiting_per_person=10**6, waiting_in_all=10**6)


class InstantWorker:
    """Reports all steps of a job at once, and leaves a copy of a picture."""

    def __init__(self, spool: Path, picture: Path, steps: int, places: int = 4) -> None:
        self._steps = steps
        self.serves = frozenset({"vivid"})
        self._spool, self._picture, self._places = spool, picture, places
        self._events: asyncio.Queue[Event | WorkerDied | None] = asyncio.Queue()

    async def start(self) -> None:
        """It is ready at once."""
        self._say(Ready(device="none", pid=1), Capacity(places=self._places, loaded=("vivid",)))

    async def submit(self, job: JobCommand, files: Mapping[str, StoredFile]) -> bool:
        """Paint it."""
        ids, steps = (job.job_id, job.attempt), self._steps
        self._say(Started(job_id=ids[0], attempt=ids[1]))
        self._say(*(Progress(job_id=ids[0], attempt=ids[1], step=step, steps=steps) for step in range(steps + 1)))
        name = f"{attempt_files(job.job_id, job.attempt)}0.png"
        shutil.copyfile(self._picture, self._spool / name)
        self._say(Finished(job_id=ids[0], attempt=ids[1], files=(name,), seconds=1.0, peak_memory=1))
        return True

    def _say(self, *events: Event) -> None:
        for event in events:
            self._events.put_nowait(event)

    async def cancel(self, job_id: int) -> None:
        """It is too late."""

    async def configure(self, options: WorkerOptions) -> None:
        """Nothing changes."""

    async def restart(self) -> None:
        """It never hangs."""

    async def events(self) -> AsyncIterator[Event | WorkerDied]:
        """What it reported."""
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        """End its events."""
        self._events.put_nowait(None)


def request(number: int, steps: int = STEPS) -> GenerationRequest:
    """A picture that nobody paints."""
    return GenerationRequest(
        checkpoint="vivid",
        prompt=f"a star {number}",
        width=512,
        height=512,
        steps=steps,
        guidance_scale=5.0,
        sampler=Sampler.DPMPP_2M,
        seed=number,
    )


async def jobs(folder: Path, workers: int, count: int, steps: int) -> dict[str, float]:
    """Jobs a second through the service, from the order to the stored picture."""
    for place in ("pictures", "spool", "loras", "inputs"):
        (folder / place).mkdir()
    picture = folder / "picture.png"
    Image.effect_noise((512, 512), 40).convert("RGB").save(picture)
    async with open_database(folder / "jobs.sqlite3") as connection:
        service = JobService(
            connection,
            FixedPool([InstantWorker(folder / "spool", picture, steps) for _ in range(workers)]),
            files=LibraryFiles(connection, folder / "loras", folder / "inputs"),
            spool=SpoolFolder(folder / "spool"),
            pictures=folder / "pictures",
            removed=RemovedPictures(connection),
            limits=LimitSettings(),
        )
        async with service.running(), asyncio.timeout(PATIENCE):
            began, cpu, made = time.perf_counter(), time.process_time(), list[Job]()

            async def person(person_id: int) -> None:
                for number in range(count // PEOPLE):
                    asked = request(number, steps)
                    made.append(await service.order(asked, person_id=person_id, channel_id=1, policy=UNLIMITED))

            await asyncio.gather(*(person(number) for number in range(1, PEOPLE + 1)))
            ordered = time.perf_counter() - began
            for job in made:
                await service.until_gone(job.id)
            took, used = time.perf_counter() - began, time.process_time() - cpu
    return {
        "workers": workers,
        "orders_per_s": round(len(made) / ordered, 1),
        "jobs_per_s": round(len(made) / took, 1),
        "cpu_ms_per_job": round(1000 * used / len(made), 2),
        "load_average": round(os.getloadavg()[0], 1),
    }


async def writes(folder: Path, seconds: float) -> dict[str, float]:
    """Transactions a second: one row each, and jobs as orders write them."""
    told = dict[str, float]()
    async with open_database(folder / "writes.sqlite3") as connection:
        await connection.execute("CREATE TABLE one (n INTEGER) STRICT")

        async def row(number: int) -> None:
            await write(connection, "INSERT INTO one VALUES (?)", (number,))

        async def job(number: int) -> None:
            await create_job(connection, request(number), person_id=number % 50 + 1, channel_id=1)

        for name, act in (("rows_per_s", row), ("new_jobs_per_s", job)):
            began, count = time.perf_counter(), 0
            while time.perf_counter() - began < seconds:
                await act(count)
                count += 1
            told[name] = round(count / (time.perf_counter() - began), 1)
    return told | {"load_average": round(os.getloadavg()[0], 1)}


async def interactions(folder: Path, people: int, seconds: float) -> dict[str, object]:
    """Interactions a second of each kind, everybody sending the next one when the last was answered."""
    told: dict[str, object] = {}
    quiet: dict[str, object] = {"samples": 0, "look_seconds": 86_400}
    async with town(folder, library=quiet) as here:
        await here.start_bot()
        persons = [await here.control.new_person(f"Person{number}") for number in range(people)]
        for name, act in (("pages", _page), ("suggestions", _suggestion), ("orders", _order)):
            told[name] = await _closed_loop(here, persons, act, seconds)
    return told


Act = Callable[[Person, random.Random], Awaitable[object]]


async def _page(person: Person, dice: random.Random) -> object:
    name = dice.choice(("bookmarks", "lora browse", "queue", "history", "studio"))
    return await (await person.slash(name)).reply(PATIENCE)


async def _suggestion(person: Person, _dice: random.Random) -> object:
    body = {"as": person.name, "channel": "general", "name": "imagine", "focused": "lora1", "options": {"lora1": "b"}}
    return await person.control.post("autocomplete", body)


async def _order(person: Person, dice: random.Random) -> object:
    options = {"prompt": "a tree", "checkpoint": "vivid", "steps": 4, "seed": dice.randrange(10**6)}
    return await (await person.slash("imagine", in_=dice.choice(("general", "art", "dm")), **options)).reply(PATIENCE)


async def _closed_loop(here: Town, persons: list[Person], act: Act, seconds: float) -> dict[str, float]:
    until, count = time.perf_counter() + seconds, 0
    bot, playground = (psutil.Process(pid) for pid in here.pids)
    before = [_used(process) for process in (bot, playground)]
    began = time.perf_counter()

    async def one(number: int, person: Person) -> None:
        nonlocal count
        dice = random.Random(number)
        while time.perf_counter() < until:
            await act(person, dice)
            count += 1

    await asyncio.gather(*(one(number, person) for number, person in enumerate(persons)))
    took = time.perf_counter() - began
    bots, playgrounds = (_used(process) - was for process, was in zip((bot, playground), before, strict=True))
    return {
        "per_s": round(count / took, 1),
        "bot_cpu_ms": round(1000 * bots / count, 2),
        "bot_busy": round(bots / took, 2),
        "playground_cpu_ms": round(1000 * playgrounds / count, 2),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def measure(people: int, seconds: float, count: int) -> dict[str, object]:
    """All three, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("jobs", "more", "writes", "town"):
            (Path(folder) / name).mkdir()
        written = await writes(Path(folder) / "writes", seconds)
        usual = await jobs(Path(folder) / "jobs", 16, count, STEPS)
        longer = await jobs(Path(folder) / "more", 16, count, MANY_STEPS)
        each = (longer["cpu_ms_per_job"] - usual["cpu_ms_per_job"]) / (MANY_STEPS - STEPS)
        return {
            "writes": written,
            "jobs": usual | {"cpu_ms_per_step": round(each, 3)},
            "interactions": await interactions(Path(folder) / "town", people, seconds),
        }


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--people", 20, 5, "who send interactions at the same time")
    parser.add_size("--seconds", 15.0, 3.0, "for each kind")
    parser.add_size("--jobs", 500, 50, "jobs through the service")
    options = parser.read()
    figures = asyncio.run(measure(options.people, options.seconds, options.jobs))
    return closing_line("ceiling", figures, [], quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
