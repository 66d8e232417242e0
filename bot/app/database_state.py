"""The size of the database, and its newest copy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.config import Settings
from bot.database.storage.backup import newest_copy


@dataclass(frozen=True)
class DatabaseState:
    """The database's size in bytes, its log included, and its newest copy, if there is one."""

    nbytes: int
    copy_nbytes: int | None = None
    copied: datetime | None = None


def database_state(settings: Settings) -> DatabaseState:
    """The size of the database, and its newest copy. Raises OSError."""
    database = settings.storage.database
    beside = (database, database.with_name(f"{database.name}-wal"))
    nbytes = sum(file.stat().st_size for file in beside if file.exists())
    newest = newest_copy(settings.backup_folder)
    if newest is None:
        return DatabaseState(nbytes)
    copy, made = newest
    return DatabaseState(nbytes, copy.stat().st_size, datetime.fromtimestamp(made, UTC))
