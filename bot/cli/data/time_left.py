"""How long an operator has for a takedown case."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.privacy.takedown_cases import TakedownCase
from bot.i18n import duration


def time_left(case: TakedownCase) -> str:
    """How long an unfinished case has."""
    left = (case.due_at - now_ms()) / 1000
    return f"due in {duration(left)}" if left > 0 else f"OVERDUE since {duration(-left)}"
