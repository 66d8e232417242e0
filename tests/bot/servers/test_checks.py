"""Orders are checked with what is stored, and again before they are painted and delivered."""

from __future__ import annotations

import asyncio

import pytest

from bot.database.clock import DAY_MS, now_ms
from bot.database.jobs import jobs
from bot.database.jobs.jobs import Job, StoredJob
from bot.database.people.blocks import BlockKind
from bot.database.servers.limits import LimitHolder, LimitName
from bot.errors.blocks import LoraBlocked, LoraBlockedEverywhere, PersonBlocked, PersonBlockedEverywhere
from bot.errors.limits import CooldownRunning, PicturesUsedUp, TooManySteps
from bot.errors.rights import (
    CategoryNotAllowed,
    ChannelNotAllowed,
    CheckpointNotAllowed,
    CommandClosed,
    InTimeOut,
    NoMember,
    RightsUnknown,
    RoleNeeded,
)
from bot.errors.words import WordsNotAllowed
from bot.servers.context import MemberFacts
from inference.errors import RequestError, SexualMinors
from inference.messages.request import GenerationRequest, LoraUse
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import add_lora
from tests.bot.jobs.captions import CaptionRequest
from tests.bot.servers.world import (
    CHANNEL,
    ELSEWHERE,
    JOINED,
    MANAGER,
    OPERATOR,
    OTHER,
    PAINTER,
    PERSON,
    SERVER,
    ServerWorld,
    acting,
)
from tests.house import PASTEL, VIVID
from tests.inference.requests import request

STAFF, OPERATING = acting(MANAGER), acting(OPERATOR)
PAINTING = acting(role_ids={PAINTER})


async def limit(world: ServerWorld, holder: LimitHolder, holder_id: int = 0, **values: float) -> None:
    named = {LimitName(name): value for name, value in values.items()}
    await world.services.administration.limits.change(
        STAFF, SERVER, holder, named, holder_id=holder_id, name="Painters"
    )


async def configure(world: ServerWorld, **changes: object) -> None:
    await world.services.administration.settings.change(STAFF, SERVER, **changes)


async def using(world: ServerWorld, name: str = "Komori", **sidecar: object) -> GenerationRequest:
    lora = await add_lora(world.db, name, **sidecar)
    sha256 = lora.versions[0].sha256
    assert sha256 is not None
    return request(loras=[LoraUse(sha256=sha256, name=name)])


async def refusal(world: ServerWorld, job: Job) -> type[RequestError] | None:
    found = await world.services.checks.still_allowed(job)
    return None if found is None else type(found)


# --- orders ---------------------------------------------------------------------------------------------------------


async def test_where_nothing_is_set_everybody_paints_everywhere(world: ServerWorld) -> None:
    for context in (acting(), acting(server_id=None), acting(bot_in_server=False), acting(checked_by_discord=False)):
        checked = await world.services.checks.check_request(context, request())
        assert checked.policy == world.settings.limits.policy
        assert await refusal(world, await world.order(context, request())) is None


async def test_the_days_pictures_end_and_other_places_have_their_own(world: ServerWorld) -> None:
    await limit(world, LimitHolder.EVERYBODY, pictures_per_day=3)
    await world.order(acting(), request(count=2))
    with pytest.raises(PicturesUsedUp, match="limit for everyone"):
        await world.order(acting(), request(count=2))
    await world.order(acting(), request())
    with pytest.raises(PicturesUsedUp):
        await world.order(acting(), request())
    await world.order(acting(OTHER), request())
    await world.order(acting(server_id=ELSEWHERE), request())
    await world.order(acting(server_id=None), request())
    world.later_ms = DAY_MS
    await world.services.checks.check_request(acting(), request(count=3))


async def test_the_operators_day_counts_all_places(world: ServerWorld) -> None:
    world.operator_limits(pictures_per_day=2)
    await world.order(acting(), request())
    await world.order(acting(server_id=None), request())
    for context in (acting(), acting(server_id=ELSEWHERE), acting(server_id=None)):
        with pytest.raises(PicturesUsedUp, match="operator"):
            await world.order(context, request())
    await limit(world, LimitHolder.PERSON, PERSON, pictures_per_day=2)


