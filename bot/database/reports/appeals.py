"""Appeals against decisions about reports: `open -> upheld · reversed`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement
from bot.database.reports.decisions import Decision, Step, plan_steps


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


REPORT_APPEALED = SqlStatement("UPDATE report SET state = 'appealed', revision = revision + 1 WHERE id = ?")
REPORT_ANSWERED = SqlStatement("UPDATE report SET state = 'decided', revision = revision + 1 WHERE id = ?")
RECORD_APPEAL = Query(
    Appeal,
    """
    INSERT INTO appeal (decision_id, person_id, text, created_at) VALUES (:decision, :person, :text, :now)
    ON CONFLICT DO NOTHING RETURNING *
    """,
)
APPEAL_OF = Query(Appeal, "SELECT * FROM appeal WHERE decision_id = ?")
ANSWER_APPEAL = Query(
    Appeal,
    """
    UPDATE appeal SET state = :state, answered_by = :answered_by, answered_at = :now
    WHERE decision_id = :decision AND state = 'open' RETURNING *
    """,
)
# The person knows the answer, by a direct message or else.
MARK_ANSWER_TOLD = SqlStatement(
    "UPDATE appeal SET told_at = :now, notice_id = :notice WHERE decision_id = :decision AND told_at IS NULL"
)
# Answered appeals of which no direct message could tell the person.
UNTOLD_ANSWERS = Query(
    Appeal,
    """
    SELECT * FROM appeal WHERE person_id = ? AND told_at IS NULL AND EXISTS (
        SELECT 1 FROM decision_step
        WHERE decision_step.decision_id = appeal.decision_id AND step = 'tell_answer'
        GROUP BY decision_step.decision_id HAVING count(*) = count(done_at)
    ) ORDER BY decision_id
    """,
)


async def save_appeal(db: Database, decision: Decision, person_id: int, text: str) -> Appeal | None:
    """Appeal a decision; None when that was done before."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        saved = await db.one(RECORD_APPEAL, decision=decision.id, person=person_id, text=text, now=now_ms())
        if saved is not None:
            await db.run(REPORT_APPEALED, decision.report_id)
    return saved


async def answer_appeal(
    db: Database,
    decision: Decision,
    state: AppealState,
    steps: Iterable[Step],
    *,
    answered_by: int,
) -> Appeal | None:
    """open -> upheld or reversed, with the steps that carry it out; None when it was answered before."""
    async with db.transaction():
        answered = await db.one(ANSWER_APPEAL, state=state, answered_by=answered_by, now=now_ms(), decision=decision.id)
        if answered is None:
            return None
        await plan_steps(db, decision.id, steps)
        await db.run(REPORT_ANSWERED, decision.report_id)
    return answered


async def reverse_decision(
    db: Database,
    decision: Decision,
    steps: Iterable[Step],
    *,
    person_id: int,
    reversed_by: int,
) -> Appeal | None:
    """Reverse a decision that nobody has appealed, as if `person_id` had, without words; None if somebody has."""
    async with db.transaction():
        if await save_appeal(db, decision, person_id, "") is None:
            return None
        return await answer_appeal(db, decision, AppealState.REVERSED, steps, answered_by=reversed_by)
