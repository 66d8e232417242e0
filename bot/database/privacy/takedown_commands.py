"""Changes of takedown cases by `easel takedown`, which runs beside the bot and uses its own connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from bot.database.clock import now_ms
from bot.database.database import BUSY_TIMEOUT_MS
from bot.database.errors import explain
from bot.database.privacy.takedown_cases import COPIES_OF_CASE, CopyState, FoundCopy
from bot.database.privacy.takedown_notices import write_notices

OPEN_CASE = """
    INSERT INTO takedown_case (note, hashes, received_at, created_at) VALUES (:note, :hashes, :received_at, :now)
    RETURNING id
"""
ADD_COPY = """
    INSERT INTO takedown_copy (case_id, number, kind, path, job_id, distance)
    SELECT :case, 1 + (SELECT coalesce(max(number), 0) FROM takedown_copy WHERE case_id = :case),
        :kind, :path, :job_id, :distance
    WHERE true ON CONFLICT (case_id, kind, path) DO NOTHING RETURNING number
"""
CONFIRM_CASE = "UPDATE takedown_case SET state = 'confirmed' WHERE id = ? AND state = 'open' RETURNING id"
CONFIRM_COPY = "UPDATE takedown_copy SET state = :state WHERE case_id = :case AND number = :number AND state = 'found'"
CLOSE_CASE = """
    UPDATE takedown_case SET state = 'closed', hashes = x'', ended_at = :now
    WHERE id = :id AND state IN ('open', 'complete') RETURNING id
"""


def open_case(database: Path, hashes: bytes, copies: Iterable[FoundCopy], *, note: str, received_at: int) -> int:
    """Open a case with the copies that were found, and return its id. Blocks. Raises DatabaseError."""
    with _written(database) as connection:
        values = {"note": note, "hashes": hashes, "received_at": received_at, "now": now_ms()}
        ((case_id,),) = connection.execute(OPEN_CASE, values).fetchall()
        _add_copies(connection, case_id, copies)
    return case_id


def add_copies(database: Path, case_id: int, copies: Iterable[FoundCopy]) -> int:
    """Add new copies to an open case, and return their number. Blocks. Raises DatabaseError."""
    with _written(database) as connection:
        return _add_copies(connection, case_id, copies)


def confirm_case(database: Path, case_id: int, *, excepted: Collection[int]) -> bool:
    """Confirm an open case. The bot then removes its copies, except the numbers in `excepted`, also after a crash.

    The same transaction writes the entries of the servers' audit logs, and the notices to authors and uploaders.
    Return False if the case is not open. Blocks. Raises DatabaseError.
    """
    with _written(database) as connection:
        if not connection.execute(CONFIRM_CASE, (case_id,)).fetchall():
            return False
        for row in connection.execute(COPIES_OF_CASE.sql, (case_id,)).fetchall():
            state = CopyState.EXCEPTED if row["number"] in excepted else CopyState.CONFIRMED
            connection.execute(CONFIRM_COPY, {"state": state, "case": case_id, "number": row["number"]})
        write_notices(connection, case_id)
    return True


def close_case(database: Path, case_id: int) -> bool:
    """Close an open or complete case. Easel then no longer removes or refuses copies for it.

    Return False if the case is in another state. Blocks. Raises DatabaseError.
    """
    with _written(database) as connection:
        return bool(connection.execute(CLOSE_CASE, {"id": case_id, "now": now_ms()}).fetchall())


@contextmanager
def _written(database: Path) -> Generator[sqlite3.Connection]:
    """Open a connection for one transaction. Raises DatabaseError."""
    where, timeout = f"{database.resolve().as_uri()}?mode=rw", BUSY_TIMEOUT_MS / 1000
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=timeout, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection
    except sqlite3.Error as problem:
        raise explain(problem, database) from problem


def _add_copies(connection: sqlite3.Connection, case_id: int, copies: Iterable[FoundCopy]) -> int:
    values = [{"case": case_id, **asdict(copy)} for copy in copies]
    return sum(len(connection.execute(ADD_COPY, each).fetchall()) for each in values)
