"""Whether another program works with a database is known on every kind of file system."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.database.storage.lock import is_in_use, program_lock

fcntl = pytest.importorskip("fcntl")
FLOCK = fcntl.flock


def without_flock(descriptor: int, operation: int) -> None:
    """A file system that has no flock."""
    raise OSError(errno.ENOSYS, "Function not implemented")


def denying(descriptor: int, operation: int) -> None:
    """A file system that says of a lock that somebody holds: permission denied."""
    try:
        FLOCK(descriptor, operation)
    except BlockingIOError:
        raise OSError(errno.EACCES, "Permission denied") from None


@pytest.mark.parametrize("flock", [FLOCK, without_flock, denying], ids=["flock", "no flock", "denied"])
def test_a_held_lock_is_seen_and_a_released_one_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flock: Callable[[int, int], None]
) -> None:
    monkeypatch.setattr(fcntl, "flock", flock)
    path = tmp_path / "easel.sqlite3"
    assert not is_in_use(path)
    with program_lock(path):
        assert is_in_use(path)
    assert not is_in_use(path)


def test_a_pipe_in_place_of_the_lock_file_is_no_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "easel.sqlite3.lock")
    assert not is_in_use(tmp_path / "easel.sqlite3")
