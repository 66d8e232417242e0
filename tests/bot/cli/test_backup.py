"""`backup` and `restore`, as an operator runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.database.errors import DatabaseError
from bot.database.storage.backup import back_up, copies
from tests.bot.cli.commands import ROOT
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


def test_copies_with_pictures_push_out_none_of_the_automatic_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(tmp_path / "house")
    config, own, folder = str(house.config), house.settings.backup_folder, tmp_path / "disk" / "easel"
    assert main(["library", "scan", "--config", config]) == 0
    automatic = [own / f"easel-202601{day:02}-000000.sqlite3" for day in range(1, house.settings.backup.keep + 1)]
    own.mkdir()
    for copy in automatic:
        copy.write_bytes(b"an automatic copy")
    for _ in range(2):
        assert main(["backup", "--config", config, "--pictures", str(folder)]) == 0
    assert copies(own) == automatic[::-1]
    (copy,) = copies(folder)
    assert str(copy) in capsys.readouterr().out
    assert main(["restore", "--config", config, str(copy)]) == 0
    (folder.parent / "mine").mkdir()
    (folder.parent / "mine" / "notes.txt").touch()
    assert main(["backup", "--config", config, "--pictures", str(folder.parent / "mine")]) == 2
    assert copies(folder.parent / "mine") == [] and copies(own) == automatic[::-1]


@pytest.mark.parametrize("option", ["--to", "--pictures"])
@pytest.mark.parametrize("inside", [".", "pictures"])
@pytest.mark.parametrize("exists", [False, True])
def test_the_folder_of_automatic_backups_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, inside: str, exists: bool
) -> None:
    house = House(tmp_path / "house")
    config, own = str(house.config), house.settings.backup_folder
    assert main(["library", "scan", "--config", config]) == 0
    if exists:
        own.mkdir()
    assert main(["backup", "--config", config, option, str(own / inside)]) == 2
    assert "automatic backups" in capsys.readouterr().err
    assert own.exists() is exists and (not exists or list(own.iterdir()) == [])


def test_a_copy_that_fails_leaves_no_file(tmp_path: Path) -> None:
    database = tmp_path / "easel.sqlite3"
    database.write_bytes(b"SQLite format 3\0" + bytes(100))
    with pytest.raises(DatabaseError):
        back_up(database, tmp_path / "copies", keep=3)
    assert list((tmp_path / "copies").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX")
def test_a_copy_for_which_there_is_no_room_is_named(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    config, folder = str(house.config), tmp_path / "full"
    assert main(["library", "scan", "--config", config]) == 0
    line = f"ulimit -f 100; exec {sys.executable} -m bot backup --to {folder} --config {config}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert str(folder) in done.stderr and str(house.settings.storage.database) not in done.stderr, done.stderr
    assert list(folder.iterdir()) == []
