"""What the owner of a reported picture is told, with the button and the form of an appeal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import ui

from bot.database.appeals import AppealState
from bot.database.decisions import DecisionAction
from bot.database.reports import Complaint, Report, ReportReason
from bot.i18n import _, label, listed, sentences
from bot.i18n.texts import clipped, plain, prompt_text, summary
from bot.reports.messenger import OwnerNotice
from bot.reports.reporting import MAX_APPEAL, MAX_NOTE
from bot.ui import acknowledge
from bot.ui.client import Interaction
from bot.ui.replies import send_ephemeral_text
from bot.ui.views.persistent_items import ModalForm, PersistentButton

MAX_SHOWN_PROMPT = 200  # characters


def notice_view(notice: OwnerNotice, place: str, complaints: Sequence[Complaint]) -> ui.LayoutView:
    """What was decided and what it means, or the answer to an appeal. `place` says who decided; nobody is named."""
    view = ui.LayoutView(timeout=None)
    lines = _answer(notice, place) if notice.appeal is not None else _decision(notice, place, complaints)
    numbered = _("If you ask about it, its number is {number}").format(number=notice.reference)
    view.add_item(ui.TextDisplay[Any]("\n".join([*lines, f"-# {numbered}"])))
    if notice.appeal is None:
        view.add_item(ui.ActionRow[Any](AppealButton(notice.decision.id)))
    view.stop()
    return view


def _decision(notice: OwnerNotice, place: str, complaints: Sequence[Complaint]) -> list[str]:
    lines = [f"**{_head(notice).format(place=place)}**"]
    lines += _about(notice)
    reasons = [reason for reason in ReportReason if any(one.reason == reason for one in complaints)]
    if reasons:
        lines.append(_("Somebody reported it: {reasons}").format(reasons=listed(map(label, reasons))))
    if notice.decision.note:
        lines.append(_("They say: {note}").format(note=clipped(notice.decision.note, MAX_NOTE)))
    return [*lines, _meaning(notice)]


def _about(notice: OwnerNotice) -> list[str]:
    """Which picture: its prompt, which is the reader's own, what painted it, and when and where that was."""
    lines: list[str] = []
    if notice.job is not None:
        prompt = prompt_text(notice.job.request)
        lines += [f"> {plain(prompt, MAX_SHOWN_PROMPT)}"] if prompt else []
        lines.append(f"> {summary(notice.job.request)}")
    painted = painted_text(notice.report)
    return [*lines, f"> {painted}"] if painted else lines


def painted_text(report: Report) -> str:
    """When and where the pictures were painted; nothing where that is not known."""
    if report.painted_at is None:
        return ""
    when = f"<t:{report.painted_at // 1000}:f>"
    if report.painted_in is None:
        return _("painted on {when}").format(when=when)
    return _("painted on {when} in {channel}").format(when=when, channel=f"<#{report.painted_in}>")


def _head(notice: OwnerNotice) -> str:
    return {
        DecisionAction.WARN: _("{place} took down a picture of yours, and this is a warning"),
        DecisionAction.BLOCK: _("{place} took down a picture of yours, and blocked you for a time"),
        DecisionAction.DELETE: _("{place} deleted a picture of yours"),
        DecisionAction.RATE: _("{place} rated a picture of yours higher"),
    }.get(notice.decision.action, _("{place} took down a picture of yours"))


def _meaning(notice: OwnerNotice) -> str:
    action, decision = notice.decision.action, notice.decision
    if action is DecisionAction.DELETE:
        return sentences(
            _("It is gone for good, also from /history, and an appeal cannot bring it back."),
            _("With *Appeal* you can ask to look at the decision again, once."),
        )
    told = _("You keep it in /history, and its buttons do not paint there any more.")
    if action is DecisionAction.RATE and decision.rating is not None:
        told = _("It counts as {rating} now, and is shown where that is shown.").format(rating=label(decision.rating))
    elif action is DecisionAction.BLOCK and decision.ends_at is not None:
        told = _("You can paint there again after {when}.").format(when=f"<t:{decision.ends_at // 1000}:f>")
    return sentences(told, _("With *Appeal* you can ask to look at the decision again, once."))


def _answer(notice: OwnerNotice, place: str) -> list[str]:
    assert notice.appeal is not None
    about = _about(notice)
    if notice.appeal.state is AppealState.UPHELD:
        head = _("{place} looked at it again, and the decision stays")
        return [f"**{head.format(place=place)}**", *about, _("Thank you for asking.")]
    head = _("{place} looked at it again, and took the decision back")
    text = {
        DecisionAction.RATE: _("The rating counts no more."),
        DecisionAction.DELETE: _("It should not have been deleted, and we are sorry: the picture cannot come back."),
        DecisionAction.BLOCK: _("The block is lifted, and the picture is shown where it was."),
    }.get(notice.decision.action, _("The picture is shown where it was, and its buttons paint there again."))
    return [f"**{head.format(place=place)}**", *about, text]


class AppealButton(PersistentButton, template=r"appeal:(?P<decision>\d{1,18})"):
    """Opens the form; also for who is blocked."""

    command, action = "history", None
    opens_modal = True

    def __init__(self, decision_id: int) -> None:
        self.decision_id = decision_id
        super().__init__(ui.Button(label=_("Appeal"), custom_id=f"appeal:{decision_id}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["decision"]))

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises NothingThere, NotYours or AppealedAlready."""
        await interaction.client.reporting.require_appeal(interaction.user.id, self.decision_id)
        await acknowledge.open_modal(interaction, AppealForm(self.decision_id, opening=interaction.id))


class AppealForm(ModalForm):
    """Why the decision is wrong."""

    command, action = "history", None
    private = True

    def __init__(self, decision_id: int, *, opening: int) -> None:
        super().__init__(_("Ask to look at it again"), f"appeal:{decision_id}", opening)
        self._decision_id = decision_id
        self.text: ui.TextInput[Any] = ui.TextInput(
            custom_id="text", style=discord.TextStyle.paragraph, max_length=MAX_APPEAL
        )
        hint = _("Who decided reads it. You can ask once.")
        self.add_item(ui.Label[Any](text=_("What did they get wrong?"), description=hint, component=self.text))

    async def submitted(self, interaction: Interaction) -> None:
        """Appeal. Raises what `Reporting.appeal` raises."""
        await interaction.client.reporting.appeal(interaction.user.id, self._decision_id, self.text.value)
        text = sentences(_("It is passed on."), _("You are told what comes of it."))
        await send_ephemeral_text(interaction, text)
