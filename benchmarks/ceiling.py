"""What one bot process can do: answer interactions, take jobs through their life, write into its database.

`interactions` go through a playground of its own process, in closed loops, to a bot whose worker paints beside it;
told are those a second, and the bot's milliseconds of processor for each. `jobs` go through the job service with the
real database and workers that leave a picture at once after some steps: ordered, assigned, reported, stored;
`sleeping` with workers that sleep for each step, `throughput` as a share of so many times that of one. `writes` are
single transactions, synced to disk. Each figure comes with the load average beside it.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._sleeping_worker import SleepingWorker
from benchmarks._town import Town, town
from bot.config import LimitSettings
from bot.database.database import open_database
from bot.database.jobs.jobs import Job, create_job
from bot.jobs.service import JobService
from bot.library.catalogue import LibraryFiles
from bot.pictures.similarity.removed_pictures import RemovedPictures
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from inference.queue.policy import Policy
from inference.workers.fixed import FixedPool
from inference.workers.storage import SpoolFolder
from playground.control import NotInTime, Person

PATIENCE = 300.0
ANSWER_SECONDS = 20.0  # after which an interaction counts as unanswered
STEPS, MANY_STEPS = 20, 150  # reported of each job
STEP_SECONDS = 0.15  # that a sleeping worker takes
PEOPLE = 50  # who order at the same time
UNLIMITED = Policy(waiting_per_person=10**6, waiting_in_all=10**6)


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


async def jobs(
    folder: Path, workers: int, count: int, steps: int = STEPS, step_seconds: float = 0.0
) -> dict[str, float]:
    """Jobs a second through the service, from the order to the stored picture."""
    for place in ("", "pictures", "spool", "loras", "inputs"):
        (folder / place).mkdir()
    picture, places = folder / "picture.png", 1 if step_seconds else 4
    Image.effect_noise((512, 512), 40).convert("RGB").save(picture)
    async with open_database(folder / "jobs.sqlite3") as db:
        service = JobService(
            db,
            FixedPool([SleepingWorker(folder / "spool", picture, steps, step_seconds, places) for _ in range(workers)]),
            files=LibraryFiles(db, folder / "loras", folder / "inputs"),
            spool=SpoolFolder(folder / "spool"),
            pictures=folder / "pictures",
            removed=RemovedPictures(db),
            limits=LimitSettings(),
        )
        async with service.running(), asyncio.timeout(PATIENCE):
            began, cpu = time.perf_counter(), time.process_time()
            numbers, made = iter(range(count)), list[Job]()

            async def person(person_id: int) -> None:
                for number in numbers:
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
        "jobs_per_s": round(len(made) / took, 3),
        "cpu_ms_per_job": round(1000 * used / len(made), 2),
        "load_average": round(os.getloadavg()[0], 1),
    }


async def writes(folder: Path, seconds: float) -> dict[str, float]:
    """Transactions a second: one row each, and jobs as orders write them."""
    told = dict[str, float]()
    async with open_database(folder / "writes.sqlite3") as db:
        await db.connection.execute("CREATE TABLE one (n INTEGER) STRICT")

        async def row(number: int) -> None:
            await db.write("INSERT INTO one VALUES (?)", (number,))

        async def job(number: int) -> None:
            await create_job(db, request(number), person_id=number % 50 + 1, channel_id=1)

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
    return await (await person.slash(name)).reply(ANSWER_SECONDS)


async def _suggestion(person: Person, _dice: random.Random) -> object:
    body = {"as": person.name, "channel": "general", "name": "imagine", "focused": "lora1", "options": {"lora1": "b"}}
    return await person.control.post("autocomplete", body)


async def _order(person: Person, dice: random.Random) -> object:
    options = {"prompt": "a tree", "checkpoint": "vivid", "steps": 4, "seed": dice.randrange(10**6)}
    return await (await person.slash("imagine", in_=dice.choice(("general", "art", "dm")), **options)).reply(
        ANSWER_SECONDS
    )


async def _closed_loop(here: Town, persons: list[Person], act: Act, seconds: float) -> dict[str, float]:
    until, count, unanswered = time.perf_counter() + seconds, 0, 0
    bot, playground = (psutil.Process(pid) for pid in here.pids)
    before = [_used(process) for process in (bot, playground)]
    began = time.perf_counter()

    async def one(number: int, person: Person) -> None:
        nonlocal count, unanswered
        dice = random.Random(number)
        while time.perf_counter() < until:
            try:
                await act(person, dice)
                count += 1
            except NotInTime:
                unanswered += 1

    await asyncio.gather(*(one(number, person) for number, person in enumerate(persons)))
    took = time.perf_counter() - began
    bots, playgrounds = (_used(process) - was for process, was in zip((bot, playground), before, strict=True))
    return {
        "per_s": round(count / took, 1),
        "unanswered": unanswered,
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
        for name in ("writes", "town"):
            (Path(folder) / name).mkdir()
        written = await writes(Path(folder) / "writes", seconds)
        usual = await jobs(Path(folder) / "jobs", 16, count)
        longer = await jobs(Path(folder) / "more", 16, count, MANY_STEPS)
        sleeping = {
            workers: await jobs(Path(folder) / f"{workers}", workers, 12 * workers, STEPS, STEP_SECONDS)
            for workers in (1, 4, 16)
        }
        alone = sleeping[1]["jobs_per_s"]
        each = (longer["cpu_ms_per_job"] - usual["cpu_ms_per_job"]) / (MANY_STEPS - STEPS)
        return {
            "writes": written,
            "jobs": usual | {"cpu_ms_per_step": round(each, 3)},
            "sleeping": sleeping,
            "throughput": {str(n): round(told["jobs_per_s"] / alone / n, 3) for n, told in sleeping.items()},
            "interactions": await interactions(Path(folder) / "town", people, seconds),
        }


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--people", 20, 5, "who send interactions at the same time")
    parser.add_size("--seconds", 15.0, 3.0, "for each kind")
    parser.add_size("--jobs", 500, 100, "jobs through the service")
    options = parser.read()
    figures = asyncio.run(measure(options.people, options.seconds, options.jobs))
    return closing_line("ceiling", figures, [], quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
