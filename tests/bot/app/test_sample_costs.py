"""The cost of samples: counted in the library, with the times that were measured here."""

from __future__ import annotations

import pytest

from bot.app.assembly import open_catalogue
from bot.app.sample_costs import MANY, SampleCost, pictures_of_a_lora, sample_cost
from bot.cli.run import cost_of_samples, may_generate_samples
from bot.config import LibrarySettings, Settings
from bot.database.database import open_database
from bot.database.jobs.paces import MeasuredSeconds, Shape, record_paces
from bot.database.loras.samples import record_samples
from tests.bot.cli.commands import Person
from tests.house import PASTEL, VIVID, House

LARGE = SampleCost(2000, 6000, 6000 * 3.0)


def with_samples(house: House, samples: int = 2, *, measured: bool = False) -> Settings:
    library = LibrarySettings(folder=house.library, samples=samples, measure_weights=measured)
    return house.settings.model_copy(update={"library": library})


async def measure(settings: Settings, checkpoint: str, step: float, rest: float, pictures: int = 2) -> None:
    size = next(each for each in settings.checkpoints if each.name == checkpoint).default_size
    shape = Shape(checkpoint, size.width, size.height, pictures)
    async with open_database(settings.storage.database) as db:
        await record_paces(db, {shape: MeasuredSeconds(step, rest)}, {})


async def cost(settings: Settings) -> SampleCost:
    async with open_database(settings.storage.database) as db:
        return await sample_cost(db, settings)


@pytest.mark.asyncio
async def test_the_cost_counts_each_lora_that_fits_and_uses_measured_times(house: House) -> None:
    settings = with_samples(house)
    assert await cost_of_samples(settings, new_database=False) == SampleCost(2, 6, None), "the mystery gets none"
    await measure(settings, VIVID, step=2.0, rest=4.0)
    assert (await cost(settings)).seconds is None, "the other checkpoint was not measured"
    await measure(settings, PASTEL, step=1.0, rest=0.0)
    seconds = [(step * 8 + rest) / 2 for step, rest in ((2.0, 4.0), (1.0, 0.0))]
    assert (await cost(settings)) == SampleCost(2, 6, 3 * sum(seconds))
    assert await cost_of_samples(settings, new_database=False) == SampleCost(2, 6, 3 * sum(seconds))


@pytest.mark.asyncio
async def test_what_has_samples_or_gets_none_costs_nothing(house: House) -> None:
    settings = with_samples(house)
    async with open_catalogue(settings) as catalogue:
        for version_id in (1, 2, 3):
            await record_samples(catalogue.db, version_id, VIVID, [])
    assert await cost(settings) == SampleCost(0, 0, 0.0)
    assert pictures_of_a_lora(with_samples(house, 0)) == 0
    assert pictures_of_a_lora(with_samples(house, 1, measured=True)) == 14


def test_much_is_announced_and_a_person_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert may_generate_samples(LARGE, Person("")) and not may_generate_samples(LARGE, Person("no"))
    capsys.readouterr()
    assert may_generate_samples(LARGE, None)
    said = capsys.readouterr().out
    assert "2,000 LoRAs have no sample pictures. The bot generates 6,000 pictures" in said
    assert "this takes 5.0 hours of one worker" in said and "samples = 0" in said
    assert "if a picture takes 5 seconds, this takes 8.3 hours" in str(SampleCost(2000, 6000, None))


def test_little_is_not_worth_a_question(capsys: pytest.CaptureFixture[str]) -> None:
    assert may_generate_samples(SampleCost(MANY - 1, 3 * MANY, None), Person())
    assert not capsys.readouterr().out
