"""Takedown cases: somebody who is shown in pictures asks an operator that they go, and their copies are removed.

A command opens, confirms and closes cases (`bot.database.privacy.takedown_commands`). The bot carries out what is
confirmed. Due is a case 48 hours after its notice was received.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.database import Database
from bot.database.query import Query, SqlStatement

DUE_MS = 48 * 3_600_000


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


async def end_copy(db: Database, case_id: int, copy: TakedownCopy) -> None:
    """The copy is removed; of a picture, all of its job are."""
    if copy.job_id is not None:
        await db.run(END_COPIES_OF_JOB, case=case_id, job=copy.job_id)
    else:
        await db.run(END_COPY, case=case_id, number=copy.number)
