"""Samples are painted by the real worker, and never before anything that a person ordered."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from bot.app.assembly import Easel, open_easel
from bot.app.samples import PAUSE_SECONDS, SamplePainter, painting_samples, sample_prompt
from bot.config import LibrarySettings
from bot.database.errors import FolderNotWritable
from bot.database.loras.catalogue import Lora, find_lora_by_name
from bot.database.loras.sample_failures import MAX_TRIES, record_failure, suspects
from bot.database.loras.samples import DUE_FOR_SAMPLES, SAMPLES_OF, Sample, find_due, record_samples
from bot.database.loras.weight_ranges import DUE_FOR_MEASURING
from inference.base_models import BaseModelId
from inference.demo import LORAS
from inference.errors import NotANumberPicture, OutOfMemory
from tests.bot.jobs.test_service import PATIENCE, end, held_up, order
from tests.house import BASES, PASTEL, VIVID, House
from tests.inference.requests import request
from tests.log import Log

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def easel(shared_house: House) -> AsyncIterator[Easel]:
    settings = shared_house.settings
    library = LibrarySettings(folder=shared_house.library, samples=2, look_seconds=86_400)  # tests say when
    async with open_easel(settings.model_copy(update={"library": library})) as running:
        await quiet(running)
        yield running


def painter_of(easel: Easel, pause: float = PAUSE_SECONDS) -> SamplePainter:
    return SamplePainter(easel.configuration, easel.db, easel.requests, easel.jobs, pause=pause)


async def quiet(easel: Easel) -> None:
    """Wait until a sample could be begun."""
    async with asyncio.timeout(PATIENCE):
        while not easel.jobs.idle:  # noqa: ASYNC110 (nothing in the program waits for this but by looking)
            await asyncio.sleep(0.05)


async def entry(easel: Easel, name: str) -> Lora:
    lora = await find_lora_by_name(easel.db, name)
    assert lora is not None
    return lora


async def samples(easel: Easel, name: str) -> list[Sample]:
    return await easel.db.all(SAMPLES_OF, (await entry(easel, name)).id)


async def due(easel: Easel, checkpoint: str) -> str | None:
    found = await find_due(easel.db, DUE_FOR_SAMPLES, [BaseModelId(BASES[checkpoint])])
    return found.lora.name if found else None


def words_in(picture: Path) -> str:
    with Image.open(picture) as image:
        return str(image.info["parameters"])


async def test_what_somebody_orders_comes_first_and_the_samples_are_tried_again(easel: Easel) -> None:
    painting = asyncio.create_task(painter_of(easel).paint_next())
    async with asyncio.timeout(PATIENCE):
        while easel.jobs.idle:  # noqa: ASYNC110
            await asyncio.sleep(0)
    with held_up(easel):
        theirs = await order(easel, request(checkpoint=VIVID))
    await painting
    assert await samples(easel, "Bat") == [] and await due(easel, VIVID) == "Bat"
    assert (await end(easel, theirs)).pictures
    (row,) = await easel.db.fetch("SELECT max(sample_tries) FROM lora_version")
    assert row[0] == 0, "it was not the LoRA's fault"


class OnAFullDisk(SamplePainter):
    """A painter whose records cannot be written."""

    tries = 0

    async def paint_next(self) -> None:
        self.tries += 1
        raise FolderNotWritable("The disk is full.")


async def test_a_full_disk_is_not_tried_again_at_once(easel: Easel) -> None:
    await quiet(easel)
    painter = OnAFullDisk(easel.configuration, easel.db, easel.requests, easel.jobs, pause=0.0)
    with Log.listening() as log:
        async with painting_samples(painter):
            await log.heard("painting samples failed")
            for _ in range(100):
                await asyncio.sleep(0)
    assert painter.tries == 1


async def test_two_with_it_and_one_without_from_the_same_seed(easel: Easel) -> None:
    (jobs,) = await easel.db.fetch("SELECT count(*) FROM job")
    await quiet(easel)
    await painter_of(easel).paint_next()
    painted = await samples(easel, "Bat")
    assert [(sample.position, sample.checkpoint) for sample in painted] == [(0, VIVID), (1, VIVID), (2, VIVID)]
    folder = easel.configuration.settings.storage.pictures
    without, first, second = [words_in(folder / sample.path) for sample in painted]
    assert "Bat" not in without.partition("Negative")[2] and "Seed: 5," in without
    assert "Seed: 5," in first and "Seed: 6," in second
    assert without.splitlines()[0].replace(" <lora:Bat:0.8>", "") in first
    with Image.open(folder / painted[0].path) as plain, Image.open(folder / painted[1].path) as with_it:
        assert plain.convert("RGB").tobytes() != with_it.convert("RGB").tobytes()
    (after,) = await easel.db.fetch("SELECT count(*) FROM job")
    assert after[0] == jobs[0] and (await entry(easel, "Bat")).uses == 0, "they count for nobody"
    assert not list(easel.configuration.settings.storage.spool.iterdir())


async def test_what_cannot_be_painted_is_not_tried_for_ever(easel: Easel, shared_house: House) -> None:
    shared_house.wash.write_bytes(b"somebody cut this file short")
    painter = painter_of(easel)
    for _ in range(MAX_TRIES):
        assert await due(easel, PASTEL) == "Wash"
        await quiet(easel)
        await painter.paint_next()
    assert await due(easel, PASTEL) is None
    assert await samples(easel, "Wash") == []
    assert [each.path for each in await suspects(easel.db)] == ["wash.safetensors"]
    assert await easel.lora_pictures.is_suspect(await entry(easel, "Wash"))
    assert not list(easel.configuration.settings.storage.spool.iterdir())


async def test_a_file_whose_samples_are_no_numbers_is_suspect_at_once(easel: Easel, shared_house: House) -> None:
    path = shared_house.add_lora("Nothing", BASES[VIVID], seed=11)
    await easel.keeper.scan()
    version = (await entry(easel, "Nothing")).versions[0]
    await record_failure(easel.db, version.id, OutOfMemory(what="it"))
    assert not await easel.lora_pictures.is_suspect(await entry(easel, "Nothing")), "that is not its fault"
    await record_failure(easel.db, version.id, NotANumberPicture())
    lora = await entry(easel, "Nothing")
    assert await easel.lora_pictures.is_suspect(lora) and await easel.lora_pictures.fails_by_itself(lora)
    assert path.name in [each.path for each in await suspects(easel.db)]
    await record_samples(easel.db, version.id, VIVID, ["0.png", "1.png"])
    assert not await easel.lora_pictures.is_suspect(lora)
    await asyncio.to_thread(path.unlink)
    await easel.keeper.scan()


async def test_nobody_paints_with_a_file_of_unknown_base_model(easel: Easel) -> None:
    await quiet(easel)
    await painter_of(easel).paint_next()
    assert await samples(easel, "Mystery") == [] and easel.jobs.idle


async def test_they_are_painted_beside_everything_else_and_stop_with_it(easel: Easel, shared_house: House) -> None:
    shared_house.add_lora("Owl", BASES[VIVID], seed=9)
    await easel.keeper.scan()
    async with painting_samples(painter_of(easel, pause=0.01)), asyncio.timeout(PATIENCE):
        while not await samples(easel, "Owl"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await quiet(easel)


async def measured(easel: Easel) -> tuple[int, int]:
    """How many files were measured, and the most tries that failed or are under way."""
    (row,) = await easel.db.fetch(
        "SELECT sum(measured), max(measure_tries) FILTER (WHERE NOT measured) FROM lora_version"
    )
    return row[0], row[1]


async def test_weights_are_measured_where_the_settings_want_it(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    for path in LORAS.glob("komori-vivid.*"):
        shutil.copy(path, house.library)
    library = LibrarySettings(folder=house.library, samples=0)
    async with open_easel(house.settings.model_copy(update={"library": library})) as easel:
        await quiet(easel)
        await painter_of(easel).paint_next()
        assert await measured(easel) == (0, 0), "nobody asked for it"
    asked = library.model_copy(update={"measure_weights": True})
    async with open_easel(house.settings.model_copy(update={"library": asked})) as easel:
        vivid = [BaseModelId(BASES[VIVID])]
        for number in range(2):
            await quiet(easel)
            assert await find_due(easel.db, DUE_FOR_MEASURING, vivid) is not None
            await painter_of(easel).paint_next()
            assert (await measured(easel))[0] == number + 1
        assert await find_due(easel.db, DUE_FOR_MEASURING, vivid) is None
        (komori,) = (await entry(easel, "Komori")).versions
        assert komori.useful is not None and komori.useful.checkpoint == VIVID
        assert 0.4 <= komori.useful.least < 1 <= komori.useful.most <= 1.8
        assert not list(easel.configuration.settings.storage.spool.iterdir())
        assert await samples(easel, "Bat") == [], "they are not kept"


async def test_what_people_order_comes_before_measuring(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    library = LibrarySettings(folder=house.library, samples=0, measure_weights=True)
    async with open_easel(house.settings.model_copy(update={"library": library})) as easel:
        await quiet(easel)
        measuring = asyncio.create_task(painter_of(easel).paint_next())
        async with asyncio.timeout(PATIENCE):
            while easel.jobs.idle:  # noqa: ASYNC110
                await asyncio.sleep(0)
        with held_up(easel):
            theirs = await order(easel, request(checkpoint=VIVID))
        await measuring
        assert (await end(easel, theirs)).pictures
        assert await measured(easel) == (0, 0)


async def test_the_prompt_is_the_authors_or_made_of_a_trigger_word(easel: Easel) -> None:
    bat = await entry(easel, "Bat")
    (version,) = bat.versions
    assert sample_prompt(version, bat.category).startswith("bat, ")
    assert version.found is not None
    sidecar = version.found.sidecar.model_copy(update={"example_prompt": "a bat at night"})
    found = version.found.model_copy(update={"sidecar": sidecar})
    assert sample_prompt(replace(version, found=found), bat.category) == "a bat at night"
    assert sample_prompt(replace(version, trigger_words=()), bat.category)
