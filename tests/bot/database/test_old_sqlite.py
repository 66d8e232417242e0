"""A Python whose SQLite cannot hold the tables is refused in a sentence, before anything is written."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from bot.cli.setup.doctor import _catalogue
from bot.database.database import OLDEST_SQLITE, open_database
from bot.database.errors import DatabaseError
from bot.diagnostics.finding import FindingGrade
from tests.house import House


async def test_debian_12_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    with pytest.raises(DatabaseError, match=r"SQLite 3\.42 or newer .*--managed-python"):
        async with open_database(tmp_path / "easel.sqlite3"):
            pass
    assert not list(os.scandir(tmp_path))


async def test_the_doctor_says_so_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    (finding,) = await _catalogue(house.settings)
    assert (finding.grade, "SQLite 3.42 or newer is needed" in finding.says) == (FindingGrade.PROBLEM, True)


def test_what_the_tables_need_is_there_from_the_oldest_version_on() -> None:
    assert sqlite3.sqlite_version_info >= OLDEST_SQLITE
    with sqlite3.connect(":memory:") as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("CREATE TABLE job (failure TEXT CHECK (json_valid(failure))) STRICT")
        connection.execute("INSERT INTO job VALUES (NULL)")
