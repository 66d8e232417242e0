"""Takedown cases: a person shown in pictures asks an operator to remove them, and Easel removes all their copies.

A command opens, confirms and closes cases (`bot.database.privacy.takedown_commands`). The bot removes the copies of
confirmed cases. A case is due 48 hours after the operator received the notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.database import Database
from bot.database.query import Query, SqlStatement

DUE_MS = 48 * 3_600_000


class CaseState(StrEnum):
    """State of a case: while `open`, operators review the copies; once `confirmed`, the bot removes them."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    COMPLETE = "complete"
    CLOSED = "closed"


class CopyKind(StrEnum):
    """Kind of a copy: a generated picture, a start picture, a sample of a LoRA, or a preview from a LoRA's author."""

    PICTURE = "picture"
    INPUT = "input"
    SAMPLE = "sample"
    PREVIEW = "preview"


class CopyState(StrEnum):
    """State of a copy. `excepted`: an operator decided that it is not a copy."""

    FOUND = "found"
    EXCEPTED = "excepted"
    CONFIRMED = "confirmed"
    REMOVED = "removed"


@dataclass(frozen=True)
class TakedownCase:
    """Row of the table, with times in unix ms. `refused` counts later pictures that Easel refused."""

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
        """Deadline for removing all copies, in unix ms."""
        return self.received_at + DUE_MS


@dataclass(frozen=True)
class FoundCopy:
    """Picture that resembles one of the notice. `path` is relative to the folder of its kind; `distance` 0 is equal."""

    kind: CopyKind
    path: str
    job_id: int | None
    distance: float


@dataclass(frozen=True)
class TakedownCopy(FoundCopy):
    """Copy that belongs to a case. Operators refer to it by its `number`."""

    number: int
    state: CopyState


@dataclass(frozen=True)
class KeptHashes:
    """Hashes of the pictures of a case. Easel refuses pictures that match them."""

    case_id: int
    hashes: bytes


_CASE = "SELECT id, state, note, received_at, created_at, ended_at, refused, alerts FROM takedown_case"
FIND_TAKEDOWN_CASE = Query(TakedownCase, f"{_CASE} WHERE id = ?")
# Open and confirmed cases, those with the earliest deadline first.
UNFINISHED_CASES = Query(TakedownCase, f"{_CASE} WHERE state IN ('open', 'confirmed') ORDER BY received_at, id")
# All cases, unfinished ones first.
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
# Count one more refused copy.
RAISE_REFUSALS = SqlStatement("UPDATE takedown_case SET refused = refused + 1 WHERE id = ?")
# Set how often operators were notified about the case. No change if `alerts` is not higher than before.
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
    """Record that the copy was removed. If it belongs to a job, record that all copies of this job were removed."""
    if copy.job_id is not None:
        await db.run(END_COPIES_OF_JOB, case=case_id, job=copy.job_id)
    else:
        await db.run(END_COPY, case=case_id, number=copy.number)
