"""Copies the database, also while it is in use; checks copies, and puts one back."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from bot.database.errors import DevelopmentDatabase, FolderNotWritable, NewerDatabase, NotADatabase, explain
from bot.database.query import SqlStatement
from bot.database.storage.integrity import damage
from bot.database.storage.lock import program_lock
from bot.database.storage.schema import application_id, is_of_development, schema_steps
from bot.file_access import Need, why

GAP = 1_000_000  # more ids than are assigned between making a copy and putting it back
NUMBER_ALL_TABLES = SqlStatement("""
    INSERT INTO sqlite_sequence (name, seq)
    SELECT name, 0 FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'
    AND name NOT IN (SELECT name FROM sqlite_sequence)
""")
SKIP_NUMBERS = SqlStatement("UPDATE sqlite_sequence SET seq = seq + ?")
STALE_SECONDS = 3600.0  # after which no program can still be writing a copy
_PREFIX, _STAMP, _SUFFIX = "easel-", "%Y%m%d-%H%M%S", ".sqlite3"


def back_up(database: Path, folder: Path, *, keep: int, clock: Callable[[], float] = time.time) -> Path:
    """Copy the database at `database`, in use or not, into `folder`; the newest `keep` copies there stay.

    The copy is whole and checked before it gets its name, which tells the time (UTC). Blocks: for a thread.
    Raises DatabaseError.
    """
    now = clock()
    target = copy_path(folder, now)
    partial = target.with_name(f"{target.name}.partial")
    if not database.is_file():
        raise FolderNotWritable(f"There is no database {database} to copy.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _forget_stale(folder)
        with _explained(database, target), _opened(database) as source, _opened(partial) as copy:
            source.backup(
                copy
            )  # in one step: readers of a WAL database block nobody, and in several steps each change would restart it
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        check(partial, of=database)
        _keep(partial, target)
        for old in copies(folder, now)[keep:]:
            old.unlink(missing_ok=True)
    except OSError as problem:
        reason = why(problem, target, Need.WRITE)
        raise FolderNotWritable(f"The copy {target} cannot be written: {reason}.") from problem
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)  # of a copy that failed; it may be large
    return target


def _forget_stale(folder: Path) -> None:
    """Delete partial copies of killed programs; a recent one may still be written."""
    for partial in folder.glob(f"{_PREFIX}*.partial"):
        if partial.stat().st_mtime < time.time() - STALE_SECONDS:
            partial.unlink(missing_ok=True)


def copy_path(folder: Path, now: float) -> Path:
    """The path of a copy that is made at this unix time."""
    return folder / f"{_PREFIX}{datetime.fromtimestamp(now, UTC):{_STAMP}}{_SUFFIX}"


def copies(folder: Path, now: float | None = None) -> list[Path]:
    """The copies in `folder`, the newest first. One from the future counts as the oldest: the clock was wrong then."""
    latest = time.time() if now is None else now
    made = {copy: made_at(copy) for copy in folder.glob(f"{_PREFIX}*{_SUFFIX}")}
    return sorted(made, key=lambda copy: (made[copy] <= latest, made[copy]), reverse=True)


def newest_copy(folder: Path, now: float | None = None) -> tuple[Path, float] | None:
    """The newest copy in `folder` and its unix time; None if there is no copy, or only some from the future."""
    newest = next(iter(copies(folder, now)), None)
    if newest is None or (made := made_at(newest)) > (time.time() if now is None else now):
        return None
    return newest, made


def made_at(copy: Path) -> float:
    """The unix time at which a copy was made: its name tells it, also after the file was moved to another disk."""
    try:
        return datetime.strptime(copy.name, f"{_PREFIX}{_STAMP}{_SUFFIX}").replace(tzinfo=UTC).timestamp()
    except ValueError:  # a renamed copy
        return copy.stat().st_mtime


def check(file: Path, of: Path | None = None) -> None:
    """Raise DatabaseError unless `file` is an intact database that this version can read.

    The sentence names `of`, where that is what was copied a moment ago.
    """
    named = of or file
    if (found := damage(file)) is not None:
        raise NotADatabase(f"{named} is not an Easel database, or it is damaged: {found}.")
    with _explained(named), _opened(file, readonly=True) as connection:
        ((mark,),) = connection.execute("PRAGMA application_id")
        ((version,),) = connection.execute("PRAGMA user_version")
        if is_of_development(mark):
            raise DevelopmentDatabase(named, "Choose another backup")
        if mark != application_id():
            raise NotADatabase(f"{named} is not an Easel database.")
        if version > len(schema_steps()):
            raise NewerDatabase(f"{named} was made by a newer Easel (schema {version}). Update Easel first.")


def put_back(file: Path, database: Path) -> Path | None:
    """Replace `database` with the copy `file`; the path that the old one was moved to, None if there was none.

    Numbers that were given out after the copy was made stand on buttons in Discord; they are not given out again.
    Raises DatabaseInUse while an Easel works with it, and what `check` raises; then nothing has changed.
    """
    if not file.is_file():
        raise FolderNotWritable(f"There is no copy {file}.")
    check(file)
    with program_lock(database):
        aside = _free(f"{database.stem}.before-{datetime.now(UTC):%Y%m%d-%H%M%S}", database)
        partial = database.with_name(f"{database.name}.partial")
        try:
            partial.unlink(missing_ok=True)
            with _explained(file), _opened(file, readonly=True) as source, _opened(partial) as copy:
                source.backup(copy)
                _skip_numbers(copy)
            moved = _move_aside(database, aside)
            _keep(partial, database)
        except OSError as problem:
            reason = why(problem, database, Need.WRITE)
            raise FolderNotWritable(f"The database {database} cannot be written: {reason}.") from problem
    return aside if moved else None


def _free(stem: str, database: Path) -> Path:
    """A free name beside `database`: somebody may put back twice within a second."""
    names = (f"{stem}{more}{database.suffix}" for more in chain([""], (f"-{number}" for number in count(2))))
    return next(path for name in names if not (path := database.with_name(name)).exists())


def _skip_numbers(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute(NUMBER_ALL_TABLES.sql)
        connection.execute(SKIP_NUMBERS.sql, (GAP,))


def _move_aside(database: Path, aside: Path) -> bool:
    """Move the database away, with its log. False when there is none.

    A log without its database moves too: SQLite would write what it holds into the next database of this name.
    """
    for suffix in ("-wal", "-shm"):
        beside = database.with_name(database.name + suffix)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + suffix))
    if not database.exists():
        return False
    database.replace(aside)
    return True


def _keep(partial: Path, target: Path) -> None:
    """Sync a finished file to disk, then give it its name."""
    partial.chmod(0o600)
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(target)


@contextmanager
def _opened(path: Path, *, readonly: bool = False) -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{_quoted(path)}?mode={'ro' if readonly else 'rwc'}", uri=True, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def _quoted(path: Path) -> str:
    return path.resolve().as_uri().removeprefix("file://")


@contextmanager
def _explained(path: Path, written: Path | None = None) -> Generator[None]:
    """Raise DatabaseError about `path`; about `written`, which is made from it, where the disk takes no more."""
    try:
        yield
    except sqlite3.Error as problem:
        code = getattr(problem, "sqlite_errorcode", 0)
        refused = code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
        raise explain(problem, written if written is not None and refused else path) from problem
