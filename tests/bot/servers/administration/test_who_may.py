"""Each service is for staff of the server and for operators alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.database.people.blocks import BlockKind
from bot.database.servers.audit import AuditFilter
from bot.database.servers.limits import LimitHolder
from bot.errors.rights import NotOperator, NotStaff
from bot.servers.context import ActionContext
from inference.errors import RequestError
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import PONY
from tests.bot.servers.administration.staff import MEGABYTE, OPERATING, STAFF, STRANGER, WAITING, log
from tests.bot.servers.world import (
    MANAGER,
    OPERATOR,
    OTHER,
    PAINTER,
    PERSON,
    SERVER,
    ServerWorld,
    acting,
)

Doing = Callable[[ServerWorld, ActionContext], Awaitable[object]]
DOINGS: dict[str, Doing] = {
    "setup": lambda w, who: w.services.administration.settings.setup(who, SERVER),
    "change_settings": lambda w, who: w.services.administration.settings.change(who, SERVER, language="ja"),
    "set_limits": lambda w, who: w.services.administration.limits.change(who, SERVER, LimitHolder.EVERYBODY, WAITING),
    "limits_of_people": lambda w, who: w.services.administration.limits.of_people(who, SERVER, limit=5),
    "block_person": lambda w, who: w.services.administration.blocks.block_person(who, SERVER, OTHER, reason="x"),
    "block_lora": lambda w, who: w.services.administration.blocks.block_lora(who, SERVER, 1, reason="x"),
    "unblock": lambda w, who: w.services.administration.blocks.unblock(who, SERVER, BlockKind.PERSON, 99),
    "blocks": lambda w, who: w.services.administration.blocks.page(who, SERVER, BlockKind.LORA, limit=5),
    "propose": lambda w, who: w.services.administration.base_models.propose(who, SERVER, "a" * 64, PONY, reason="x"),
    "decide": lambda w, who: w.services.administration.base_models.decide(who, 1, confirmed=True),
    "phrases": lambda w, who: w.services.administration.phrases.phrases(who, SERVER),
    "add_phrase": lambda w, who: w.services.administration.phrases.add(who, SERVER, "a nude lamp"),
    "remove_phrase": lambda w, who: w.services.administration.phrases.remove(who, SERVER, 1),
    "proposals": lambda w, who: w.services.administration.base_models.page(who, limit=5),
    "audit": lambda w, who: w.services.administration.audit.page(who, SERVER, AuditFilter(), limit=5),
    "export": lambda w, who: w.services.administration.audit.export(who, SERVER, AuditFilter(), max_bytes=MEGABYTE),
}
FOR_OPERATORS = {"decide", "proposals"}


async def is_open(world: ServerWorld, doing: Doing, who: ActionContext) -> bool:
    try:
        await doing(world, who)
    except (NotStaff, NotOperator):
        return False
    except RequestError:
        return True  # there is no such LoRA, block or proposal
    return True


@pytest.mark.parametrize("name", DOINGS)
async def test_each_door_is_for_staff_of_this_server_and_operators(world: ServerWorld, name: str) -> None:
    doing = DOINGS[name]
    for who in (acting(), acting(server_id=None), STRANGER, acting(role_ids={PAINTER})):
        assert not await is_open(world, doing, who)
    assert not await log(world), "who was refused has changed nothing"
    assert await is_open(world, doing, STAFF) == (name not in FOR_OPERATORS)
    assert await is_open(world, doing, acting(OPERATOR, server_id=None))


async def test_a_role_may_be_made_staff(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.settings.change(STAFF, SERVER, staff_roles=(PAINTER,))
    await administration.settings.change(acting(role_ids={PAINTER}), SERVER, language="ja")
    with pytest.raises(NotStaff):
        await administration.settings.change(acting(), SERVER, language="en")


async def test_staff_change_nothing_everywhere(world: ServerWorld) -> None:
    for who in (STAFF, acting(MANAGER, server_id=None)):
        with pytest.raises(NotStaff):
            await world.services.administration.blocks.block_person(who, EVERYWHERE, PERSON, reason="x")
    await world.services.administration.blocks.block_person(OPERATING, EVERYWHERE, PERSON, reason="x")
