"""A database and folders in which everything is kept of two people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from bot.config import Settings
from bot.config.storage import StorageSettings
from bot.database.connection import open_database
from tests.bot.privacy.people import ADA, GRACE, live


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage=StorageSettings(folder=tmp_path / "data"))


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[aiosqlite.Connection]:
    async with open_database(settings.storage.database) as opened:
        yield opened


@pytest.fixture
async def filled(connection: aiosqlite.Connection, settings: Settings) -> aiosqlite.Connection:
    for person in (ADA, GRACE):
        await live(connection, settings, person)
    return connection
