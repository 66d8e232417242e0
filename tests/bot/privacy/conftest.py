"""A database and folders in which everything is kept of two people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import Settings
from bot.config.sections.storage import StorageSettings
from bot.database.database import Database, open_database
from tests.bot.privacy.people import ADA, GRACE, live


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage=StorageSettings(folder=tmp_path / "data"))


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings.storage.database) as opened:
        yield opened


@pytest.fixture
async def filled(db: Database, settings: Settings) -> Database:
    for person in (ADA, GRACE):
        await live(db, settings, person)
    return db
