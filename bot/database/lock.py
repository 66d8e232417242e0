"""A lock that admits one program per database: two would both take the running jobs for their own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.database.errors import DatabaseInUse, FolderNotWritable


@contextmanager
def program_lock(path: Path) -> Generator[None]:
    """Lock the database at `path` for this program; the lock ends with the program, also when it is killed.

    Raises DatabaseInUse at once when another program holds it, FolderNotWritable when there is no place for it.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise DatabaseInUse(f"Another Easel is using {path}; stop it or choose another [storage] folder.") from None
    except OSError as problem:
        raise FolderNotWritable(f"The folder {path.parent} cannot be written: {problem.strerror}.") from problem
    try:
        yield
    finally:
        lock.release()
