"""Takedown cases: somebody who is shown in pictures asks an operator that they go, and their copies are removed.

A case is opened, confirmed and closed by a command beside the running bot, on a connection of its own. The bot carries
out what is confirmed. Due is a case 48 hours after its notice was received.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from bot.database.clock import now_ms
from bot.database.database import BUSY_TIMEOUT_MS, Database
from bot.database.errors import explain
from bot.database.privacy.takedown_notices import write_notices
from bot.database.query import Query, SqlStatement

DUE_MS = 48 * 3_600_000

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


class CaseState(StrEnum):
    """`open`: staff look at what was found; `confirmed`: it is being removed."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    COMPLETE = "complete"
    CLOSED = "closed"


class CopyKind(StrEnum):
    """What a copy is: painted here, given to start from, a sample of a LoRA, or an author's preview of one."""

    PICTURE = "picture"
    INPUT = "input"
    SAMPLE = "sample"
    PREVIEW = "preview"


class CopyState(StrEnum):
    """`excepted`: staff have said that it is none."""

    FOUND = "found"
    EXCEPTED = "excepted"
    CONFIRMED = "confirmed"
    REMOVED = "removed"


@dataclass(frozen=True)
class TakedownCase:
    """A row of the table; times in unix ms. `refused` counts copies that came later and were refused."""

    id: int
    state: CaseState
    note: str
    received_at: int
    created_at: int
    ended_at: int | None
    refused: int
    alerts: int

    @property
    def due_at(self) -> int:
        """When its copies have to be gone (unix ms)."""
        return self.received_at + DUE_MS


@dataclass(frozen=True)
class FoundCopy:
    """A picture that is like one of the notice, by its path in the folder of its kind; `distance` from 0 on."""

    kind: CopyKind
    path: str
    job_id: int | None
    distance: float


@dataclass(frozen=True)
class TakedownCopy(FoundCopy):
    """A copy of a case, by the number that staff name it by."""

    number: int
    state: CopyState


@dataclass(frozen=True)
class KeptHashes:
    """The hashes of a case whose copies are refused."""

    case_id: int
    hashes: bytes


_CASE = "SELECT id, state, note, received_at, created_at, ended_at, refused, alerts FROM takedown_case"
FIND_TAKEDOWN_CASE = Query(TakedownCase, f"{_CASE} WHERE id = ?")
# Cases that are open or being carried out, the one that is due first before others.
UNFINISHED_CASES = Query(TakedownCase, f"{_CASE} WHERE state IN ('open', 'confirmed') ORDER BY received_at, id")
# Unfinished cases before others.
ALL_CASES = Query(TakedownCase, f"{_CASE} ORDER BY ended_at IS NOT NULL, received_at, id")
COPIES_OF_CASE = Query(
    TakedownCopy,
    "SELECT number, kind, path, job_id, distance, state FROM takedown_copy WHERE case_id = ? ORDER BY number",
)
KEPT_HASHES = Query(
    KeptHashes,
    "SELECT id AS case_id, hashes FROM takedown_case WHERE state IN ('confirmed', 'complete') ORDER BY id",
)
# Empty if the case is closed.
HASHES_OF_CASE = Query(bytes, "SELECT hashes FROM takedown_case WHERE id = ?")
# A copy of the case came and was refused.
RAISE_REFUSALS = SqlStatement("UPDATE takedown_case SET refused = refused + 1 WHERE id = ?")
# Operators are told of the case for so many times; no change if they were before.
SET_ALERTS = SqlStatement("UPDATE takedown_case SET alerts = :alerts WHERE id = :case AND alerts < :alerts")
END_COPIES_OF_JOB = SqlStatement(
    "UPDATE takedown_copy SET state = 'removed' WHERE case_id = :case AND job_id = :job AND state = 'confirmed'"
)
END_COPY = SqlStatement(
    "UPDATE takedown_copy SET state = 'removed' WHERE case_id = :case AND number = :number AND state = 'confirmed'"
)
# confirmed -> complete, once no copy is left.
COMPLETE_CASE = SqlStatement("""
    UPDATE takedown_case SET state = 'complete', ended_at = :now WHERE id = :id AND state = 'confirmed'
    AND NOT EXISTS (SELECT 1 FROM takedown_copy WHERE case_id = takedown_case.id AND state = 'confirmed')
""")


# --- what a command does, beside the running bot --------------------------------------------------------------------


def open_case(database: Path, hashes: bytes, copies: Iterable[FoundCopy], *, note: str, received_at: int) -> int:
    """Open a case with what was found; its id. Blocks. Raises DatabaseError."""
    with _written(database) as connection:
        values = {"note": note, "hashes": hashes, "received_at": received_at, "now": now_ms()}
        ((case_id,),) = connection.execute(OPEN_CASE, values).fetchall()
        _add_copies(connection, case_id, copies)
    return case_id


def add_copies(database: Path, case_id: int, copies: Iterable[FoundCopy]) -> int:
    """Add to an open case what it does not know yet; how many these are. Blocks. Raises DatabaseError."""
    with _written(database) as connection:
        return _add_copies(connection, case_id, copies)


def confirm_case(database: Path, case_id: int, *, excepted: Collection[int]) -> bool:
    """open -> confirmed: from now on its copies are removed, also after a crash. False if it was not open.

    It also writes the entries of the servers' audit logs, and the notices to authors and uploaders.

    Blocks. Raises DatabaseError.
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
    """open or complete -> closed: nothing is removed or refused for it any more. False if it was neither.

    Blocks. Raises DatabaseError.
    """
    with _written(database) as connection:
        return bool(connection.execute(CLOSE_CASE, {"id": case_id, "now": now_ms()}).fetchall())


# --- what the bot does ----------------------------------------------------------------------------------------------


async def end_copy(db: Database, case_id: int, copy: TakedownCopy) -> None:
    """The copy is removed; of a picture, all of its job are."""
    if copy.job_id is not None:
        await db.run(END_COPIES_OF_JOB, case=case_id, job=copy.job_id)
    else:
        await db.run(END_COPY, case=case_id, number=copy.number)


@contextmanager
def _written(database: Path) -> Generator[sqlite3.Connection]:
    """A transaction on a connection of its own. Raises DatabaseError."""
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
