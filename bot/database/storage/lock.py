"""A lock that admits one program per database: two would both take the running jobs for their own."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bot.database.errors import DatabaseInUse, FolderNotWritable
from bot.file_access import Need, why

# `filelock` is imported where it is needed: to ask for the lock, as `status` does, the system is enough.
if sys.platform == "win32":

    def _is_locked(file: Path) -> bool:
        from filelock import FileLock, Timeout  # noqa: PLC0415

        try:
            with FileLock(file).acquire(blocking=False):
                return False
        except Timeout:
            return True
        except OSError:
            return False

else:
    import fcntl

    def _is_locked(file: Path) -> bool:
        """Whether a program holds the lock. A shared lock is enough to ask, and needs no write access to the file."""
        try:
            with file.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # it cannot be asked
            return False
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
    return file.exists() and _is_locked(file)


def _lock_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