async def test_the_count_survives_a_restart_and_a_picture_that_was_not_painted_gives_its_quota_back(
    world: ServerWorld,
) -> None:
    await limit(world, LimitHolder.EVERYBODY, pictures_per_day=2)
    first, second = await world.order(acting(), request()), await world.order(acting(), request())
    world.restart()
    with pytest.raises(PicturesUsedUp):
        await world.order(acting(), request())
    await jobs.fail_job(world.db, first.id, None, "worker_failed", {"reason": "x"})
    await world.order(acting(), request())
    await world.db.one(jobs.CANCEL_JOB, now=now_ms(), id=second.id)
    await world.db.one(jobs.CANCEL_JOB, now=now_ms(), id=second.id)
    await world.order(acting(), request())
    with pytest.raises(PicturesUsedUp):
        await world.order(acting(), request())


async def test_orders_of_the_same_moment_do_not_pass_the_limit_together(world: ServerWorld) -> None:
    await limit(world, LimitHolder.EVERYBODY, pictures_per_day=3)
    ends = await asyncio.gather(*(world.order(acting(), request()) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(end, StoredJob) for end in ends) == 3
    assert sum(isinstance(end, PicturesUsedUp) for end in ends) == 5
    (count,) = await world.db.fetch("SELECT count(*) FROM job")
    assert count[0] == 3, "an order that was refused late leaves nothing"


async def test_orders_of_the_same_moment_keep_the_cooldown(world: ServerWorld) -> None:
    await limit(world, LimitHolder.EVERYBODY, cooldown_seconds=60)
    ends = await asyncio.gather(*(world.order(acting(), request()) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(end, StoredJob) for end in ends) == 1
    assert sum(isinstance(end, CooldownRunning) for end in ends) == 3


async def test_a_cooldown_ends_and_does_not_follow_a_failure(world: ServerWorld) -> None:
    await limit(world, LimitHolder.EVERYBODY, cooldown_seconds=60)
    job = await world.order(acting(), request())
    with pytest.raises(CooldownRunning):
        await world.order(acting(), request())
    await world.order(acting(server_id=ELSEWHERE), request())
    world.later_ms = 60_000
    await world.services.checks.check_request(acting(), request())
    world.later_ms = 0
    await jobs.fail_job(world.db, job.id, None, "worker_failed", {"reason": "x"})
    again = await world.order(acting(), request())
    await world.db.one(jobs.CANCEL_JOB, now=now_ms(), id=again.id)
    with pytest.raises(CooldownRunning):
        await world.order(acting(), request())


async def test_a_role_gives_more_and_the_answer_says_so(world: ServerWorld) -> None:
    await limit(world, LimitHolder.EVERYBODY, pictures_per_day=1, weight=0.5)
    await limit(world, LimitHolder.ROLE, PAINTER, pictures_per_day=2, weight=2)
    with pytest.raises(PicturesUsedUp, match="limit for everyone"):
        await world.order(acting(), request(count=2))
    with pytest.raises(PicturesUsedUp, match="the role Painters"):
        await world.order(PAINTING, request(count=3))
    assert (await world.order(PAINTING, request(count=2))).weight == 2
    limits = await world.services.checks.limits_of(PAINTING)
    assert limits.limits[LimitName.WEIGHT].value == 2
    assert limits.limits[LimitName.WEIGHT].source.role == "Painters"
    assert limits.limits[LimitName.WAITING_PER_PERSON].source.holder is LimitHolder.OPERATOR


async def test_new_members_have_limits_of_their_own(world: ServerWorld) -> None:
    await configure(world, newcomer_hours=2)
    await limit(world, LimitHolder.NEWCOMERS, pictures_per_day=0)
    new = acting(joined_at=now_ms() - 3_600_000)
    with pytest.raises(PicturesUsedUp, match="new members"):
        await world.order(new, request())
    world.later_ms = 3_600_000
    await world.services.checks.check_request(new, request())


async def test_a_limit_of_a_person_holds_at_once(world: ServerWorld) -> None:
    await world.order(acting(), request())
    await limit(world, LimitHolder.PERSON, PERSON, pictures_per_day=1)
    with pytest.raises(PicturesUsedUp, match="set this limit for you"):
        await world.order(acting(), request())
    await world.order(acting(OTHER), request())


async def test_no_limit_of_a_server_holds_for_operators(world: ServerWorld) -> None:
    await limit(world, LimitHolder.EVERYBODY, pictures_per_day=0)
    await limit(world, LimitHolder.PERSON, OPERATOR, pictures_per_day=0)
    await world.order(OPERATING, request())


async def test_places_and_checkpoints_that_staff_have_chosen(world: ServerWorld) -> None:
    await configure(world, channels=(CHANNEL,), checkpoints=(PASTEL.upper(),))
    with pytest.raises(CheckpointNotAllowed):
        await world.order(acting(), request(checkpoint=VIVID))
    with pytest.raises(ChannelNotAllowed):
        await world.order(acting(channel_id=8), request(checkpoint=PASTEL))
    await world.order(acting(channel_id=8, parent_ids={CHANNEL}), request(checkpoint=PASTEL))
    await world.order(acting(server_id=ELSEWHERE, channel_id=8), request(checkpoint=VIVID))


async def test_loras_that_staff_have_left_out(world: ServerWorld) -> None:
    wanted = await using(world, category="character")
    await configure(world, categories=("style",))
    with pytest.raises(CategoryNotAllowed, match="character"):
        await world.order(acting(), wanted)
    await configure(world, categories=("style", "character"))
    await world.order(acting(), wanted)
    found = await world.db.fetch("SELECT id FROM lora")
    administration = world.services.administration
    await administration.blocks.block_lora(STAFF, SERVER, found[0]["id"], reason="copies a living artist")
    with pytest.raises(LoraBlocked, match="copies a living artist"):
        await world.order(acting(), wanted)
    await world.order(acting(server_id=ELSEWHERE), wanted)
    await administration.blocks.unblock(STAFF, SERVER, BlockKind.LORA, found[0]["id"])
    await world.order(acting(), wanted)
    await administration.blocks.block_lora(OPERATING, EVERYWHERE, found[0]["id"], reason="malware")
    for context in (acting(), acting(server_id=None), OPERATING):
        with pytest.raises(LoraBlockedEverywhere):
            await world.order(context, wanted)


async def test_a_blocked_person_paints_elsewhere_until_an_operator_blocks_them(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.blocks.block_person(STAFF, SERVER, PERSON, reason="spam", ends_at=now_ms() + 60_000)
    with pytest.raises(PersonBlocked, match="spam"):
        await world.order(acting(), request())
    await world.order(acting(server_id=None), request())
    await administration.blocks.block_person(OPERATING, EVERYWHERE, PERSON, reason="abuse")
    with pytest.raises(PersonBlockedEverywhere):
        await world.order(acting(server_id=None), request())
    await administration.blocks.unblock(OPERATING, EVERYWHERE, BlockKind.PERSON, PERSON)
    world.later_ms = 60_000
    await world.services.checks.check_request(acting(), request())


async def test_a_button_is_closed_with_its_command(world: ServerWorld) -> None:
    world.discord.closed = True
    with pytest.raises(CommandClosed):
        await world.order(acting(checked_by_discord=False), request())
    await world.order(acting(), request())


async def test_a_button_waits_while_discord_cannot_tell(world: ServerWorld) -> None:
    world.discord.fails = True
    with pytest.raises(RightsUnknown):
        await world.order(acting(checked_by_discord=False), request())
    await world.order(acting(), request())


# --- between the order and the result -------------------------------------------------------------------------------


async def test_a_role_that_was_lost(world: ServerWorld) -> None:
    await configure(world, paint_roles=(PAINTER,))
    world.discord.members[PERSON] = MemberFacts(frozenset({PAINTER}), 0, JOINED)
    job = await world.order(PAINTING, request())
    assert await refusal(world, job) is None
    world.discord.members[PERSON] = MemberFacts(frozenset(), 0, JOINED)
    world.services.members.forget(SERVER, PERSON)
    assert await refusal(world, job) is RoleNeeded
    world.discord.fails = True
    world.services.members.forget(SERVER, PERSON)
    assert await refusal(world, job) is RoleNeeded, "a failure gives nothing back"


async def test_a_limit_that_the_operator_lowered(world: ServerWorld) -> None:
    world.operator_limits(max_steps=40)
    with pytest.raises(TooManySteps):
        await world.order(acting(), request(steps=41))
    job = await world.order(acting(), request(steps=30))
    assert await refusal(world, job) is None
    world.operator_limits(max_steps=20)
    assert await refusal(world, job) is TooManySteps


async def test_while_discord_fails_it_is_as_at_the_order_also_after_a_restart(world: ServerWorld) -> None:
    await configure(world, paint_roles=(PAINTER,))
    world.discord.fails = True
    job = await world.order(PAINTING, request())
    assert await refusal(world, job) is None
    world.restart()
    assert await refusal(world, job) is None
    await world.db.write("UPDATE job_order SET context = NULL")
    assert await refusal(world, job) is RoleNeeded, "nothing is known of it"


async def test_a_manager_may_paint_without_a_role_until_that_is_taken_away(world: ServerWorld) -> None:
    await configure(world, paint_roles=(PAINTER,))
    world.discord.members[MANAGER] = MemberFacts(frozenset(), STAFF.permissions, JOINED)
    job = await world.order(STAFF, request())
    assert await refusal(world, job) is None
    world.discord.members[MANAGER] = MemberFacts(frozenset(), 0, JOINED)
    world.services.members.forget(SERVER, MANAGER)
    assert await refusal(world, job) is RoleNeeded


async def test_who_left_or_is_in_a_time_out(world: ServerWorld) -> None:
    job = await world.order(acting(), request())
    world.discord.members[PERSON] = None
    assert await refusal(world, job) is NoMember
    world.discord.members[PERSON] = MemberFacts(frozenset(), 0, JOINED, timed_out_until=now_ms() + 60_000)
    world.services.members.forget(SERVER, PERSON)
    assert await refusal(world, job) is InTimeOut


async def test_what_staff_have_closed_since(world: ServerWorld) -> None:
    wanted = await using(world, category="style")
    administration = world.services.administration
    job = await world.order(acting(), wanted)
    (lora,) = await world.db.fetch("SELECT id FROM lora")
    assert await refusal(world, job) is None

    await configure(world, channels=(8,))
    assert await refusal(world, job) is ChannelNotAllowed
    await configure(world, channels=(), checkpoints=(PASTEL,))
    assert await refusal(world, job) is CheckpointNotAllowed
    await configure(world, checkpoints=(), categories=("pose",))
    assert await refusal(world, job) is CategoryNotAllowed
    await configure(world, categories=())
    assert await refusal(world, job) is None

    await administration.blocks.block_lora(STAFF, SERVER, lora["id"], reason="stolen")
    assert await refusal(world, job) is LoraBlocked
    await administration.blocks.unblock(STAFF, SERVER, BlockKind.LORA, lora["id"])
    await administration.blocks.block_person(STAFF, SERVER, PERSON, reason="spam")
    assert await refusal(world, job) is PersonBlocked
    world.discord.fails = True
    assert await refusal(world, job) is PersonBlocked


async def test_a_command_that_was_closed_since(world: ServerWorld) -> None:
    job = await world.order(acting(), request())
    world.discord.closed = True
    assert await refusal(world, job) is CommandClosed
    world.discord.fails = True
    world.services.gate.forget(SERVER)
    assert await refusal(world, job) is CommandClosed


async def test_rules_on_words_hold_for_everybody_and_for_what_was_ordered_before(world: ServerWorld) -> None:
    for context in (acting(), acting(MANAGER), acting(OPERATOR), acting(server_id=None)):
        with pytest.raises(SexualMinors):
            await world.services.checks.check_request(context, request(prompt="a nude child"))
    job = await world.order(acting(OPERATOR), request(prompt="a zorble", seed=1))
    assert await refusal(world, job) is None
    world.moderate(lists=[{"name": "house rules", "words": ["zorble"]}])
    assert await refusal(world, job) is WordsNotAllowed
    with pytest.raises(WordsNotAllowed, match="“house rules”"):
        await world.order(acting(), job.request)


async def test_a_job_of_another_kind_needs_the_rights_and_costs_no_pictures(world: ServerWorld) -> None:
    await limit(world, LimitHolder.EVERYBODY, pictures_per_day=1)
    made = CaptionRequest(checkpoint=VIVID, words=3)
    job = await jobs.create_job(world.db, made, person_id=PERSON, channel_id=CHANNEL, server_id=SERVER)
    found = await world.services.checks.still_allowed(job)
    assert found is None
    await world.order(acting(), request(steps=1))
    await configure(world, checkpoints=(PASTEL,))
    assert isinstance(await world.services.checks.still_allowed(job), CheckpointNotAllowed)
    await configure(world, channels=(8,))
    assert isinstance(await world.services.checks.still_allowed(job), ChannelNotAllowed)


async def test_quotas_and_cooldowns_were_settled_at_the_order(world: ServerWorld) -> None:
    job = await world.order(acting(), request(count=2))
    await limit(world, LimitHolder.EVERYBODY, pictures_per_day=1, cooldown_seconds=600)
    assert await refusal(world, job) is None


async def test_sums_of_days_that_are_over_go(world: ServerWorld) -> None:
    await world.order(acting(), request())
    await world.db.write("UPDATE daily_usage SET day = day - 3")
    await world.order(acting(), request())
    rows = await world.db.fetch("SELECT day FROM daily_usage")
    assert {row["day"] for row in rows} == {now_ms() // DAY_MS}
