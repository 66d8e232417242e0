"""Appeals against decisions about reports: `open -> upheld · reversed`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.reports.decisions import Decision, Step, plan_steps

APPEALED = "UPDATE report SET state = 'appealed', revision = revision + 1 WHERE id = ?"
ANSWERED = "UPDATE report SET state = 'decided', revision = revision + 1 WHERE id = ?"
APPEAL = """
    INSERT INTO appeal (decision_id, person_id, text, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING *
"""
APPEAL_OF = "SELECT * FROM appeal WHERE decision_id = ?"
ANSWER = """
    UPDATE appeal SET state = ?, answered_by = ?, answered_at = ? WHERE decision_id = ? AND state = 'open' RETURNING *
"""
ANSWER_TOLD = "UPDATE appeal SET told_at = ?, notice_id = ? WHERE decision_id = ? AND told_at IS NULL"
UNTOLD_ANSWERS = """
    SELECT * FROM appeal WHERE person_id = ? AND told_at IS NULL AND EXISTS (
        SELECT 1 FROM decision_step
        WHERE decision_step.decision_id = appeal.decision_id AND step = 'tell_answer'
        GROUP BY decision_step.decision_id HAVING count(*) = count(done_at)
    ) ORDER BY decision_id
"""


class AppealState(StrEnum):
    """The state of an appeal."""

    OPEN = "open"
    UPHELD = "upheld"  # the decision stays
    REVERSED = "reversed"


@dataclass(frozen=True)
class Appeal:
    """A row of the table; times in unix ms."""

    decision_id: int
    person_id: int
    text: str
    created_at: int
    state: AppealState
    answered_by: int | None
    answered_at: int | None
    told_at: int | None
    notice_id: int | None  # as of a decision


async def save_appeal(db: Database, decision: Decision, person_id: int, text: str) -> Appeal | None:
    """Appeal a decision; None when that was done before. Raises DatabaseError."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        rows = await db.write(APPEAL, (decision.id, person_id, text, now_ms()))
        if rows:
            await db.write(APPEALED, (decision.report_id,))
    return _appeal(rows[0]) if rows else None


async def appeal_of(db: Database, decision_id: int) -> Appeal | None:
    """The appeal against a decision. Raises DatabaseError."""
    row = await db.fetch_one(APPEAL_OF, (decision_id,))
    return None if row is None else _appeal(row)


async def answer_appeal(
    db: Database,
    decision: Decision,
    state: AppealState,
    steps: Iterable[Step],
    *,
    answered_by: int,
) -> Appeal | None:
    """open -> upheld or reversed, with the steps that carry it out; None when it was answered before.

    Raises DatabaseError.
    """
    async with db.transaction():
        rows = await db.write(ANSWER, (state, answered_by, now_ms(), decision.id))
        if not rows:
            return None
        await plan_steps(db, decision.id, steps)
        await db.write(ANSWERED, (decision.report_id,))
    return _appeal(rows[0])


async def reverse_decision(
    db: Database,
    decision: Decision,
    steps: Iterable[Step],
    *,
    person_id: int,
    reversed_by: int,
) -> Appeal | None:
    """Reverse a decision that nobody has appealed, as if `person_id` had, without words; None if somebody has.

    Raises DatabaseError.
    """
    async with db.transaction():
        if await save_appeal(db, decision, person_id, "") is None:
            return None
        return await answer_appeal(db, decision, AppealState.REVERSED, steps, answered_by=reversed_by)


async def mark_answer_told(db: Database, decision_id: int, notice_id: int | None = None) -> None:
    """The person knows the answer, by a direct message or else. Raises DatabaseError."""
    await db.write(ANSWER_TOLD, (now_ms(), notice_id, decision_id))


async def untold_answers(db: Database, person_id: int) -> tuple[Appeal, ...]:
    """Answered appeals of which no direct message could tell the person. Raises DatabaseError."""
    return tuple(map(_appeal, await db.fetch(UNTOLD_ANSWERS, (person_id,))))


def _appeal(row: sqlite3.Row) -> Appeal:
    columns = dict(row)
    columns["state"] = AppealState(row["state"])
    return Appeal(**columns)
