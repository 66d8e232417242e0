"""A lock that admits one program per database: two would both take the running jobs for their own."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.database.errors import DatabaseInUse, FolderNotWritable
from bot.file_access import Need, why

if sys.platform == "win32":

    def _is_locked(file: Path) -> bool:
        return False

else:
    import fcntl

    def _is_locked(file: Path) -> bool:
        """Whether a program holds the lock of a file that may only be read; nobody does where that cannot be asked."""
        try:
            with file.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


PROBE_SECONDS, POLL_SECONDS = 0.5, 0.01  # longer than somebody holds the lock who only asks whether it is free


@contextmanager
def program_lock(path: Path) -> Generator[None]:
    """Lock the database at `path` for this program; the lock ends with the program, also when it is killed.

    Raises DatabaseInUse when another program holds it, FolderNotWritable when there is no place for it.
    """
    lock = _lock(path)
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
    lock = _lock(path)
    file = Path(lock.lock_file)
    if not file.exists():
        return False
    try:
        with lock.acquire(blocking=False):
            return False
    except Timeout:
        return True
    except OSError:  # the file is another account's, or lies on a read-only disk
        return _is_locked(file)


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"))
