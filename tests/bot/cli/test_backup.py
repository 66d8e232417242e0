"""`backup` and `restore`, as an operator runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.main import main
from tests.house import House


def test_a_copy_is_made_and_the_newest_is_put_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(tmp_path / "house")
    config = str(house.config)
    assert main(["library", "scan", "--config", config]) == 0
    database = house.folder / "data" / "easel.sqlite3"
    assert main(["backup", "--config", config]) == 0
    assert str(house.folder / "data" / "backups") in capsys.readouterr().out
    database.write_bytes(b"broken by a failing disk" * 500)
    assert main(["library", "list", "--config", config]) == 2
    assert main(["restore", "--config", config]) == 0
    assert "previous database is in" in capsys.readouterr().out
    assert main(["library", "list", "--config", config]) == 0
    assert "Bat" in capsys.readouterr().out


def test_what_cannot_be_put_back_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(House(tmp_path / "house").config)
    assert main(["restore", "--config", config]) == 2
    assert main(["restore", "--config", config, str(tmp_path / "nothing")]) == 2
    assert main(["backup", "--config", config]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 3 and all(line.endswith(".") for line in told)
