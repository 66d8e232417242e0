"""Who may report, decide and appeal; what is one report; what is told when the usual way is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.sections.moderation import ModerationSettings
from bot.database.clock import DAY_MS, now_ms
from bot.database.gallery.publications import NewPublication, begin_publication
from bot.database.jobs.jobs import START_JOB, Job, create_job
from bot.database.loras.catalogue import find_lora
from bot.database.loras.records import rate_content
from bot.database.people.blocks import FIND_BLOCK, BlockKind, save_block
from bot.database.pictures.pictures import NewPicture
from bot.database.privacy.takedowns import RECORD_TAKEDOWN, TAKEN_DOWN_IN, UNTOLD_TAKEDOWNS, Takedown
from bot.database.reports.appeals import AppealState
from bot.database.reports.decisions import DecisionAction
from bot.database.reports.reports import (
    COMPLAINTS,
    COUNT_HIDDEN_BY,
    END_HOLDING,
    FIND_REPORT,
    HELD_AMONG,
    NewReport,
    ReportReason,
    ReportState,
    Subject,
    save_report,
)
from bot.database.servers.settings import ArtChannel
from bot.errors.blocks import CannotBeBlocked, EndInThePast
from bot.errors.decisions import DecidedAlready
from bot.errors.missing import NothingThere
from bot.errors.pictures import PictureReported
from bot.errors.reports import AppealedAlready, OwnCase, OwnReport, TextNeeded, TooManyReports
from bot.errors.rights import NotOperator, NotStaff, NotYours
from bot.reports.carrying_out import AT_ONCE, CarryingOut
from bot.reports.reporting import DISMISSED_DAYS, MOST_A_DAY, MOST_DISMISSED, MOST_HIDDEN_A_DAY, Reporting, find_case
from bot.servers.context import ActionContext
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import add_lora, erase, finish, request_for
from tests.bot.reports.test_carrying_out import DELIVERED, OWNER, STAFF_CHANNEL, Discord
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


class ReportWorld:
    """The services of reports on a world of servers."""

    def __init__(self, world: ServerWorld) -> None:
        self.world, self.discord = world, Discord(db=world.db)
        services = world.services
        self.reporting = Reporting(world.db, services.servers, services.rights, lambda: world.settings, clock=world.now)
        self.carrying_out = CarryingOut(world.db, services.servers, self.reporting, self.discord)

    async def picture(self, server_id: int | None = SERVER, owner: int = OWNER) -> Job:
        return await create_job(self.world.db, request_for(), person_id=owner, channel_id=7, server_id=server_id)

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
async def reports(tmp_path: Path) -> AsyncIterator[ReportWorld]:
    async with server_world(tmp_path) as world:
        yield ReportWorld(world)


async def test_the_same_report_twice_is_one(reports: ReportWorld) -> None:
    job = await reports.picture()
    first, again = [await reports.reported(job) for _ in range(2)]
    joined = await reports.reported(job, by=OTHER)
    assert first == again == joined
    (case,) = await reports.reporting.waiting(acting(MANAGER), SERVER, limit=5)
    assert len(case.complaints) == 2
    await reports.reporting.decide(acting(MANAGER), first, DecisionAction.DISMISS)
    after = await reports.reporting.report_pictures(acting(PERSON), job, WHY, "again")
    assert (after.id, after.state) == (first, ReportState.DECIDED), "the same person is not heard twice"
    assert await reports.reported(job, by=7) != first, "somebody else is"


async def test_a_case_is_of_one_moment(reports: ReportWorld) -> None:
    """Staff who are shown an appeal are shown its controls too, although the report was read before."""
    decision = await reports.decided()
    before = await reports.world.db.one(FIND_REPORT, 1)
    assert before is not None
    await reports.reporting.appeal(OWNER, decision, "It is a tomato.")
    case = await find_case(reports.world.db, before)
    assert case.appeal is not None
    assert (before.state, case.report.state) == (ReportState.DECIDED, ReportState.APPEALED)


async def test_nobody_reports_without_end_or_their_own(reports: ReportWorld) -> None:
    with pytest.raises(OwnReport):
        await reports.reported(await reports.picture(owner=PERSON))
    for _ in range(MOST_A_DAY):
        await reports.reported()
    with pytest.raises(TooManyReports):
        await reports.reported()
    await reports.reported(by=OTHER)
    reports.world.later_ms = DAY_MS + 1000
    await reports.reported()


async def test_a_report_belongs_to_the_server_of_the_picture_or_to_the_operators(reports: ReportWorld) -> None:
    places = [
        (await reports.picture(), acting(PERSON), SERVER),
        (await reports.picture(), acting(PERSON, server_id=None), EVERYWHERE),
        (await reports.picture(), acting(PERSON, server_id=ELSEWHERE), EVERYWHERE),
        (await reports.picture(), acting(PERSON, bot_in_server=False), EVERYWHERE),
        (await reports.picture(None), acting(PERSON, server_id=None), EVERYWHERE),
    ]
    for job, who, expected in places:
        assert (await reports.reporting.report_pictures(who, job, WHY, "")).server_id == expected


@pytest.mark.parametrize("painted_in", [SERVER, None])
async def test_staff_get_reports_of_what_is_published_in_their_server(
    reports: ReportWorld, painted_in: int | None
) -> None:
    job = await reports.picture(painted_in)
    await reports.world.db.one(START_JOB, now=now_ms(), id=job.id)
    await finish(reports.world.db, job.id, 1, [NewPicture(path="1.png", width=64, height=64, seed=7)])
    new = NewPublication(ELSEWHERE, job.id, 0, 901, False, None, None, ())
    assert await begin_publication(reports.world.db, new)
    report = await reports.reporting.report_pictures(acting(PERSON, server_id=ELSEWHERE), job, WHY, "")
    assert report.server_id == ELSEWHERE


async def test_operators_see_their_own_and_what_a_server_shares(reports: ReportWorld) -> None:
    administration = reports.world.services.administration
    await reports.reported()
    await administration.settings.change(acting(MANAGER), SERVER, shares_reports=True)
    shared = await reports.reported()
    lora = await reports.reporting.report_lora(acting(PERSON), await add_lora(reports.world.db, "Bat"), WHY, "")
    everywhere = acting(OPERATOR, server_id=None)
    seen = [case.report.id for case in await reports.reporting.waiting(everywhere, EVERYWHERE, limit=9)]
    assert seen == [shared, lora.id]
    assert len(await reports.reporting.waiting(acting(MANAGER), SERVER, limit=9)) == 2
    for who in (acting(MANAGER), acting(PERSON), acting(PERSON, server_id=None)):
        with pytest.raises((NotStaff, NotOperator)):
            await reports.reporting.waiting(who, EVERYWHERE, limit=9)
    for who in (acting(PERSON), acting(MANAGER, server_id=ELSEWHERE)):
        with pytest.raises(NotStaff):
            await reports.reporting.case(who, shared)
        with pytest.raises(NotStaff):
            await reports.reporting.decide(who, shared, DecisionAction.DISMISS)


async def test_a_decision_is_made_once_and_not_about_oneself(reports: ReportWorld) -> None:
    report = await reports.reported(await reports.picture(owner=MANAGER))
    with pytest.raises(OwnCase):
        await reports.reporting.decide(acting(MANAGER), report, DecisionAction.DISMISS)
    report = await reports.reported()
    await reports.reporting.decide(acting(MANAGER), report, DecisionAction.DISMISS)
    with pytest.raises(DecidedAlready):
        await reports.reporting.decide(acting(MANAGER), report, DecisionAction.HIDE)
    with pytest.raises(NothingThere):
        await reports.reporting.decide(acting(MANAGER), 999, DecisionAction.HIDE)
    await reports.carrying_out.carry_out_all()
    assert reports.discord.letters == [], "whose picture was reported for nothing does not hear of it"


async def test_who_has_all_deleted_decides_nothing_about_their_own_picture(reports: ReportWorld) -> None:
    report_id = await reports.reported(await reports.picture(owner=MANAGER))
    await erase(reports.world.db, MANAGER)
    with pytest.raises(OwnCase):
        await reports.reporting.decide(acting(MANAGER), report_id, DecisionAction.DISMISS)


async def test_who_corrects_a_reason_to_minor_is_heard(reports: ReportWorld) -> None:
    """Also when the report hides nothing any more, or was dismissed."""
    db, job = reports.world.db, await reports.picture()
    first = await reports.reported(job)
    reports.world.later_ms = reports.reporting.held_ms + DAY_MS
    await db.run(END_HOLDING, reports.world.now() - reports.reporting.held_ms)
    for note in ("she looks twelve", "again"):
        minor = await reports.reporting.report_pictures(acting(PERSON), job, ReportReason.MINORS, note)
        assert (minor.id, minor.lasting, minor.hides) == (first, True, True)
    (complaint,) = await db.all(COMPLAINTS, first)
    assert (complaint.reason, complaint.note) == (ReportReason.MINORS, "she looks twelve")
    other = await reports.picture()
    dismissed = await reports.reported(other)
    await reports.reporting.decide(acting(MANAGER), dismissed, DecisionAction.DISMISS)
    anew = await reports.reporting.report_pictures(acting(PERSON), other, ReportReason.MINORS, "")
    assert (anew.id != dismissed, anew.state, anew.lasting) == (True, ReportState.OPEN, True)
    await reports.reporting.decide(acting(MANAGER), anew.id, DecisionAction.DISMISS)
    again = await reports.reporting.report_pictures(acting(PERSON), other, ReportReason.MINORS, "")
    assert again.id == anew.id, "the same person is not heard twice"


async def test_who_looks_is_written_down_and_nobody_else_does(reports: ReportWorld) -> None:
    report, db = await reports.reported(), reports.world.db
    entries = "SELECT actor_id FROM audit WHERE action = 'view_reported_picture'"
    for who in (acting(PERSON), acting(OWNER), acting(MANAGER, server_id=ELSEWHERE)):
        with pytest.raises(RequestError):
            await reports.reporting.look(who, report)
    assert not await db.fetch(entries)
    assert (await reports.reporting.look(acting(MANAGER), report)).job is not None
    assert [row["actor_id"] for row in await db.fetch(entries)] == [MANAGER]


async def test_a_block_has_an_end_and_spares_operators(reports: ReportWorld) -> None:
    report = await reports.reported()
    for ends_at in (None, now_ms() - 1):
        with pytest.raises(EndInThePast):
            await reports.reporting.decide(acting(MANAGER), report, DecisionAction.BLOCK, ends_at=ends_at)
    about_operator = await reports.reported(await reports.picture(owner=OPERATOR))
    with pytest.raises(CannotBeBlocked):
        await reports.reporting.decide(acting(MANAGER), about_operator, DecisionAction.BLOCK, ends_at=now_ms() + DAY_MS)


async def test_a_longer_block_stays_as_it_is(reports: ReportWorld) -> None:
    db, report = reports.world.db, await reports.reported()
    await save_block(db, SERVER, BlockKind.PERSON, OWNER, reason="spam", ends_at=None, created_by=9)
    ends_at = now_ms() + DAY_MS
    await reports.reporting.decide(acting(MANAGER), report, DecisionAction.BLOCK, ends_at=ends_at)
    await reports.carrying_out.carry_out_all()
    await reports.reporting.appeal(OWNER, 1, "Why?")
    await reports.reporting.answer(acting(MANAGER), report, AppealState.REVERSED)
    await reports.carrying_out.carry_out_all()
    block = await db.one(FIND_BLOCK, server=SERVER, kind=BlockKind.PERSON, id=OWNER)
    assert block is not None and (block.reason, block.ends_at) == ("spam", None)


async def test_the_owner_alone_appeals_and_once(reports: ReportWorld) -> None:
    decision = await reports.decided()
    with pytest.raises(NotYours):
        await reports.reporting.appeal(PERSON, decision, "It is mine.")
    with pytest.raises(TextNeeded):
        await reports.reporting.appeal(OWNER, decision, "   ")
    await reports.reporting.appeal(OWNER, decision, "It is a tomato.")
    with pytest.raises(AppealedAlready):
        await reports.reporting.appeal(OWNER, decision, "It is a tomato!")
    (row,) = await reports.world.db.fetch("SELECT report_id FROM decision")
    case = await reports.reporting.answer(acting(MANAGER), row["report_id"], AppealState.UPHELD)
    assert case.appeal is not None and case.appeal.state is AppealState.UPHELD
    with pytest.raises(DecidedAlready):
        await reports.reporting.answer(acting(MANAGER), row["report_id"], AppealState.REVERSED)
    with pytest.raises(DecidedAlready):
        await reports.reporting.reverse(acting(MANAGER), row["report_id"])


async def test_staff_take_back_a_mistake_and_the_owner_is_told(reports: ReportWorld) -> None:
    job = await reports.picture()
    report = await reports.reported(job)
    await reports.reporting.decide(acting(MANAGER), report, DecisionAction.WARN)
    await reports.carrying_out.carry_out_all()
    with pytest.raises(NotStaff):
        await reports.reporting.reverse(acting(PERSON), report)
    case = await reports.reporting.reverse(acting(MANAGER), report)
    await reports.carrying_out.carry_out_all()
    assert case.warnings == 0 and case.appeal is not None and case.appeal.state is AppealState.REVERSED
    assert reports.discord.letters == ["D1", "A1"]
    assert reports.discord.delivered == {DELIVERED: "pictures"}
    with pytest.raises(DecidedAlready):
        await reports.reporting.reverse(acting(MANAGER), report)
    assert await reports.reported(job) != report, "what holds no more may be reported again"


async def test_a_dismissed_report_stays_dismissed(reports: ReportWorld) -> None:
    report = await reports.reported(await reports.picture())
    await reports.reporting.decide(acting(MANAGER), report, DecisionAction.DISMISS)
    with pytest.raises(NothingThere, match="no decision to reverse"):
        await reports.reporting.reverse(acting(MANAGER), report)
    case = await reports.reporting.case(acting(MANAGER), report)
    assert case.report.state is ReportState.DECIDED and case.appeal is None


async def test_operators_take_back_what_they_decided_about_a_lora(reports: ReportWorld) -> None:
    lora, operator = await add_lora(reports.world.db, "Bat"), acting(OPERATOR, server_id=None)
    report = await reports.reporting.report_lora(acting(PERSON), lora, WHY, "")
    await reports.reporting.decide(operator, report.id, DecisionAction.HIDE)
    await reports.reporting.reverse(operator, report.id)
    await reports.carrying_out.carry_out_all()
    assert await reports.world.db.one(FIND_BLOCK, server=EVERYWHERE, kind=BlockKind.LORA, id=lora.id) is None
    assert await reports.carrying_out.untold(OPERATOR) == ()


async def test_where_and_when_it_was_painted_is_kept_for_those_who_may_know(reports: ReportWorld) -> None:
    job = await reports.picture()
    kept = [
        await reports.reporting.report_pictures(who, picture, WHY, "")
        for who, picture in (
            (acting(PERSON), job),
            (acting(PERSON, server_id=None), job),
            (acting(PERSON, server_id=None), await reports.picture(None)),
        )
    ]
    assert [report.painted_in for report in kept] == [7, 7, None]
    assert all(report.painted_at for report in kept)


async def test_warnings_are_counted_until_they_are_reversed(reports: ReportWorld) -> None:
    decisions = [await reports.decided(DecisionAction.WARN) for _ in range(2)]
    case = await reports.reporting.case(acting(MANAGER), await reports.reported())
    assert case.warnings == 2
    await reports.reporting.appeal(OWNER, decisions[0], "No.")
    await reports.reporting.answer(acting(MANAGER), 1, AppealState.REVERSED)
    assert (await reports.reporting.case(acting(MANAGER), case.report.id)).warnings == 1


async def test_whom_no_direct_message_reaches_is_told_later(reports: ReportWorld) -> None:
    reports.discord.closed = {"tell"}
    decision = await reports.decided()
    (notice,) = await reports.carrying_out.untold(OWNER)
    assert notice.decision.id == decision and not await reports.carrying_out.untold(PERSON)
    await reports.carrying_out.was_told((notice,))
    assert not await reports.carrying_out.untold(OWNER)
    await reports.reporting.appeal(OWNER, decision, "No.")
    await reports.reporting.answer(acting(MANAGER), notice.report.id, AppealState.UPHELD)
    await reports.carrying_out.carry_out_all()
    (answer,) = await reports.carrying_out.untold(OWNER)
    assert answer.appeal is not None and answer.appeal.state is AppealState.UPHELD


async def test_reports_are_posted_when_there_is_a_channel_and_again_when_their_message_is_gone(
    reports: ReportWorld,
) -> None:
    report = await reports.reported()
    await reports.carrying_out.carry_out_all()
    assert reports.discord.posts == {}
    await reports.world.services.administration.settings.change(acting(MANAGER), SERVER, reports_channel=STAFF_CHANNEL)
    reports.discord.closed = {"post"}
    await reports.carrying_out.carry_out_all()
    assert reports.discord.posts == {}, "the channel is closed to the bot"
    reports.discord.closed = set()
    await reports.carrying_out.carry_out_all()
    assert reports.discord.posts == {1: "1 people, None, None"}
    reports.discord.posts.clear()
    case = await reports.reporting.case(acting(MANAGER), report)
    assert case.job is not None
    await reports.reported(case.job, by=OTHER)
    await reports.carrying_out.carry_out_all()
    assert reports.discord.posts == {1: "2 people, None, None"}


async def test_reports_move_to_another_channel_while_the_old_one_is_closed(
    reports: ReportWorld, caplog: pytest.LogCaptureFixture
) -> None:
    manager, change = acting(MANAGER), reports.world.services.administration.settings.change
    discord, elsewhere, moved = reports.discord, STAFF_CHANNEL + 1, STAFF_CHANNEL + 2
    await change(manager, SERVER, reports_channel=STAFF_CHANNEL)
    decided, waiting = await reports.reported(), await reports.reported()
    await reports.carrying_out.carry_out_all()
    assert discord.posted_in == {1: STAFF_CHANNEL, 2: STAFF_CHANNEL}
    discord.closed = {STAFF_CHANNEL, elsewhere}
    await reports.reporting.decide(manager, decided, DecisionAction.HIDE)
    case = await reports.reporting.case(manager, waiting)
    assert case.job is not None
    await reports.reported(case.job, by=OTHER)
    await change(manager, SERVER, reports_channel=elsewhere)
    for _ in range(2):  # neither channel can be reached: it is told once a time, and all stays to be done
        await reports.carrying_out.carry_out_all()
    assert discord.posted_in.keys() == {1, 2} and discord.posts[2].startswith("1 people")
    assert caplog.text.count("cannot post reports") == 2 and "failed" not in caplog.text
    assert discord.letters == ["D1"], "what was decided is carried out all the same"
    await change(manager, SERVER, reports_channel=moved)
    for _ in range(2):
        await reports.carrying_out.carry_out_all()
    assert discord.posted_in == {1: STAFF_CHANNEL, 2: STAFF_CHANNEL, 3: moved}, "the one that waits, once"
    assert discord.posts[3] == "2 people, None, None"
    discord.closed = set()
    await reports.reporting.decide(manager, waiting, DecisionAction.DISMISS)
    await reports.carrying_out.carry_out_all()
    assert discord.posts[3] == "2 people, dismiss, None" and len(discord.posts) == 3


async def test_a_post_whose_answer_was_lost_before_its_channel_was_closed_is_made_anew_elsewhere(
    reports: ReportWorld,
) -> None:
    manager, change = acting(MANAGER), reports.world.services.administration.settings.change
    await change(manager, SERVER, reports_channel=STAFF_CHANNEL)
    reports.discord.lost = {"post"}
    await reports.reported()
    await reports.carrying_out.carry_out_all()
    reports.discord.closed = {STAFF_CHANNEL}
    await change(manager, SERVER, reports_channel=STAFF_CHANNEL + 1)
    for _ in range(2):
        await reports.carrying_out.carry_out_all()
    assert reports.discord.posted_in == {2: STAFF_CHANNEL + 1} and len(reports.discord.posts) == 2


async def test_a_mistake_at_one_decision_holds_up_no_other(reports: ReportWorld) -> None:
    jobs = [await reports.picture() for _ in range(AT_ONCE + 2)]
    for number, job in enumerate(jobs):
        report = await reports.reported(job, by=PERSON + 100 + number)
        await reports.reporting.decide(acting(MANAGER), report, DecisionAction.HIDE)
    reports.discord.broken = {job.id for job in jobs[:-1]}
    await reports.carrying_out.carry_out_all()
    assert reports.discord.letters == [f"D{len(jobs)}"], "also behind a page of decisions that fail"
    reports.discord.broken = set()
    await reports.carrying_out.carry_out_all()
    assert len(reports.discord.letters) == len(jobs)


async def test_a_mistake_at_one_report_holds_up_no_other(reports: ReportWorld) -> None:
    await reports.world.services.administration.settings.change(acting(MANAGER), SERVER, reports_channel=STAFF_CHANNEL)
    first, second = [await reports.picture() for _ in range(2)]
    for job in (first, second):
        await reports.reported(job)
    reports.discord.broken = {first.id}
    await reports.carrying_out.carry_out_all()
    assert reports.discord.delivered == {DELIVERED: "reported"}, "the message of the other"
    assert len(reports.discord.posts) == 2, "staff are told of both"


async def test_operators_decide_about_loras_for_all_servers(reports: ReportWorld) -> None:
    db, lora = reports.world.db, await add_lora(reports.world.db, "Bat")
    reports.world.settings = reports.world.settings.model_copy(
        update={"moderation": ModerationSettings(reports_channel=STAFF_CHANNEL)}
    )
    everywhere = acting(OPERATOR, server_id=None)
    hidden, rated = [await reports.reporting.report_lora(acting(by), lora, WHY, "") for by in (PERSON, OTHER)]
    assert hidden.id == rated.id
    with pytest.raises(NothingThere):
        await reports.reporting.decide(everywhere, hidden.id, DecisionAction.WARN)
    await reports.carrying_out.carry_out_all()
    await reports.reporting.decide(everywhere, hidden.id, DecisionAction.HIDE)
    again = await reports.reporting.report_lora(acting(7), lora, WHY, "")
    await reports.reporting.decide(everywhere, again.id, DecisionAction.RATE, rating=ContentRating.MATURE)
    await reports.carrying_out.carry_out_all()
    assert await db.one(FIND_BLOCK, server=EVERYWHERE, kind=BlockKind.LORA, id=lora.id)
    now = await find_lora(db, lora.id)
    assert now is not None and now.content_rating is ContentRating.MATURE
    assert len(reports.discord.posts) == 1, "the second was decided before anybody could post it"


async def test_rating_higher_lowers_nothing(reports: ReportWorld) -> None:
    db, world, job = reports.world.db, reports.world, await reports.picture()
    lora = await add_lora(db, "Bat")
    async with db.transaction():
        await rate_content(db, lora.id, ContentRating.EXPLICIT, OPERATOR)
    everywhere = acting(OPERATOR, server_id=None)

    async def rated(report_id: int, rating: ContentRating, who: ActionContext) -> None:
        await reports.reporting.decide(who, report_id, DecisionAction.RATE, rating=rating)
        await reports.carrying_out.carry_out_all()

    for by, rating in ((PERSON, ContentRating.EXPLICIT), (OTHER, ContentRating.TEEN)):
        await rated(await reports.reported(job, by=by), rating, acting(MANAGER))
        assert await world.services.checks.rating_of(job) is ContentRating.EXPLICIT
    await reports.reporting.appeal(OWNER, 2, "No.")
    await reports.reporting.answer(acting(MANAGER), 2, AppealState.REVERSED)
    await reports.carrying_out.carry_out_all()
    assert await world.services.checks.rating_of(job) is ContentRating.EXPLICIT, "of the first decision"
    report = await reports.reporting.report_lora(acting(PERSON), lora, WHY, "")
    await rated(report.id, ContentRating.TEEN, everywhere)
    now = await find_lora(db, lora.id)
    assert now is not None and now.content_rating is ContentRating.EXPLICIT


async def test_what_operators_hide_is_closed_everywhere(reports: ReportWorld) -> None:
    job = await reports.picture()
    report = await reports.reporting.report_pictures(acting(PERSON, server_id=None), job, WHY, "")
    await reports.reporting.decide(acting(OPERATOR, server_id=None), report.id, DecisionAction.HIDE)
    await reports.carrying_out.carry_out_all()
    assert reports.discord.delivered == {DELIVERED: "taken down"}
    assert [await reports.world.db.one(TAKEN_DOWN_IN, job=job.id, server=place) for place in (SERVER, EVERYWHERE)] == [
        0,
        0,
    ]
    await reports.reporting.appeal(OWNER, 1, "No.")
    await reports.reporting.answer(acting(OPERATOR, server_id=None), report.id, AppealState.REVERSED)
    await reports.carrying_out.carry_out_all()
    assert await reports.world.db.one(TAKEN_DOWN_IN, job=job.id, server=SERVER) is None
    assert reports.discord.delivered == {DELIVERED: "pictures"}


async def test_what_is_reported_is_out_of_sight_until_it_is_decided(reports: ReportWorld) -> None:
    db, job = reports.world.db, await reports.picture()
    checks, who = reports.world.services.checks, acting(OTHER)
    report = await reports.reported(job)
    assert isinstance(await checks.why_not_shown(who, job), PictureReported), "in the transaction of the report"
    assert isinstance(await checks.why_not_delivered(job), PictureReported)
    assert isinstance(await checks.why_not_published(acting(OWNER), job, ArtChannel(channel_id=7)), PictureReported)
    await reports.carrying_out.carry_out_all()
    assert reports.discord.delivered == {DELIVERED: "reported"}
    await reports.reporting.decide(acting(MANAGER), report, DecisionAction.DISMISS)
    assert await checks.why_not_shown(who, job) is None
    await reports.carrying_out.carry_out_all()
    assert reports.discord.delivered == {DELIVERED: "pictures"}
    await reports.reported(job, by=OTHER)
    assert not await db.all(HELD_AMONG, [job.id]), "staff have seen it and left it there"


async def test_what_staff_of_one_server_dismiss_hides_elsewhere_all_the_same(reports: ReportWorld) -> None:
    db, job = reports.world.db, await reports.picture()
    await reports.reporting.decide(acting(MANAGER), await reports.reported(job), DecisionAction.DISMISS)
    elsewhere = acting(OTHER, server_id=ELSEWHERE)  # it is published there
    report = await reports.reporting.report_pictures(elsewhere, job, WHY, "")
    assert await db.all(HELD_AMONG, [job.id]), "a server of one's own clears pictures for itself alone"
    await reports.reporting.decide(acting(OPERATOR, server_id=None), report.id, DecisionAction.DISMISS)
    await reports.reported(job, by=7)
    assert not await db.all(HELD_AMONG, [job.id]), "operators have seen it"


async def test_staff_of_one_server_silence_nobody_elsewhere(reports: ReportWorld) -> None:
    for _ in range(MOST_DISMISSED):
        await reports.reporting.decide(acting(MANAGER), await reports.reported(), DecisionAction.DISMISS)
    job = await reports.picture()
    await reports.reporting.report_pictures(acting(PERSON, server_id=ELSEWHERE), job, WHY, "")
    assert await reports.world.db.all(HELD_AMONG, [job.id])


async def test_a_reversal_leaves_what_a_later_decision_rated(reports: ReportWorld) -> None:
    world, job = reports.world, await reports.picture()

    async def reversed_after(decision: int, report: int) -> ContentRating | None:
        await reports.reporting.appeal(OWNER, decision, "No.")
        await reports.reporting.answer(acting(MANAGER), report, AppealState.REVERSED)
        await reports.carrying_out.carry_out_all()
        return await world.services.checks.rating_of(job)

    before = await world.services.checks.rating_of(job)
    made: list[int] = []
    for by, rating in ((PERSON, ContentRating.TEEN), (OTHER, ContentRating.EXPLICIT)):
        made.append(await reports.reported(job, by=by))
        await reports.reporting.decide(acting(MANAGER), made[-1], DecisionAction.RATE, rating=rating)
        await reports.carrying_out.carry_out_all()
    assert await reversed_after(1, made[0]) is ContentRating.EXPLICIT, "that decision holds"
    assert await reversed_after(2, made[1]) is before, "nothing is left of either"


async def test_what_nobody_decides_comes_back_after_some_days(reports: ReportWorld) -> None:
    db, job = reports.world.db, await reports.picture()
    await reports.reported(job)
    await reports.carrying_out.carry_out_all()
    days = reports.world.settings.moderation.held_days
    await db.write("UPDATE report SET created_at = created_at - ?", ((days - 1) * DAY_MS,))
    await reports.carrying_out.carry_out_all()
    assert reports.discord.delivered == {DELIVERED: "reported"}
    await db.write("UPDATE report SET created_at = created_at - ?", (DAY_MS,))
    await reports.carrying_out.carry_out_all()
    assert reports.discord.delivered == {DELIVERED: "pictures"}
    await reports.reported(job, by=OTHER)
    assert not await db.all(HELD_AMONG, [job.id]), "it has been hidden for as long as it may be"


async def test_one_person_cannot_hide_everything(reports: ReportWorld) -> None:
    db = reports.world.db

    async def hides(by: int) -> bool:
        job = await reports.picture()
        await reports.reported(job, by)
        return bool(await db.all(HELD_AMONG, [job.id]))

    assert [await hides(PERSON) for _ in range(MOST_HIDDEN_A_DAY + 1)] == [True] * MOST_HIDDEN_A_DAY + [False]
    reports.world.later_ms = DAY_MS + 1000
    assert await hides(PERSON)
    for number in range(MOST_DISMISSED):
        await reports.reporting.decide(acting(MANAGER), number + 1, DecisionAction.DISMISS)
    assert not await hides(PERSON), "too many of this person's reports were dismissed"
    assert await hides(OTHER)
    joined = await reports.picture()
    await reports.reported(joined)
    await reports.reported(joined, by=OTHER)
    assert await db.all(HELD_AMONG, [joined.id]), "somebody else says so too"
    reports.world.later_ms = (DISMISSED_DAYS + 1) * DAY_MS
    assert await hides(PERSON)


async def test_a_report_that_has_hidden_counts_also_when_its_person_says_more(reports: ReportWorld) -> None:
    db, job = reports.world.db, await reports.picture()
    hiding = NewReport(Subject.PICTURES, job.id, SERVER, OWNER, False, PERSON, WHY, "", hides=True)
    for new in (hiding, replace(hiding, hides=False)):
        await save_report(db, new)
        assert await db.get(COUNT_HIDDEN_BY, person=PERSON, since=0) == 1


async def test_nothing_is_hidden_where_the_settings_hold_nothing(reports: ReportWorld) -> None:
    reports.world.settings = reports.world.settings.model_copy(update={"moderation": ModerationSettings(held_days=0)})
    job = await reports.picture()
    await reports.reported(job)
    assert not await reports.world.db.all(HELD_AMONG, [job.id])


async def test_a_reversal_leaves_what_staff_took_down_by_themselves(reports: ReportWorld) -> None:
    db, job = reports.world.db, await reports.picture()
    await db.run(RECORD_TAKEDOWN, job=job.id, server=SERVER, person=job.person_id, now=now_ms(), reason="Not here.")
    report = await reports.reported(job)
    await reports.reporting.decide(acting(MANAGER), report, DecisionAction.HIDE)
    await reports.carrying_out.carry_out_all()
    await reports.reporting.appeal(OWNER, 1, "No.")
    await reports.reporting.answer(acting(MANAGER), report, AppealState.REVERSED)
    await reports.carrying_out.carry_out_all()
    assert await db.one(TAKEN_DOWN_IN, job=job.id, server=SERVER) == SERVER
    assert await db.all(UNTOLD_TAKEDOWNS, OWNER) == [Takedown(job.id, SERVER, "Not here.")], (
        "that takedown is still to be told"
    )
