"""The order of the steps that take a decision back."""

from __future__ import annotations

from bot.database.reports.appeals import AppealState
from bot.database.reports.decisions import DecisionAction, Step
from bot.database.reports.reports import Subject
from bot.reports.plans import answer_steps


def test_a_block_is_lifted_before_its_pictures_are_shown_again() -> None:
    back = answer_steps(Subject.PICTURES, DecisionAction.BLOCK, AppealState.REVERSED)
    assert back == (Step.UNBLOCK, Step.SHOW_AGAIN, Step.TELL_ANSWER)


def test_the_owner_is_told_last_and_of_what_stays_alone() -> None:
    assert answer_steps(Subject.PICTURES, DecisionAction.DELETE, AppealState.REVERSED) == (Step.TELL_ANSWER,)
    assert answer_steps(Subject.PICTURES, DecisionAction.WARN, AppealState.UPHELD) == (Step.TELL_ANSWER,)
    assert answer_steps(Subject.LORA, DecisionAction.HIDE, AppealState.REVERSED) == (Step.UNBLOCK,)
