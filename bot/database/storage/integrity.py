"""Whether the database file is intact, and still the file that a running program has open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.database.errors import explain


def damage(path: Path) -> str | None:
    """Describe the first damage that SQLite's quick check finds in the database at `path`; None if it is intact.

    It reads the whole file, beside a running program too. Blocks: for a thread. Raises DatabaseError if the database
    cannot be opened.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            ((verdict,),) = connection.execute("PRAGMA quick_check(1)")
    except sqlite3.Error as problem:
        if problem.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return str(problem)
        raise explain(problem, path) from problem
    return None if verdict == "ok" else " ".join(verdict.removeprefix("*** in database main ***").split())


class FileState(StrEnum):
    """The state of a database file that a program has open."""

    IN_PLACE = "in place"
    REMOVED = "removed"  # its name is gone; the program still works on the data, which vanish when it ends
    REPLACED = "replaced"  # its name belongs to another file now
    LINKED = "linked"  # it has a second name; a program that opens it by that name uses another log and damages it


@dataclass(frozen=True)
class OpenFile:
    """The identity of an open database file. Never open the file to find it: closing it would drop SQLite's locks."""

    path: Path
    device: int
    inode: int

    @classmethod
    def at(cls, path: Path) -> OpenFile | None:
        """The file at `path`; None if there is none."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(path, found.st_dev, found.st_ino)

    @property
    def state(self) -> FileState:
        """The state now. Raises OSError."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return FileState.REMOVED
        if (found.st_dev, found.st_ino) != (self.device, self.inode):
            return FileState.REPLACED
        return FileState.LINKED if found.st_nlink > 1 else FileState.IN_PLACE
