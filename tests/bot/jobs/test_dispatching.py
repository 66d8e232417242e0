"""The dispatcher with a fake worker that misbehaves: deaths, late reports, failed submissions, a locked database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from bot import metrics
from bot.config import LimitSettings
from bot.database.clock import HOUR_MS, now_ms
from bot.database.database import Database, open_database
from bot.database.errors import DatabaseError
from bot.database.jobs.jobs import FIND_JOB, START_JOB, UNFINISHED_IDS, Job, JobState, create_job, requeue_orphans
from bot.database.loras.records import IS_ANY_DOUBTED
from bot.jobs.active_jobs import JobUpdate
from bot.jobs.automatic_checks import AutomaticChecks
from bot.jobs.dispatcher import JobCheck, always_allowed
from bot.jobs.service import JobService
from bot.library.catalogue import LibraryFiles, scan_library
from bot.pictures.attachments import PictureFile
from bot.pictures.similarity.removed_pictures import RemovedPictures
from bot.ui.views.results.result import result_view
from inference.checkpoints.memory import Shortage
from inference.errors import JobExpired, WorkerCrashed, WorkerStarved
from inference.files.hashes import file_sha256
from inference.messages.commands import Generate
from inference.messages.events import Capacity, Failed
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.spool import state_file
from inference.queue.policy import EVERYWHERE
from inference.workers import WorkerDied, WorkerPool
from inference.workers.fixed import FixedPool
from inference.workers.storage import SpoolFolder, StoredFile
from tests.bot.jobs.fake_worker import PATIENCE, FakeWorker
from tests.inference.requests import request
from tests.log import Log
from tests.lora_files import write_lora


@dataclass
class Rig:
    """A running `JobService` with a fake worker."""

    db: Database
    worker: FakeWorker
    jobs: JobService
    pictures: Path
    spool: Path

    async def order(self, made: GenerationRequest | None = None, *, person: int = 1) -> Job:
        return await self.jobs.order(made or request(), person_id=person, channel_id=1)

    def ahead(self, job: Job) -> int:
        """How many jobs come before it."""
        return self.jobs.forecasts.of(job).ahead

    async def end(self, job: Job) -> JobUpdate:
        async with asyncio.timeout(PATIENCE), self.jobs.following(job.id) as updates:
            while not (update := await updates.get()).job.state.final:
                pass
            return update

    async def state(self, job: Job) -> JobState:
        found = await self.db.one(FIND_JOB, job.id)
        assert found is not None
        return found.state

    async def files(self) -> list[str]:
        rows = await self.db.fetch("SELECT path FROM picture ORDER BY id")
        there = sorted(p.relative_to(self.pictures).as_posix() for p in self.pictures.rglob("*.png"))
        assert sorted(row["path"] for row in rows) == there, "every row has its file and every file its row"
        return there


@asynccontextmanager
async def open_rig(
    folder: Path,
    *others: FakeWorker,
    places: int = 1,
    worker: FakeWorker | None = None,
    pool: WorkerPool | None = None,
    checks: AutomaticChecks | None = None,
    still_allowed: JobCheck = always_allowed,
    **limits: int,
) -> AsyncIterator[Rig]:
    pictures, spool = folder / "pictures", folder / "spool"
    for place in (pictures, spool):
        place.mkdir(exist_ok=True)
    worker = worker or FakeWorker(spool, places)
    async with open_database(folder / "easel.sqlite3", clock=lambda: 0.0) as db:
        limits = LimitSettings(**limits)
        files = LibraryFiles(db, folder / "loras", folder / "inputs")
        jobs = JobService(
            db, pool or FixedPool([worker, *others]), files=files, spool=SpoolFolder(spool), pictures=pictures,
            limits=limits, removed=RemovedPictures(db), checks=checks, still_allowed=still_allowed,
        )  # fmt: skip
        async with jobs.running():
            yield Rig(db, worker, jobs, pictures, spool)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(open_rig(tmp_path))


async def test_a_job_becomes_exactly_one_picture(rig: Rig) -> None:
    job = await rig.order()
    rig.worker.finish(await rig.worker.job())
    update = await rig.end(job)
    assert update.job.state is JobState.SUCCEEDED
    assert [picture.path for picture in update.pictures] == await rig.files()
    assert len(update.pictures) == 1


async def test_what_the_worker_noted_is_kept_and_shown_under_the_picture(rig: Rig) -> None:
    job = await rig.order()
    note = "**Bat** of <@2> learnt to predict *epsilon*."
    rig.worker.finish(await rig.worker.job(), notes=(note,))
    update = await rig.end(job)
    assert update.job.notes == (note,)
    shown = result_view(update.job, (PictureFile("a.png", b""),), shows_prompt=False).to_components()
    line = str(shown[1]["content"])
    assert "predict *epsilon*." in line, "our own sentences may emphasise"
    assert "**Bat**" not in line and "<@2>" not in line, "names in them may do nothing"


@pytest.mark.parametrize(("code", "doubted"), [("lora_file_changed", True), ("lora_file_refused", False)])
async def test_a_lora_whose_file_has_other_bytes_is_read_again(
    rig: Rig, tmp_path: Path, code: str, *, doubted: bool
) -> None:
    path = write_lora(tmp_path / "loras" / "bat.safetensors")
    await scan_library(rig.db, path.parent, {})
    use = LoraUse(sha256=file_sha256(path), name="Bat")
    job = await rig.order(request(loras=(use,)))
    given = await rig.worker.job()
    detail = {"lora": "Bat"} | ({"reason": "x"} if code == "lora_file_refused" else {})
    rig.worker.say(Failed(job_id=given.job_id, attempt=given.attempt, code=code, detail=detail))
    assert (await rig.end(job)).job.state is JobState.FAILED
    assert await rig.db.get(IS_ANY_DOUBTED) is doubted


async def test_a_job_waits_until_the_worker_has_a_place(rig: Rig) -> None:
    first, second = await rig.order(), await rig.order()
    running = await rig.worker.job()
    rig.worker.begin(running)
    await rig.worker.heard()
    assert (running.job_id, rig.ahead(second)) == (first.id, 0)
    assert rig.worker.idle
    rig.worker.finish(running)
    assert (await rig.worker.job()).job_id == second.id


async def test_what_a_worker_says_before_it_loads_another_checkpoint_brings_no_job_for_the_old_one(rig: Rig) -> None:
    swaps = [_swaps(name) for name in ("vivid", "pastel")]
    rig.worker.say(Capacity(places=1, loaded=("vivid",)))
    await rig.worker.heard()
    await rig.order(request(checkpoint="pastel"))
    await rig.worker.job()
    rig.worker.say(Capacity(places=2, loaded=("vivid",)))
    await rig.worker.heard()
    await rig.order(person=2)
    third = await rig.order(request(checkpoint="pastel"), person=3)
    assert (await rig.worker.job()).job_id == third.id, "else it would load one checkpoint after the other"
    rig.worker.say(Capacity(places=1, loaded=("pastel",)))
    await rig.worker.heard()
    assert [_swaps(name) for name in ("vivid", "pastel")] == [swaps[0] + 1, swaps[1] + 1]


def _swaps(checkpoint: str) -> float:
    return metrics.REGISTRY.get_sample_value("easel_checkpoint_swaps_total", {"checkpoint": checkpoint}) or 0.0


async def handed(rig: Rig, jobs: list[Job]) -> list[Generate]:
    """The jobs as they come to the worker, which has to get exactly these."""
    found = [await rig.worker.job() for _ in jobs]
    await rig.worker.heard()
    assert [job.job_id for job in found] == [job.id for job in jobs] and rig.worker.idle
    return found


@pytest.fixture
async def crowd(rig: Rig) -> list[Generate]:
    """One picture is painted, three jobs of others wait at the worker, two more in the queue."""
    jobs = [await rig.order(request(steps=60 - 5 * person), person=person) for person in range(1, 5)]
    taken = await handed(rig, jobs)
    rig.worker.begin(taken[0])
    for person in (1, 5):
        await rig.order(request(steps=60), person=person)
    await rig.worker.heard()
    assert rig.worker.idle
    return taken


async def test_forecasts_of_prefetched_jobs_follow_the_workers_own_order(rig: Rig, crowd: list[Generate]) -> None:
    jobs = [await rig.db.one(FIND_JOB, given.job_id) for given in crowd]
    assert [rig.ahead(job) for job in jobs if job] == [0, 2, 1, 0], "the shortest comes first"
    assert [rig.jobs.forecasts.paints(job) for job in jobs if job] == [True, False, False, False]
    assert (rig.jobs.waiting, rig.worker.cancelled) == (5, [])


async def test_of_four_assigned_jobs_only_the_running_one_counts_the_workers_death(
    rig: Rig, crowd: list[Generate]
) -> None:
    rig.worker.die()
    await rig.worker.heard()
    rows = await rig.db.fetch("SELECT id, state, deaths FROM job ORDER BY id")
    assert [tuple(row) for row in rows] == [(i, "queued", int(i == crowd[0].job_id)) for i in range(1, 7)]
    rig.worker.say(Capacity(places=1))
    again = [await rig.worker.job() for _ in crowd]
    assert sorted(job.job_id for job in again) == [job.job_id for job in crowd]
    assert all(job.attempt == 2 for job in again)


async def test_a_death_before_any_job_started_counts_for_all_assigned_jobs(rig: Rig) -> None:
    jobs = [await rig.order(person=person) for person in (1, 2)]
    await handed(rig, jobs)
    rig.worker.die()
    await rig.worker.heard()
    rows = await rig.db.fetch("SELECT deaths FROM job")
    assert [row["deaths"] for row in rows] == [1, 1], "one of them may be what ends workers while it is read"


async def test_a_cancelled_prefetched_job_is_cancelled_at_the_worker_and_costs_its_person_nothing(
    rig: Rig, crowd: list[Generate]
) -> None:
    _, second, *_ = crowd
    again, newcomers = await rig.order(person=2), await rig.order(person=6)
    assert await rig.jobs.cancel(second.job_id)
    assert rig.worker.cancelled == [second.job_id]
    rig.worker.stop(second)
    rig.worker.finish(crowd[0])
    assert [(await rig.worker.job()).job_id for _ in range(2)] == [6, again.id], "and not that of the newcomer"
    assert rig.worker.idle and await rig.state(newcomers) is JobState.QUEUED


async def test_a_pause_recalls_prefetched_jobs_but_not_the_running_one(rig: Rig, crowd: list[Generate]) -> None:
    await rig.jobs.pause(EVERYWHERE, 1)
    ahead = crowd[1:]
    assert rig.worker.cancelled == [job.job_id for job in ahead]
    for job in ahead:
        rig.worker.stop(job)
    rig.worker.finish(crowd[0])
    await rig.worker.heard()
    rows = await rig.db.fetch("SELECT state, deaths FROM job ORDER BY id")
    assert [tuple(row) for row in rows] == [("succeeded", 0), *[("queued", 0)] * 5] and rig.worker.idle
    await rig.jobs.unpause(EVERYWHERE)
    assert {(await rig.worker.job()).job_id for _ in ahead} == {job.job_id for job in ahead}


async def test_a_pause_of_one_server_recalls_no_jobs_of_others(rig: Rig, crowd: list[Generate]) -> None:
    await rig.jobs.pause(77, 1)
    assert rig.worker.cancelled == []


async def test_a_pause_while_a_job_is_being_submitted_requeues_it(rig: Rig) -> None:
    job = await rig.order()
    await rig.jobs.pause(EVERYWHERE, 1)  # the job is on its way into the table as running
    found: Job | None = None
    async with asyncio.timeout(PATIENCE):
        while found is None or found.attempt == 0 or (found.state is JobState.RUNNING and rig.worker.idle):
            found = await rig.db.one(FIND_JOB, job.id)
    assert (found.state, found.deaths, rig.worker.idle) == (JobState.QUEUED, 0, True)
    await rig.jobs.unpause(EVERYWHERE)
    assert (await rig.worker.job()).attempt == 2


async def test_people_take_turns(rig: Rig) -> None:
    mine = [await rig.order(person=1) for _ in range(3)]
    yours = [await rig.order(person=2) for _ in range(2)]
    taken = []
    for _ in range(5):
        job = await rig.worker.job()
        taken.append(job.job_id)
        rig.worker.finish(job)
    assert taken == [job.id for job in (mine[0], yours[0], mine[1], yours[1], mine[2])]


async def test_a_dead_workers_job_is_painted_again_and_its_late_answer_dropped(rig: Rig) -> None:
    job = await rig.order()
    first = await rig.worker.job()
    rig.worker.begin(first)
    rig.worker.die()
    rig.worker.say(Capacity(places=1))
    second = await rig.worker.job()
    assert (second.job_id, second.attempt, second.request) == (job.id, 2, first.request)
    rig.worker.finish(first)
    rig.worker.finish(second)
    (picture,) = (await rig.end(job)).pictures
    assert await rig.files() == [picture.path]
    with Image.open(rig.pictures / picture.path) as painted:
        assert painted.getpixel((0, 0)) == (2, 0, 0)


async def test_leftovers_of_a_dead_workers_attempt_are_deleted_but_not_the_resume_state(rig: Rig) -> None:
    job = await rig.order()
    first = await rig.worker.job()
    rig.worker.begin(first)
    state = rig.spool / state_file(job.id)
    for left in (f"job{job.id}-1-preview.png", f"job{job.id}-1-0.part", state.name):
        (rig.spool / left).touch()
    rig.worker.die()
    await rig.worker.heard()
    assert list(rig.spool.iterdir()) == [state]


async def test_after_three_deaths_the_job_fails_and_the_queue_goes_on(rig: Rig) -> None:
    deadly, harmless = await rig.order(), await rig.order(person=2)
    for _ in range(3):
        while (job := await rig.worker.job()).job_id != deadly.id:
            rig.worker.finish(job)
        rig.worker.begin(job)
        rig.worker.die()
        rig.worker.say(Capacity(places=1))
    failure = (await rig.end(deadly)).job.failure
    assert failure is not None and (failure.code, failure.detail) == ("worker_crashed", {"attempts": 3})
    if await rig.state(harmless) is not JobState.SUCCEEDED:
        rig.worker.finish(await rig.worker.job())
    assert (await rig.end(harmless)).job.state is JobState.SUCCEEDED


async def test_a_typed_failure_is_kept_as_it_came(rig: Rig) -> None:
    job = await rig.order()
    given = await rig.worker.job()
    rig.worker.say(Failed(job_id=job.id, attempt=given.attempt, code="out_of_memory", detail={"what": "{x}"}))
    failure = (await rig.end(job)).job.failure
    assert failure is not None and "{x}" in str(failure)


async def test_a_waiting_job_is_cancelled_without_a_call_to_the_worker(rig: Rig) -> None:
    first, second = await rig.order(), await rig.order()
    running = await rig.worker.job()
    assert await rig.jobs.cancel(second.id)
    rig.worker.finish(running)
    await rig.end(first)
    assert await rig.state(second) is JobState.CANCELLED
    assert (rig.worker.cancelled, rig.worker.idle) == ([], True)


async def test_a_running_job_is_cancelled_at_the_worker_and_the_next_begins(rig: Rig) -> None:
    first, second = await rig.order(), await rig.order()
    running = await rig.worker.job()
    assert await rig.jobs.cancel(first.id)
    assert rig.worker.cancelled == [first.id]
    rig.worker.stop(running)
    assert (await rig.worker.job()).job_id == second.id
    assert await rig.state(first) is JobState.CANCELLED
    assert await rig.jobs.cancel(first.id) is None


async def test_a_picture_that_comes_after_the_cancel_is_deleted(rig: Rig) -> None:
    first, second = await rig.order(), await rig.order()
    running = await rig.worker.job()
    await rig.jobs.cancel(first.id)
    rig.worker.finish(running)
    rig.worker.finish(await rig.worker.job())
    await rig.end(second)
    assert await rig.state(first) is JobState.CANCELLED
    assert len(await rig.files()) == 1


@pytest.mark.parametrize(
    ("pictures", "write", "code"),
    [(1, True, "worker_failed"), (3, True, "worker_failed"), (2, False, "picture_not_saved")],
)
async def test_a_worker_that_returns_a_wrong_number_of_pictures_fails_the_job(
    rig: Rig, pictures: int, write: bool, code: str
) -> None:
    job = await rig.order(request(count=2))
    rig.worker.finish(await rig.worker.job(), pictures=pictures, write=write)
    failure = (await rig.end(job)).job.failure
    assert failure is not None and failure.code == code
    assert await rig.files() == []


async def test_a_worker_that_is_not_running_loses_no_job(rig: Rig) -> None:
    rig.worker.takes = False
    job = await rig.order()
    async with rig.jobs.following(job.id) as updates, asyncio.timeout(PATIENCE):
        while (await updates.get()).job.state is not JobState.QUEUED:
            pass
    rig.worker.takes = True
    rig.worker.say(Capacity(places=1))
    rig.worker.finish(await rig.worker.job())
    assert (await rig.end(job)).job.state is JobState.SUCCEEDED


class FadingWorker(FakeWorker):
    """Dies while a job is handed to it."""

    async def submit(self, job: Generate, files: Mapping[str, StoredFile]) -> bool:
        if not self.takes:
            self.die()
        return await super().submit(job, files)


async def test_a_worker_that_dies_during_a_submission_loses_no_job_and_all_who_wait_are_told(tmp_path: Path) -> None:
    worker = FadingWorker(tmp_path / "spool", places=3)
    async with open_rig(tmp_path, worker=worker) as rig:
        first = await rig.order()
        worker.begin(await worker.job())
        worker.takes = False
        handed, waiting = await rig.order(), await rig.order(request(checkpoint="pastel"))
        async with rig.jobs.following(waiting.id) as updates, asyncio.timeout(PATIENCE):
            while (await updates.get()).trouble is None:
                pass
        worker.takes = True
        worker.say(Capacity(places=3))
        for _ in range(3):
            worker.finish(await worker.job())
        for job in (first, handed, waiting):
            assert (await rig.end(job)).job.state is JobState.SUCCEEDED


class TouchyWorker(FakeWorker):
    """Raises what nobody foresees, the next few times that it is given a job."""

    raises = 0

    async def submit(self, job: Generate, files: Mapping[str, StoredFile]) -> bool:
        if self.raises:
            self.raises -= 1
            raise ArithmeticError("a mistake of ours")
        return await super().submit(job, files)


@pytest.fixture
async def touchy(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, worker=TouchyWorker(tmp_path / "spool")) as rig:
        yield rig


def let_raise(rig: Rig, times: int) -> None:
    assert isinstance(rig.worker, TouchyWorker)
    rig.worker.raises = times


async def test_a_job_whose_submission_failed_is_tried_again(touchy: Rig) -> None:
    let_raise(touchy, 2)
    job = await touchy.order()
    with Log.listening() as log:
        given = await touchy.worker.job()
    assert (given.job_id, given.attempt) == (job.id, 3)
    assert log.tracebacks == ["an attempt was aborted"] * 2
    touchy.worker.finish(given)
    assert (await touchy.end(job)).job.state is JobState.SUCCEEDED


async def test_a_job_whose_submission_always_fails_fails_and_frees_its_place(touchy: Rig) -> None:
    let_raise(touchy, 3)
    poison = await touchy.order()
    failed = (await touchy.end(poison)).job
    other = await touchy.order(person=2)
    assert failed.failure is not None and failed.failure.code == "worker_crashed"
    touchy.worker.finish(await touchy.worker.job())
    assert (await touchy.end(other)).job.state is JobState.SUCCEEDED
    assert touchy.worker.restarts == 0


async def test_a_picture_whose_storing_raises_an_unforeseen_error_is_painted_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await rig.order()
    given = await rig.worker.job()
    with monkeypatch.context() as broken, Log.listening() as log:
        broken.setattr("bot.jobs.kinds.NewPicture", None)
        rig.worker.finish(given)
        again = await rig.worker.job()
    assert (again.job_id, again.attempt) == (job.id, 2) and log.tracebacks == ["an attempt was aborted"]
    rig.worker.finish(again)
    assert len((await rig.end(job)).pictures) == len(await rig.files()) == 1


async def test_a_job_that_could_not_be_started_fails_and_frees_its_place(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("bot.jobs.outcomes.START_JOB", None)
        failed = (await rig.end(await rig.order())).job
    assert failed.failure is not None and failed.failure.code == "worker_failed"
    job = await rig.order()
    rig.worker.finish(await rig.worker.job())
    assert (await rig.end(job)).job.state is JobState.SUCCEEDED


async def test_a_job_that_was_cancelled_while_it_could_not_be_started_ends_without_another_error(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled_and_broken(*_: object) -> None:
        await rig.jobs.cancel(await rig.db.get(UNFINISHED_IDS))
        raise RuntimeError

    with monkeypatch.context() as broken, Log.listening() as log:
        broken.setattr("bot.jobs.outcomes.Outcomes.files", cancelled_and_broken)
        assert (await rig.end(await rig.order())).job.state is JobState.CANCELLED
        await log.heard("an attempt was aborted")
        broken.undo()
        job = await rig.order()
        rig.worker.finish(await rig.worker.job())
        assert (await rig.end(job)).job.state is JobState.SUCCEEDED
    assert log.tracebacks == ["an attempt was aborted"]


async def test_forecasts_work_while_a_cancelled_job_is_still_assigned(
    rig: Rig,
) -> None:
    running = await rig.order()
    given = await rig.worker.job()
    rig.worker.begin(given)
    await rig.worker.heard()
    await rig.jobs.cancel(running.id)
    assert rig.worker.cancelled == [running.id]
    waits, behind = await rig.order(person=2), await rig.order(person=3)
    assert (rig.ahead(waits), rig.ahead(behind)) == (0, 1)
    rig.worker.stop(given)
    assert (await rig.worker.job()).job_id == waits.id


async def test_what_ran_or_waited_when_the_program_was_killed_is_painted_after_the_next_start(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3", clock=lambda: 0.0) as db:
        running, waiting = [await create_job(db, request(), person_id=1, channel_id=1) for _ in range(2)]
        assert await db.one(START_JOB, now=now_ms(), id=running.id)
    async with open_rig(tmp_path) as rig:
        for job, attempt in ((running, 2), (waiting, 1)):
            given = await rig.worker.job()
            assert (given.job_id, given.attempt) == (job.id, attempt)
            rig.worker.finish(given)
            assert (await rig.end(job)).job.state is JobState.SUCCEEDED
        assert len(await rig.files()) == 2


async def test_a_job_at_which_the_program_itself_dies_again_and_again_fails_at_the_next_start(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3", clock=lambda: 0.0) as db:
        deadly = await create_job(db, request(), person_id=1, channel_id=1)
        for _ in range(3):
            assert await db.one(START_JOB, now=now_ms(), id=deadly.id)
            await requeue_orphans(db)
    async with open_rig(tmp_path, max_attempts=3) as rig:
        end = await rig.end(deadly)
        assert end.job.state is JobState.FAILED and isinstance(end.job.failure, WorkerCrashed)
        assert rig.worker.idle


async def test_a_job_at_which_the_system_ends_the_worker_for_memory_is_not_tried_a_third_time(tmp_path: Path) -> None:
    async with open_rig(tmp_path, max_attempts=5) as rig:
        job = await rig.order()
        shortage = Shortage(free=2_000_000_000, files={job.checkpoint: 6_900_000_000})
        for failures in (1, 2):
            rig.worker.begin(await rig.worker.job())
            rig.worker.say(WorkerDied(-9, failures, was_ready=True, stderr_tail="", shortage=shortage))
            rig.worker.say(Capacity(places=1))
        failure = (await rig.end(job)).job.failure
        assert isinstance(failure, WorkerStarved)
        assert "attempts: 2" in str(failure) and "6.9 GB" in str(failure) and "2.0 GB" in str(failure)


async def test_what_waited_for_longer_than_anybody_expects_fails_and_never_reaches_a_worker(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3", clock=lambda: 0.0) as db:
        old, young = [await create_job(db, request(), person_id=1, channel_id=1) for _ in range(2)]
        hours = {old: 3.0, young: 1.9}
        for job, ago in hours.items():
            await db.write("UPDATE job SET created_at = created_at - ? WHERE id = ?", (int(ago * HOUR_MS), job.id))
    async with open_rig(tmp_path, max_age_hours=2) as rig:
        end = await rig.end(old)
        assert end.job.state is JobState.FAILED and isinstance(end.job.failure, JobExpired)
        given = await rig.worker.job()
        assert given.job_id == young.id
        rig.worker.finish(given)
        assert (await rig.end(young)).job.state is JobState.SUCCEEDED


async def without_busy_timeout(rig: Rig) -> sqlite3.Connection:
    """Another program that holds the database; the bot gives each try up at once."""
    await rig.db.connection.execute("PRAGMA busy_timeout = 10")
    (row,) = await rig.db.fetch("PRAGMA database_list")
    other = sqlite3.connect(row["file"], isolation_level=None)
    async with rig.db.transaction():
        pass  # whatever is being written is; who waits to write next comes after us
    other.execute("BEGIN IMMEDIATE")
    return other


async def test_a_picture_that_is_done_while_the_database_is_locked_is_not_lost(rig: Rig) -> None:
    job = await rig.order()
    running = await rig.worker.job()
    other = await without_busy_timeout(rig)
    with Log.listening() as log:
        rig.worker.finish(running)
        await log.heard("cannot write its state")
    other.close()
    assert (await rig.end(job)).job.state is JobState.SUCCEEDED
    assert len(await rig.files()) == 1


async def test_a_job_whose_turn_comes_while_the_database_is_locked_is_not_lost(rig: Rig) -> None:
    first, second = await rig.order(), await rig.order()
    running = await rig.worker.job()
    await rig.jobs.cancel(first.id)
    other = await without_busy_timeout(rig)
    with Log.listening() as log:
        rig.worker.stop(running)
        await log.heard("cannot write its state")
    other.close()
    rig.worker.finish(await rig.worker.job())
    assert (await rig.end(second)).job.state is JobState.SUCCEEDED


async def test_a_cancel_that_the_database_refused_leaves_the_job_in_the_queue(rig: Rig) -> None:
    busy, waiting = await rig.order(), await rig.order()
    other = await without_busy_timeout(rig)
    with pytest.raises(DatabaseError):
        await rig.jobs.cancel(waiting.id)
    other.close()
    assert rig.ahead(waiting) == 1, "behind the one that was handed over"
    for job in (busy, waiting):
        rig.worker.finish(await rig.worker.job())
        assert (await rig.end(job)).job.state is JobState.SUCCEEDED
