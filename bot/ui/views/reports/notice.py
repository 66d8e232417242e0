"""What the owner of a reported picture is told, with the button and the form of an appeal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ui

from bot.database.reports.appeals import AppealState
from bot.database.reports.decisions import DecisionAction
from bot.database.reports.reports import Complaint, ReportReason
from bot.i18n import _, label, later, listed, sentences
from bot.i18n.texts import clipped, painted_text, picture_lines
from bot.reports.messenger import OwnerNotice
from bot.reports.reporting import MAX_APPEAL, MAX_NOTE
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.rendered_message import view_of
from bot.ui.views.custom_ids import Id
from bot.ui.views.forms import Form, TextField
from bot.ui.views.persistent_items import PersistentButton


def notice_view(notice: OwnerNotice, place: str, complaints: Sequence[Complaint]) -> ui.LayoutView:
    """What was decided and what it means, or the answer to an appeal. `place` says who decided; nobody is named."""
    lines = _answer(notice, place) if notice.appeal is not None else _decision(notice, place, complaints)
    numbered = _("If you have questions, please quote this reference: {number}").format(number=notice.reference)
    row = [ui.ActionRow[Any](AppealButton(notice.decision.id))] if notice.appeal is None else []
    return view_of("\n".join([*lines, f"-# {numbered}"]), *row)


def _decision(notice: OwnerNotice, place: str, complaints: Sequence[Complaint]) -> list[str]:
    lines = [f"**{_head(notice).format(place=place)}**"]
    lines += _about(notice)
    reasons = [reason for reason in ReportReason if any(one.reason == reason for one in complaints)]
    if reasons:
        lines.append(_("Reasons for the report: {reasons}").format(reasons=listed(map(label, reasons))))
    if notice.decision.note:
        lines.append(_("Explanation: {note}").format(note=clipped(notice.decision.note, MAX_NOTE)))
    return [*lines, _meaning(notice)]


def _about(notice: OwnerNotice) -> list[str]:
    """Which picture: its prompt, which is the reader's own, what painted it, and when and where that was."""
    painted = painted_text(notice.report.painted_at, notice.report.painted_in)
    return picture_lines(None if notice.job is None else notice.job.request, painted)


def _head(notice: OwnerNotice) -> str:
    return {
        DecisionAction.WARN: _("{place} removed one of your pictures and warned you"),
        DecisionAction.BLOCK: _("{place} removed one of your pictures and blocked you temporarily"),
        DecisionAction.DELETE: _("{place} deleted one of your pictures"),
        DecisionAction.RATE: _("{place} raised the content rating of one of your pictures"),
    }.get(notice.decision.action, _("{place} removed one of your pictures"))


def _meaning(notice: OwnerNotice) -> str:
    action, decision = notice.decision.action, notice.decision
    if action is DecisionAction.DELETE:
        return sentences(
            _("The picture is permanently deleted, including from your /history. An appeal cannot restore it."),
            _("If you disagree, press *Appeal* for a review of the decision. You can appeal once."),
        )
    told = _("The picture stays in your /history. Its buttons no longer work where it was removed.")
    if action is DecisionAction.RATE and decision.rating is not None:
        told = _("The picture is now rated {rating}. Easel shows it only where that rating is allowed.").format(
            rating=label(decision.rating)
        )
    elif action is DecisionAction.BLOCK and decision.ends_at is not None:
        told = _("The block ends on {when}.").format(when=f"<t:{decision.ends_at // 1000}:f>")
    return sentences(told, _("If you disagree, press *Appeal* for a review of the decision. You can appeal once."))


def _answer(notice: OwnerNotice, place: str) -> list[str]:
    assert notice.appeal is not None
    about = _about(notice)
    if notice.appeal.state is AppealState.UPHELD:
        head = _("{place} reviewed the decision and upheld it")
        return [f"**{head.format(place=place)}**", *about, _("Thank you for your appeal.")]
    head = _("{place} reviewed the decision and reversed it")
    text = {
        DecisionAction.RATE: _("The raised rating no longer applies."),
        DecisionAction.DELETE: _("We are sorry: your picture should not have been deleted, and it cannot be restored."),
        DecisionAction.BLOCK: _("Your block has been lifted, and the picture is visible again where it was before."),
    }.get(
        notice.decision.action,
        _("The picture is visible again where it was before, and its buttons generate pictures there again."),
    )
    return [f"**{head.format(place=place)}**", *about, text]


class AppealButton(PersistentButton, prefix="appeal"):
    """Opens the form; also for who is blocked."""

    command, action = "history", None
    label = later("Appeal")
    opens_modal = True

    decision_id: Id

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises NothingThere, NotYours or AppealedAlready."""
        await interaction.client.reporting.require_appeal(interaction.user.id, self.decision_id)
        await acknowledge.open_modal(interaction, AppealForm(self.decision_id, interaction.id))


class AppealForm(Form, key="appeal"):
    """Why the decision is wrong."""

    command, action = "history", None
    private = True
    text = TextField(
        later("Why is the decision wrong?"),
        later("The reviewers who made the decision will read your appeal. You can appeal only once."),
        length=MAX_APPEAL,
        long=True,
    )

    def __init__(self, decision_id: int, opening: int) -> None:
        super().__init__(_("Appeal the decision"), opening)
        self._decision_id = decision_id

    async def submitted(self, interaction: Interaction) -> None:
        """Appeal. Raises what `Reporting.appeal` raises."""
        await interaction.client.reporting.appeal(interaction.user.id, self._decision_id, self.text)
        text = sentences(_("Appeal sent."), _("You will get a message with the outcome."))
        await send_ephemeral_text(interaction, text)
