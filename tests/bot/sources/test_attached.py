"""Files that people attach: one at a time in memory, and none where it may not be added or has no room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.sources.errors import AddingOff, FileTooLarge, NoRoom
from tests.bot.sources.hubs import Hubs
from tests.bot.sources.test_additions import ADA, SERVER, demo_lora, left, opened
from tests.house import House


async def test_files_are_taken_one_after_the_other(tmp_path: Path, hubs: Hubs) -> None:
    held, most = 0, 0
    async with opened(House(tmp_path), hubs) as (_, additions):

        async def take() -> None:
            nonlocal held, most
            async with additions.taking("owl.safetensors", 1000):
                held, most = held + 1, max(most, held + 1)
                await asyncio.to_thread(lambda: None)
                held -= 1

        await asyncio.gather(*(take() for _ in range(20)))
    assert (held, most) == (0, 1)


async def test_a_file_without_room_is_not_taken(tmp_path: Path, hubs: Hubs) -> None:
    async with opened(House(tmp_path), hubs, free_gigabytes=2**20, max_lora_megabytes=1) as (_, additions):
        with pytest.raises(NoRoom):
            async with additions.taking("owl.safetensors", 1000):
                pass
        with pytest.raises(FileTooLarge):
            async with additions.taking("owl.safetensors", 2**20 + 1):
                pass


async def test_nothing_is_written_for_who_may_not_add(tmp_path: Path, hubs: Hubs) -> None:
    house = House(tmp_path)
    async with opened(house, hubs) as (_, additions):
        version = await additions.describe_attached("owl.safetensors", demo_lora())

        async def nobody(_addition_id: int) -> None:
            assert left(house) == []
            raise AddingOff

        with pytest.raises(AddingOff):
            await additions.add_attached(version, demo_lora(), ADA, SERVER, nobody)
