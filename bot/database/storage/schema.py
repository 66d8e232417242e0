"""The schema of this version, and whether a database has it.

`schema.sql` has the tables of the first release and is schema 1. The file `migrations/0002_what.sql` changes schema 1
into schema 2, and so on. `user_version` is the number of a database's schema. `application_id` is "Ea" and a checksum
of `schema.sql`: a database with another checksum is of a development version, and Easel refuses it.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.database.errors import DevelopmentDatabase, NewerDatabase, NotADatabase, OlderDatabase

FOLDER = Path(__file__).parent  # of `schema.sql` and `migrations/`
EASEL = 0x4561  # "Ea": the upper half of the application id of all versions, the checksum is the lower half

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


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


@cache
def _mark(schema: str) -> int:
    """The application id; comments and line breaks do not change the checksum."""
    statements = " ".join(re.sub(r"--[^\n]*", "", schema).split())
    return EASEL << 16 | zlib.crc32(statements.encode()) & 0xFFFF


# What `check_current` takes: the number of the schema, the application id, and whether there is no table.
SCHEMA_FACTS = """
    SELECT user_version, application_id, NOT EXISTS (SELECT 1 FROM sqlite_schema)
    FROM pragma_user_version, pragma_application_id
"""


def check_current(path: Path, version: int, mark: int, empty: int) -> None:
    """Raise a DatabaseError unless the database has the schema of this version."""
    version, newest = known_version(version, mark, empty=bool(empty), path=path), len(schema_steps())
    if version < newest:
        raise OlderDatabase(
            f"The database {path} was made by an earlier Easel (schema {version}; this one reads {newest}). "
            "The next start of the bot brings it up to date; `library scan` does too."
        )


def known_version(version: int, mark: int, *, empty: bool, path: Path, folder: Path = FOLDER) -> int:
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
