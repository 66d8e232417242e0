"""Both hubs on this machine, and a house without anything that was added."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.sources.hubs.http import SourceHttp
from tests.bot.sources.hubs import Hubs, running_hubs
from tests.house import House


@pytest.fixture
async def hubs() -> AsyncGenerator[Hubs]:
    async with running_hubs() as served:
        yield served


@pytest.fixture
async def http(hubs: Hubs) -> AsyncGenerator[SourceHttp]:
    client = SourceHttp(lambda: hubs.settings, waits=(0.01, 0.01))
    yield client
    await client.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)
