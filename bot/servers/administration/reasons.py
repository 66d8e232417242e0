"""The reason that staff give for what concerns others."""

from __future__ import annotations

from bot.errors.decisions import ReasonNeeded
from bot.visible_text import is_blank

MAX_REASON = 500  # characters


def checked_reason(typed: str) -> str:
    """The reason in one line. Raises ReasonNeeded."""
    reason = " ".join(typed.split())
    if is_blank(reason) or len(reason) > MAX_REASON:
        raise ReasonNeeded(limit=MAX_REASON)
    return reason
