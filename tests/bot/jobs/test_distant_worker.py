"""A worker that shares no folder with the bot paints the same picture to the byte, also when its machine is lost."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from bot.app.assembly import Catalogued, open_catalogue
from bot.app.from_settings import make_pool, worker_options
from bot.database.jobs.jobs import JobState
from bot.jobs.active_jobs import JobUpdate
from bot.jobs.service import JobService
from bot.library.catalogue import LibraryFiles
from bot.pictures.inputs import Inputs
from bot.pictures.similarity.removed_pictures import RemovedPictures
from bot.requests.builder import LoraDraft, RequestDraft
from inference.demo import CHECKPOINTS
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from inference.workers import WorkerPool
from inference.workers.fixed import FixedPool
from inference.workers.storage import SpoolFolder
from tests.house import VIVID, House
from tests.inference.workers.distant import DistantWorker, Link, Machine
from tests.inference.workers.processes import INTERRUPTED

PATIENCE = 300.0  # seconds
KILLED_AT, STATE_STEPS, STEPS = 10, 5, 20


def dies_once(marker: Path) -> list[str]:
    """The command of a worker that exits when it has reported KILLED_AT, unless it did so before."""
    what = f"os.path.exists({str(marker)!r}) or (open({str(marker)!r}, 'w').close(), os._exit(9))"
    return [sys.executable, "-c", INTERRUPTED.format(what=what), str(KILLED_AT), "1"]


async def painted(
    found: Catalogued, house: House, pool: WorkerPool, folder: Path, request: GenerationRequest
) -> tuple[bytes, list[JobUpdate]]:
    """The picture's bytes, and all updates until then."""
    settings, updates = house.settings, list[JobUpdate]()
    jobs = JobService(
        found.db,
        pool,
        files=LibraryFiles(found.db, settings.library.folder, settings.storage.inputs),
        spool=SpoolFolder(settings.storage.spool),
        pictures=folder,
        removed=RemovedPictures(found.db),
        limits=settings.limits,
    )
    async with asyncio.timeout(PATIENCE), jobs.running():
        job = await jobs.order(request, person_id=1, channel_id=1)
        async with jobs.following(job.id) as following:
            while not updates or not updates[-1].job.state.final:
                updates.append(await following.get())
    assert updates[-1].job.state is JobState.SUCCEEDED, updates[-1].job.failure
    (picture,) = updates[-1].pictures
    return (folder / picture.path).read_bytes(), updates


async def asked(found: Catalogued, house: House) -> GenerationRequest:
    """A request with a LoRA and a picture to start from; the folders that it needs are made."""
    storage, start = house.settings.storage, io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(start, "PNG")
    for folder in (storage.inputs, storage.spool):
        folder.mkdir(parents=True)
    kept = await Inputs(storage.inputs).keep(start.getvalue())
    draft = RequestDraft(
        prompt="a star", checkpoint=VIVID, loras=(LoraDraft(name="Bat", weight=2),), steps=STEPS, seed=3,
        sampler=Sampler.DPMPP_2M_SDE, image=kept.at(1.0),
    )  # fmt: skip
    return await found.requests.build(draft)


def went_on(updates: Sequence[JobUpdate]) -> bool:
    """Whether the second attempt went on from a state that the bot had."""
    again = [update.progress.step for update in updates if update.progress and update.job.attempt == 2]
    return updates[-1].job.attempt == 2 and again[0] >= KILLED_AT - STATE_STEPS


async def test_a_worker_without_the_bots_folders_is_killed_and_goes_on_to_the_same_picture(
    house: House, tmp_path: Path
) -> None:
    settings = house.settings
    (there := tmp_path / "there").mkdir()
    machine = Machine(there, {each.name: each.path for each in CHECKPOINTS}, dies_once(tmp_path / "died"))
    async with open_catalogue(settings) as found:
        request = await asked(found, house)
        specs = found.configuration.checkpoints.specs
        here, _ = await painted(found, house, make_pool(settings, specs), tmp_path / "a", request)
        ours, theirs = await Link.pair()
        (options,) = worker_options(settings, specs)
        worker = DistantWorker(options, SpoolFolder(settings.storage.spool), ours)
        serving = asyncio.create_task(machine.serve(theirs))
        far, updates = await painted(found, house, FixedPool([worker]), tmp_path / "b", request)
        await serving
    assert far == here
    assert machine.wiped == 2 and went_on(updates), "it was killed once, and its disk was lost"
    assert request.image
    assert {frame.about["sha256"] for frame in theirs.sent if frame.kind == "fetch"} == {
        request.loras[0].sha256,
        request.image.sha256,
    }
    told = b"".join(frame.data for frame in ours.sent if frame.kind in {"configure", "job"})
    assert str(house.folder).encode() not in told, "no path of the bot's crosses the border"
    assert list(settings.storage.spool.iterdir()) == []
