"""Keyed hashes in the place of Discord's ids, for what outlives a person's data: blocks, limits, sums, the audit log.

Without the key nobody can tell whose a hash is; with it, and the id, a block is found again. It lies beside the
database, in no copy of it. SQL calls the hash `pseudonym(id)`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from pathlib import Path

from bot.database.errors import FolderNotWritable
from bot.file_access import Need, why
from inference.files.private_files import write_once

KEY_BYTES = 32


class Pseudonyms:
    """The hashes of the database at `database`."""

    def __init__(self, database: Path) -> None:
        self._file = key_file(database)
        self._key: bytes | None = None

    def of(self, name: int | str | None) -> int | None:
        """Return the hash of a person's id, or of another name. It is negative, so it is nobody's id.

        A hash is returned unchanged. Return None without a name or a key.
        """
        if name is None or (isinstance(name, int) and name <= 0):
            return name
        if self._key is None:
            with suppress(OSError):
                self._key = self._file.read_bytes()
        if self._key is None:
            return None
        digest = hmac.digest(self._key, str(name).encode(), hashlib.sha256)
        return -1 - (int.from_bytes(digest[:8]) >> 1)


def key_file(database: Path) -> Path:
    """Where the key of a database lies."""
    return database.with_name("pseudonyms.key")


def ensure_key(database: Path) -> None:
    """Make the key, if there is none; of several callers at once one makes it. Blocks. Raises FolderNotWritable."""
    file = key_file(database)
    if file.exists():
        return
    try:
        write_once(file, secrets.token_bytes(KEY_BYTES))
    except OSError as problem:
        raise FolderNotWritable(f"The key {file} cannot be written: {why(problem, file, Need.WRITE)}.") from problem
