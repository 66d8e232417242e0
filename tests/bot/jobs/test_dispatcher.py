"""The dispatcher with a fake worker that misbehaves: deaths, late reports, failed submissions, a locked database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiosqlite
import pytest
from PIL import Image

from bot.config import LimitSettings
from bot.database.connection import fetch, open_database, transaction, write
from bot.database.errors import DatabaseError
from bot.database.jobs import Job, JobState, create_job, find_job, requeue_orphans, start_job
from bot.database.lora_records import is_any_doubted
from bot.jobs.dispatcher import HOUR_MS
from bot.jobs.generation import Generation
from bot.jobs.updates import JobUpdate
from bot.library.catalogue import scan_library
from bot.pictures.attachments import PictureFile
from bot.ui.views.result import result_view
from inference.errors import JobExpired, WorkerCrashed, WorkerStarved
from inference.hashes import file_sha256
from inference.memory import Shortage
from inference.messages import Capacity, Failed, Generate, GenerationRequest, LoraUse, state_file
from inference.queue import EVERYWHERE
from inference.workers import WorkerDied
from tests.bot.jobs.fake_worker import PATIENCE, FakeWorker
from tests.inference.requests import request
from tests.log import Log
from tests.lora_files import write_lora


@dataclass
class Bench:
    """A running `Generation` with a fake worker."""

    connection: aiosqlite.Connection
    worker: FakeWorker
    generation: Generation
    pictures: Path
    spool: Path

    async def order(self, made: GenerationRequest | None = None, *, person: int = 1) -> Job:
        return await self.generation.order(made or request(), person_id=person, channel_id=1)

    def ahead(self, job: Job) -> int:
        """How many jobs come before it."""
        return self.generation.forecast(job).ahead

    async def end(self, job: Job) -> JobUpdate:
        async with asyncio.timeout(PATIENCE), self.generation.following(job.id) as updates:
            while not (update := await updates.get()).job.state.final:
                pass
            return update

    async def state(self, job: Job) -> JobState:
        found = await find_job(self.connection, job.id)
        assert found is not None
        return found.state

    async def files(self) -> list[str]:
        rows = await fetch(self.connection, "SELECT path FROM picture ORDER BY id")
        there = sorted(p.relative_to(self.pictures).as_posix() for p in self.pictures.rglob("*.png"))
        assert sorted(row["path"] for row in rows) == there, "every row has its file and every file its row"
        return there


@asynccontextmanager
async def open_bench(
    folder: Path, *others: FakeWorker, places: int = 1, worker: FakeWorker | None = None, **limits: int
) -> AsyncIterator[Bench]:
    pictures, spool = folder / "pictures", folder / "spool"
    for place in (pictures, spool):
        place.mkdir(exist_ok=True)
    worker = worker or FakeWorker(spool, places)
    async with open_database(folder / "easel.sqlite3") as connection:
        limits = LimitSettings(**limits)
        generation = Generation(connection, [worker, *others], pictures=pictures, spool=spool, limits=limits)
        async with generation.running():
            yield Bench(connection, worker, generation, pictures, spool)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(open_bench(tmp_path))


async def test_a_job_becomes_exactly_one_picture(bench: Bench) -> None:
    job = await bench.order()
    bench.worker.finish(await bench.worker.job())
    update = await bench.end(job)
    assert update.job.state is JobState.SUCCEEDED
    assert [picture.path for picture in update.pictures] == await bench.files()
    assert len(update.pictures) == 1


async def test_what_the_worker_noted_is_kept_and_shown_under_the_picture(bench: Bench) -> None:
    job = await bench.order()
    note = "**Bat** of <@1> learnt to predict *epsilon*."
    bench.worker.finish(await bench.worker.job(), notes=(note,))
    update = await bench.end(job)
    assert update.job.notes == (note,)
    shown = result_view(update.job, (PictureFile("a.png", b""),), shows_prompt=False).to_components()
    line = str(shown[1]["content"])
    assert "predict *epsilon*." in line, "our own sentences may emphasise"
    assert "**Bat**" not in line and "<@1>" not in line, "names in them may do nothing"


@pytest.mark.parametrize(("code", "doubted"), [("lora_file_changed", True), ("lora_file_refused", False)])
async def test_a_lora_whose_file_has_other_bytes_is_read_again(
    bench: Bench, tmp_path: Path, code: str, *, doubted: bool
) -> None:
    path = write_lora(tmp_path / "loras" / "bat.safetensors")
    await scan_library(bench.connection, path.parent, {})
    use = LoraUse(sha256=file_sha256(path), name="Bat")
    job = await bench.order(request(loras=(use,)))
    given = await bench.worker.job()
    detail = {"lora": "Bat"} | ({"reason": "x"} if code == "lora_file_refused" else {})
    bench.worker.say(Failed(job_id=given.job_id, attempt=given.attempt, code=code, detail=detail))
    assert (await bench.end(job)).job.state is JobState.FAILED
    assert await is_any_doubted(bench.connection) is doubted


async def test_a_job_waits_until_the_worker_has_a_place(bench: Bench) -> None:
    first, second = await bench.order(), await bench.order()
    running = await bench.worker.job()
    bench.worker.begin(running)
    await bench.worker.heard()
    assert (running.job_id, bench.ahead(second)) == (first.id, 0)
    assert bench.worker.idle
    bench.worker.finish(running)
    assert (await bench.worker.job()).job_id == second.id


async def handed(bench: Bench, jobs: list[Job]) -> list[Generate]:
    """The jobs as they come to the worker, which has to get exactly these."""
    found = [await bench.worker.job() for _ in jobs]
    await bench.worker.heard()
    assert [job.job_id for job in found] == [job.id for job in jobs] and bench.worker.idle
    return found


@pytest.fixture
async def crowd(bench: Bench) -> list[Generate]:
    """One picture is painted, three jobs of others wait at the worker, two more in the queue."""
    jobs = [await bench.order(request(steps=60 - 5 * person), person=person) for person in range(1, 5)]
    taken = await handed(bench, jobs)
    bench.worker.begin(taken[0])
    for person in (1, 5):
        await bench.order(request(steps=60), person=person)
    await bench.worker.heard()
    assert bench.worker.idle
    return taken


async def test_forecasts_of_prefetched_jobs_follow_the_workers_own_order(bench: Bench, crowd: list[Generate]) -> None:
    jobs = [await find_job(bench.connection, given.job_id) for given in crowd]
    assert [bench.ahead(job) for job in jobs if job] == [0, 2, 1, 0], "the shortest comes first"
    assert [bench.generation.paints(job) for job in jobs if job] == [True, False, False, False]
    assert (bench.generation.waiting, bench.worker.cancelled) == (5, [])


async def test_of_four_assigned_jobs_only_the_running_one_counts_the_workers_death(
    bench: Bench, crowd: list[Generate]
) -> None:
    bench.worker.die()
    await bench.worker.heard()
    rows = await fetch(bench.connection, "SELECT id, state, deaths FROM job ORDER BY id")
    assert [tuple(row) for row in rows] == [(i, "queued", int(i == crowd[0].job_id)) for i in range(1, 7)]
    bench.worker.say(Capacity(places=1))
    again = [await bench.worker.job() for _ in crowd]
    assert sorted(job.job_id for job in again) == [job.job_id for job in crowd]
    assert all(job.attempt == 2 for job in again)


async def test_a_death_before_any_job_started_counts_for_all_assigned_jobs(bench: Bench) -> None:
    jobs = [await bench.order(person=person) for person in (1, 2)]
    await handed(bench, jobs)
    bench.worker.die()
    await bench.worker.heard()
    rows = await fetch(bench.connection, "SELECT deaths FROM job")
    assert [row["deaths"] for row in rows] == [1, 1], "one of them may be what ends workers while it is read"


async def test_a_cancelled_prefetched_job_is_cancelled_at_the_worker_and_costs_its_person_nothing(
    bench: Bench, crowd: list[Generate]
) -> None:
    _, second, *_ = crowd
    again, newcomers = await bench.order(person=2), await bench.order(person=6)
    assert await bench.generation.cancel(second.job_id)
    assert bench.worker.cancelled == [second.job_id]
    bench.worker.stop(second)
    bench.worker.finish(crowd[0])
    assert [(await bench.worker.job()).job_id for _ in range(2)] == [6, again.id], "and not that of the newcomer"
    assert bench.worker.idle and await bench.state(newcomers) is JobState.QUEUED


async def test_a_pause_recalls_prefetched_jobs_but_not_the_running_one(bench: Bench, crowd: list[Generate]) -> None:
    await bench.generation.pause(EVERYWHERE, 1)
    ahead = crowd[1:]
    assert bench.worker.cancelled == [job.job_id for job in ahead]
    for job in ahead:
        bench.worker.stop(job)
    bench.worker.finish(crowd[0])
    await bench.worker.heard()
    rows = await fetch(bench.connection, "SELECT state, deaths FROM job ORDER BY id")
    assert [tuple(row) for row in rows] == [("succeeded", 0), *[("queued", 0)] * 5] and bench.worker.idle
    await bench.generation.unpause(EVERYWHERE)
    assert {(await bench.worker.job()).job_id for _ in ahead} == {job.job_id for job in ahead}


async def test_a_pause_of_one_server_recalls_no_jobs_of_others(bench: Bench, crowd: list[Generate]) -> None:
    await bench.generation.pause(77, 1)
    assert bench.worker.cancelled == []


async def test_a_pause_while_a_job_is_being_submitted_requeues_it(bench: Bench) -> None:
    job = await bench.order()
    await bench.generation.pause(EVERYWHERE, 1)  # the job is on its way into the table as running
    found: Job | None = None
    async with asyncio.timeout(PATIENCE):
        while found is None or found.attempt == 0 or (found.state is JobState.RUNNING and bench.worker.idle):
            found = await find_job(bench.connection, job.id)
    assert (found.state, found.deaths, bench.worker.idle) == (JobState.QUEUED, 0, True)
    await bench.generation.unpause(EVERYWHERE)
    assert (await bench.worker.job()).attempt == 2


async def test_people_take_turns(bench: Bench) -> None:
    mine = [await bench.order(person=1) for _ in range(3)]
    yours = [await bench.order(person=2) for _ in range(2)]
    taken = []
    for _ in range(5):
        job = await bench.worker.job()
        taken.append(job.job_id)
        bench.worker.finish(job)
    assert taken == [job.id for job in (mine[0], yours[0], mine[1], yours[1], mine[2])]


async def test_a_dead_workers_job_is_painted_again_and_its_late_answer_dropped(bench: Bench) -> None:
    job = await bench.order()
    first = await bench.worker.job()
    bench.worker.begin(first)
    bench.worker.die()
    bench.worker.say(Capacity(places=1))
    second = await bench.worker.job()
    assert (second.job_id, second.attempt, second.request) == (job.id, 2, first.request)
    bench.worker.finish(first)
    bench.worker.finish(second)
    (picture,) = (await bench.end(job)).pictures
    assert await bench.files() == [picture.path]
    with Image.open(bench.pictures / picture.path) as painted:
        assert painted.getpixel((0, 0)) == (2, 0, 0)


async def test_leftovers_of_a_dead_workers_attempt_are_deleted_but_not_the_resume_state(bench: Bench) -> None:
    job = await bench.order()
    first = await bench.worker.job()
    bench.worker.begin(first)
    state = bench.spool / state_file(job.id)
    for left in (f"job{job.id}-1-preview.png", f"job{job.id}-1-0.part", state.name):
        (bench.spool / left).touch()
    bench.worker.die()
    await bench.worker.heard()
    assert list(bench.spool.iterdir()) == [state]


async def test_after_three_deaths_the_job_fails_and_the_queue_goes_on(bench: Bench) -> None:
    deadly, harmless = await bench.order(), await bench.order(person=2)
    for _ in range(3):
        while (job := await bench.worker.job()).job_id != deadly.id:
            bench.worker.finish(job)
        bench.worker.begin(job)
        bench.worker.die()
        bench.worker.say(Capacity(places=1))
    failure = (await bench.end(deadly)).job.failure
    assert failure is not None and (failure.code, failure.detail) == ("worker_crashed", {"attempts": 3})
    if await bench.state(harmless) is not JobState.SUCCEEDED:
        bench.worker.finish(await bench.worker.job())
    assert (await bench.end(harmless)).job.state is JobState.SUCCEEDED


async def test_a_typed_failure_is_kept_as_it_came(bench: Bench) -> None:
    job = await bench.order()
    given = await bench.worker.job()
    bench.worker.say(Failed(job_id=job.id, attempt=given.attempt, code="out_of_memory", detail={"what": "{x}"}))
    failure = (await bench.end(job)).job.failure
    assert failure is not None and "{x}" in str(failure)


async def test_a_waiting_job_is_cancelled_without_a_call_to_the_worker(bench: Bench) -> None:
    first, second = await bench.order(), await bench.order()
    running = await bench.worker.job()
    assert await bench.generation.cancel(second.id)
    bench.worker.finish(running)
    await bench.end(first)
    assert await bench.state(second) is JobState.CANCELLED
    assert (bench.worker.cancelled, bench.worker.idle) == ([], True)


async def test_a_running_job_is_cancelled_at_the_worker_and_the_next_begins(bench: Bench) -> None:
    first, second = await bench.order(), await bench.order()
    running = await bench.worker.job()
    assert await bench.generation.cancel(first.id)
    assert bench.worker.cancelled == [first.id]
    bench.worker.stop(running)
    assert (await bench.worker.job()).job_id == second.id
    assert await bench.state(first) is JobState.CANCELLED
    assert await bench.generation.cancel(first.id) is None


async def test_a_picture_that_comes_after_the_cancel_is_deleted(bench: Bench) -> None:
    first, second = await bench.order(), await bench.order()
    running = await bench.worker.job()
    await bench.generation.cancel(first.id)
    bench.worker.finish(running)
    bench.worker.finish(await bench.worker.job())
    await bench.end(second)
    assert await bench.state(first) is JobState.CANCELLED
    assert len(await bench.files()) == 1


@pytest.mark.parametrize(
    ("pictures", "write", "code"),
    [(1, True, "worker_failed"), (3, True, "worker_failed"), (2, False, "picture_not_saved")],
)
async def test_a_worker_that_returns_a_wrong_number_of_pictures_fails_the_job(
    bench: Bench, pictures: int, write: bool, code: str
) -> None:
    job = await bench.order(request(count=2))
    bench.worker.finish(await bench.worker.job(), pictures=pictures, write=write)
    failure = (await bench.end(job)).job.failure
    assert failure is not None and failure.code == code
    assert await bench.files() == []


async def test_a_worker_that_is_not_running_loses_no_job(bench: Bench) -> None:
    bench.worker.takes = False
    job = await bench.order()
    async with bench.generation.following(job.id) as updates, asyncio.timeout(PATIENCE):
        while (await updates.get()).job.state is not JobState.QUEUED:
            pass
    bench.worker.takes = True
    bench.worker.say(Capacity(places=1))
    bench.worker.finish(await bench.worker.job())
    assert (await bench.end(job)).job.state is JobState.SUCCEEDED


class FadingWorker(FakeWorker):
    """Dies while a job is handed to it."""

    async def submit(self, job: Generate) -> bool:
        if not self.takes:
            self.die()
        return await super().submit(job)


async def test_a_worker_that_dies_during_a_submission_loses_no_job_and_all_who_wait_are_told(tmp_path: Path) -> None:
    worker = FadingWorker(tmp_path / "spool", places=3)
    async with open_bench(tmp_path, worker=worker) as bench:
        first = await bench.order()
        worker.begin(await worker.job())
        worker.takes = False
        handed, waiting = await bench.order(), await bench.order(request(checkpoint="pastel"))
        async with bench.generation.following(waiting.id) as updates, asyncio.timeout(PATIENCE):
            while (await updates.get()).trouble is None:
                pass
        worker.takes = True
        worker.say(Capacity(places=3))
        for _ in range(3):
            worker.finish(await worker.job())
        for job in (first, handed, waiting):
            assert (await bench.end(job)).job.state is JobState.SUCCEEDED


class TouchyWorker(FakeWorker):
    """Raises what nobody foresees, the next few times that it is given a job."""

    raises = 0

    async def submit(self, job: Generate) -> bool:
        if self.raises:
            self.raises -= 1
            raise ArithmeticError("a mistake of ours")
        return await super().submit(job)


@pytest.fixture
async def touchy(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, worker=TouchyWorker(tmp_path / "spool")) as bench:
        yield bench


def let_raise(bench: Bench, times: int) -> None:
    assert isinstance(bench.worker, TouchyWorker)
    bench.worker.raises = times


async def test_a_job_whose_submission_failed_is_tried_again(touchy: Bench) -> None:
    let_raise(touchy, 2)
    job = await touchy.order()
    with Log.listening() as log:
        given = await touchy.worker.job()
    assert (given.job_id, given.attempt) == (job.id, 3)
    assert log.tracebacks == ["an attempt was aborted"] * 2
    touchy.worker.finish(given)
    assert (await touchy.end(job)).job.state is JobState.SUCCEEDED


async def test_a_job_whose_submission_always_fails_fails_and_frees_its_place(touchy: Bench) -> None:
    let_raise(touchy, 3)
    poison, other = await touchy.order(), await touchy.order(person=2)
    failed = (await touchy.end(poison)).job
    assert failed.failure is not None and failed.failure.code == "worker_crashed"
    touchy.worker.finish(await touchy.worker.job())
    assert (await touchy.end(other)).job.state is JobState.SUCCEEDED
    assert touchy.worker.restarts == 0


async def test_a_picture_whose_storing_raises_an_unforeseen_error_is_painted_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await bench.order()
    given = await bench.worker.job()
    with monkeypatch.context() as broken, Log.listening() as log:
        broken.setattr("bot.jobs.outcomes.NewPicture", None)
        bench.worker.finish(given)
        again = await bench.worker.job()
    assert (again.job_id, again.attempt) == (job.id, 2) and log.tracebacks == ["an attempt was aborted"]
    bench.worker.finish(again)
    assert len((await bench.end(job)).pictures) == len(await bench.files()) == 1


async def test_a_job_that_could_not_be_started_fails_and_frees_its_place(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("bot.jobs.outcomes.start_job", None)
        failed = (await bench.end(await bench.order())).job
    assert failed.failure is not None and failed.failure.code == "worker_failed"
    job = await bench.order()
    bench.worker.finish(await bench.worker.job())
    assert (await bench.end(job)).job.state is JobState.SUCCEEDED


async def test_forecasts_work_while_a_cancelled_job_is_still_assigned(
    bench: Bench,
) -> None:
    running = await bench.order()
    given = await bench.worker.job()
    bench.worker.begin(given)
    await bench.worker.heard()
    await bench.generation.cancel(running.id)
    assert bench.worker.cancelled == [running.id]
    waits, behind = await bench.order(person=2), await bench.order(person=3)
    assert (bench.ahead(waits), bench.ahead(behind)) == (0, 1)
    bench.worker.stop(given)
    assert (await bench.worker.job()).job_id == waits.id


async def test_what_ran_or_waited_when_the_program_was_killed_is_painted_after_the_next_start(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3") as connection:
        running, waiting = [await create_job(connection, request(), person_id=1, channel_id=1) for _ in range(2)]
        assert await start_job(connection, running.id)
    async with open_bench(tmp_path) as bench:
        for job, attempt in ((running, 2), (waiting, 1)):
            given = await bench.worker.job()
            assert (given.job_id, given.attempt) == (job.id, attempt)
            bench.worker.finish(given)
            assert (await bench.end(job)).job.state is JobState.SUCCEEDED
        assert len(await bench.files()) == 2


async def test_a_job_at_which_the_program_itself_dies_again_and_again_fails_at_the_next_start(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3") as connection:
        deadly = await create_job(connection, request(), person_id=1, channel_id=1)
        for _ in range(3):
            assert await start_job(connection, deadly.id)
            await requeue_orphans(connection)
    async with open_bench(tmp_path, max_attempts=3) as bench:
        end = await bench.end(deadly)
        assert end.job.state is JobState.FAILED and isinstance(end.job.failure, WorkerCrashed)
        assert bench.worker.idle


async def test_a_job_at_which_the_system_ends_the_worker_for_memory_is_not_tried_a_third_time(tmp_path: Path) -> None:
    async with open_bench(tmp_path, max_attempts=5) as bench:
        job = await bench.order()
        shortage = Shortage(free=2_000_000_000, files={job.checkpoint: 6_900_000_000})
        for failures in (1, 2):
            bench.worker.begin(await bench.worker.job())
            bench.worker.say(WorkerDied(-9, failures, was_ready=True, stderr_tail="", shortage=shortage))
            bench.worker.say(Capacity(places=1))
        failure = (await bench.end(job)).job.failure
        assert isinstance(failure, WorkerStarved)
        assert "2 times" in str(failure) and "6.9 GB" in str(failure) and "2.0 GB" in str(failure)


async def test_what_waited_for_longer_than_anybody_expects_fails_and_never_reaches_a_worker(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3") as connection:
        old, young = [await create_job(connection, request(), person_id=1, channel_id=1) for _ in range(2)]
        hours = {old: 3.0, young: 1.9}
        for job, ago in hours.items():
            await write(
                connection, "UPDATE job SET created_at = created_at - ? WHERE id = ?", (int(ago * HOUR_MS), job.id)
            )
    async with open_bench(tmp_path, max_age_hours=2) as bench:
        end = await bench.end(old)
        assert end.job.state is JobState.FAILED and isinstance(end.job.failure, JobExpired)
        given = await bench.worker.job()
        assert given.job_id == young.id
        bench.worker.finish(given)
        assert (await bench.end(young)).job.state is JobState.SUCCEEDED


async def without_busy_timeout(bench: Bench) -> sqlite3.Connection:
    """Another program that holds the database; the bot gives each try up at once."""
    await bench.connection.execute("PRAGMA busy_timeout = 10")
    (row,) = await fetch(bench.connection, "PRAGMA database_list")
    other = sqlite3.connect(row["file"], isolation_level=None)
    async with transaction(bench.connection):
        pass  # whatever is being written is; who waits to write next comes after us
    other.execute("BEGIN IMMEDIATE")
    return other


async def test_a_picture_that_is_done_while_the_database_is_locked_is_not_lost(bench: Bench) -> None:
    job = await bench.order()
    running = await bench.worker.job()
    other = await without_busy_timeout(bench)
    with Log.listening() as log:
        bench.worker.finish(running)
        await log.heard("cannot be written just now")
    other.close()
    assert (await bench.end(job)).job.state is JobState.SUCCEEDED
    assert len(await bench.files()) == 1


async def test_a_job_whose_turn_comes_while_the_database_is_locked_is_not_lost(bench: Bench) -> None:
    first, second = await bench.order(), await bench.order()
    running = await bench.worker.job()
    await bench.generation.cancel(first.id)
    other = await without_busy_timeout(bench)
    with Log.listening() as log:
        bench.worker.stop(running)
        await log.heard("cannot be written just now")
    other.close()
    bench.worker.finish(await bench.worker.job())
    assert (await bench.end(second)).job.state is JobState.SUCCEEDED


async def test_a_cancel_that_the_database_refused_leaves_the_job_in_the_queue(bench: Bench) -> None:
    busy, waiting = await bench.order(), await bench.order()
    other = await without_busy_timeout(bench)
    with pytest.raises(DatabaseError):
        await bench.generation.cancel(waiting.id)
    other.close()
    assert bench.ahead(waiting) == 1, "behind the one that was handed over"
    for job in (busy, waiting):
        bench.worker.finish(await bench.worker.job())
        assert (await bench.end(job)).job.state is JobState.SUCCEEDED
