"""Creates a database with `schema.sql`, and migrates an older one to the newest schema."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bot.database.errors import DatabaseLocked, FolderNotWritable, MigrationFailed, explain
from bot.database.jobs.terms import FUNCTIONS
from bot.database.storage.schema import FOLDER, SchemaStep, known_version, schema_steps
from bot.file_access import Need, why

log = logging.getLogger(__name__)

PAGE = 4096  # bytes
# A copy with more than this share of unused pages is compacted, if both copies take at most PEAK sizes of the database.
MUCH_UNUSED, PEAK = 0.25, 2.0
ROOM = 3  # times the size of the database that must be free: the copy, and a step that writes everything anew

COPYING, COMPACTING = "copying the database, MB", "compacting the database, MB"
UPDATING = "updating the database, step"
MB = 1_000_000
REPORT_STEPS = 10_000  # of SQLite's virtual machine: some thousand rows of a copy

Report = Callable[[str, int, int], None]  # called with the title of a piece of work, the amount done, and the total


def _no_report(_title: str, _done: int, _total: int) -> None:
    pass


def migrate(
    path: Path,
    folder: Path = FOLDER,
    report: Report = _no_report,
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> int:
    """Bring the database at `path` to the newest schema. Returns the number of the schema that it had.

    A new database is made in place. Of an older one a copy is migrated, which takes its place when all steps are done;
    the old file becomes `backup_path`. A failure changes nothing, so the copy needs no journal. `report` gets
    the progress, `free` returns the free bytes of a folder. Blocks: call it in a thread.

    Raises NewerDatabase, DevelopmentDatabase, NotADatabase, DatabaseLocked, MigrationFailed or FolderNotWritable.
    """
    steps = schema_steps(folder)
    with _opened(path) as connection:
        facts = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")]
        empty = connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None
        version = known_version(*facts, empty=empty, path=path, folder=folder)
        if empty:
            _carry_out(connection, path, steps, report)
        elif version < len(steps):
            _require_room(path, free)
            # Fold the log into the file. Whoever else writes has to wait until the new file is in its place.
            if connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
                raise DatabaseLocked(f"The database {path} is locked by another program; close that program.")
            connection.execute("BEGIN IMMEDIATE")
            work = path.with_name(f"{path.name}.migrating")
            try:
                _migrate_copy(path, work, steps[version:], report)
                connection.rollback()
                connection.close()
                _exchange(path, work, backup_path(path, version))
            except OSError as problem:
                raise FolderNotWritable(
                    f"The copy {work} cannot be written before migrating: {why(problem, work, Need.WRITE)}."
                ) from problem
            finally:
                work.unlink(missing_ok=True)
    return version


def _require_room(path: Path, free: Callable[[Path], int]) -> None:
    size, there = path.stat().st_size, free(path.parent)
    if there < ROOM * size:
        raise FolderNotWritable(
            f"The database {path} is of an earlier version. Updating it needs {ROOM * size / 1e9:.1f} GB of free space "
            f"in {path.parent}, three times its size; {there / 1e9:.1f} GB are free. Make room, then start again."
        )


def _migrate_copy(path: Path, work: Path, steps: Sequence[SchemaStep], report: Report) -> None:
    """Write a migrated copy of the database to `work`. Raises DatabaseError or OSError."""
    work.unlink(missing_ok=True)
    with _opened(path) as source:
        _copy(source, work, partial(report, COPYING), path.stat().st_size)
    with _opened(work) as copy:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "secure_delete = ON"):
            copy.execute(f"PRAGMA {pragma}")
        _carry_out(copy, path, steps, report)
        pages, unused = (copy.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        if unused <= pages * MUCH_UNUSED:
            pass
        elif (2 * pages - unused) * PAGE <= PEAK * path.stat().st_size:
            compact = work.with_name(f"{work.name}.compact")
            compact.unlink(missing_ok=True)
            _copy(copy, compact, partial(report, COMPACTING), (pages - unused) * PAGE)
            compact.replace(work)
        else:
            log.warning(
                "%.0f of the %.0f MB of the updated database %s are unused; new rows fill them",
                *(unused * PAGE / MB, pages * PAGE / MB, path),
            )
    work.chmod(path.stat().st_mode & 0o777)
    with work.open("rb+") as file:
        os.fsync(file.fileno())


def _copy(source: sqlite3.Connection, target: Path, report: Callable[[int, int], None], size: int) -> None:
    """Write a compact copy of a database to the new file `target`; it has about `size` bytes."""
    total = -(-size // MB)

    def look() -> int:
        report(min(target.stat().st_size // MB if target.exists() else 0, total), total)
        return 0  # go on

    report(0, total)
    source.set_progress_handler(look, REPORT_STEPS)
    source.execute("VACUUM INTO ?", (str(target),))
    source.set_progress_handler(None, 0)
    report(total, total)


def _exchange(path: Path, work: Path, aside: Path) -> None:
    """Keep the old file as `aside` and give its name to `work`, so that there is a database at each moment."""
    link = aside.with_name(f"{aside.name}.partial")
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
        link.replace(aside)
    except (PermissionError, NotImplementedError):  # a file system without hard links
        path.replace(aside)
    work.replace(path)


def _carry_out(connection: sqlite3.Connection, path: Path, steps: Sequence[SchemaStep], report: Report) -> None:
    for name, function in FUNCTIONS.items():  # older jobs are indexed too
        connection.create_function(name, 2, function)
    for done, step in enumerate(steps, 1):
        report(UPDATING, done, len(steps))
        try:
            connection.executescript(step.script)
        except sqlite3.Error as problem:
            connection.rollback()
            reason = explain(problem, path)
            if isinstance(reason, FolderNotWritable):
                raise reason from problem
            raise MigrationFailed(
                f"{step.path.name} failed, and the database was left as it was: {problem}"
            ) from problem


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rwc", uri=True, isolation_level=None, timeout=5)
    try:
        yield connection
    except sqlite3.Error as problem:
        raise explain(problem, path) from problem
    finally:
        connection.close()


def backup_path(path: Path, version: int) -> Path:
    """The path of the copy of schema `version`: `easel.sqlite3` -> `easel.schema-3.sqlite3`."""
    return path.with_name(f"{path.stem}.schema-{version}{path.suffix}")
