"""What staff read of a report: what is reported and why, what was decided, and what became of the appeal."""

from __future__ import annotations

from collections import Counter

import aiosqlite

from bot.database.appeals import Appeal, AppealState
from bot.database.decisions import Decision, DecisionAction
from bot.database.deliveries import find_delivery
from bot.database.jobs import Job
from bot.database.report_reminders import Reminder
from bot.database.reports import ReportReason, ReportState, Subject
from bot.i18n import _, label, later, listed, ngettext, number
from bot.i18n.texts import clipped, mention, message_url, plain, prompt_text, summary
from bot.reports.reporting import Case
from bot.ui.views.report_notice import painted_text
from inference.queue import EVERYWHERE

NOTES = 5  # of people who reported it that are shown
MAX_SHOWN_NOTE, MAX_SHOWN_PROMPT, MAX_SHOWN_APPEAL = 200, 300, 1200  # characters
DECIDED: dict[DecisionAction, str] = {
    DecisionAction.HIDE: later("Hidden"),
    DecisionAction.WARN: later("Hidden, and its owner was warned"),
    DecisionAction.BLOCK: later("Hidden, and its owner was blocked"),
    DecisionAction.DELETE: later("Deleted everywhere"),
    DecisionAction.RATE: later("Rated higher"),
    DecisionAction.DISMISS: later("Dismissed"),
}
ANSWERED = {
    AppealState.UPHELD: later("The decision was upheld"),
    AppealState.REVERSED: later("The decision was reversed"),
}


async def reported_lines(connection: aiosqlite.Connection, case: Case) -> list[str]:
    """What is reported, by how many and why. Raises DatabaseError."""
    notes = [complaint.note for complaint in case.complaints if complaint.note]
    lines = [
        "### " + _("Report {number}").format(number=case.report.id),
        _said(case),
        *(f"> {clipped(note, MAX_SHOWN_NOTE)}" for note in notes[:NOTES]),
    ]
    if case.report.kind is Subject.PICTURES:
        return [*lines, *await _picture_lines(connection, case)]
    name = _("The LoRA {name}").format(name=f"**{clipped(case.lora.name, 100)}**") if case.lora else _gone()
    return [*lines, name]


def _said(case: Case) -> str:
    """How many people reported it, and their reasons, the most frequent one first."""
    people = len(case.complaints)
    if not people:
        return _("Who reported it has deleted their data.")
    reasons = [
        _reason(reason) if count == 1 else f"{_reason(reason)} ({number(count)})"
        for reason, count in Counter(complaint.reason for complaint in case.complaints).most_common()
    ]
    text = ngettext("**{count} person** says: {reasons}", "**{count} people** say: {reasons}", people)
    return text.format(count=number(people), reasons=listed(reasons))


async def _picture_lines(connection: aiosqlite.Connection, case: Case) -> list[str]:
    """Who had the pictures painted and when; while the report is open, also the prompt, and where they are."""
    report = case.report
    facts = [_("painted by {person}").format(person=mention(report.owner_id or 0))]
    if painted := painted_text(report):
        facts.append(painted)
    if case.warnings:
        warned = ngettext("warned {count} time here", "warned {count} times here", case.warnings)
        facts.append(warned.format(count=number(case.warnings)))
    if case.job is None:
        return [" · ".join([_gone(), *facts])]
    if report.state is not ReportState.OPEN:
        return [" · ".join(facts)]
    if url := await _url(connection, case.job):
        facts.append(f"[{_('to the message')}]({url})")
    prompt = prompt_text(case.job.request)
    quoted = [f"> {plain(prompt, MAX_SHOWN_PROMPT)}"] if prompt else []
    return [" · ".join(facts), *quoted, f"-# {summary(case.job.request)}"]


def _gone() -> str:
    return _("What was reported is gone")


def _reason(stored: str) -> str:
    return label(ReportReason(stored)) if stored in ReportReason.__members__.values() else plain(stored, 60)


async def _url(connection: aiosqlite.Connection, job: Job) -> str | None:
    """The message in which the pictures were delivered."""
    delivery = await find_delivery(connection, job.id)
    if delivery is None or delivery.message_id is None:
        return None
    return message_url(job.server_id, delivery.posting_in or job.channel_id, delivery.message_id)


def reminder_text(reminder: Reminder, server: str | None) -> str:
    """A reminder of an open report, for staff, or for an operator. It names neither the picture nor the reason."""
    lines = [
        ngettext(
            "**Report {number} has been open for {days} day.**",
            "**Report {number} has been open for {days} days.**",
            reminder.days,
        ).format(number=reminder.report_id, days=number(reminder.days))
    ]
    if reminder.operator_id is None:
        lines.append(_("Please decide with its buttons, or under *Reports* in /server."))
    elif reminder.server_id == EVERYWHERE:
        lines.append(_("Please decide under *Reports* in /server."))
    else:
        text = _("The staff of {server} have not decided. Please ask them to open *Reports* in /server.")
        lines.append(text.format(server=plain(server or str(reminder.server_id), 100)))
    return "\n".join([*lines, f"-# {reminder.reference}"])


def outcome_lines(case: Case) -> list[str]:
    """What was decided and by whom, and what became of the appeal."""
    decision, appeal = case.decision, case.appeal
    if decision is None:
        return []
    lines = [
        f"**{decided_text(decision)}** · "
        + _("by {person}").format(person=mention(decision.decided_by))
        + f" · <t:{decision.decided_at // 1000}:R>"
    ]
    if decision.note:
        lines.append(f"> {clipped(decision.note, MAX_SHOWN_NOTE)}")
    if appeal is not None:
        lines += _appeal(decision, appeal)
    return lines


def _appeal(decision: Decision, appeal: Appeal) -> list[str]:
    answered = f"**{_(ANSWERED[appeal.state])}** · " if appeal.state in ANSWERED else ""
    answered += _("by {person}").format(person=mention(appeal.answered_by or 0))
    if not appeal.text:  # staff saw by themselves that it was wrong
        return [answered]
    lines = [
        "**" + _("{person} appeals").format(person=mention(appeal.person_id)) + "**",
        f"> {clipped(appeal.text, MAX_SHOWN_APPEAL)}",
    ]
    if appeal.state is AppealState.OPEN:
        if decision.action is DecisionAction.DELETE:
            lines.append("-# " + _("What was deleted does not come back; *Reverse* says that it was wrong."))
        return lines
    return [*lines, answered]


def decided_text(decision: Decision) -> str:
    """What was decided, with the new rating or the end of the block."""
    text = _(DECIDED[decision.action])
    if decision.rating is not None:
        return f"{text}: {label(decision.rating)}"
    if decision.ends_at is not None:
        return f"{text} " + _("until {when}").format(when=f"<t:{decision.ends_at // 1000}:f>")
    return text
