"""Migrates a database to the newest schema: numbered files, each one transaction, after a copy was made."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from bot.database.errors import (
    FolderNotWritable,
    MigrationFailed,
    NewerDatabase,
    NotADatabase,
    OlderDatabase,
    explain,
)
from bot.database.job_terms import searchable

FOLDER = Path(__file__).with_name("migrations")
APPLICATION_ID = 0x4561736C  # "Easl": distinguishes our databases from other programs'

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True)
class Migration:
    """One step: after it the database's `user_version` is `number`."""

    number: int
    path: Path

    @property
    def script(self) -> str:
        """The whole step as one transaction, so that it is applied completely or not at all.

        One script, because `executescript` commits what is open when it starts: BEGIN in a call of its own would
        be lost.
        """
        body = self.path.read_text("utf-8")
        header = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {self.number};"
        return f"BEGIN IMMEDIATE;\n{body}\n{header}\nCOMMIT;"


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The steps in order. Raises ValueError when a number is missing, doubled or a name is malformed."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        name = _FILE_NAME.fullmatch(path.name)
        if name is None or int(name[1]) != len(found) + 1:
            raise ValueError(f"{path.name} should be number {len(found) + 1:04} and be named NNNN_what.sql")
        found.append(Migration(len(found) + 1, path))
    return found


async def migrate(connection: aiosqlite.Connection, path: Path, folder: Path = FOLDER) -> int:
    """Apply the missing migrations to the database at `path`; one that is not empty is copied first.

    Returns the number of the schema that it had.

    Raises NewerDatabase, NotADatabase, MigrationFailed (the database is as it was) or FolderNotWritable.
    """
    steps = migrations(folder)
    version = await _known_version(connection, path, len(steps))
    if 0 < version < len(steps):
        await _copy(connection, backup_path(path, version))
    # Terms of the full text index are made in Python, also for jobs that are older than the index.
    await connection.create_function("searchable", 2, searchable)  # pyright: ignore[reportUnknownMemberType]
    for step in steps[version:]:
        await _carry_out(connection, path, step)
    return version


async def check_current(connection: aiosqlite.Connection, path: Path) -> None:
    """Raise NotADatabase, NewerDatabase or OlderDatabase unless the database has the schema of this version."""
    newest = len(migrations())
    version = await _known_version(connection, path, newest)
    if version < newest:
        raise OlderDatabase(
            f"The database {path} was made by an earlier Easel (schema {version}; this one reads {newest}). "
            "The next start of the bot brings it up to date; `library scan` does too."
        )


async def _known_version(connection: aiosqlite.Connection, path: Path, newest: int) -> int:
    """The schema's number, at most `newest`. Raises NotADatabase or NewerDatabase."""
    version = await _pragma(connection, "user_version")
    await _check_ours(connection, path)
    if version > newest:
        raise NewerDatabase(
            f"The database {path} was made by a newer Easel (schema {version}; this one knows {newest}). "
            "Update Easel, or put back the copy that was made before the update."
        )
    return version


def backup_path(path: Path, version: int) -> Path:
    """The path of the copy of schema `version`: `easel.sqlite3` -> `easel.schema-3.sqlite3`."""
    return path.with_name(f"{path.stem}.schema-{version}{path.suffix}")


async def _check_ours(connection: aiosqlite.Connection, path: Path) -> None:
    """Raise NotADatabase for another program's database; an empty file is accepted."""
    if await _pragma(connection, "application_id") == APPLICATION_ID:
        return
    tables = await connection.execute_fetchall("SELECT 1 FROM sqlite_schema LIMIT 1")
    if list(tables):
        raise NotADatabase(f"{path} is another program's database. Move it away or choose another [storage] folder.")


async def _carry_out(connection: aiosqlite.Connection, path: Path, step: Migration) -> None:
    try:
        await connection.executescript(step.script)
    except sqlite3.Error as problem:
        await connection.rollback()
        reason = explain(problem, path)
        if isinstance(reason, FolderNotWritable):
            raise reason from problem
        raise MigrationFailed(f"{step.path.name} failed, and the database was left as it was: {problem}") from problem


async def _copy(connection: aiosqlite.Connection, target: Path) -> None:
    """Write a copy to `target`; an older copy of the same schema is replaced only by a finished one."""
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        await connection.execute("VACUUM INTO ?", (str(partial),))
        await asyncio.to_thread(_finish_copy, partial, target)
    except (OSError, sqlite3.OperationalError) as problem:
        raise FolderNotWritable(f"The copy {target} cannot be written before migrating: {problem}") from problem


def _finish_copy(partial: Path, target: Path) -> None:
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(target)


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    (row,) = await connection.execute_fetchall(f"PRAGMA {name}")
    return int(row[0])
