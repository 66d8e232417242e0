"""`retention`: a table of what would go, and its removal while no bot runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.database.storage.lock import program_lock
from tests.house import House


def test_a_dry_run_tells_what_the_command_removes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(tmp_path / "house")
    config, data = str(house.config), house.folder / "data"
    assert main(["library", "scan", "--config", config]) == 0
    thumbnail = data / "thumbnails" / "ab" / "old.webp"
    thumbnail.parent.mkdir(parents=True)
    thumbnail.write_bytes(b"x" * 2_000_000)
    os.utime(thumbnail, (1e9, 1e9))
    capsys.readouterr()
    assert main(["retention", "--dry-run", "--config", config]) == 0
    told = capsys.readouterr().out
    (line,) = [line.split() for line in told.splitlines() if line.strip().startswith("thumbnails")]
    assert line == ["thumbnails", "90", "days", "1", "2.0", "2001-09-09", "01:46"] and thumbnail.exists()
    assert "no time limit" in told and "backups" in told
    with program_lock(data / "easel.sqlite3"):
        assert main(["retention", "--config", config]) == 0
        assert "running bot does this every hour" in capsys.readouterr().out and thumbnail.exists()
    assert main(["retention", "--config", config]) == 0
    assert "2001-09-09" in capsys.readouterr().out and not thumbnail.exists()


def test_a_dry_run_tells_which_pictures_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "house")
    assert main(["library", "scan", "--config", str(house.config)]) == 0
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("EASEL_RETENTION__PICTURES_DAYS", "30")
    assert main(["retention", "--dry-run", "--config", str(house.config)]) == 0
    assert "30 days, but not bookmarked, in_stack, opened, published" in capsys.readouterr().out
