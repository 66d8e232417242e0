"""What was decided about reports, with the steps that carry it out.

A decision and the answer to an appeal are written down together with their steps. A step that is not done is done again
after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from inference.content_rating import ContentRating


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


# Decisions of a server that no appeal has reversed.
_STANDING = """
    FROM report JOIN decision ON report_id = report.id LEFT JOIN appeal ON decision_id = decision.id
    WHERE server_id = :server AND coalesce(appeal.state, '') <> 'reversed'
"""
# How often a person was warned in a server.
COUNT_WARNINGS = Query(int, f"SELECT count(*) {_STANDING} AND owner_id = :owner AND action = 'warn'")
# The ratings that they gave the subject.
STANDING_RATINGS = Query(
    ContentRating, f"SELECT rating {_STANDING} AND kind = :kind AND target_id = :target AND action = 'rate'"
)
MARK_REPORT_DECIDED = SqlStatement(
    "UPDATE report SET state = 'decided', revision = revision + 1 WHERE id = ? AND state = 'open'"
)
RECORD_DECISION = Query(
    Decision,
    """
    INSERT INTO decision (report_id, action, rating, ends_at, note, decided_by, decided_at)
    VALUES (:report, :action, :rating, :ends_at, :note, :decided_by, :now)
    RETURNING *
    """,
)
PLAN_STEP = SqlStatement("""
    INSERT INTO decision_step (decision_id, position, step)
    SELECT :decision, coalesce(max(position), 0) + 1, :step FROM decision_step WHERE decision_id = :decision
""")
FIND_DECISION = Query(Decision, "SELECT * FROM decision WHERE id = ?")
DECISION_OF = Query(Decision, "SELECT * FROM decision WHERE report_id = ?")
# Ids of decisions with a step that is not done, a page by id.
DECISIONS_TO_CARRY_OUT = Query(
    int,
    """
    SELECT DISTINCT decision_id FROM decision_step WHERE done_at IS NULL AND decision_id > :after
    ORDER BY decision_id LIMIT :limit
    """,
)
# The first step that is not done.
NEXT_STEP = Query(
    PendingStep, "SELECT * FROM decision_step WHERE decision_id = ? AND done_at IS NULL ORDER BY position LIMIT 1"
)
# From now on it may have happened.
BEGIN_STEP = SqlStatement("""
    UPDATE decision_step SET begun_at = :now
    WHERE decision_id = :decision AND position = :position AND begun_at IS NULL
""")
END_STEP = SqlStatement(
    "UPDATE decision_step SET done_at = :now WHERE decision_id = :decision AND position = :position"
)
SAVE_RATING_BEFORE = SqlStatement("UPDATE decision SET rating_before = :rating_before WHERE id = :id")
# The owner knows of the decision, by a direct message or else.
MARK_DECISION_TOLD = SqlStatement(
    "UPDATE decision SET told_at = :now, notice_id = :notice WHERE id = :decision AND told_at IS NULL"
)
# Whom no direct message reached; who is to be told nothing has a decision without such a step.
UNTOLD_DECISIONS = Query(
    Decision,
    """
    SELECT decision.* FROM report JOIN decision ON report_id = report.id
    WHERE owner_id = ? AND told_at IS NULL AND EXISTS (
        SELECT 1 FROM decision_step WHERE decision_id = decision.id AND step = 'tell' AND done_at IS NOT NULL
    ) ORDER BY decision.id
    """,
)


async def save_decision(db: Database, report_id: int, new: NewDecision, steps: Iterable[Step]) -> Decision | None:
    """open -> decided, with the steps that carry it out; None when it was decided before."""
    async with db.transaction():
        if not await db.run(MARK_REPORT_DECIDED, report_id):
            return None
        decision = await db.get(
            RECORD_DECISION, report=report_id, action=new.action, rating=new.rating,
            ends_at=new.ends_at, note=new.note, decided_by=new.decided_by, now=now_ms(),
        )  # fmt: skip
        await plan_steps(db, decision.id, steps)
    return decision


async def plan_steps(db: Database, decision_id: int, steps: Iterable[Step]) -> None:
    """Write down what is to be done, behind what is written down already."""
    for step in steps:
        await db.run(PLAN_STEP, decision=decision_id, step=step)
