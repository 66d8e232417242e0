"""What was decided about reports, with the steps that carry it out.

A decision and the answer to an appeal are written down together with their steps. A step that is not done is done again
after a crash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.reports.reports import Subject
from inference.content_rating import ContentRating

COUNT_WARNINGS = """
    SELECT count(*) AS number FROM report JOIN decision ON report_id = report.id
    LEFT JOIN appeal ON decision_id = decision.id
    WHERE owner_id = ? AND server_id = ? AND action = 'warn' AND coalesce(appeal.state, '') <> 'reversed'
"""
DECIDE = "UPDATE report SET state = 'decided', revision = revision + 1 WHERE id = ? AND state = 'open' RETURNING *"
RECORD = """
    INSERT INTO decision (report_id, action, rating, ends_at, note, decided_by, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    RETURNING *
"""
PLAN = """
    INSERT INTO decision_step (decision_id, position, step)
    SELECT :decision, coalesce(max(position), 0) + 1, :step FROM decision_step WHERE decision_id = :decision
"""
DECISION = "SELECT * FROM decision WHERE id = ?"
DECISION_OF = "SELECT * FROM decision WHERE report_id = ?"
TO_DO = """
    SELECT DISTINCT decision_id FROM decision_step WHERE done_at IS NULL AND decision_id > ?
    ORDER BY decision_id LIMIT ?
"""
NEXT_STEP = "SELECT * FROM decision_step WHERE decision_id = ? AND done_at IS NULL ORDER BY position LIMIT 1"
BEGIN_STEP = "UPDATE decision_step SET begun_at = ? WHERE decision_id = ? AND position = ? AND begun_at IS NULL"
END_STEP = "UPDATE decision_step SET done_at = ? WHERE decision_id = ? AND position = ?"
RATED = "UPDATE decision SET rating_before = ? WHERE id = ?"
STANDING_RATINGS = """
    SELECT rating FROM report JOIN decision ON report_id = report.id LEFT JOIN appeal ON decision_id = decision.id
    WHERE kind = ? AND target_id = ? AND server_id = ? AND action = 'rate' AND coalesce(appeal.state, '') <> 'reversed'
"""
TOLD = "UPDATE decision SET told_at = ?, notice_id = ? WHERE id = ? AND told_at IS NULL"
# Whom no direct message reached; who is to be told nothing has a decision without such a step.
UNTOLD = """
    SELECT decision.* FROM report JOIN decision ON report_id = report.id
    WHERE owner_id = ? AND told_at IS NULL AND EXISTS (
        SELECT 1 FROM decision_step WHERE decision_id = decision.id AND step = 'tell' AND done_at IS NOT NULL
    ) ORDER BY decision.id
"""


class DecisionAction(StrEnum):
    """What was decided."""

    HIDE = "hide"  # in the server; a LoRA is blocked
    WARN = "warn"  # hide, and count a warning
    BLOCK = "block"  # hide, and block the owner for a time
    DELETE = "delete"  # everywhere, for good
    RATE = "rate"  # higher
    DISMISS = "dismiss"


class Step(StrEnum):
    """What is done to carry out a decision, or the answer to an appeal."""

    HIDE = "hide"
    BLOCK = "block"
    DELETE = "delete"
    RATE = "rate"
    TELL = "tell"
    SHOW = "show"
    SHOW_AGAIN = "show_again"
    UNBLOCK = "unblock"
    UNRATE = "unrate"
    TELL_ANSWER = "tell_answer"


@dataclass(frozen=True)
class NewDecision:
    """What somebody decides; `note` is what the owner reads, `rating` of RATE, `ends_at` of BLOCK (unix ms)."""

    action: DecisionAction
    decided_by: int
    note: str = ""
    rating: ContentRating | None = None
    ends_at: int | None = None


@dataclass(frozen=True)
class Decision:
    """A row of the table; times in unix ms. `rating` is of RATE, `ends_at` of BLOCK."""

    id: int
    report_id: int
    action: DecisionAction
    rating: ContentRating | None
    rating_before: ContentRating | None
    ends_at: int | None
    note: str
    decided_by: int
    decided_at: int
    told_at: int | None
    notice_id: int | None  # the direct message that told the owner, if it was one


@dataclass(frozen=True)
class PendingStep:
    """A step that is not done. `begun_at`: since then it may have happened (unix ms)."""

    decision_id: int
    position: int
    step: Step
    begun_at: int | None


async def count_warnings(db: Database, owner_id: int, server_id: int) -> int:
    """How often a person was warned in a server, without what was reversed. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT_WARNINGS, (owner_id, server_id))
    return row["number"]


