"""A picture that exists already becomes a job of its own, also when the program is killed meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from PIL import Image

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import Job, JobState
from bot.database.people.people import remember_person
from bot.database.pictures.verdicts import NOTE_REPORTED, VerdictReason, decide_verdicts
from bot.database.privacy.takedowns import TAKEN_DOWN_IN
from bot.database.reports.reports import HELD_AMONG, NewReport, ReportReason, Subject, save_report
from inference.errors import PictureNotSaved
from inference.messages.events import Capacity
from inference.workers.storage import move_synced
from tests.bot.jobs.fake_worker import PATIENCE
from tests.bot.jobs.test_dispatching import Rig, open_rig
from tests.bot.pictures.test_picture_verdicts import SERVER, drawn, painted
from tests.inference.requests import request
from tests.stepped import SteppedBefore

STATES = "SELECT state FROM job"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path / "live") as opened:
        yield opened


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    (tmp_path / "live").mkdir()
    return tmp_path / "live"


def enlarged(rig: Rig) -> Path:
    path = rig.spool / "enlarged-1.png"
    Image.new("RGB", (8, 8)).save(path)
    return path


async def record(rig: Rig, picture: Path) -> Job:
    return await rig.jobs.record(request(), picture, person_id=1, channel_id=1, notes=("only enlarged",))


async def test_a_recorded_job_has_succeeded_with_its_picture(rig: Rig) -> None:
    job = await record(rig, enlarged(rig))
    assert (job.state, job.notes, job.seconds) == (JobState.SUCCEEDED, ("only enlarged",), 0)
    assert len(await rig.files()) == 1
    assert list(rig.spool.iterdir()) == [] and rig.worker.idle


async def test_a_recorded_job_whose_picture_cannot_be_stored_has_failed(rig: Rig) -> None:
    picture = enlarged(rig)
    rig.pictures.rmdir()
    rig.pictures.write_bytes(b"in the way")
    job = await record(rig, picture)
    assert job.state is JobState.FAILED and isinstance(job.failure, PictureNotSaved)
    assert (await record(rig, rig.spool / "gone.png")).state is JobState.FAILED


async def hide(db: Database, report: int) -> None:
    """What a decision of staff does."""
    async with db.transaction():
        await db.write("UPDATE report SET state = 'decided' WHERE id = ?", (report,))
        await decide_verdicts(db, report, VerdictReason.HIDDEN, server_id=SERVER)


async def decided_at(rig: Rig, number: int) -> bool:
    """Record a copy of a reported picture, and begin to decide at one of its awaits; False if there are fewer."""
    image, picture, steps, deciding = drawn(number), enlarged(rig), count(), list[asyncio.Task[None]]()
    image.save(picture)
    reported = await painted(rig.db, image)
    new = NewReport(
        Subject.PICTURES, reported, server_id=SERVER, owner_id=1, shared=False, person_id=7,
        reason=ReportReason.OTHER, note="", hides=True,
    )  # fmt: skip
    report = (await save_report(rig.db, new)).id
    await rig.db.run(NOTE_REPORTED, report=report, job=reported, server=SERVER, now=now_ms())

    def look() -> None:
        if next(steps) == number:
            deciding.append(asyncio.create_task(hide(rig.db, report)))

    async def work() -> None:
        await record(rig, picture)

    await SteppedBefore(work(), look)
    await asyncio.gather(*deciding)
    ((copy,),) = await rig.db.fetch("SELECT max(id) FROM job")
    if deciding:
        assert await rig.db.one(TAKEN_DOWN_IN, job=copy, server=SERVER) == SERVER, number
    else:
        assert await rig.db.all(HELD_AMONG, [copy])
    return bool(deciding)


async def test_a_copy_is_hidden_whenever_the_report_is_decided(rig: Rig) -> None:
    number = 0
    while await decided_at(rig, number):
        number += 1
    assert number > 10, "else there is nothing to interrupt"


async def test_other_writers_do_not_wait_for_the_disk(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(source: Path, target: Path) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go.wait(PATIENCE)
        move_synced(source, target)

    monkeypatch.setattr("bot.jobs.outcomes.move_synced", slow)
    recording = asyncio.create_task(record(rig, enlarged(rig)))
    try:
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
            await remember_person(rig.db, 2)
        assert not recording.done()
    finally:
        go.set()
    assert (await recording).state is JobState.SUCCEEDED


async def test_a_program_that_is_killed_in_the_middle_has_the_job_whole_or_not_at_all(
    folder: Path, tmp_path: Path
) -> None:
    """Stopped at every await, and started again from what was on the disk then."""
    crashed: list[Path] = []

    def look() -> None:
        crashed.append(tmp_path / f"crashed-{len(crashed)}")
        shutil.copytree(folder, crashed[-1], copy_function=copied)

    def copied(source: str, target: str) -> None:
        with suppress(FileNotFoundError):  # what is awaited now may have moved it just before
            shutil.copy2(source, target)

    async with open_rig(folder) as rig:
        picture = enlarged(rig)

        async def work() -> None:
            await record(rig, picture)

        await SteppedBefore(work(), look)
    seen = {await after_restart(there) for there in crashed}
    assert seen == {(), (JobState.QUEUED,), (JobState.SUCCEEDED,)}


async def after_restart(folder: Path) -> tuple[JobState, ...]:
    """The jobs that the next start finds; each has its picture, or waits and is painted."""
    async with open_rig(folder, places=0) as rig:
        states = tuple(JobState(row["state"]) for row in await rig.db.fetch(STATES))
        assert len(await rig.files()) == states.count(JobState.SUCCEEDED)
        if JobState.QUEUED in states:
            rig.worker.say(Capacity(places=1))
            rig.worker.finish(await rig.worker.job())
            await rig.worker.heard()
        assert len(await rig.files()) == len(states)
    return states
