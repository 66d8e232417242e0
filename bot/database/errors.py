"""Errors of the database; `str(error)` is the sentence that the command line prints."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bot.file_access import why_unwritable_database
from inference.errors import OperatorError


class DatabaseError(OperatorError):
    """The database cannot be used; the message says why and what to do."""


class NewerDatabase(DatabaseError):
    """A newer Easel has already migrated this database."""


class OlderDatabase(DatabaseError):
    """An earlier Easel has made this database, and who only reads cannot migrate it."""


class DevelopmentDatabase(DatabaseError):
    """A development version of Easel made the database at `path`; the message gives an advice."""

    def __init__(self, path: Path, advice: str = "Choose an empty [storage] folder, then start again") -> None:
        super().__init__(
            f"{path} was made by a development version of Easel, and this version cannot read it. {advice}. "
            "Only that development version can still export the data (`privacy export`)."
        )


class NoDatabase(DatabaseError):
    """There is no database yet."""


class DatabaseMissing(DatabaseError):
    """There is no database beside the pictures of an earlier one; the operator has to choose."""


class DatabaseClosed(DatabaseError):
    """The program ends, and has closed its database."""


class NotADatabase(DatabaseError):
    """The file is damaged, or not a database of ours."""


class FolderNotWritable(DatabaseError):
    """The database's folder is missing, read-only or full."""


class DatabaseLocked(DatabaseError):
    """Another program holds the database's write lock for longer than we wait."""


class MigrationFailed(DatabaseError):
    """A migration could not be carried out; the database is as it was before it."""


class LogInUse(DatabaseError):
    """A reader keeps the write-ahead log from being emptied; it can be tried again."""


class WrongKey(DatabaseError):
    """Deletions that are to be repeated in a copy were recorded with another key than the one in `file`."""

    def __init__(self, file: Path, deletions: int) -> None:
        super().__init__(
            f"The key {file} is not the right one. This copy of the database lacks deletions of users' data "
            f"({deletions}). Easel can repeat them only with the key of that time. Put that key back. If it is lost, "
            "repeat the deletions yourself (`privacy delete PERSON --yes`), then run `privacy accept-loss`."
        )


class DatabaseInUse(DatabaseError):
    """Another Easel works with the database at `path`; the message gives an advice."""

    def __init__(self, path: Path, advice: str = "stop it or choose another [storage] folder") -> None:
        super().__init__(f"Another Easel is using {path}: {advice}.")
        self.path = path


def explain(problem: sqlite3.Error, path: Path) -> Exception:
    """The DatabaseError for `problem`; `problem` itself if it is a bug."""
    code = getattr(problem, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return DatabaseLocked(f"The database {path} is locked by another program; close that program.")
        case sqlite3.SQLITE_NOTADB:
            return NotADatabase(
                f"{path} is not an Easel database, or its beginning is damaged. `restore` moves it aside and puts the "
                "newest copy back. If the file is another program's, choose another [storage] folder."
            )
        case sqlite3.SQLITE_CORRUPT:
            return NotADatabase(f"The database {path} is damaged. `restore` puts the newest copy back.")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return FolderNotWritable(f"The database {path} cannot be written: {why_unwritable_database(path)}.")
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return FolderNotWritable(f"The database {path} cannot be written: the disk is full or failing ({problem}).")
        case _:
            return problem
