"""Open reports are not forgotten: staff are reminded, then operators, each once; the worst ones never run out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from bot.background import DiscordRefuses, DiscordUnreachable
from bot.database.clock import DAY_MS, now_ms
from bot.database.jobs.jobs import FIND_JOB, START_JOB, Job, create_job
from bot.database.pictures.hashes import record_hashes
from bot.database.pictures.pictures import NewPicture
from bot.database.privacy.deletions import DUE_JOBS, HIDE_JOB
from bot.database.reports.reminders import Reminder
from bot.database.reports.reports import (
    COMPLAINTS,
    END_HOLDING,
    FIND_REPORT,
    HELD_AMONG,
    NewReport,
    ReportReason,
    Subject,
    save_report,
)
from bot.database.servers.left_servers import NOTE_LEFT, forget_server
from bot.reports.reminders import Reminders
from bot.reports.reporting import Reporting
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import erase, finish, request_for
from tests.bot.servers.world import MANAGER, OPERATOR, OTHER, SERVER, ServerWorld, acting, server_world

OWNER, CHANNEL = 50, 8


@dataclass
class Discord:
    """Implements `ReminderMessenger`. `fails` before it sends, or after: then the answer is lost."""

    sent: list[Reminder] = field(default_factory=list[Reminder])
    fails: str = ""
    refused: int = 0

    async def remind(self, reminder: Reminder) -> None:
        if self.fails == "refuses":
            self.refused += 1
            raise DiscordRefuses(self.fails)
        if self.fails == "before":
            raise DiscordUnreachable(self.fails)
        self.sent.append(reminder)
        if self.fails == "after":
            raise DiscordUnreachable(self.fails)

    async def find_reminder(self, reminder: Reminder, since: int) -> bool:
        return reminder in self.sent

    def told(self) -> list[tuple[int, str]]:
        return [(each.days, "staff" if each.operator_id is None else "operator") for each in self.sent]


@dataclass
class Days:
    """Reports of a world, and reminders by a clock that a test moves."""

    world: ServerWorld
    discord: Discord = field(default_factory=Discord)
    job_id: int = 0

    async def report(self, reason: ReportReason) -> None:
        db = self.world.db
        job = await create_job(db, request_for(), person_id=OWNER, channel_id=7, server_id=SERVER)
        started = await db.one(START_JOB, now=now_ms(), id=job.id)
        assert started is not None
        done = await finish(db, job.id, started.attempt, [NewPicture(f"0/{job.id}.png", 64, 64, 1)])
        assert done is not None
        await record_hashes(db, [(picture.id, bytes(16)) for picture in done.pictures])
        self.job_id = job.id
        await self.reporting.report_pictures(acting(OTHER), done.job, reason, "")

    async def join(self, person: int, reason: ReportReason) -> None:
        job = await self.world.db.one(FIND_JOB, self.job_id)
        await self.reporting.report_pictures(acting(person), cast("Job", job), reason, "")

    @property
    def reporting(self) -> Reporting:
        services = self.world.services
        return Reporting(
            self.world.db, services.servers, services.rights, lambda: self.world.settings, clock=self.world.now
        )

    def reminders(self) -> Reminders:
        operators = self.world.settings.discord.operators
        return Reminders(self.world.db, self.reporting, self.discord, lambda: operators, self.world.now)

    async def after(self, days: float, reminders: Reminders | None = None) -> None:
        """A bot looks for what is due; without `reminders` one that has just been started."""
        self.world.later_ms = round(days * DAY_MS)
        await (reminders or self.reminders()).send_all()


@pytest.fixture
async def days(tmp_path: Path) -> AsyncIterator[Days]:
    async with server_world(tmp_path) as world:
        await world.services.administration.settings.change(acting(MANAGER), SERVER, reports_channel=CHANNEL)
        yield Days(world)


async def test_staff_are_reminded_three_times_and_then_operators(days: Days) -> None:
    await days.report(ReportReason.CRUEL)
    for passed in (0.5, 0.9, 1.1, 1.2, 2.9, 3.1, 3.2, 6.9, 7.1, 7.2, 30):
        await days.after(passed)
    assert days.discord.told() == [(1, "staff"), (3, "staff"), (7, "staff"), (7, "operator")]
    assert [each.operator_id for each in days.discord.sent] == [None, None, None, OPERATOR]
    rows = await days.world.db.fetch("SELECT recipient FROM report_reminder")
    assert OPERATOR not in {row["recipient"] for row in rows}, "an operator is a keyed hash"


async def test_after_an_outage_one_reminder_is_enough(days: Days) -> None:
    await days.report(ReportReason.CRUEL)
    await days.after(8)
    assert days.discord.told() == [(7, "staff"), (7, "operator")]


@pytest.mark.parametrize("fails", ["before", "after"])
async def test_each_goes_out_once_whatever_is_lost(days: Days, fails: str) -> None:
    await days.report(ReportReason.CRUEL)
    days.discord.fails = fails
    await days.after(1.1)
    days.discord.fails = ""
    await days.after(1.2)
    await days.after(1.3)
    assert days.discord.told() == [(1, "staff")]


async def test_who_refuses_is_asked_again_each_day(days: Days) -> None:
    """An operator's direct messages may be open again one day."""
    await days.report(ReportReason.CRUEL)
    days.discord.fails = "refuses"
    reminders = days.reminders()
    for passed in (7.1, 7.2, 8.0, 8.2, 8.3):
        await days.after(passed, reminders)
    assert days.discord.refused == 4, "staff and the operator, twice"
    days.discord.fails = ""
    for passed in (8.9, 9.3, 20):
        await days.after(passed, reminders)
    assert days.discord.told() == [(7, "staff"), (7, "operator")]


