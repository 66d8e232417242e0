"""Who may add LoRAs, and how many: judged in the transaction that stores the request."""

from __future__ import annotations

import asyncio

import pytest

from bot.database.additions.additions import (
    NO_ADDITION,
    UNTOLD_REQUESTS,
    WAITING_ADDITION,
    LoraAddition,
    begin_addition,
    fail_addition,
    finish_addition,
    withdraw_request,
)
from bot.database.clock import DAY_MS
from bot.database.servers.limits import LimitHolder, LimitName
from bot.errors.blocks import PersonBlocked
from bot.errors.limits import AddedTooMany, AddingDenied, ServerAddedTooMany
from bot.errors.rights import AddingForManagers, AddingForOperators, AddingForRoles
from bot.servers.context import ActionContext
from bot.sources.errors import (
    AddingOff,
    FileOfUnknownModel,
    FileUnsupported,
    FileUnusable,
    Gone,
    LargerThanSaid,
    LoginNeeded,
    PickleInsteadOfFile,
    SourceError,
    SourceUnreachable,
    WrongHash,
)
from inference.errors import RequestError
from tests.bot.servers.world import ELSEWHERE, MANAGER, OPERATOR, OTHER, PAINTER, PERSON, SERVER, ServerWorld, acting

pytestmark = pytest.mark.usefixtures("enabled")

STAFF = acting(MANAGER)
ADDING, OTHER_ADDING = acting(role_ids={PAINTER}), acting(OTHER, role_ids={PAINTER})


@pytest.fixture
def enabled(world: ServerWorld) -> None:
    sources = world.settings.sources.model_copy(update={"enabled": True})
    world.settings = world.settings.model_copy(update={"sources": sources})


@pytest.fixture
async def adders(world: ServerWorld) -> ServerWorld:
    """A world in whose server the painters may add LoRAs."""
    await world.services.administration.settings.change(STAFF, SERVER, lora_roles=(PAINTER,))
    return world


async def add(world: ServerWorld, who: ActionContext, key: str) -> LoraAddition:
    """Ask for a file as `Additions` does."""
    admission = await world.services.adding.admission(who)
    async with world.db.transaction():
        waiting = await world.db.one(WAITING_ADDITION, key)
        await admission(waiting.id if waiting else NO_ADDITION)
        return await begin_addition(
            world.db, key=key, source="{}", path=f"added/{key}", person_id=who.person_id,
            server_id=who.server_id,
        )  # fmt: skip


async def refused(world: ServerWorld, who: ActionContext, key: str) -> type[RequestError] | None:
    try:
        await add(world, who, key)
    except RequestError as problem:
        return type(problem)
    return None


async def limit(world: ServerWorld, holder: LimitHolder, value: float | None, holder_id: int = 0) -> None:
    await world.services.administration.limits.change(
        STAFF, SERVER, holder, {LimitName.LORAS_PER_DAY: value}, holder_id=holder_id, name="Painters"
    )


async def test_staff_may_and_whom_they_let(world: ServerWorld) -> None:
    assert await refused(world, ADDING, "a") is AddingForManagers
    assert await refused(world, STAFF, "a") is None
    await world.services.administration.settings.change(STAFF, SERVER, lora_roles=(PAINTER,))
    assert await refused(world, ADDING, "b") is None
    assert await refused(world, acting(OTHER), "b") is AddingForRoles
    assert await refused(world, acting(PERSON, server_id=None), "b") is AddingForOperators


async def test_it_is_judged_as_it_is_when_the_request_is_stored(adders: ServerWorld) -> None:
    admission = await adders.services.adding.admission(ADDING)
    await admission(NO_ADDITION)
    await adders.services.administration.blocks.block_person(STAFF, SERVER, PERSON, reason="spam")
    with pytest.raises(PersonBlocked):
        await admission(NO_ADDITION)
    sources = adders.settings.sources.model_copy(update={"enabled": False})
    adders.settings = adders.settings.model_copy(update={"sources": sources})
    with pytest.raises(AddingOff):
        await (await adders.services.adding.admission(STAFF))(NO_ADDITION)


async def test_of_many_presses_at_once_as_many_pass_as_are_left(adders: ServerWorld) -> None:
    adders.operator_limits(loras_per_day=3)
    ends = await asyncio.gather(*(refused(adders, ADDING, f"k{n}") for n in range(20)))
    assert [ends.count(kind) for kind in (None, AddedTooMany)] == [3, 17]


