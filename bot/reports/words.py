"""The words for decisions about reports, and for answers to appeals."""

from __future__ import annotations

from collections.abc import Mapping

from bot.database.reports.appeals import AppealState
from bot.database.reports.decisions import DecisionAction
from bot.i18n import later

DECIDED: Mapping[DecisionAction, str] = {
    DecisionAction.HIDE: later("Hidden"),
    DecisionAction.WARN: later("Hidden, author warned"),
    DecisionAction.BLOCK: later("Hidden, author blocked"),
    DecisionAction.DELETE: later("Deleted everywhere"),
    DecisionAction.RATE: later("Content rating raised"),
    DecisionAction.DISMISS: later("Dismissed"),
}
ANSWERED: Mapping[AppealState, str] = {
    AppealState.UPHELD: later("Decision upheld"),
    AppealState.REVERSED: later("Decision reversed"),
}
