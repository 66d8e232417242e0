"""The lock that admits one program per database. A second program would resume the jobs of the first."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bot.database.errors import DatabaseInUse, FolderNotWritable
from bot.file_access import Need, why

# `filelock` is imported only where it is needed: most programs only look at the lock, for which `flock` is enough.
if sys.platform == "win32":

    def _held_by_flock(file: Path) -> bool | None:
        return None

else:
    import fcntl

    def _held_by_flock(file: Path) -> bool | None:
        """Whether a program holds the lock. None if the file system has no `flock`.

        The check takes a shared lock, which needs no write access to the file.
        """
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
        except OSError as problem:
            return None if problem.errno == errno.ENOSYS else False
        finally:
            os.close(descriptor)
        return False


PROBE_SECONDS = 0.5  # timeout for the lock: longer than a check in another program holds it
POLL_SECONDS = 0.01  # interval between attempts to take the lock


@contextmanager
def program_lock(path: Path) -> Generator[None]:
    """Lock the database at `path` for this program. The system releases the lock when the program ends or is killed.

    Raises DatabaseInUse if another program holds the lock, FolderNotWritable if the lock file cannot be written.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415

    lock = FileLock(_lock_file(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=PROBE_SECONDS, poll_interval=POLL_SECONDS)
    except Timeout:
        raise DatabaseInUse(path) from None
    except OSError as problem:
        raise FolderNotWritable(
            f"The folder {path.parent} cannot be written: {why(problem, path.parent, Need.FOLDER)}."
        ) from problem
    try:
        yield
    finally:
        lock.release()


def is_in_use(path: Path) -> bool:
    """Whether another program uses the database at `path`. The check does not keep another program from starting."""
    file = _lock_file(path)
    if not file.exists():
        return False
    held = _held_by_flock(file)
    return _held_by_filelock(file) if held is None else held


def _held_by_filelock(file: Path) -> bool:
    from filelock import FileLock, Timeout  # noqa: PLC0415

    try:
        with FileLock(file).acquire(blocking=False):
            return False
    except Timeout:
        return True
    except OSError:  # the file cannot be opened
        return False


def _lock_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
