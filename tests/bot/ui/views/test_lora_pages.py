"""The page of a LoRA, with minimal and with maximal content."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bot.app.assembly import Easel
from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.loras.catalogue import Lora, UsefulWeights, find_lora_by_name
from bot.database.loras.ratings import rate_lora
from bot.database.loras.sample_failures import MAX_TRIES
from bot.database.loras.samples import CHANGE_SAMPLE_TRIES, record_samples
from bot.database.loras.uses import record_uses
from bot.database.loras.weight_ranges import record_range
from bot.database.people.people import remember_person
from bot.database.people.preferences import Preferences, save_preferences
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.loras.page import checkpoint_for, lora_page
from bot.ui.views.loras.text import example_prompt
from inference.base_models import BaseModelId
from inference.messages.request import LoraUse
from tests.bot.lora_shelf import assert_fits_a_message, custom_ids, open_shelf, text_of
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_lora, write_sidecar

ADA = 1
BAIT = "[free](https://evil.example) @everyone <@1174109840998400011> **"
RIGHT_TO_LEFT = "‏بومة صغيرة على خلفية حمراء‏"


@pytest.fixture
async def easel(house: House) -> AsyncIterator[Easel]:
    async with open_shelf(house) as easel:
        yield easel


async def entry(easel: Easel, name: str) -> Lora:
    lora = await find_lora_by_name(easel.db, name)
    assert lora is not None
    return lora


async def page_of(easel: Easel, lora: Lora) -> RenderedMessage:
    return await lora_page(easel.db, easel.configuration.checkpoints, easel.lora_pictures, ADA, lora)


async def checkpoint_of(easel: Easel, lora: Lora) -> str | None:
    return await checkpoint_for(easel.db, easel.configuration.checkpoints, ADA, lora)


async def painted(easel: Easel, lora: Lora, version: int, checkpoint: str, count: int = 3) -> None:
    """Samples as Easel would paint them, each in its own colour."""
    paths = [f"samples/{lora.versions[version].id}-{position}.png" for position in range(count)]
    for position, path in enumerate(paths):
        file = easel.configuration.settings.storage.pictures / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 80), (position * 20, lora.versions[version].id * 5, 99)).save(file)
    await record_samples(easel.db, lora.versions[version].id, checkpoint, paths)


async def test_the_example_prompt_is_that_of_the_version_for_the_checkpoint(house: House) -> None:
    for checkpoint, prompt in ((PASTEL, "an owl in a meadow"), (VIVID, "an owl at dusk")):
        path = house.add_lora(f"owl-{checkpoint}", BASES[checkpoint], seed=len(prompt))
        write_sidecar(path, name="Owl", base_model=BASES[checkpoint], version=checkpoint, example_prompt=prompt)
    async with open_shelf(house) as easel:
        owl, checkpoints = await entry(easel, "Owl"), easel.configuration.checkpoints
        assert example_prompt(checkpoints, owl, PASTEL) == "an owl in a meadow"
        assert example_prompt(checkpoints, owl, VIVID) == "an owl at dusk"
        assert example_prompt(checkpoints, owl, None) and not example_prompt(
            checkpoints, await entry(easel, "Bat"), VIVID
        )


async def test_the_page_of_an_unknown_lora_names_the_model_that_its_file_is_called_by(house: House) -> None:
    for name in ("flux3_owl", "owl"):
        write_lora(house.library / f"{name}.safetensors", seed=len(name))
    async with open_shelf(house) as easel:
        assert "the file names the model “flux3”" in text_of(await page_of(easel, await entry(easel, "flux3_owl")))
        assert "not stated by any source" in text_of(await page_of(easel, await entry(easel, "owl")))


async def test_the_page_says_in_one_line_which_weights_are_useful_where_they_were_measured(easel: Easel) -> None:
    bat = await entry(easel, "Bat")
    assert "Useful weight" not in text_of(await page_of(easel, bat))
    for least, most, said in ((0.4, 1.2, "Useful weights, measured on vivid: 0.4 to 1.2"), (1.0, 1.0, "about 1")):
        await record_range(easel.db, bat.versions[0].id, UsefulWeights("vivid", least, most))
        text = text_of(await page_of(easel, await entry(easel, "Bat")))
        (line,) = [line for line in text.splitlines() if "Useful" in line]
        assert said in line
    await record_range(easel.db, bat.versions[0].id, None)
    assert "Useful weight" not in text_of(await page_of(easel, await entry(easel, "Bat")))


async def test_the_page_announces_pending_samples(easel: Easel) -> None:
    page = await page_of(easel, await entry(easel, "Bat"))
    assert "Easel generates samples" in text_of(page) and page.files == []
    for _ in range(MAX_TRIES):
        await easel.db.run(CHANGE_SAMPLE_TRIES, tries=1, id=(await entry(easel, "Bat")).versions[0].id)
    assert "samples" not in text_of(await page_of(easel, await entry(easel, "Bat"))), "it was given up"
    mystery = await page_of(easel, await entry(easel, "Mystery"))
    assert "samples" not in text_of(mystery), "nobody will ever paint with it"
    assert "base model unknown" in text_of(mystery) and "Fits no model" in text_of(mystery)


async def test_samples_are_in_one_gallery_with_captions(easel: Easel) -> None:
    bat = await entry(easel, "Bat")
    await painted(easel, bat, 0, VIVID)
    page = await page_of(easel, bat)
    assert f"bat, generated with {VIVID}. Pictures with the LoRA: 1 and 2. Picture 3 is without the LoRA" in text_of(
        page
    )
    alternatives = [
        item.description for item in page.view.walk_children() if hasattr(item, "items") for item in item.items
    ]
    assert ["without" in text for text in alternatives] == [False, False, True]
    assert_fits_a_message(page)


async def test_a_deleted_sample_hides_the_gallery(easel: Easel) -> None:
    bat = await entry(easel, "Bat")
    await painted(easel, bat, 0, VIVID)
    (easel.configuration.settings.storage.pictures / f"samples/{bat.versions[0].id}-1.png").unlink()
    page = await page_of(easel, bat)
    assert "is without the LoRA" not in text_of(page)
    assert_fits_a_message(page)


async def test_the_version_for_the_persons_checkpoint_comes_first(easel: Easel, house: House) -> None:
    for seed, base in enumerate((VIVID, PASTEL), start=30):
        path = house.add_lora(f"own-{base}", None, seed=seed)
        write_sidecar(path, name="Owl", version=base, base_model=BASES[base])
    await easel.keeper.scan()
    owl = await entry(easel, "Owl")
    for number, version in enumerate(owl.versions):
        await painted(easel, owl, number, version.name)
    for first, second in ((VIVID, PASTEL), (PASTEL, VIVID)):
        await save_preferences(easel.db, ADA, Preferences(checkpoint=first))
        page = await page_of(easel, owl)
        text = text_of(page)
        assert text.index(f"{first}, generated with {first}. Pictures with the LoRA: 1 and 2") < text.index(
            f"{second}, generated with {second}. Pictures with the LoRA: 4 and 5"
        )
        assert text.index(f"**{first}**") < text.index(f"**{second}**")
        assert await checkpoint_of(easel, owl) == first
        assert await checkpoint_of(easel, await entry(easel, "Bat")) == VIVID
        assert await checkpoint_of(easel, await entry(easel, "Mystery")) is None
        assert_fits_a_message(page)


async def test_the_page_shows_rating_and_uses(easel: Easel) -> None:
    bat, wash = await entry(easel, "Bat"), await entry(easel, "Wash")
    assert "No ratings yet · not used here yet" in text_of(await page_of(easel, bat))
    await rate_lora(easel.db, ADA, bat.id, 4)
    await rate_lora(easel.db, 2, bat.id, 5)
    await add_bookmark(easel.db, ADA, bat.id)
    uses = [LoraUse(sha256=lora.versions[0].sha256 or "", name=lora.name) for lora in (bat, wash)]
    for _ in range(2):
        await record_uses(easel.db, ADA, uses)
    await remember_person(easel.db, 7)
    async with easel.db.transaction():
        await easel.db.connection.execute("UPDATE lora SET added_by = 7 WHERE name = 'Bat'")
    page = await page_of(easel, await entry(easel, "Bat"))
    for told in ("★★★★☆ 4.5 (2)", "used 2 times here", "Often used with Wash", "Added by <@7>"):
        assert told in text_of(page)
    assert {f"with:{bat.id}", f"rate:{bat.id}", f"mark:{bat.id}:1:", f"use:{bat.id}"} <= set(custom_ids(page))


async def test_the_page_of_a_missing_file_has_no_use_buttons(easel: Easel, house: House) -> None:
    house.bat.unlink()
    await easel.keeper.scan()
    bat = await entry(easel, "Bat")
    page = await page_of(easel, bat)
    assert "no longer in the library" in text_of(page) and "The file of this version is missing" in text_of(page)
    assert set(custom_ids(page)) == {f"rate:{bat.id}", f"mark:{bat.id}:0:", f"report:lora:{bat.id}"}


@pytest.mark.parametrize("babble", [BAIT, RIGHT_TO_LEFT, "🦉" * 40, "*" * 100])
async def test_the_longest_fits_into_a_message(easel: Easel, house: House, babble: str) -> None:
    name = (babble * 9)[:100]
    for number in range(20):
        path = house.add_lora(f"long{number}", None, seed=40 + number)
        write_sidecar(
            path,
            name=name,
            version=f"{number:02}{name}"[:100],
            base_model=BASES[VIVID if number % 2 else PASTEL],
            trigger_words=[f"{n:02}{name}"[:100] for n in range(10)],
            trigger_groups={f"{n:02}{name}"[:100]: f"{n:02}, {babble * 30}"[:300] for n in range(13)},
            tags=[f"{n:02}{name}"[:40] for n in range(10)],
            description=(babble * 300)[:4000],
            recommended_weight=-0.75,
        )
    await _with_five_friends(easel, house, name)
    lora = await entry(easel, name)
    Path(house.library / lora.versions[0].path).with_suffix(".png").write_bytes(_png(house))
    for number in range(5):
        await painted(easel, lora, number, VIVID, count=4)
    page = await page_of(easel, lora)
    assert_fits_a_message(page)
    assert "://" not in text_of(page) and "@everyone" not in text_of(page).replace("@\u200beveryone", "")
    assert "more" in text_of(page)


async def test_the_preview_is_of_the_version_that_fits(easel: Easel, house: House) -> None:
    for number, (name, base) in enumerate(BASES.items()):
        path = house.add_lora(f"twin-{name}", None, seed=70 + number)
        write_sidecar(path, name="Twin", version=name, base_model=base)
        Image.new("RGB", (60, 60), (200 * number, 90, 40)).save(path.with_suffix(".png"))
    await easel.keeper.scan()
    twin = await entry(easel, "Twin")
    for number, (name, base) in enumerate(BASES.items()):
        await save_preferences(easel.db, ADA, Preferences(checkpoint=name))
        page = RenderedMessage()
        page.attach_if(await easel.lora_pictures.preview(twin, BaseModelId(base)))
        for files in (page.files, (await page_of(easel, twin)).files):
            (file,) = files
            with Image.open(file.fp) as picture:
                assert abs(picture.convert("RGB").getpixel((30, 30))[0] - 200 * number) < 8


async def _with_five_friends(easel: Easel, house: House, name: str) -> None:
    for number in range(6):
        path = house.add_lora(f"friend{number}", None, seed=80 + number)
        write_sidecar(path, name=f"{number}{name}"[:100], base_model=BASES[VIVID])
    await easel.keeper.scan()
    names = [name, *(f"{number}{name}"[:100] for number in range(6))]
    shas = [(await entry(easel, each)).versions[0].sha256 or "" for each in names]
    await record_uses(easel.db, ADA, [LoraUse(sha256=sha, name="x") for sha in shas])


def _png(house: House) -> bytes:
    path = house.folder / "preview.png"
    Image.new("RGB", (30, 30), (1, 2, 3)).save(path)
    return path.read_bytes()
