"""What of a picture made elsewhere is in the library here: by hash, by name, and by the name of its file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.app.assembly import Easel
from bot.database.jobs.jobs import create_job
from bot.workspace.remix import parts_of, remix, shown_recipe
from inference.messages.request import LoraUse, Region
from inference.parameters.reading import read_infotext
from inference.regions import RegionName
from tests.bot.database.conftest import request_for, sha
from tests.bot.lora_shelf import open_shelf
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

ADA = 1
TOLD = """a lighthouse <lora:NightOwl_v2:0.7> <lora:bat:1>
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, Lora hashes: "NightOwl_v2: 0123456789ab"
"""


@pytest.fixture
async def easel(house: House) -> AsyncIterator[Easel]:
    write_sidecar(house.add_lora("nightowl_v2", None, seed=4), name="Owl at night", base_model=BASES[VIVID])
    async with open_shelf(house) as easel:
        yield easel


async def test_a_lora_of_unknown_hash_is_found_by_the_name_of_its_file(easel: Easel) -> None:
    owl, bat = await parts_of(easel.db, read_infotext(TOLD).loras)
    assert owl.lora and owl.version and owl.by_name
    assert (owl.lora.name, owl.version.path) == ("Owl at night", "nightowl_v2.safetensors")
    assert bat.lora and bat.lora.name == "Bat" and bat.by_name
    again = await remix(easel.db, easel.configuration.checkpoints, read_infotext(TOLD), ADA, limit=5)
    assert [lora.sha256 for lora in again.draft.loras] == [owl.version.sha256, None], "this very file"
    assert any("only by name" in note and "NightOwl" in note for note in again.notes)
    assert any("20 steps and guidance 7, which is unusual for" in note for note in again.notes)
    assert (again.draft.steps, again.draft.guidance_scale) == (None, None)


async def test_of_two_files_of_one_name_neither_is_taken(easel: Easel, house: House) -> None:
    (house.library / "other").mkdir()
    other = house.add_lora("other/NightOwl_v2", None, seed=5)
    write_sidecar(other, name="Another owl", base_model=BASES[PASTEL])
    await easel.keeper.scan()
    owl, _ = await parts_of(easel.db, read_infotext(TOLD).loras)
    assert owl.lora is None


async def test_a_picture_of_a_sweep_is_remixed_with_its_own_weights(easel: Easel) -> None:
    bat = LoraUse(sha256=sha("Bat"), name="Bat", weight=1)
    request = request_for(bat).model_copy(update={"variants": ((0.0,), (0.4,), (0.8,)), "count": 3})
    job = await create_job(easel.db, request, person_id=1, channel_id=5)
    for position, weights in enumerate(([], [0.4], [0.8])):
        recipe, _whole = await shown_recipe(easel.db, job, 1, position=position)
        assert [lora.weight for lora in recipe.loras] == weights


async def test_parts_are_remixed_and_their_words_are_told_to_their_owner_alone(easel: Easel) -> None:
    bat = LoraUse(sha256=sha("Bat"), name="Bat", weight=1)
    regions = (Region(name=RegionName.LEFT, prompt="an owl"), Region(name=RegionName.RIGHT, prompt="a heart"))
    loras = (bat.model_copy(update={"region": RegionName.LEFT}),)
    divided = {"prompt": "a meadow", "loras": loras, "regions": regions, "region_edge": 5}
    request = request_for(bat).model_copy(update=divided)
    job = await create_job(easel.db, request, person_id=1, channel_id=5)
    for person, words in ((1, ["an owl", "a heart"]), (2, ["", ""])):
        recipe, whole = await shown_recipe(easel.db, job, person)
        again = await remix(easel.db, easel.configuration.checkpoints, recipe, person, limit=5)
        assert [region.prompt for region in again.draft.regions] == words and whole == (person == 1)
        assert again.draft.loras[0].region is RegionName.LEFT and again.draft.region_edge == 5
