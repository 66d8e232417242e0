"""Which entry a file that was added belongs to: pages of one name, one file under two names, newer versions."""

from __future__ import annotations

import asyncio

from bot.database.additions import AdditionState
from bot.database.loras import find_lora_by_name
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
)
from tests.bot.sources.hubs import Hubs
from tests.house import House


async def test_pages_of_one_name_that_come_together_are_two_entries(house: House, hubs: Hubs) -> None:
    ids = [hubs.add_lora("Owl", demo_lora(seed=60 + n), "Other", creator={"username": f"m{n}"}) for n in range(4)]
    async with opened(house, hubs, at_once=4) as (found, additions):
        versions = [(await additions.look_up(hubs.link(each))).versions[0] for each in ids]
        begun = await asyncio.gather(*(additions.add(version, ADA, None, anybody) for version in versions))
        await asyncio.gather(*(ended(additions, addition) for addition in begun))
        entries = [
            await find_lora_by_name(found.connection, name) for name in ("Owl", *(f"Owl (m{n})" for n in range(4)))
        ]
        assert sorted(len(each.versions) for each in entries if each) == [1, 1, 1, 1]


async def test_the_same_file_under_two_names_is_one(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    first, second = hubs.add_lora("Komori", data, "Other"), hubs.add_lora("Owl", data, "Other")
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, hubs.link(first))
        here = await additions.here((await additions.look_up(hubs.link(second))).versions[0])
        assert here is not None and here.name == "Komori"
        assert (await add(found, additions, hubs.link(second), BO)).state is AdditionState.ADDED
        assert await find_lora_by_name(found.connection, "Owl") is None
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
