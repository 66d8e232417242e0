"""What staff and owners read about reports: ends that are unclear, entries of the log, and answers to appeals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from discord import ui

from bot.database.reports.appeals import Appeal, AppealState
from bot.database.reports.decisions import Decision, DecisionAction
from bot.database.reports.reports import Report, ReportState, Subject
from bot.database.servers.audit import AuditAction, AuditEntry
from bot.errors.blocks import EndNeeded
from bot.i18n import explained, speaking
from bot.reports.messenger import OwnerNotice
from bot.ui.views.reports.case import BlockOwnerForm
from bot.ui.views.reports.notice import notice_view
from bot.ui.views.servers.audit_words import entry_text
from inference.content_rating import ContentRating

REPORT = Report(
    id=5, server_id=100, kind=Subject.PICTURES, target_id=7, owner_id=50, shared=False, state=ReportState.DECIDED,
    created_at=1, revision=2, shown=2, channel_id=None, message_id=None, posting_at=None, hides=True, message_due=False,
    painted_at=None, painted_in=None,
)  # fmt: skip
DECISION = Decision(
    id=9, report_id=5, action=DecisionAction.HIDE, rating=None, rating_before=None, ends_at=None, note="", decided_by=2,
    decided_at=1, told_at=None, notice_id=None,
)  # fmt: skip
APPEAL = Appeal(
    decision_id=9, person_id=50, text="No.", created_at=1, state=AppealState.UPHELD, answered_by=2, answered_at=2,
    told_at=None, notice_id=None,
)  # fmt: skip


def entry(action: AuditAction, **changes: tuple[object, object]) -> str:
    return entry_text(AuditEntry(1, 100, 2, action, 50, "report 5: pictures of job 7", changes, 1000))


async def test_a_block_after_a_report_needs_an_end_that_can_be_read() -> None:
    form = BlockOwnerForm(5, opening=1)
    end: Any = form.shown["end"][1]
    for typed in ("whenever", "for ever and ever, until the very end of time", ""):
        end._value = typed
        with pytest.raises(EndNeeded) as refused:
            form.options()
        told = explained(refused.value)
        assert f"“{typed[:40]}” is neither a duration nor a date" in told and "3 d" in told
    end._value = "3 d"
    assert form.options()["ends_at"] > 0


def test_the_log_tells_decisions_and_answers_in_words() -> None:
    decided = entry(AuditAction.DECIDE_REPORT, decision=(None, "rate"), rating=(None, "explicit"))
    assert decided.splitlines() == [
        "<t:1:f> · <@2> · **decide on report** · <@50> · Report 5",
        "-# decision: — → Content rating raised",
        "-# rating: — → explicit",
    ]
    reversed_ = entry(AuditAction.DECIDE_REPORT, decision=("rate", "reversed"))
    assert reversed_.endswith("-# decision: Content rating raised → Decision reversed")
    answered = entry(AuditAction.ANSWER_APPEAL, appeal=("open", "upheld"))
    assert answered.endswith("-# appeal: not answered → Decision upheld")
    with speaking("ja"):
        told = entry(AuditAction.DECIDE_REPORT, decision=("hide", "reversed"))
    assert "hide" not in told and "reversed" not in told


def test_a_value_of_another_version_is_told_as_it_is_stored() -> None:
    assert entry(AuditAction.DECIDE_REPORT, decision=(None, "b*n")).endswith(r"→ b\*n")


@pytest.mark.parametrize(
    ("action", "state", "words"),
    [
        (DecisionAction.HIDE, AppealState.UPHELD, "and upheld it"),
        (DecisionAction.DELETE, AppealState.UPHELD, "and upheld it"),
        (DecisionAction.HIDE, AppealState.REVERSED, "its buttons generate pictures there again"),
        (DecisionAction.WARN, AppealState.REVERSED, "its buttons generate pictures there again"),
        (DecisionAction.BLOCK, AppealState.REVERSED, "Your block has been lifted"),
        (DecisionAction.RATE, AppealState.REVERSED, "The raised rating no longer applies"),
        (DecisionAction.DELETE, AppealState.REVERSED, "it cannot be restored"),
    ],
)
def test_an_appeal_is_answered_for_what_was_decided(action: DecisionAction, state: AppealState, words: str) -> None:
    """Without a name, without the reasons of others, and without a second appeal; found again by its reference."""
    decision = replace(DECISION, action=action, rating=ContentRating.EXPLICIT, note="Too cruel.")
    notice = OwnerNotice(REPORT, decision, None, replace(APPEAL, state=state))
    view = notice_view(notice, "The staff of Harbour", ())
    items: list[ui.Item[Any]] = list(view.walk_children())
    (text,) = [item.content for item in items if isinstance(item, ui.TextDisplay)]
    assert words in text and "The staff of Harbour reviewed the decision" in text and text.endswith("A9")
    assert "Too cruel." not in text and "<@2>" not in text
    assert not [item for item in items if isinstance(item, ui.Button)]


def test_each_notice_of_a_decision_is_found_by_a_reference_of_its_own() -> None:
    notices = [OwnerNotice(REPORT, DECISION, None, appeal) for appeal in (None, APPEAL)]
    assert [(each.reference, each.kind) for each in notices] == [("D9", "decision"), ("A9", "answer")]
