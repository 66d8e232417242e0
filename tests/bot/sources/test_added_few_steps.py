"""Few-step LoRAs that are added from outside keep the recipe that their names at the hub tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.database.loras.catalogue import VERSION_BY_SHA256
from tests.bot.sources.adding import add, attach, demo_lora, ended, opened
from tests.bot.sources.hubs import Hubs, sha256
from tests.house import House

PUBLISHED = {
    "ByteDance/SDXL-Lightning": ("sdxl_lightning_4step_lora.safetensors", 4),
    "tianweiy/DMD2": ("dmd2_sdxl_4step_lora.safetensors", 4),
    "latent-consistency/lcm-lora-sdxl": ("pytorch_lora_weights.safetensors", 4),
    "wangfuyun/PCM_Weights": ("pcm_sdxl_smallcfg_2step_converted.safetensors", 2),
    "somebody/komori": ("pytorch_lora_weights.safetensors", None),
}


async def steps_of(house: House, hubs: Hubs, link: str, data: bytes) -> int | None:
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, link)
        version = await found.db.one(VERSION_BY_SHA256, sha256(data))
        assert version is not None
        return version.recipe.steps if version.recipe else None


@pytest.mark.parametrize("repository", PUBLISHED)
async def test_a_repositorys_file_keeps_its_recipe(tmp_path: Path, hubs: Hubs, repository: str) -> None:
    name, steps = PUBLISHED[repository]
    data = demo_lora()
    hubs.add_repository(repository, {name: data})
    link = f"https://huggingface.co/{repository}/blob/main/{name}"
    assert await steps_of(House(tmp_path), hubs, link, data) == steps


async def test_a_pages_file_keeps_its_recipe(tmp_path: Path, hubs: Hubs) -> None:
    data = demo_lora()
    model = hubs.add_model("Lightning Toolkit")
    version = hubs.add_version(model, data, "Other", file={"name": "sdxl_lightning_8step_lora.safetensors"})
    assert await steps_of(House(tmp_path), hubs, hubs.link(version), data) == 8


async def test_an_attached_file_keeps_its_recipe(tmp_path: Path, hubs: Hubs) -> None:
    async with opened(House(tmp_path), hubs) as (found, additions):
        data = demo_lora()
        await ended(additions, await attach(additions, "Hyper-SDXL-8steps-lora.safetensors", data))
        version = await found.db.one(VERSION_BY_SHA256, sha256(data))
        assert version is not None and version.recipe is not None and version.recipe.steps == 8
