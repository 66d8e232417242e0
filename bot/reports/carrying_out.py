"""Carries out what was decided, step by step.

Each step is recorded when it is done, and does no harm when it is done again. So after a crash, or when Discord cannot
be reached, it goes on where it was. What fails at one decision holds up no other.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from math import inf

from bot.background import DiscordRefuses, Recurring, attempt
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import FIND_JOB
from bot.database.jobs.ratings import CLEAR_JOB_RATING, JOB_RATINGS, RATE_JOB, RatingSource
from bot.database.loras.catalogue import find_lora
from bot.database.loras.records import rate_content
from bot.database.people.blocks import FIND_BLOCK, LIFT_BLOCK, BlockKind, save_block
from bot.database.people.people import FIND_LOCALE
from bot.database.pictures.verdicts import HELD_COPIES
from bot.database.privacy.takedowns import (
    END_DECIDED_TAKEDOWNS,
    RECORD_DECIDED_TAKEDOWN,
)
from bot.database.reports.appeals import (
    APPEAL_OF,
    MARK_ANSWER_TOLD,
    UNTOLD_ANSWERS,
    Appeal,
)
from bot.database.reports.decisions import (
    BEGIN_STEP,
    DECISIONS_TO_CARRY_OUT,
    END_STEP,
    FIND_DECISION,
    MARK_DECISION_TOLD,
    NEXT_STEP,
    SAVE_RATING_BEFORE,
    STANDING_RATINGS,
    UNTOLD_DECISIONS,
    Decision,
    PendingStep,
    Step,
)
from bot.database.reports.reports import END_HOLDING, FIND_REPORT, MARK_MESSAGE_WRITTEN, MESSAGES_DUE, Report, Subject
from bot.i18n import _, speaking
from bot.reports.messenger import OwnerNotice, ReportMessenger
from bot.reports.reporting import Reporting, reported_job
from bot.reports.staff_messages import StaffMessages
from bot.servers.server_cache import ServerCache
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE

RETRY_SECONDS = 60.0  # until what could not be done is tried again
AT_ONCE = 50  # decisions or reports that are read together

log = logging.getLogger(__name__)


class CarryingOut:
    """Carries out the decisions of a database."""

    def __init__(
        self,
        db: Database,
        servers: ServerCache,
        reporting: Reporting,
        discord: ReportMessenger,
    ) -> None:
        self._db = db
        self._servers = servers
        self._reporting = reporting
        self._discord = discord
        self._staff_messages = StaffMessages(db, reporting, discord)
        self._recurring = Recurring("decisions about reports", self.carry_out_all, RETRY_SECONDS)
        self._steps: Mapping[Step, Callable[[PendingStep, Decision, Report], Awaitable[None]]] = {
            Step.HIDE: self._hide,
            Step.DELETE: self._delete,
            Step.BLOCK: self._block,
            Step.RATE: self._rate,
            Step.TELL: self._tell,
            Step.SHOW: self._show_pictures,
            Step.SHOW_AGAIN: self._show_again,
            Step.UNBLOCK: self._unblock,
            Step.UNRATE: self._unrate,
            Step.TELL_ANSWER: self._tell,
        }
        reporting.changed = self._recurring.wake

    async def run(self) -> None:
        """Carry out what is decided, at once and what is left from before. Runs until cancelled."""
        await self._recurring.run()

    async def carry_out_all(self) -> None:
        """Go on with every decision and every message to staff; what cannot be done now stays for the next time."""
        await attempt(self._carry_out_decisions(), "what was decided about reports")
        await attempt(self._hide_reported(), "hiding reported pictures")
        await attempt(self._staff_messages.write_all(), "messages about reports")

    async def rewrite_staff_message(self, report_id: int) -> bool:
        """As `StaffMessages.rewrite`, which says what is raised."""
        return await self._staff_messages.rewrite(report_id)

    async def _carry_out_decisions(self) -> None:
        last = 0
        while decisions := await self._db.all(DECISIONS_TO_CARRY_OUT, after=last, limit=AT_ONCE):
            for last in decisions:
                await attempt(self._carry_out(last), f"the decision {last}")

    async def _carry_out(self, decision_id: int) -> None:
        decision = await self._db.one(FIND_DECISION, decision_id)
        report = None if decision is None else await self._db.one(FIND_REPORT, decision.report_id)
        if decision is None or report is None:
            return
        while (pending := await self._db.one(NEXT_STEP, decision_id)) is not None:
            await self._steps[pending.step](pending, decision, report)

    async def _finish(self, pending: PendingStep) -> None:
        await self._db.run(END_STEP, now=now_ms(), decision=pending.decision_id, position=pending.position)

    # --- what is decided about a picture or a LoRA --------------------------------------------------------------------

    async def _hide_reported(self) -> None:
        """Hide the pictures of new reports, and bring back those about which nobody has decided in time."""
        if await self._db.run(END_HOLDING, now_ms() - self._reporting.held_ms):
            log.warning("pictures are shown again: their reports were not decided within `[moderation] held_days`")
        last = 0
        while reports := await self._db.all(MESSAGES_DUE, after=last, limit=AT_ONCE):
            for report in reports:
                last = report.id
                await attempt(self._write_message(report), f"hiding or showing the pictures of the report {report.id}")

    async def _write_message(self, report: Report) -> None:
        await self._show(report)
        await self._db.run(MARK_MESSAGE_WRITTEN, id=report.id, revision=report.revision)

    async def _show(self, report: Report) -> None:
        """Show the pictures and held copies in their messages, or why they are not shown."""
        for job_id in (report.target_id, *await self._db.all(HELD_COPIES, report.id)):
            await self._discord.show(job_id)

    async def _hide(self, pending: PendingStep, _decision: Decision, report: Report) -> None:
        """Close it for good in the server, or everywhere: its pictures go from their message, channels and gallery."""
        job = await reported_job(self._db, report)
        if job is not None:
            await self._db.run(
                RECORD_DECIDED_TAKEDOWN,
                job=job.id, server=report.server_id, report=report.id, person=job.person_id, now=now_ms(),
            )  # fmt: skip
        await self._show(report)
        await self._finish(pending)

    async def _delete(self, pending: PendingStep, _decision: Decision, report: Report) -> None:
        job = await reported_job(self._db, report)
        if job is not None:
            await self._discord.delete(job)
        await self._show(report)
        await self._finish(pending)

    async def _show_pictures(self, pending: PendingStep, _decision: Decision, report: Report) -> None:
        await self._show(report)
        await self._finish(pending)

    async def _show_again(self, pending: PendingStep, _decision: Decision, report: Report) -> None:
        await self._db.run(END_DECIDED_TAKEDOWNS, job=report.target_id, report=report.id)
        await self._show(report)
        await self._finish(pending)

    # --- blocks -------------------------------------------------------------------------------------------------------

    async def _block(self, pending: PendingStep, decision: Decision, report: Report) -> None:
        """Block the owner, or a LoRA. An earlier block that holds longer stays."""
        kind, target_id = _blocked(report)
        with speaking(None):
            reason = decision.note or _("Decision on a report")
        async with self._db.transaction():
            before = await self._db.one(FIND_BLOCK, server=report.server_id, kind=kind, id=target_id)
            ends_at = decision.ends_at
            if before is None or _end(before.ends_at) < _end(ends_at):
                await save_block(
                    self._db, report.server_id, kind, target_id,
                    reason=reason, ends_at=ends_at, created_by=decision.decided_by,
                )  # fmt: skip
            await self._finish(pending)
        self._servers.forget(report.server_id)

    async def _unblock(self, pending: PendingStep, decision: Decision, report: Report) -> None:
        """Lift the block, if it is still the one of this decision."""
        kind, target_id = _blocked(report)
        async with self._db.transaction():
            block = await self._db.one(FIND_BLOCK, server=report.server_id, kind=kind, id=target_id)
            if block is not None and (block.ends_at, block.created_by) == (decision.ends_at, decision.decided_by):
                await self._db.one(LIFT_BLOCK, server=report.server_id, kind=kind, id=target_id)
            await self._finish(pending)
        self._servers.forget(report.server_id)

    # --- ratings ------------------------------------------------------------------------------------------------------

    async def _rate(self, pending: PendingStep, decision: Decision, report: Report) -> None:
        """Rate it, if it is not rated higher. Pictures are shown where that is shown, and nowhere else."""
        rating = decision.rating or ContentRating.BLOCKED
        if pending.begun_at is None:
            async with self._db.transaction():
                if report.kind is Subject.LORA:
                    before = await self._rate_lora(report, rating, decision.decided_by)
                else:
                    before = await self._rate_pictures(report, rating)
                await self._db.run(SAVE_RATING_BEFORE, rating_before=before, id=decision.id)
                await self._db.run(BEGIN_STEP, now=now_ms(), decision=pending.decision_id, position=pending.position)
        if report.kind is Subject.PICTURES:
            await self._show(report)
        await self._finish(pending)

    async def _rate_lora(self, report: Report, rating: ContentRating, operator_id: int) -> ContentRating | None:
        lora = await find_lora(self._db, report.target_id)
        if lora is not None:
            await rate_content(self._db, lora.id, _higher(rating, lora.content_rating), operator_id)
        return None if lora is None else lora.content_rating

    async def _rate_pictures(self, report: Report, rating: ContentRating) -> ContentRating | None:
        """What the same people had rated it before."""
        source, server_id = _source(report), report.server_id
        said = await self._db.all(JOB_RATINGS, ids=[report.target_id], server=server_id)
        own = (source, server_id, 0)
        before = next((each.rating for each in said if (each.source, each.server_id, each.verdict) == own), None)
        rated = _higher(rating, before)
        await self._db.run(RATE_JOB, server=server_id, source=source, rating=rated, now=now_ms(), job=report.target_id)
        return before

    async def _unrate(self, pending: PendingStep, _decision: Decision, report: Report) -> None:
        """Rate them as the decisions say that still hold: others may have come after the reversed one."""
        source, job_id, server_id = _source(report), report.target_id, report.server_id
        async with self._db.transaction():
            rating = max(
                await self._db.all(STANDING_RATINGS, kind=report.kind, target=job_id, server=server_id), default=None
            )
            if rating is None:
                await self._db.one(CLEAR_JOB_RATING, server=server_id, source=source, job=job_id)
            else:
                await self._db.run(RATE_JOB, server=server_id, source=source, rating=rating, now=now_ms(), job=job_id)
        await self._show(report)
        await self._finish(pending)

    # --- telling the owner --------------------------------------------------------------------------------------------

    async def _tell(self, pending: PendingStep, decision: Decision, report: Report) -> None:
        """Tell of a decision or an answer by a direct message; whom none reaches is told after the next command."""
        appeal = await self._db.one(APPEAL_OF, decision.id) if pending.step is Step.TELL_ANSWER else None
        notice = OwnerNotice(report, decision, await self._db.one(FIND_JOB, report.target_id), appeal)
        person_id = report.owner_id  # negative: the keyed hash of who has all deleted
        told = None
        if person_id is not None and person_id > 0:
            told = await self._tell_once(pending, person_id, notice)
        async with self._db.transaction():
            if told is not None:
                await self._mark_told(notice, told)
            await self._finish(pending)

    async def _tell_once(self, pending: PendingStep, person_id: int, notice: OwnerNotice) -> int | None:
        """The message that the person got, now or before a crash; None when it cannot be sent."""
        try:
            if pending.begun_at is not None:
                sent = await self._discord.find_notice(person_id, notice, pending.begun_at)
                if sent is not None:
                    return sent
            await self._db.run(BEGIN_STEP, now=now_ms(), decision=pending.decision_id, position=pending.position)
            with speaking(await self._db.one(FIND_LOCALE, person_id)):
                return await self._discord.tell(person_id, notice)
        except DiscordRefuses as problem:
            log.info("cannot notify the author of a picture about a decision, will retry: %s", problem)
            return None

    async def _mark_told(self, notice: OwnerNotice, message_id: int | None = None) -> None:
        mark = MARK_DECISION_TOLD if notice.appeal is None else MARK_ANSWER_TOLD
        await self._db.run(mark, now=now_ms(), notice=message_id, decision=notice.decision.id)

    async def untold(self, person_id: int) -> tuple[OwnerNotice, ...]:
        """What no direct message could tell the person. Raises DatabaseError."""
        notices = [await self._notice(decision) for decision in await self._db.all(UNTOLD_DECISIONS, person_id)]
        for appeal in await self._db.all(UNTOLD_ANSWERS, person_id):
            decision = await self._db.one(FIND_DECISION, appeal.decision_id)
            notices.append(None if decision is None else await self._notice(decision, appeal))
        return tuple(filter(None, notices))

    async def _notice(self, decision: Decision, appeal: Appeal | None = None) -> OwnerNotice | None:
        report = await self._db.one(FIND_REPORT, decision.report_id)
        if report is None:
            return None
        return OwnerNotice(report, decision, await self._db.one(FIND_JOB, report.target_id), appeal)

    async def was_told(self, notices: tuple[OwnerNotice, ...]) -> None:
        """The person knows these now. Raises DatabaseError."""
        for notice in notices:
            await self._mark_told(notice)


def _higher(rating: ContentRating, before: ContentRating | None) -> ContentRating:
    return rating if before is None else max(rating, before)


def _end(ends_at: int | None) -> float:
    return inf if ends_at is None else ends_at


def _source(report: Report) -> RatingSource:
    """Who rates, for the rating of pictures: staff in their server, operators everywhere."""
    return RatingSource.OPERATOR if report.server_id == EVERYWHERE else RatingSource.STAFF


def _blocked(report: Report) -> tuple[BlockKind, int]:
    if report.kind is Subject.LORA:
        return BlockKind.LORA, report.target_id
    assert report.owner_id is not None
    return BlockKind.PERSON, report.owner_id