async def test_the_person_s_limit_is_everywhere_and_that_of_staff_here(adders: ServerWorld) -> None:
    adders.operator_limits(loras_per_day=3)
    await limit(adders, LimitHolder.EVERYBODY, 1)
    assert await refused(adders, ADDING, "a") is None
    assert await refused(adders, ADDING, "b") is AddedTooMany
    await limit(adders, LimitHolder.PERSON, 2, PERSON)
    assert await refused(adders, ADDING, "b") is None
    assert await refused(adders, ADDING, "c") is AddedTooMany
    elsewhere = acting(PERSON, server_id=ELSEWHERE, permissions=1 << 5)
    assert await refused(adders, elsewhere, "c") is None
    assert await refused(adders, elsewhere, "d") is AddedTooMany
    assert await refused(adders, acting(OPERATOR), "d") is None
    adders.later_ms = DAY_MS + 1000
    assert await refused(adders, ADDING, "e") is None


async def test_a_server_as_a_whole_has_a_limit(adders: ServerWorld) -> None:
    await limit(adders, LimitHolder.SERVER, 2)
    assert await refused(adders, ADDING, "a") is None
    assert await refused(adders, OTHER_ADDING, "b") is None
    assert await refused(adders, OTHER_ADDING, "c") is ServerAddedTooMany
    assert await refused(adders, OTHER_ADDING, "a") is None, "it is counted already"
    assert await refused(adders, STAFF, "c") is ServerAddedTooMany
    adders.operator_limits(server_loras_per_day=1)
    await limit(adders, LimitHolder.SERVER, None)
    with pytest.raises(ServerAddedTooMany, match="adding LoRAs: 1 in"):
        await add(adders, STAFF, "c")


async def test_zero_denies(adders: ServerWorld) -> None:
    await limit(adders, LimitHolder.PERSON, 0, PERSON)
    assert await refused(adders, ADDING, "a") is AddingDenied
    assert await refused(adders, OTHER_ADDING, "a") is None


@pytest.mark.parametrize(
    ("failure", "counts"),
    [
        (FileUnusable(name="a", reason="it ends too early"), True),
        (FileUnsupported(name="a", reason="LyCORIS"), True),
        (FileOfUnknownModel(name="a", reason="unknown"), True),
        (WrongHash(name="a", host="b"), True),
        (LargerThanSaid(name="a", host="b"), True),
        (PickleInsteadOfFile(name="a"), True),
        (Gone(host="a"), False),
        (SourceUnreachable(host="a", reason="b"), False),
    ],
)
async def test_what_came_in_vain_is_counted(adders: ServerWorld, failure: SourceError, *, counts: bool) -> None:
    adders.operator_limits(loras_per_day=1, server_loras_per_day=5)
    first = await add(adders, ADDING, "a")
    await fail_addition(adders.db, first.id, failure)
    assert (await refused(adders, ADDING, "b") is AddedTooMany) is counts


@pytest.mark.parametrize("counts", [True, False])
async def test_what_is_cancelled_counts_once_some_of_it_has_come(adders: ServerWorld, *, counts: bool) -> None:
    adders.operator_limits(loras_per_day=1)
    first = await add(adders, ADDING, "a")
    await add(adders, OTHER_ADDING, "a")
    assert await withdraw_request(adders.db, first.id, OTHER, counts=counts) is None
    assert await refused(adders, OTHER_ADDING, "b") is None, "somebody else wants it"
    assert await withdraw_request(adders.db, first.id, PERSON, counts=counts) is not None
    assert (await refused(adders, ADDING, "c") is AddedTooMany) is counts
    assert await adders.db.all(UNTOLD_REQUESTS) == []


async def test_who_asks_again_for_the_same_is_not_counted_again_and_failures_are_not(adders: ServerWorld) -> None:
    adders.operator_limits(loras_per_day=1)
    first = await add(adders, ADDING, "a")
    assert await refused(adders, ADDING, "a") is None
    await fail_addition(adders.db, first.id, LoginNeeded(host="civitai.com"))
    second = await add(adders, ADDING, "b")
    await finish_addition(adders.db, second.id, "ab" * 32)
    assert await refused(adders, ADDING, "c") is AddedTooMany
