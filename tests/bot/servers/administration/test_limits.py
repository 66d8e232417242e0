"""Limits that staff set: within ranges and below the operator's, each with an entry in the audit log."""

from __future__ import annotations

import pytest

from bot.database.servers.limits import SHARED_LIMITS, LimitHolder, LimitName, LimitValues
from bot.errors.limits import LimitAboveCeiling, LimitNotForServer, LimitOutOfRange, NotWhole
from bot.servers.administration.limits import range_of
from inference.errors import RequestError
from tests.bot.servers.administration.staff import OPERATING, STAFF, WAITING, log, told
from tests.bot.servers.world import (
    ELSEWHERE,
    OTHER,
    PAINTER,
    PERSON,
    SERVER,
    ServerWorld,
    acting,
)


async def test_limits_are_set_one_by_one_and_taken_away(world: ServerWorld) -> None:
    administration = world.services.administration
    of = (STAFF, SERVER, LimitHolder.ROLE)
    named = {"holder_id": PAINTER, "name": "Painters"}
    await administration.limits.change(*of, {LimitName.WAITING_PER_PERSON: 2, LimitName.WEIGHT: 2}, **named)  # type: ignore[arg-type]
    await administration.limits.change(*of, {LimitName.WAITING_PER_PERSON: 3}, **named)  # type: ignore[arg-type]
    (held,) = (await world.services.servers.of(SERVER)).limits
    assert (held.name, held.values) == ("Painters", LimitValues(waiting_per_person=3, weight=2))
    both = {LimitName.WAITING_PER_PERSON: None, LimitName.WEIGHT: None}
    await administration.limits.change(*of, both, **named)  # type: ignore[arg-type]
    assert (await world.services.servers.of(SERVER)).limits == []
    assert [changes for _, _, changes in told(await log(world))] == [
        {"waiting_per_person": (None, 2), "weight": (None, 2.0)},
        {"waiting_per_person": (2, 3)},
        {"waiting_per_person": (3, None), "weight": (2.0, None)},
    ]
    assert {entry.target for entry in await log(world)} == {f"role Painters {PAINTER}"}


async def test_a_change_of_limits_concerns_one_server(world: ServerWorld) -> None:
    limits = world.services.administration.limits
    for server_id, values in ((ELSEWHERE, WAITING), (SERVER, WAITING), (SERVER, {LimitName.WAITING_PER_PERSON: None})):
        await limits.change(OPERATING, server_id, LimitHolder.EVERYBODY, values)
    assert (await world.services.servers.of(SERVER)).limits == []
    (held,) = await world.db.all(SHARED_LIMITS, ELSEWHERE)
    assert held.values == LimitValues(waiting_per_person=2)


async def test_the_role_that_everybody_has_is_everybody(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.limits.change(STAFF, SERVER, LimitHolder.ROLE, WAITING, holder_id=SERVER, name="@everyone")
    (held,) = (await world.services.servers.of(SERVER)).limits
    assert (held.holder, held.holder_id, held.name) == (LimitHolder.EVERYBODY, 0, "")


async def test_limits_of_people_are_found_under_their_names(world: ServerWorld) -> None:
    administration = world.services.administration
    for person in (OTHER, PERSON):
        await administration.limits.change(STAFF, SERVER, LimitHolder.PERSON, WAITING, holder_id=person)
    page = await administration.limits.of_people(STAFF, SERVER, limit=5)
    assert [held.holder_id for held in page] == [PERSON, OTHER]
    assert [entry.person_id for entry in await log(world, person_id=PERSON)] == [PERSON]


@pytest.mark.parametrize(
    ("holder", "values", "kind"),
    [
        (LimitHolder.EVERYBODY, {LimitName.WAITING_PER_PERSON: 0}, LimitOutOfRange),
        (LimitHolder.EVERYBODY, {LimitName.PICTURES_PER_DAY: -1}, LimitOutOfRange),
        (LimitHolder.EVERYBODY, {LimitName.WAITING_PER_PERSON: 2.5}, NotWhole),
        (LimitHolder.EVERYBODY, {LimitName.WEIGHT: float("nan")}, LimitOutOfRange),
        (LimitHolder.EVERYBODY, {LimitName.WAITING_PER_PERSON: 11}, LimitAboveCeiling),
        (LimitHolder.ROLE, {LimitName.WEIGHT: 5}, LimitAboveCeiling),
        (LimitHolder.PERSON, {LimitName.COOLDOWN_SECONDS: 5}, LimitAboveCeiling),
        (LimitHolder.SERVER, {LimitName.PICTURES_PER_DAY: 1001}, LimitAboveCeiling),
        (LimitHolder.SERVER, {LimitName.WAITING_PER_PERSON: 2}, LimitNotForServer),
    ],
)
async def test_a_limit_that_cannot_be_is_told(
    world: ServerWorld, holder: LimitHolder, values: dict[LimitName, float], kind: type[RequestError]
) -> None:
    world.operator_limits(cooldown_seconds=10, server_pictures_per_day=1000)
    with pytest.raises(kind):
        await world.services.administration.limits.change(STAFF, SERVER, holder, values, holder_id=5)
    assert (await world.services.servers.of(SERVER)).limits == [] and not await log(world)


async def test_a_whole_servers_day(world: ServerWorld) -> None:
    day = {LimitName.PICTURES_PER_DAY: 50.0}
    await world.services.administration.limits.change(STAFF, SERVER, LimitHolder.SERVER, day)
    (quota,) = (await world.services.checks.limits_of(acting())).quotas
    assert (quota.limit, quota.source.holder) == (50, LimitHolder.SERVER)


def test_every_limit_has_a_range() -> None:
    assert all(lowest < highest for lowest, highest in map(range_of, LimitName))
