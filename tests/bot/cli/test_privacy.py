"""`privacy`: what an operator does for a person who asks, beside the running bot."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest

from bot.cli import DONE, REFUSED, UNUSABLE
from bot.database.database import open_database
from bot.database.privacy.erasures import UNFINISHED_ERASURES
from tests.bot.cli.commands import Here
from tests.bot.privacy.people import ADA, WORDS, live
from tests.house import House


@pytest.fixture
def config(tmp_path: Path) -> Path:
    house = House(tmp_path / "house")

    async def fill() -> None:
        async with open_database(house.settings.storage.database) as db:
            await live(db, house.settings, ADA)

    asyncio.run(fill())
    return house.config


def test_without_a_database_there_is_nobody(here: Here, tmp_path: Path) -> None:
    said = here("privacy", "show", str(ADA), "--config", House(tmp_path / "house").config)
    assert said.code == UNUSABLE and "no database" in said.sentence


def test_it_shows_exports_and_orders_the_deletion(here: Here, config: Path, tmp_path: Path) -> None:
    said = here("privacy", "show", str(ADA), "--config", config)
    assert said.code == DONE and "bookmark " in said.out and "picture " in said.out
    folder = tmp_path / "for Ada"
    said = here("privacy", "export", str(ADA), "--to", folder, "--config", config)
    (file,) = folder.iterdir()
    assert said.code == DONE and str(file) in said.out
    with zipfile.ZipFile(file) as archive:
        assert any(WORDS[ADA].encode() in archive.read(name) for name in archive.namelist())
    said = here("privacy", "delete", str(ADA), "--config", config)
    assert said.code == REFUSED and "--yes" in said.out
    said = here("privacy", "delete", str(ADA), "--yes", "--config", config)
    assert said.code == DONE and "Deletion requested" in said.out
    assert "in progress" in here("privacy", "show", str(ADA), "--config", config).out

    async def ordered() -> list[tuple[int | None, bool]]:
        async with open_database(tmp_path / "house" / "data" / "easel.sqlite3") as db:
            return [(each.person_id, each.by_operator) for each in await db.all(UNFINISHED_ERASURES)]

    assert asyncio.run(ordered()) == [(ADA, True)]


@pytest.mark.parametrize("what", ["export", "delete"])
def test_of_a_stranger_there_is_nothing(here: Here, config: Path, what: str, tmp_path: Path) -> None:
    said = here("privacy", what, "5", "--config", config, *(["--to", tmp_path] if what == "export" else ["--yes"]))
    assert said.code == REFUSED and "Easel stores no data about this user" in said.out
