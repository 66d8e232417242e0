"""Which steps carry out a decision, and which take back what can be taken back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.database.reports.appeals import AppealState
from bot.database.reports.decisions import DecisionAction, Step
from bot.database.reports.reports import Subject

_OF_PICTURES: Final[Mapping[DecisionAction, tuple[Step, ...]]] = {
    DecisionAction.HIDE: (Step.HIDE, Step.TELL),
    DecisionAction.WARN: (Step.HIDE, Step.TELL),
    DecisionAction.BLOCK: (Step.HIDE, Step.BLOCK, Step.TELL),
    DecisionAction.DELETE: (Step.DELETE, Step.TELL),
    DecisionAction.RATE: (Step.RATE, Step.TELL),
    DecisionAction.DISMISS: (Step.SHOW,),  # the owner is told nothing: it is as it was
}
_OF_LORAS: Final[Mapping[DecisionAction, tuple[Step, ...]]] = {
    DecisionAction.HIDE: (Step.BLOCK,),
    DecisionAction.RATE: (Step.RATE,),
    DecisionAction.DISMISS: (),
}
_BACK: Final[Mapping[Step, Step]] = {
    Step.HIDE: Step.SHOW_AGAIN,
    Step.BLOCK: Step.UNBLOCK,
    Step.RATE: Step.UNRATE,
    Step.TELL: Step.TELL_ANSWER,
}


def actions(kind: Subject) -> tuple[DecisionAction, ...]:
    """What may be decided about a subject."""
    return tuple(_OF_PICTURES if kind is Subject.PICTURES else _OF_LORAS)


def steps(kind: Subject, action: DecisionAction) -> tuple[Step, ...]:
    """The steps that carry out a decision. Raises KeyError for one that `actions` does not have."""
    return (_OF_PICTURES if kind is Subject.PICTURES else _OF_LORAS)[action]


def answer_steps(kind: Subject, action: DecisionAction, answer: AppealState) -> tuple[Step, ...]:
    """The steps that carry out the answer to an appeal.

    What was done last is taken back first: pictures of somebody who is still blocked would not be shown again.
    """
    if answer is not AppealState.REVERSED:
        return (Step.TELL_ANSWER,)
    back = [_BACK[step] for step in reversed(steps(kind, action)) if step in _BACK]  # what is deleted is gone for good
    telling = [step for step in back if step is Step.TELL_ANSWER]
    return (*(step for step in back if step is not Step.TELL_ANSWER), *telling)
