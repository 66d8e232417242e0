"""Creates a database with `schema.sql`, and migrates an older one to the newest schema.

`schema.sql` has the tables of the first release and is schema 1. The file `migrations/0002_what.sql` changes schema 1
into schema 2, and so on. `user_version` is the number of a database's schema. `application_id` is "Ea" and a checksum
of `schema.sql`: a database with another checksum is of a development version, and Easel refuses it.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.database.errors import (
    DatabaseLocked,
    DevelopmentDatabase,
    FolderNotWritable,
    MigrationFailed,
    NewerDatabase,
    NotADatabase,
    OlderDatabase,
    explain,
)
from bot.database.jobs.terms import FUNCTIONS
from bot.file_access import Need, why

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent  # of `schema.sql` and `migrations/`
EASEL = 0x4561  # "Ea": the upper half of the application id of all versions, the checksum is the lower half

PAGE = 4096  # bytes
# A copy with more than this share of unused pages is compacted, if both copies take at most PEAK sizes of the database.
MUCH_UNUSED, PEAK = 0.25, 2.0
ROOM = 3  # times the size of the database that must be free: the copy, and a step that writes everything anew

COPYING, COMPACTING = "copying the database, MB", "compacting the database, MB"
UPDATING = "updating the database, step"
MB = 1_000_000
REPORT_STEPS = 10_000  # of SQLite's virtual machine: some thousand rows of a copy

Report = Callable[[str, int, int], None]  # called with the title of a piece of work, the amount done, and the total

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


def _no_report(_title: str, _done: int, _total: int) -> None:
    pass


@dataclass(frozen=True)
class SchemaStep:
    """`schema.sql`, or a migration: it makes schema `number`."""

    number: int
    path: Path

    @property
    def script(self) -> str:
        """The statements as one transaction.

        `executescript` commits an open transaction first, so BEGIN must be in the same script.
        """
        body = self.path.read_text("utf-8")
        mark = f"PRAGMA application_id = {_mark(body)};\n" if self.number == 1 else ""
        return f"BEGIN IMMEDIATE;\n{body}\n{mark}PRAGMA user_version = {self.number};\nCOMMIT;"


def schema_steps(folder: Path = FOLDER) -> list[SchemaStep]:
    """`schema.sql`, then the migrations in order. Raises ValueError for a wrong file name or number."""
    found = [SchemaStep(1, folder / "schema.sql")]
    for path in sorted((folder / "migrations").glob("*.sql")):
        name = _FILE_NAME.fullmatch(path.name)
        if name is None or int(name[1]) != len(found) + 1:
            raise ValueError(f"{path.name} should be number {len(found) + 1:04} and be named NNNN_what.sql")
        found.append(SchemaStep(len(found) + 1, path))
    return found


def application_id(folder: Path = FOLDER) -> int:
    """Return the application id of databases that this version reads."""
    return _mark((folder / "schema.sql").read_text("utf-8"))


def is_of_development(mark: int, folder: Path = FOLDER) -> bool:
    """Whether a database with the application id `mark` is of a development version of Easel."""
    return mark >> 16 == EASEL and mark != application_id(folder)


def _mark(schema: str) -> int:
    """The application id; comments and line breaks do not change the checksum."""
    statements = " ".join(re.sub(r"--[^\n]*", "", schema).split())
    return EASEL << 16 | zlib.crc32(statements.encode()) & 0xFFFF


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
        version = _known_version(*facts, empty=empty, path=path, folder=folder)
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


# What `check_current` takes: the number of the schema, the application id, and whether there is no table.
SCHEMA_FACTS = """
    SELECT user_version, application_id, NOT EXISTS (SELECT 1 FROM sqlite_schema)
    FROM pragma_user_version, pragma_application_id
"""


def check_current(path: Path, version: int, mark: int, empty: int) -> None:
    """Raise a DatabaseError unless the database has the schema of this version."""
    version, newest = _known_version(version, mark, empty=bool(empty), path=path), len(schema_steps())
    if version < newest:
        raise OlderDatabase(
            f"The database {path} was made by an earlier Easel (schema {version}; this one reads {newest}). "
            "The next start of the bot brings it up to date; `library scan` does too."
        )


def _known_version(version: int, mark: int, *, empty: bool, path: Path, folder: Path = FOLDER) -> int:
    """Return the number of the schema. Raises DatabaseError if this version cannot read the database."""
    if is_of_development(mark, folder):
        raise DevelopmentDatabase(path)
    if mark != application_id(folder) and not empty:
        raise NotADatabase(f"{path} is another program's database. Move it away or choose another [storage] folder.")
    if version > (newest := len(schema_steps(folder))):
        raise NewerDatabase(
            f"The database {path} was made by a newer Easel (schema {version}; this one knows {newest}). "
            "Update Easel, or put back the copy that was made before the update."
        )
    return version


def backup_path(path: Path, version: int) -> Path:
    """The path of the copy of schema `version`: `easel.sqlite3` -> `easel.schema-3.sqlite3`."""
    return path.with_name(f"{path.stem}.schema-{version}{path.suffix}")