async def test_a_report_dated_in_the_future_is_due(days: Days) -> None:
    """The clock was wrong when it was made."""
    days.world.later_ms = 365 * DAY_MS
    await days.report(ReportReason.MINORS)
    await days.world.db.write("UPDATE report SET created_at = created_at + ?", (365 * DAY_MS,))
    await days.after(0)
    assert days.discord.told() == [(7, "staff"), (7, "operator")]


async def test_operators_are_told_anew_when_a_report_becomes_theirs(days: Days) -> None:
    await days.report(ReportReason.MINORS)
    await days.after(8)
    await days.world.db.run(NOTE_LEFT, server=SERVER, now=now_ms())
    await forget_server(days.world.db, SERVER)
    await days.after(39)
    assert [each.server_id for each in days.discord.sent if each.operator_id] == [SERVER, EVERYWHERE]


async def test_a_report_that_joins_one_of_the_operators_makes_it_last(days: Days) -> None:
    await days.report(ReportReason.MINORS)
    db = days.world.db
    new = NewReport(
        Subject.PICTURES,
        days.job_id,
        EVERYWHERE,
        OWNER,
        shared=True,
        person_id=OTHER,
        reason=ReportReason.OTHER,
        note="",
    )
    theirs = await save_report(db, new)
    await db.run(NOTE_LEFT, server=SERVER, now=now_ms())
    await forget_server(db, SERVER)
    report = await db.one(FIND_REPORT, theirs.id)
    assert report is not None and report.lasting and report.hides
    assert [each.reason for each in await db.all(COMPLAINTS, theirs.id)] == [ReportReason.MINORS]
    assert await db.all(HELD_AMONG, [days.job_id])


@pytest.mark.parametrize(("reason", "lasts"), [(ReportReason.MINORS, True), (ReportReason.CRUEL, False)])
async def test_what_looks_like_a_minor_never_runs_out(days: Days, reason: ReportReason, lasts: bool) -> None:
    """Neither out of sight nor the file, also when the owner deletes the picture and the reporter all their data."""
    await days.report(reason)
    db, later = days.world.db, days.world.now() + 400 * DAY_MS
    await erase(db, OTHER)
    await db.run(HIDE_JOB, delete_at=1, id=days.job_id)
    assert bool(await db.all(DUE_JOBS, now=now_ms(), held_since=later)) is not lasts
    await db.run(END_HOLDING, later)
    assert bool(await db.all(HELD_AMONG, [days.job_id])) is lasts


@pytest.mark.parametrize(("reason", "kept"), [(ReportReason.MINORS, True), (ReportReason.CRUEL, False)])
async def test_a_server_that_removes_the_bot_does_not_end_it(days: Days, reason: ReportReason, kept: bool) -> None:
    """It becomes the operators'. Their decision holds for copies, though the owner has all deleted."""
    await days.report(reason)
    db = days.world.db
    await db.run(NOTE_LEFT, server=SERVER, now=now_ms())
    await forget_server(db, SERVER)
    assert bool(await db.all(HELD_AMONG, [days.job_id])) is kept
    reports = await db.fetch("SELECT id, server_id, shared FROM report")
    assert [(row["server_id"], row["shared"]) for row in reports] == [(EVERYWHERE, 1)] * kept
    assert len(await db.fetch("SELECT 1 FROM picture_verdict WHERE server_id = 0")) == kept
    await days.after(1.1)
    assert days.discord.told() == [(1, "operator")] * kept


async def test_what_is_said_to_look_like_a_minor_goes_out_of_sight_though_an_older_report_has_run_out(
    days: Days,
) -> None:
    await days.report(ReportReason.CRUEL)
    db, held = days.world.db, days.world.settings.moderation.held_days
    await days.after(held + 1)
    await db.run(END_HOLDING, days.world.now() - days.reporting.held_ms)
    await days.join(OPERATOR, ReportReason.CRUEL)
    assert not await db.all(HELD_AMONG, [days.job_id])
    await days.join(MANAGER, ReportReason.MINORS)
    assert await db.all(HELD_AMONG, [days.job_id])
