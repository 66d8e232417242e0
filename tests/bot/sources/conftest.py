"""Both hubs on this machine."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from bot.sources.http import SourceHttp
from tests.bot.sources.hubs import Hubs, running_hubs


@pytest.fixture
async def hubs() -> AsyncGenerator[Hubs]:
    async with running_hubs() as served:
        yield served


@pytest.fixture
async def http(hubs: Hubs) -> AsyncGenerator[SourceHttp]:
    client = SourceHttp(lambda: hubs.settings, waits=(0.01, 0.01))
    yield client
    await client.close()
