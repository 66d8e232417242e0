"""Pictures hold people's private prompts: nothing that Easel writes is for other accounts of the machine."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from inference.files.private_files import OTHERS, tighten
from tests.house import House

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


def open_to_others(folder: Path) -> list[str]:
    every = [folder, *folder.rglob("*")]
    return sorted(str(path.relative_to(folder)) for path in every if stat.S_IMODE(path.lstat().st_mode) & OTHERS)


def run(house: House, *arguments: str) -> None:
    """One command in a process of its own, begun as most shells begin it."""
    program = [sys.executable, "-m", "bot", *arguments]
    done = subprocess.run(program, cwd=house.folder, umask=0o022, capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])})  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_is_painted_and_copied_is_private_and_what_was_open_is_closed(house: House) -> None:
    config = str(house.config)
    house.library.chmod(0o755)  # as an operator has it, whatever umask this process has by now
    for _ in range(2):
        run(house, "paint", "--config", config, "a zebra", "--out", str(house.folder / "a.png"))
        run(house, "backup", "--config", config)
        assert any((house.data / "pictures").rglob("*.png")) and any((house.data / "backups").iterdir())
        assert open_to_others(house.data) == []
        for path in (house.data, *house.data.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert stat.S_IMODE(house.library.stat().st_mode) & OTHERS, "the library is the operator's"


def test_links_and_what_is_not_ours_are_left_alone(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    for path in (data / "pictures" / "0", data / "loras", other):
        path.mkdir(parents=True)
    for path in (data / "pictures" / "0" / "a.png", data / "loras" / "b", other / "c"):
        path.touch(0o644)
    (data / "pictures" / "link").symlink_to(other)
    for path in (data, *data.rglob("*"), other, other / "c"):
        if not path.is_symlink():
            path.chmod(0o755)
    tighten(data, [data / "pictures", data / "gone"])
    assert open_to_others(data / "pictures") in ([], ["link"])
    assert open_to_others(other) == [".", "c"] and open_to_others(data / "loras") == [".", "b"]
    assert not stat.S_IMODE(data.stat().st_mode) & OTHERS
