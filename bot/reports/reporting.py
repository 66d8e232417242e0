"""Takes reports, decisions, appeals and answers. Each checks the right, and is written down by one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.config import Settings
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.gallery.publications import PUBLICATIONS_OF_JOB
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.loras.catalogue import Lora, find_lora
from bot.database.people.people import IS_PERSON
from bot.database.pictures.verdicts import NOTE_REPORTED, VerdictReason, decide_verdicts, end_verdicts
from bot.database.privacy.deletions import FIND_HIDDEN_JOB
from bot.database.reports.appeals import APPEAL_OF, Appeal, AppealState, answer_appeal, reverse_decision, save_appeal
from bot.database.reports.decisions import (
    COUNT_WARNINGS,
    DECISION_OF,
    FIND_DECISION,
    Decision,
    DecisionAction,
    NewDecision,
    Step,
    save_decision,
)
from bot.database.reports.reports import (
    COMPLAINTS,
    COUNT_DISMISSED_OF,
    COUNT_HIDDEN_BY,
    COUNT_REPORTS_BY,
    FIND_REPORT,
    LEFT_SHOWN,
    NAMED_MINOR,
    OPEN_REPORT,
    REPORT_BY,
    SHARED_REPORTS,
    WAITING_REPORTS,
    Complaint,
    NewReport,
    Report,
    ReportReason,
    Subject,
    save_report,
)
from bot.database.servers.audit import AuditAction, Changes, add_entry
from bot.errors.blocks import CannotBeBlocked, EndInThePast
from bot.errors.decisions import DecidedAlready
from bot.errors.missing import NothingThere
from bot.errors.reports import AppealedAlready, OwnCase, OwnReport, TextNeeded, TooManyReports
from bot.errors.rights import NotYours
from bot.i18n import _
from bot.reports.plans import actions, answer_steps, steps
from bot.servers.access import Rights
from bot.servers.context import ActionContext
from bot.servers.rights import Action, date_of
from bot.servers.server_cache import ServerCache
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE

MOST_A_DAY = 20  # reports of one person
MOST_HIDDEN_A_DAY = 5  # pictures that the reports of one person hide at once
MOST_DISMISSED, DISMISSED_DAYS = 3, 90  # with so many dismissed reports in so many days, a person's hide nothing
MAX_NOTE = 500  # characters of what a person adds to a report, or staff to a decision
MAX_APPEAL = 1000  # characters


@dataclass(frozen=True)
class Case:
    """A report with all that belongs to it. What was reported may be gone by now."""

    report: Report
    complaints: Sequence[Complaint]
    warnings: int  # of the owner in this server
    decision: Decision | None
    appeal: Appeal | None
    job: Job | None
    lora: Lora | None


async def find_case(db: Database, report: Report) -> Case:
    """All that belongs to a report, of one moment: of a report that changes meanwhile, as it is now.

    Otherwise a message would show a new appeal with the controls of a decision. Raises DatabaseError.
    """
    while True:
        case = await _read_case(db, report)
        now = await db.one(FIND_REPORT, report.id)
        if now is None or now.revision == report.revision:
            return case
        report = now


async def _read_case(db: Database, report: Report) -> Case:
    decision = await db.one(DECISION_OF, report.id)
    pictures = report.kind is Subject.PICTURES
    return Case(
        report,
        await db.all(COMPLAINTS, report.id),
        0 if report.owner_id is None else await db.get(COUNT_WARNINGS, owner=report.owner_id, server=report.server_id),
        decision,
        None if decision is None else await db.one(APPEAL_OF, decision.id),
        await reported_job(db, report) if pictures else None,
        None if pictures else await find_lora(db, report.target_id),
    )


async def reported_job(db: Database, report: Report) -> Job | None:
    """Also one that its owner has deleted, and that is kept until the report is decided."""
    found = await db.one(FIND_JOB, report.target_id)
    return found or await db.one(FIND_HIDDEN_JOB, report.target_id)


class Reporting:
    """The services of reports; `changed` is called after each change. Every method raises DatabaseError too."""

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        rights: Rights,
        settings: Callable[[], Settings],
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._db = db
        self._servers = servers
        self._rights = rights
        self._settings = settings
        self._clock = clock
        self.changed: Callable[[], None] = lambda: None

    # --- reports ------------------------------------------------------------------------------------------------------

    async def report_pictures(self, who: ActionContext, job: Job, reason: ReportReason, note: str) -> Report:
        """Report a job's pictures to the staff of the server where the person sees them; elsewhere to the operators.

        Raises OwnReport or TooManyReports.
        """
        if job.person_id == who.person_id:
            raise OwnReport
        servers = {job.server_id, *(each.server_id for each in await self._db.all(PUBLICATIONS_OF_JOB, job.id))}
        here = who.bot_in_server and who.server_id is not None and who.server_id in servers
        place = who.place if here else EVERYWHERE
        return await self._report(who, place, Subject.PICTURES, job.id, job.person_id, reason, note)

    async def report_lora(self, who: ActionContext, lora: Lora, reason: ReportReason, note: str) -> Report:
        """Report a LoRA to the operators. Raises TooManyReports."""
        return await self._report(who, EVERYWHERE, Subject.LORA, lora.id, None, reason, note)

    async def _report(
        self,
        who: ActionContext,
        server_id: int,
        kind: Subject,
        target_id: int,
        owner_id: int | None,
        reason: ReportReason,
        note: str,
    ) -> Report:
        """Return the new report, or the earlier one of the same person, unless the new reason is worse."""
        shared = server_id == EVERYWHERE or (await self._servers.of(server_id)).settings.shares_reports
        async with self._db.transaction():
            before = await self._db.one(REPORT_BY, kind=kind, target=target_id, server=server_id, person=who.person_id)
            if before is not None and not await self._says_more(before, who.person_id, reason):
                return before
            since = self._clock() - DAY_MS
            if await self._db.get(COUNT_REPORTS_BY, person=who.person_id, since=since) >= MOST_A_DAY:
                raise TooManyReports(limit=MOST_A_DAY)
            hides = kind is Subject.PICTURES and await self._hides(who.person_id, kind, target_id, server_id, reason)
            words = " ".join(note.split())[:MAX_NOTE]
            new = NewReport(kind, target_id, server_id, owner_id, shared, who.person_id, reason, words, hides)
            report = await save_report(self._db, new)
            if kind is Subject.PICTURES:
                await self._db.run(NOTE_REPORTED, report=report.id, job=target_id, server=server_id, now=now_ms())
        self.changed()
        return report

    async def _says_more(self, before: Report, person_id: int, reason: ReportReason) -> bool:
        """Whether a person may report again what they have reported: what was decided holds no more, or it is worse."""
        if reason is ReportReason.MINORS and not await self._db.get(NAMED_MINOR, report=before.id, person=person_id):
            return True
        return await self._was_reversed(before)

    async def _was_reversed(self, report: Report) -> bool:
        decision = await self._db.one(DECISION_OF, report.id)
        appeal = None if decision is None else await self._db.one(APPEAL_OF, decision.id)
        return appeal is not None and appeal.state is AppealState.REVERSED

    async def _hides(self, person_id: int, kind: Subject, target_id: int, server_id: int, reason: ReportReason) -> bool:
        """Whether pictures are out of sight at once because this person reports them.

        Not if staff left them where they are before, or an open report has hidden them for as long as it may, unless
        they look like a minor; nor if the person's reports were dismissed again and again, or have hidden enough
        pictures today. What staff of another server decided does not count: a server of one's own would clear pictures,
        or silence people, everywhere.
        """
        now = self._clock()
        before = await self._db.one(OPEN_REPORT, kind=kind, target=target_id, server=server_id)
        expired = (
            before is not None
            and reason is not ReportReason.MINORS
            and not before.lasting
            and before.created_at < now - self.held_ms
        )
        if not self.held_ms or expired or await self._db.get(LEFT_SHOWN, kind=kind, target=target_id, server=server_id):
            return False
        dismissed = await self._db.get(
            COUNT_DISMISSED_OF, person=person_id, since=now - DISMISSED_DAYS * DAY_MS, server=server_id
        )
        hidden = await self._db.get(COUNT_HIDDEN_BY, person=person_id, since=now - DAY_MS)
        return dismissed < MOST_DISMISSED and hidden < MOST_HIDDEN_A_DAY

    @property
    def held_ms(self) -> int:
        """For how long an open report hides and holds pictures, in ms."""
        return self._settings().moderation.held_ms

    async def waiting(self, who: ActionContext, server_id: int, *, limit: int, offset: int = 0) -> tuple[Case, ...]:
        """A page of the reports that wait in a server; of EVERYWHERE the operators' and what servers share."""
        await self._rights.require(Action.MODERATE, who, server_id)
        if server_id == EVERYWHERE:
            found = await self._db.all(SHARED_REPORTS, limit=limit, offset=offset)
        else:
            found = await self._db.all(WAITING_REPORTS, server=server_id, limit=limit, offset=offset)
        return tuple([await find_case(self._db, report) for report in found])

    async def case(self, who: ActionContext, report_id: int) -> Case:
        """A report with all that belongs to it. Raises NothingThere."""
        report = await self._db.one(FIND_REPORT, report_id)
        if report is None:
            raise NothingThere(what=_("This report no longer exists."))
        await self._rights.require(Action.MODERATE, who, report.server_id)
        return await find_case(self._db, report)

    async def look(self, who: ActionContext, report_id: int) -> Case:
        """The same, for staff who are shown the pictures; that is written down. Raises NothingThere."""
        case = await self.case(who, report_id)
        async with self._db.transaction():
            await self._log(who, case.report, AuditAction.VIEW_REPORTED_PICTURE, {})
        return case

    # --- decisions ----------------------------------------------------------------------------------------------------

    async def decide(
        self,
        who: ActionContext,
        report_id: int,
        action: DecisionAction,
        *,
        note: str = "",
        rating: ContentRating | None = None,
        ends_at: int | None = None,
    ) -> Case:
        """Write a decision down with the steps that carry it out. `note` is what the owner reads.

        Raises NothingThere, DecidedAlready, OwnCase, CannotBeBlocked, EndInThePast.
        """
        case = await self.case(who, report_id)
        report = case.report
        if action not in actions(report.kind) or (action is DecisionAction.RATE) != (rating is not None):
            raise NothingThere(what=_("This decision is not possible for this report."))
        await self._check_owner(who, report.owner_id)
        if action is DecisionAction.BLOCK:
            self._check_block(report, ends_at)
        async with self._db.transaction():
            new = NewDecision(action, who.person_id, " ".join(note.split())[:MAX_NOTE], rating, ends_at)
            if await save_decision(self._db, report.id, new, steps(report.kind, action)) is None:
                raise DecidedAlready
            await self._record_verdict(report, action, rating)
            changes: dict[str, tuple[object, object]] = {"decision": (None, action.value)}
            if rating is not None:
                changes["rating"] = (None, rating.value)
            if ends_at is not None:
                changes["end"] = (None, date_of(ends_at))
            await self._log(who, report, AuditAction.DECIDE_REPORT, changes)
        self.changed()
        return await self.case(who, report_id)

    async def _record_verdict(self, report: Report, action: DecisionAction, rating: ContentRating | None) -> None:
        """Keep what is decided about pictures by their hashes: it holds for copies too."""
        if report.kind is not Subject.PICTURES:
            return
        await self._db.run(NOTE_REPORTED, report=report.id, job=report.target_id, server=report.server_id, now=now_ms())
        if action is DecisionAction.DISMISS:
            await end_verdicts(self._db, report.id)
            return
        reason, server_id = VerdictReason.HIDDEN, report.server_id
        if action is DecisionAction.DELETE:
            reason, server_id = VerdictReason.DELETED, EVERYWHERE
        elif action is DecisionAction.RATE:
            reason = VerdictReason.RATED
        await decide_verdicts(self._db, report.id, reason, server_id=server_id, rating=rating)

    async def _check_owner(self, who: ActionContext, owner_id: int | None) -> None:
        """Refuse staff their own case, also when they have deleted all their data. Raises OwnCase."""
        if self._rights.is_operator(who.person_id):
            return
        if await self._db.get(IS_PERSON, stored=owner_id, person=who.person_id):
            raise OwnCase

    def _check_block(self, report: Report, ends_at: int | None) -> None:
        if report.owner_id is None or self._rights.is_operator(report.owner_id):
            raise CannotBeBlocked
        if ends_at is None or ends_at <= self._clock():
            raise EndInThePast

    async def appeal(self, person_id: int, decision_id: int, text: str) -> Appeal:
        """Ask to look at a decision again, once, as the owner; also who is blocked may do so.

        Raises NothingThere, NotYours, AppealedAlready or TextNeeded.
        """
        decision = await self.require_appeal(person_id, decision_id)
        words = text.strip()
        if not 1 <= len(words) <= MAX_APPEAL:
            raise TextNeeded(limit=MAX_APPEAL)
        saved = await save_appeal(self._db, decision, person_id, words)
        if saved is None:
            raise AppealedAlready
        self.changed()
        return saved

    async def require_appeal(self, person_id: int, decision_id: int) -> Decision:
        """The decision, if the person may appeal it. Raises NothingThere, NotYours or AppealedAlready."""
        decision = await self._db.one(FIND_DECISION, decision_id)
        report = None if decision is None else await self._db.one(FIND_REPORT, decision.report_id)
        if decision is None or report is None:
            raise NothingThere(what=_("This report no longer exists."))
        if report.owner_id != person_id or decision.action is DecisionAction.DISMISS:
            raise NotYours(instead=_("Only the picture's author can appeal this decision."))
        if await self._db.one(APPEAL_OF, decision_id) is not None:
            raise AppealedAlready
        return decision

    async def answer(self, who: ActionContext, report_id: int, state: AppealState) -> Case:
        """Answer an appeal: the decision is upheld, or reversed as far as that can be.

        Raises NothingThere, DecidedAlready, OwnCase.
        """
        case = await self.case(who, report_id)
        if case.decision is None or case.appeal is None:
            raise NothingThere(what=_("No one has appealed this decision."))
        await self._check_owner(who, case.appeal.person_id)
        planned = answer_steps(case.report.kind, case.decision.action, state)
        async with self._db.transaction():
            answered = await answer_appeal(self._db, case.decision, state, planned, answered_by=who.person_id)
            if answered is None:
                raise DecidedAlready
            if state is AppealState.REVERSED:
                await end_verdicts(self._db, report_id)
            changes = {"appeal": (AppealState.OPEN.value, state.value)}
            await self._log(who, case.report, AuditAction.ANSWER_APPEAL, changes)
        self.changed()
        return await self.case(who, report_id)

    async def reverse(self, who: ActionContext, report_id: int) -> Case:
        """Reverse a decision that nobody has appealed, because staff see that it was wrong.

        Raises NothingThere, DecidedAlready, OwnCase.
        """
        case = await self.case(who, report_id)
        decision = case.decision
        if decision is None or decision.action is DecisionAction.DISMISS:
            raise NothingThere(what=_("There is no decision to reverse."))
        await self._check_owner(who, case.report.owner_id)
        owner_id, planned = case.report.owner_id, answer_steps(case.report.kind, decision.action, AppealState.REVERSED)
        if owner_id is None or owner_id < 0:  # a LoRA, or the keyed hash of who has all deleted: nobody is told
            owner_id, planned = who.person_id, tuple(step for step in planned if step is not Step.TELL_ANSWER)
        async with self._db.transaction():
            if not await reverse_decision(self._db, decision, planned, person_id=owner_id, reversed_by=who.person_id):
                raise DecidedAlready
            await end_verdicts(self._db, case.report.id)
            changes = {"decision": (decision.action.value, AppealState.REVERSED.value)}
            await self._log(who, case.report, AuditAction.DECIDE_REPORT, changes)
        self.changed()
        return await self.case(who, report_id)

    async def _log(self, who: ActionContext, report: Report, action: AuditAction, changes: Changes) -> None:
        subject = "pictures of job" if report.kind is Subject.PICTURES else "LoRA"
        await add_entry(
            self._db, report.server_id, who.person_id, action, changes,
            target=f"report {report.id}: {subject} {report.target_id}", person_id=report.owner_id,
        )  # fmt: skip

    # --- where reports go ---------------------------------------------------------------------------------------------

    async def channel_of(self, server_id: int) -> int | None:
        """The channel in which the reports of a server are posted; None: they are listed in /server alone."""
        if server_id == EVERYWHERE:
            return self._settings().moderation.reports_channel
        return (await self._servers.of(server_id)).settings.reports_channel

    async def language_of(self, server_id: int) -> str | None:
        """The language of what all staff of a server see; None: English."""
        return (await self._servers.of(server_id)).settings.language
