"""Which entry a file that was added belongs to: pages of one name, one file under two names, newer versions."""

from __future__ import annotations

import asyncio

from bot.database.additions.additions import AdditionState
from bot.database.loras.catalogue import find_lora_by_name
from bot.sources.claims.further_pages import Namer
from bot.sources.claims.provenance import provenance_of
from tests.bot.sources.adding import (
    ADA,
    BO,
    add,
    anybody,
    demo_lora,
    ended,
    entry,
    left,
    opened,
    place,
)
from tests.bot.sources.hubs import Hubs, sha256
from tests.house import House


async def test_pages_of_one_name_that_come_together_are_two_entries(house: House, hubs: Hubs) -> None:
    ids = [hubs.add_lora("Owl", demo_lora(seed=60 + n), "Other", creator={"username": f"m{n}"}) for n in range(4)]
    async with opened(house, hubs, at_once=4) as (found, additions):
        versions = [(await additions.look_up(hubs.link(each))).versions[0] for each in ids]
        begun = await asyncio.gather(*(additions.add(version, ADA, None, anybody) for version in versions))
        await asyncio.gather(*(ended(additions, addition) for addition in begun))
        entries = [await find_lora_by_name(found.db, name) for name in ("Owl", *(f"Owl (m{n})" for n in range(4)))]
        assert sorted(len(each.versions) for each in entries if each) == [1, 1, 1, 1]


async def test_the_same_file_under_two_names_is_one(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    first, second = hubs.add_lora("Komori", data, "Other"), hubs.add_lora("Owl", data, "Other")
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, hubs.link(first))
        here = await additions.here((await additions.look_up(hubs.link(second))).versions[0])
        assert here is not None and here.name == "Komori"
        assert (await add(found, additions, hubs.link(second), BO)).state is AdditionState.ADDED
        assert await find_lora_by_name(found.db, "Owl") is None
        assert len(hubs.requests(hubs.file_path(second))) + len(hubs.requests(hubs.file_path(first))) <= 2
    assert len(left(house)) == 2


async def test_a_page_of_the_same_name_is_another_entry_and_a_newer_version_the_same(house: House, hubs: Hubs) -> None:
    mine = hubs.add_model("Bat")  # as a LoRA of the library
    old, new = (hubs.add_version(mine, demo_lora(seed=seed), "Other") for seed in (31, 32))
    other = hubs.add_lora("Bat", demo_lora(seed=33), "Other", creator={"username": "somebody"})
    third = hubs.add_lora("Bat", demo_lora(seed=34), "Other", creator={"username": "somebody"})
    async with opened(house, hubs) as (found, additions):
        for version_id in (old, new, other, third):
            await add(found, additions, hubs.link(version_id))
        assert len((await entry(found, "Bat")).versions) == 1
        assert len((await entry(found, "Bat (maker)")).versions) == 2
        assert len((await entry(found, "Bat (somebody)")).versions) == 1
        assert len((await entry(found, "Bat (2)")).versions) == 1


async def test_a_page_that_only_has_the_same_file_brings_no_version_into_its_entry(house: House, hubs: Hubs) -> None:
    data, other = demo_lora(seed=35), demo_lora(seed=36)
    page = hubs.add_lora("Komori", data, "Other")
    copy = hubs.add_model("Komori", creator={"username": "copier"})
    same = hubs.add_version(copy, data, "Other")
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, hubs.link(page))
        await additions.note_page(
            await entry(found, "Komori"),
            (await additions.look_up(hubs.link(same))).versions[0],
            Namer(BO, None, anybody),
        )
        await add(found, additions, hubs.link(hubs.add_version(copy, other, "Other")), BO)
        lora = await entry(found, "Komori")
        assert [each.sha256 for each in lora.usable] == [sha256(data)]
        assert (await entry(found, "Komori (copier)")).added_by == BO
        known = await provenance_of(found.db, lora)
        assert known.origin is not None and known.origin.version_id == page
        assert [each.version_id for each in known.others] == [same]


async def test_a_page_of_another_maker_has_an_entry_of_its_own(house: House, hubs: Hubs) -> None:
    model_id = hubs.add_model("Komori")
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, hubs.link(hubs.add_version(model_id, demo_lora(seed=37), "Other")))
        hubs.models[model_id]["creator"] = {"username": "somebody"}
        await add(found, additions, hubs.link(hubs.add_version(model_id, demo_lora(seed=38), "Other")), BO)
        assert len((await entry(found, "Komori")).versions) == 1
        assert len((await entry(found, "Komori (somebody)")).versions) == 1


async def test_a_page_has_no_right_to_a_lora_that_the_operator_put_there(house: House, hubs: Hubs) -> None:
    data = demo_lora(seed=39)
    place(house.library / "operators.safetensors", data)
    (house.library / "operators.json").write_text('{"category": "pose", "description": "The operator says this."}')
    model_id = hubs.add_model("operators", tags=["style"])
    same = hubs.add_version(model_id, data, "Other", file={"hashes": {}})
    async with opened(house, hubs, look_up_files=False) as (found, additions):
        await found.keeper.scan()
        assert (await add(found, additions, hubs.link(same), BO)).state is AdditionState.ADDED
        assert (await entry(found, "operators")).added_by is None
        await add(found, additions, hubs.link(hubs.add_version(model_id, demo_lora(seed=40), "Other")), BO)
        lora = await entry(found, "operators")
        assert (lora.added_by, lora.category, lora.description) == (None, "pose", "The operator says this.")
        assert [each.path for each in lora.usable] == ["operators.safetensors"]
        assert (await provenance_of(found.db, lora)).origin is None
        assert (await entry(found, "operators (maker)")).added_by == BO


async def test_a_file_that_joins_the_operators_entry_does_not_make_it_theirs(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(seed=41), "Other")
    async with opened(house, hubs) as (found, additions):
        place(house.library / "mine.safetensors", demo_lora(seed=42))
        (house.library / "mine.json").write_text('{"name": "Komori"}')
        version = await additions.choose(await additions.look_up(hubs.link(version_id)))
        addition = await ended(additions, await additions.add(version, BO, None, anybody))  # scans both at once
        lora = await entry(found, "Komori")
        assert {each.path for each in lora.usable} == {"mine.safetensors", addition.path}
        assert lora.added_by is None


async def test_a_page_that_comes_second_to_one_place_brings_nothing(house: House, hubs: Hubs) -> None:
    data = demo_lora(seed=43)
    first, second = hubs.add_lora("Komori", data, "Other"), hubs.add_model("Komori")
    same = hubs.add_version(second, data, "Other")
    async with opened(house, hubs) as (found, additions):
        one = await add(found, additions, hubs.link(first))
        copy = await additions.look_up(hubs.link(same))  # found to be missing just before the first was here
        two = await ended(additions, await additions.add(copy.versions[0], BO, None, anybody))
        assert (one.path, one.placed, two.placed) == (two.path, True, False)
        await add(found, additions, hubs.link(hubs.add_version(second, demo_lora(seed=44), "Other")), BO)
        assert len((await entry(found, "Komori")).usable) == 1
