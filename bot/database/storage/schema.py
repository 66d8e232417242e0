"""The schema of this version, and the check whether a database has it.

`schema.sql` creates schema 1, the tables of the first release. The file `migrations/0002_what.sql` changes schema 1
into schema 2, and so on. A database stores the number of its schema as `user_version`. Its `application_id` is "Ea" and
a checksum of `schema.sql`. If the checksum differs, a development version made the database, and Easel refuses it.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.database.errors import DevelopmentDatabase, NewerDatabase, NotADatabase, OlderDatabase

FOLDER = Path(__file__).parent  # of `schema.sql` and `migrations/`
EASEL = 0x4561  # "Ea", the upper half of each application id; the lower half is the checksum

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True)
class SchemaStep:
    """The script `schema.sql` or a migration, which creates schema `number`."""

    number: int
    path: Path

    @property
    def script(self) -> str:
        """The statements as one transaction. BEGIN is part of it, because `executescript` commits open transactions."""
        body = self.path.read_text("utf-8")
        mark = f"PRAGMA application_id = {_mark(body)};\n" if self.number == 1 else ""
        return f"BEGIN IMMEDIATE;\n{body}\n{mark}PRAGMA user_version = {self.number};\nCOMMIT;"


def schema_steps(folder: Path = FOLDER) -> list[SchemaStep]:
    """Return `schema.sql` and the migrations in order. Raises ValueError for a wrong file name or number."""
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
    """Whether a development version of Easel made the database with the application id `mark`."""
    return mark >> 16 == EASEL and mark != application_id(folder)


@cache
def _mark(schema: str) -> int:
    """Return the application id for a `schema.sql`. Its comments and line breaks do not change the checksum."""
    statements = " ".join(re.sub(r"--[^\n]*", "", schema).split())
    return EASEL << 16 | zlib.crc32(statements.encode()) & 0xFFFF


# Arguments of `check_current`: number of the schema, application id, and whether the database has no tables.
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
