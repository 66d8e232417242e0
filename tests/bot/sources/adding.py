"""What tests of adding LoRAs share: a catalogue with the real clients, LoRA files, and short ways to add them."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image

from bot.app.assembly import Catalogued, open_catalogue
from bot.database.additions.additions import AdditionState, LoraAddition
from bot.database.loras.catalogue import Lora, find_lora_by_name
from bot.sources.additions import Additions
from bot.sources.choosing import choose
from bot.sources.downloads.attached import TakenFile
from bot.sources.hubs.http import SourceHttp
from inference.demo import CHECKPOINTS
from inference.files.hashes import checkpoint_sha256
from tests.bot.sources.hubs import Hubs
from tests.house import House, attention_modules
from tests.lora_files import lora_tensors, safetensors_bytes

ADA, BO = 11, 12
PATIENCE = 300.0  # seconds
SERVER = 77


def demo_lora(seed: int = 7, **metadata: str) -> bytes:
    """A LoRA trained on the demo checkpoint Vivid, as its metadata say by the hash of that."""
    base = {"ss_new_sd_model_hash": checkpoint_sha256(CHECKPOINTS[0].path)}
    return safetensors_bytes(lora_tensors(attention_modules(), seed=seed), {**base, **metadata})


def sdxl_lora(seed: int = 1, **metadata: str) -> bytes:
    """A LoRA that only SDXL has the layers of."""
    return safetensors_bytes(lora_tensors(seed=seed), metadata)


@asynccontextmanager
async def opened(house: House, hubs: Hubs, **changes: object) -> AsyncGenerator[tuple[Catalogued, Additions]]:
    sources = hubs.settings.model_copy(update=changes)
    settings = house.settings.model_copy(update={"sources": sources})
    async with open_catalogue(settings) as found:
        http = SourceHttp(lambda: found.configuration.settings.sources, waits=(0.01, 0.01))
        additions = Additions(found.db, found.configuration, found.keeper, http, retry_seconds=0.01)
        yield found, additions
        await additions.close()


async def ended(additions: Additions, addition: LoraAddition) -> LoraAddition:
    done = await additions.until_ended(addition.id, PATIENCE)
    assert done is not None and done.state is not AdditionState.WAITING
    return done


async def add(found: Catalogued, additions: Additions, link: str, person: int = ADA) -> LoraAddition:
    """Add what a link means, by its page alone: many of these files fit no checkpoint of the tests."""
    configuration = found.configuration
    told = choose(await additions.look_up(link), configuration.checkpoints, configuration.settings.sources)
    version = await additions.described(told)
    return await ended(additions, await additions.add(version, person, SERVER, anybody))


async def anybody(_addition_id: int) -> None:
    """Admits everybody."""


@asynccontextmanager
async def taking(additions: Additions, name: str, data: bytes) -> AsyncGenerator[TakenFile]:
    async def read() -> bytes:
        return data

    async with additions.taking(name, len(data), read) as taken:
        yield taken


async def attach(additions: Additions, name: str, data: bytes, person: int = ADA) -> LoraAddition:
    async with taking(additions, name, data) as taken:
        version = await additions.describe_attached(taken, person)
        return await additions.add_attached(version, taken, person, None, anybody)


def left(house: House) -> list[str]:
    folder = house.library / "added"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def entry(found: Catalogued, name: str) -> Lora:
    lora = await find_lora_by_name(found.db, name)
    assert lora is not None
    return lora


def place(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def png_bytes() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()
