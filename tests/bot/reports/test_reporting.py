"""Who may report, decide and appeal; what is one report; what is told when the usual way is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.sections import ModerationSettings
from bot.database.blocks import BlockKind, find_block, save_block
from bot.database.clock import now_ms
from bot.database.connection import fetch
from bot.database.jobs import Job, create_job
from bot.database.loras import find_lora
from bot.database.reports import AppealState, DecisionAction, ReportReason, ReportState
from bot.database.takedowns import taken_down_in
from bot.errors import (
    AppealedAlready,
    CannotBeBlocked,
    DecidedAlready,
    EndInThePast,
    NothingThere,
    NotOperator,
    NotStaff,
    NotYours,
    OwnCase,
    OwnReport,
    TextNeeded,
    TooManyReports,
)
from bot.reports.carrying_out import CarryingOut
from bot.reports.reporting import MOST_A_DAY, Reporting
from inference.content_rating import ContentRating
from inference.queue import EVERYWHERE
from tests.bot.database.conftest import add_lora, request_for
from tests.bot.reports.test_carrying_out import DAY_MS, OWNER, STAFF_CHANNEL, Discord
from tests.bot.servers.world import (
    ELSEWHERE,
    MANAGER,
    OPERATOR,
    OTHER,
    PERSON,
    SERVER,
    ServerWorld,
    acting,
    server_world,
)

WHY = ReportReason.OTHER


class Desk:
    """The services of reports on a world of servers."""

    def __init__(self, world: ServerWorld) -> None:
        self.world, self.discord = world, Discord()
        services = world.services
        self.reporting = Reporting(
            world.connection, services.servers, services.rights, lambda: world.settings, clock=world.now
        )
        self.carrying_out = CarryingOut(
            world.connection, services.servers, services.content, self.reporting, self.discord
        )

    async def picture(self, server_id: int | None = SERVER, owner: int = OWNER) -> Job:
        return await create_job(
            self.world.connection, request_for(), person_id=owner, channel_id=7, server_id=server_id
        )

    async def reported(self, job: Job | None = None, by: int = PERSON) -> int:
        picture = job or await self.picture()
        return (await self.reporting.report_pictures(acting(by), picture, WHY, "")).id

    async def decided(self, action: DecisionAction = DecisionAction.HIDE) -> int:
        """The id of the decision."""
        case = await self.reporting.decide(acting(MANAGER), await self.reported(), action)
        await self.carrying_out.carry_out_all()
        assert case.decision is not None
        return case.decision.id


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with server_world(tmp_path) as world:
        yield Desk(world)


async def test_the_same_report_twice_is_one(desk: Desk) -> None:
    job = await desk.picture()
    first, again = [await desk.reported(job) for _ in range(2)]
    joined = await desk.reported(job, by=OTHER)
    assert first == again == joined
    (case,) = await desk.reporting.waiting(acting(MANAGER), SERVER, limit=5)
    assert len(case.complaints) == 2
    await desk.reporting.decide(acting(MANAGER), first, DecisionAction.DISMISS)
    after = await desk.reporting.report_pictures(acting(PERSON), job, WHY, "again")
    assert (after.id, after.state) == (first, ReportState.DECIDED), "the same person is not heard twice"
    assert await desk.reported(job, by=7) != first, "somebody else is"


async def test_nobody_reports_without_end_or_their_own(desk: Desk) -> None:
    with pytest.raises(OwnReport):
        await desk.reported(await desk.picture(owner=PERSON))
    for _ in range(MOST_A_DAY):
        await desk.reported()
    with pytest.raises(TooManyReports):
        await desk.reported()
    await desk.reported(by=OTHER)
    desk.world.later_ms = DAY_MS + 1000
    await desk.reported()


async def test_a_report_belongs_to_the_server_of_the_picture_or_to_the_operators(desk: Desk) -> None:
    places = [
        (await desk.picture(), acting(PERSON), SERVER),
        (await desk.picture(), acting(PERSON, server_id=None), EVERYWHERE),
        (await desk.picture(), acting(PERSON, server_id=ELSEWHERE), EVERYWHERE),
        (await desk.picture(), acting(PERSON, bot_in_server=False), EVERYWHERE),
        (await desk.picture(None), acting(PERSON, server_id=None), EVERYWHERE),
    ]
    for job, who, expected in places:
        assert (await desk.reporting.report_pictures(who, job, WHY, "")).server_id == expected


async def test_operators_see_their_own_and_what_a_server_shares(desk: Desk) -> None:
    administration = desk.world.services.administration
    await desk.reported()
    await administration.change_settings(acting(MANAGER), SERVER, shares_reports=True)
    shared = await desk.reported()
    lora = await desk.reporting.report_lora(acting(PERSON), await add_lora(desk.world.connection, "Bat"), WHY, "")
    everywhere = acting(OPERATOR, server_id=None)
    seen = [case.report.id for case in await desk.reporting.waiting(everywhere, EVERYWHERE, limit=9)]
    assert seen == [shared, lora.id]
    assert len(await desk.reporting.waiting(acting(MANAGER), SERVER, limit=9)) == 2
    for who in (acting(MANAGER), acting(PERSON), acting(PERSON, server_id=None)):
        with pytest.raises((NotStaff, NotOperator)):
            await desk.reporting.waiting(who, EVERYWHERE, limit=9)
    for who in (acting(PERSON), acting(MANAGER, server_id=ELSEWHERE)):
        with pytest.raises(NotStaff):
            await desk.reporting.case(who, shared)
        with pytest.raises(NotStaff):
            await desk.reporting.decide(who, shared, DecisionAction.DISMISS)


async def test_a_decision_is_made_once_and_not_about_oneself(desk: Desk) -> None:
    report = await desk.reported(await desk.picture(owner=MANAGER))
    with pytest.raises(OwnCase):
        await desk.reporting.decide(acting(MANAGER), report, DecisionAction.DISMISS)
    report = await desk.reported()
    await desk.reporting.decide(acting(MANAGER), report, DecisionAction.DISMISS)
    with pytest.raises(DecidedAlready):
        await desk.reporting.decide(acting(MANAGER), report, DecisionAction.HIDE)
    with pytest.raises(NothingThere):
        await desk.reporting.decide(acting(MANAGER), 999, DecisionAction.HIDE)
    await desk.carrying_out.carry_out_all()
    assert desk.discord.letters == [], "whose picture was reported for nothing does not hear of it"


async def test_a_block_has_an_end_and_spares_operators(desk: Desk) -> None:
    report = await desk.reported()
    for ends_at in (None, now_ms() - 1):
        with pytest.raises(EndInThePast):
            await desk.reporting.decide(acting(MANAGER), report, DecisionAction.BLOCK, ends_at=ends_at)
    about_operator = await desk.reported(await desk.picture(owner=OPERATOR))
    with pytest.raises(CannotBeBlocked):
        await desk.reporting.decide(acting(MANAGER), about_operator, DecisionAction.BLOCK, ends_at=now_ms() + DAY_MS)


async def test_a_longer_block_stays_as_it_is(desk: Desk) -> None:
    connection, report = desk.world.connection, await desk.reported()
    await save_block(connection, SERVER, BlockKind.PERSON, OWNER, reason="spam", ends_at=None, created_by=9)
    ends_at = now_ms() + DAY_MS
    await desk.reporting.decide(acting(MANAGER), report, DecisionAction.BLOCK, ends_at=ends_at)
    await desk.carrying_out.carry_out_all()
    await desk.reporting.appeal(OWNER, 1, "Why?")
    await desk.reporting.answer(acting(MANAGER), report, AppealState.REVERSED)
    await desk.carrying_out.carry_out_all()
    block = await find_block(connection, SERVER, BlockKind.PERSON, OWNER)
    assert block is not None and (block.reason, block.ends_at) == ("spam", None)


async def test_the_owner_alone_appeals_and_once(desk: Desk) -> None:
    decision = await desk.decided()
    with pytest.raises(NotYours):
        await desk.reporting.appeal(PERSON, decision, "It is mine.")
    with pytest.raises(TextNeeded):
        await desk.reporting.appeal(OWNER, decision, "   ")
    await desk.reporting.appeal(OWNER, decision, "It is a tomato.")
    with pytest.raises(AppealedAlready):
        await desk.reporting.appeal(OWNER, decision, "It is a tomato!")
    (row,) = await fetch(desk.world.connection, "SELECT report_id FROM decision")
    case = await desk.reporting.answer(acting(MANAGER), row["report_id"], AppealState.UPHELD)
    assert case.appeal is not None and case.appeal.state is AppealState.UPHELD
    with pytest.raises(DecidedAlready):
        await desk.reporting.answer(acting(MANAGER), row["report_id"], AppealState.REVERSED)


async def test_warnings_are_counted_until_they_are_reversed(desk: Desk) -> None:
    decisions = [await desk.decided(DecisionAction.WARN) for _ in range(2)]
    case = await desk.reporting.case(acting(MANAGER), await desk.reported())
    assert case.warnings == 2
    await desk.reporting.appeal(OWNER, decisions[0], "No.")
    await desk.reporting.answer(acting(MANAGER), 1, AppealState.REVERSED)
    assert (await desk.reporting.case(acting(MANAGER), case.report.id)).warnings == 1


async def test_whom_no_direct_message_reaches_is_told_later(desk: Desk) -> None:
    desk.discord.closed = {"tell"}
    decision = await desk.decided()
    (notice,) = await desk.carrying_out.untold(OWNER)
    assert notice.decision.id == decision and not await desk.carrying_out.untold(PERSON)
    await desk.carrying_out.was_told((notice,))
    assert not await desk.carrying_out.untold(OWNER)
    await desk.reporting.appeal(OWNER, decision, "No.")
    await desk.reporting.answer(acting(MANAGER), notice.report.id, AppealState.UPHELD)
    await desk.carrying_out.carry_out_all()
    (answer,) = await desk.carrying_out.untold(OWNER)
    assert answer.appeal is not None and answer.appeal.state is AppealState.UPHELD


async def test_reports_are_posted_when_there_is_a_channel_and_again_when_their_message_is_gone(desk: Desk) -> None:
    report = await desk.reported()
    await desk.carrying_out.carry_out_all()
    assert desk.discord.posts == {}
    await desk.world.services.administration.change_settings(acting(MANAGER), SERVER, reports_channel=STAFF_CHANNEL)
    desk.discord.closed = {"post"}
    await desk.carrying_out.carry_out_all()
    assert desk.discord.posts == {}, "the channel is closed to the bot"
    desk.discord.closed = set()
    await desk.carrying_out.carry_out_all()
    assert desk.discord.posts == {1: "1 people, None, None"}
    desk.discord.posts.clear()
    case = await desk.reporting.case(acting(MANAGER), report)
    assert case.job is not None
    await desk.reported(case.job, by=OTHER)
    await desk.carrying_out.carry_out_all()
    assert desk.discord.posts == {1: "2 people, None, None"}


async def test_operators_decide_about_loras_for_all_servers(desk: Desk) -> None:
    connection, lora = desk.world.connection, await add_lora(desk.world.connection, "Bat")
    desk.world.settings = desk.world.settings.model_copy(
        update={"moderation": ModerationSettings(reports_channel=STAFF_CHANNEL)}
    )
    everywhere = acting(OPERATOR, server_id=None)
    hidden, rated = [await desk.reporting.report_lora(acting(by), lora, WHY, "") for by in (PERSON, OTHER)]
    assert hidden.id == rated.id
    with pytest.raises(NothingThere):
        await desk.reporting.decide(everywhere, hidden.id, DecisionAction.WARN)
    await desk.carrying_out.carry_out_all()
    await desk.reporting.decide(everywhere, hidden.id, DecisionAction.HIDE)
    again = await desk.reporting.report_lora(acting(7), lora, WHY, "")
    await desk.reporting.decide(everywhere, again.id, DecisionAction.RATE, rating=ContentRating.MATURE)
    await desk.carrying_out.carry_out_all()
    assert await find_block(connection, EVERYWHERE, BlockKind.LORA, lora.id)
    now = await find_lora(connection, lora.id)
    assert now is not None and now.content_rating is ContentRating.MATURE
    assert len(desk.discord.posts) == 1, "the second was decided before anybody could post it"


async def test_what_operators_hide_is_closed_everywhere(desk: Desk) -> None:
    job = await desk.picture()
    report = await desk.reporting.report_pictures(acting(PERSON, server_id=None), job, WHY, "")
    await desk.reporting.decide(acting(OPERATOR, server_id=None), report.id, DecisionAction.HIDE)
    await desk.carrying_out.carry_out_all()
    assert desk.discord.delivered == set()
    assert [await taken_down_in(desk.world.connection, job.id, place) for place in (SERVER, EVERYWHERE)] == [0, 0]
    await desk.reporting.appeal(OWNER, 1, "No.")
    await desk.reporting.answer(acting(OPERATOR, server_id=None), report.id, AppealState.REVERSED)
    await desk.carrying_out.carry_out_all()
    assert await taken_down_in(desk.world.connection, job.id, SERVER) is None
