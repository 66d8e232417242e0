"""The services of servers on a database for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.servers.world import ServerWorld, server_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ServerWorld]:
    async with server_world(tmp_path) as made:
        yield made