async def save_decision(
    db: Database,
    report_id: int,
    new: NewDecision,
    steps: Iterable[Step],
) -> Decision | None:
    """open -> decided, with the steps that carry it out; None when it was decided before. Raises DatabaseError."""
    async with db.transaction():
        if not await db.write(DECIDE, (report_id,)):
            return None
        values = (report_id, new.action, new.rating, new.ends_at, new.note, new.decided_by, now_ms())
        (row,) = await db.write(RECORD, values)
        await plan_steps(db, row["id"], steps)
    return _decision(row)


async def plan_steps(db: Database, decision_id: int, steps: Iterable[Step]) -> None:
    """Write down what is to be done, behind what is written down already. Raises DatabaseError."""
    for step in steps:
        await db.write(PLAN, {"decision": decision_id, "step": step})


async def find_decision(db: Database, decision_id: int) -> Decision | None:
    """A decision by its id. Raises DatabaseError."""
    row = await db.fetch_one(DECISION, (decision_id,))
    return None if row is None else _decision(row)


async def decision_of(db: Database, report_id: int) -> Decision | None:
    """What was decided about a report. Raises DatabaseError."""
    row = await db.fetch_one(DECISION_OF, (report_id,))
    return None if row is None else _decision(row)


async def decisions_to_carry_out(db: Database, *, after: int, limit: int) -> tuple[int, ...]:
    """Ids of decisions with a step that is not done, a page by id. Raises DatabaseError."""
    return tuple(row["decision_id"] for row in await db.fetch(TO_DO, (after, limit)))


async def next_step(db: Database, decision_id: int) -> PendingStep | None:
    """The first step that is not done. Raises DatabaseError."""
    row = await db.fetch_one(NEXT_STEP, (decision_id,))
    if row is None:
        return None
    return PendingStep(row["decision_id"], row["position"], Step(row["step"]), row["begun_at"])


async def begin_step(db: Database, pending: PendingStep) -> None:
    """From now on it may have happened. Raises DatabaseError."""
    await db.write(BEGIN_STEP, (now_ms(), pending.decision_id, pending.position))


async def end_step(db: Database, pending: PendingStep) -> None:
    """It is done. Raises DatabaseError."""
    await db.write(END_STEP, (now_ms(), pending.decision_id, pending.position))


async def remember_rating_before(db: Database, decision_id: int, rating: ContentRating | None) -> None:
    """Store what it was rated before the decision. Raises DatabaseError."""
    await db.write(RATED, (rating, decision_id))


async def standing_rating(db: Database, kind: Subject, target_id: int, server_id: int) -> ContentRating | None:
    """The highest rating that decisions of a server gave the subject and that holds. Raises DatabaseError."""
    rows = await db.fetch(STANDING_RATINGS, (kind, target_id, server_id))
    return max((ContentRating(row["rating"]) for row in rows), default=None)


async def mark_decision_told(db: Database, decision_id: int, notice_id: int | None = None) -> None:
    """The owner knows of the decision, by a direct message or else. Raises DatabaseError."""
    await db.write(TOLD, (now_ms(), notice_id, decision_id))


async def untold_decisions(db: Database, person_id: int) -> tuple[Decision, ...]:
    """Decisions of which no direct message could tell their owner. Raises DatabaseError."""
    return tuple(map(_decision, await db.fetch(UNTOLD, (person_id,))))


def _decision(row: sqlite3.Row) -> Decision:
    columns = dict(row)
    ratings = {name: row[name] and ContentRating(row[name]) for name in ("rating", "rating_before")}
    columns |= {"action": DecisionAction(row["action"]), **ratings}
    return Decision(**columns)
