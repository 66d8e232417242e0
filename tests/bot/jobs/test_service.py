"""Jobs with the real database and the real worker, also when it is killed or hangs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from PIL import Image

from bot.app.assembly import Easel, open_easel
from bot.cli.paint import paint
from bot.config import ConfigError
from bot.database.jobs.jobs import Job, JobState
from bot.jobs.active_jobs import JobUpdate, Updates
from bot.requests.builder import LoraDraft, RequestDraft
from inference.errors import LoraFileRefused
from inference.messages.request import GenerationRequest
from inference.workers.fixed import FixedPool
from inference.workers.local import LocalWorker
from inference.workers.ray import RayPool, RayWorker
from tests.house import BASES, VIVID, House
from tests.inference.requests import request
from tests.lora_files import lora_tensors, safetensors_bytes, write_sidecar

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 300.0  # seconds
SHORT = request(checkpoint=VIVID)
LONG = request(checkpoint=VIVID, steps=150, sampler="euler", seed=11)
ENDLESS = request(checkpoint=VIVID, steps=150, sampler="euler", count=4, width=160, height=160)  # never waited for


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def easel(shared_house: House) -> AsyncIterator[Easel]:
    poisoned(shared_house.library / "poison.safetensors")
    async with open_easel(shared_house.settings) as running:
        yield running


def poisoned(path: Path) -> None:
    """A LoRA for vivid with a number in it that is none."""
    name = "lora_unet_mid_block_attentions_0_proj_in"
    tensors = lora_tensors({name: (128, 128)})
    tensors[f"{name}.lora_up.weight"][0, 0] = float("nan")
    path.write_bytes(safetensors_bytes(tensors))
    write_sidecar(path, name="Poison", base_model=BASES[VIVID])


async def order(easel: Easel, made: GenerationRequest, person: int = 1) -> Job:
    return await easel.jobs.order(made, person_id=person, channel_id=1)


async def until_painting(updates: Updates, attempt: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while not ((update := await updates.get()).progress and update.progress.step and update.job.attempt == attempt):
            assert not update.job.state.final


async def until_ended(updates: Updates) -> JobUpdate:
    async with asyncio.timeout(PATIENCE):
        while not (update := await updates.get()).job.state.final:
            pass
        return update


async def end(easel: Easel, job: Job) -> JobUpdate:
    async with easel.jobs.following(job.id) as updates:
        return await until_ended(updates)


def pid_of_worker(easel: Easel) -> int:
    assert isinstance(easel.pool, FixedPool | RayPool)
    (worker,) = easel.pool.workers
    assert isinstance(worker, LocalWorker | RayWorker) and worker.pid is not None
    return worker.pid


def kill_worker(easel: Easel, by: signal.Signals = signal.SIGKILL) -> None:
    os.kill(pid_of_worker(easel), by)


@contextmanager
def held_up(easel: Easel) -> Iterator[None]:
    """The worker stands still while inside: what is done meanwhile does not come too late."""
    process = psutil.Process(pid_of_worker(easel))
    process.suspend()
    try:
        yield
    finally:
        process.resume()


async def painted_as(easel: Easel, made: GenerationRequest, out: Path) -> None:
    await paint(easel.jobs, easel.configuration.settings.storage.pictures, made, out, lambda *_: None)


async def pictures_on_disk(easel: Easel) -> list[str]:
    """Checks on the way that every row has its file, every file its row, and the spool is clean."""
    rows = await easel.db.fetch("SELECT path FROM picture ORDER BY id")
    folder = easel.configuration.settings.storage.pictures
    assert sorted(row["path"] for row in rows) == sorted(str(p.relative_to(folder)) for p in folder.rglob("*.png"))
    return [row["path"] for row in rows]


async def test_a_request_becomes_one_picture_of_the_size_asked_for(easel: Easel) -> None:
    done = await end(easel, await order(easel, SHORT))
    assert (done.job.state, done.job.attempt, len(done.pictures)) == (JobState.SUCCEEDED, 1, 1)
    with Image.open(easel.configuration.settings.storage.pictures / done.pictures[0].path) as picture:
        assert picture.size == (64, 64)
    assert not list(easel.configuration.settings.storage.spool.iterdir())


async def test_a_picture_that_cannot_be_copied_to_where_the_command_line_wants_it_is_kept(
    easel: Easel, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="cannot be written") as told:
        await painted_as(easel, SHORT, tmp_path / "gone" / "o.png")
    kept = Path(str(told.value).rpartition("saved as ")[2].rstrip("."))
    assert Image.open(kept).size == (64, 64)


async def test_a_lora_with_a_number_that_is_none_is_refused_by_the_worker(easel: Easel, tmp_path: Path) -> None:
    made = await easel.requests.build(RequestDraft(prompt="x", checkpoint=VIVID, loras=(LoraDraft(name="Poison"),)))
    with pytest.raises(LoraFileRefused, match="contains invalid numbers"):
        await painted_as(easel, made, tmp_path / "o.png")


async def test_a_worker_killed_in_the_middle_of_a_picture_costs_nobody_a_picture(easel: Easel) -> None:
    before = await pictures_on_disk(easel)
    job = await order(easel, LONG)
    async with easel.jobs.following(job.id) as updates:
        await until_painting(updates, attempt=1)
        kill_worker(easel)
        done = await until_ended(updates)
    assert (done.job.state, done.job.attempt) == (JobState.SUCCEEDED, 2)
    assert await pictures_on_disk(easel) == [*before, done.pictures[0].path]


async def test_a_worker_that_hangs_in_the_middle_of_a_picture_is_ended_and_costs_nobody_a_picture(
    easel: Easel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await pictures_on_disk(easel)
    job = await order(easel, LONG)
    async with easel.jobs.following(job.id) as updates:
        await until_painting(updates, attempt=1)
        hung = pid_of_worker(easel)
        psutil.Process(hung).suspend()
        with monkeypatch.context() as impatient:  # with this worker alone: the next may be slow
            impatient.setattr("bot.jobs.reconciliation.TICK_SECONDS", 0.2)
            impatient.setattr("bot.jobs.kinds.SILENCE_SECONDS", 1.0)
            async with asyncio.timeout(PATIENCE):
                while (await updates.get()).job.state is not JobState.QUEUED:
                    pass
        done = await until_ended(updates)
    assert (done.job.state, done.job.attempt) == (JobState.SUCCEEDED, 2)
    assert not psutil.pid_exists(hung)
    assert await pictures_on_disk(easel) == [*before, done.pictures[0].path]


async def test_a_job_that_kills_the_worker_three_times_fails_and_the_next_is_painted(easel: Easel) -> None:
    before = await pictures_on_disk(easel)
    deadly = await order(easel, ENDLESS)
    async with easel.jobs.following(deadly.id) as updates:
        await until_painting(updates, attempt=1)
        harmless = await order(easel, SHORT, person=2)
        kill_worker(easel, signal.SIGSEGV)  # signal 9 would say that memory was short, which is tried twice alone
        for attempt in (2, 3):
            await until_painting(updates, attempt)
            kill_worker(easel, signal.SIGSEGV)
        failed = await until_ended(updates)
    assert failed.job.failure is not None
    assert (failed.job.failure.code, failed.job.failure.detail) == ("worker_crashed", {"attempts": 3})
    done = await end(easel, harmless)
    assert done.job.state is JobState.SUCCEEDED
    assert await pictures_on_disk(easel) == [*before, done.pictures[0].path]


async def test_a_running_job_is_cancelled_and_the_next_is_painted(easel: Easel) -> None:
    before = await pictures_on_disk(easel)
    running, waiting, last = [await order(easel, made) for made in (ENDLESS, ENDLESS, SHORT)]
    async with easel.jobs.following(running.id) as updates:
        await until_painting(updates, attempt=1)
        assert await easel.jobs.cancel(waiting.id)
        assert await easel.jobs.cancel(running.id)
        assert (await until_ended(updates)).job.state is JobState.CANCELLED
    assert (await end(easel, waiting)).job.state is JobState.CANCELLED
    done = await end(easel, last)
    assert await pictures_on_disk(easel) == [*before, done.pictures[0].path]
