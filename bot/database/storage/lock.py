"""A lock that admits one program per database: two would both take the running jobs for their own."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bot.database.errors import DatabaseInUse, FolderNotWritable
from bot.file_access import Need, why

# `filelock` is imported where it is needed: to ask for the lock, as `status` does, the system is usually enough.
if sys.platform == "win32":

    def _asked_of_system(file: Path) -> bool | None:
        return None

else:
    import fcntl

    # What file systems say of a lock that somebody holds; `filelock` knows the same three.
    _HELD = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK}

    def _asked_of_system(file: Path) -> bool | None:
        """Whether a program holds the lock; None where only `filelock` knows.

        A shared lock is enough to ask, and needs no write access to the file.
        """
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as problem:
            # Without `flock`, the lock of `filelock` is the file itself.
            return None if problem.errno == errno.ENOSYS else problem.errno in _HELD
        finally:
            os.close(descriptor)
        return False


PROBE_SECONDS, POLL_SECONDS = 0.5, 0.01  # longer than somebody holds the lock who only asks whether it is free


@contextmanager
def program_lock(path: Path) -> Generator[None]:
    """Lock the database at `path` for this program; the lock ends with the program, also when it is killed.

    Raises DatabaseInUse when another program holds it, FolderNotWritable when there is no place for it.
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
    """Whether another program works with the database at `path`. It keeps nobody from starting."""
    file = _lock_file(path)
    if not file.exists():
        return False
    held = _asked_of_system(file)
    return _asked_of_filelock(file) if held is None else held


def _asked_of_filelock(file: Path) -> bool:
    from filelock import FileLock, Timeout  # noqa: PLC0415

    try:
        with FileLock(file).acquire(blocking=False):
            return False
    except Timeout:
        return True
    except OSError:  # it cannot be asked
        return False


def _lock_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
