"""Blocks of people and LoRAs: with a reason and perhaps an end, each with an entry in the audit log."""

from __future__ import annotations

import pytest

from bot.database.clock import now_ms
from bot.database.people.blocks import BlockKind
from bot.database.servers.audit import AuditAction
from bot.errors.blocks import CannotBeBlocked, EndInThePast
from bot.errors.decisions import ReasonNeeded
from bot.errors.missing import NothingThere
from inference.errors import RequestError
from tests.bot.database.conftest import add_lora
from tests.bot.servers.administration.staff import OPERATING, STAFF, log, told
from tests.bot.servers.world import (
    MANAGER,
    OPERATOR,
    PERSON,
    SERVER,
    ServerWorld,
)


async def test_a_block_is_replaced_and_lifted_with_what_it_was(world: ServerWorld) -> None:
    administration, end = world.services.administration, now_ms() + 86_400_000
    await administration.blocks.block_person(STAFF, SERVER, PERSON, reason=" spam \n again ", ends_at=end)
    await administration.blocks.block_person(STAFF, SERVER, PERSON, reason="abuse")
    (block,) = await administration.blocks.page(STAFF, SERVER, BlockKind.PERSON, limit=5)
    assert (block.target_id, block.reason, block.ends_at, block.created_by) == (PERSON, "abuse", None, MANAGER)
    await administration.blocks.unblock(OPERATING, SERVER, BlockKind.PERSON, PERSON)
    with pytest.raises(NothingThere):
        await administration.blocks.unblock(STAFF, SERVER, BlockKind.PERSON, PERSON)
    first, second, third = told(await log(world, person_id=PERSON))
    assert first[2]["reason"] == (None, "spam again") and str(first[2]["end"][1]).endswith("UTC")
    assert second[2]["reason"] == ("spam again", "abuse") and second[2]["end"][1] == "never"
    assert third == (OPERATOR, "unblock_person", {"reason": ("abuse", None), "end": ("never", None)})


@pytest.mark.parametrize(
    ("person", "reason", "end", "kind"),
    [
        (MANAGER, "x", None, CannotBeBlocked),
        (OPERATOR, "x", None, CannotBeBlocked),
        (PERSON, " \n", None, ReasonNeeded),
        (PERSON, "\u3164", None, ReasonNeeded),
        (PERSON, "x" * 501, None, ReasonNeeded),
        (PERSON, "x", 1, EndInThePast),
    ],
)
async def test_a_block_that_cannot_be_is_told(
    world: ServerWorld, person: int, reason: str, end: int | None, kind: type[RequestError]
) -> None:
    with pytest.raises(kind):
        await world.services.administration.blocks.block_person(STAFF, SERVER, person, reason=reason, ends_at=end)
    assert not await log(world)


async def test_a_lora_is_blocked_by_its_entry(world: ServerWorld) -> None:
    lora = await add_lora(world.db, "Komori")
    with pytest.raises(NothingThere):
        await world.services.administration.blocks.block_lora(STAFF, SERVER, lora.id + 1, reason="x")
    await world.services.administration.blocks.block_lora(STAFF, SERVER, lora.id, reason="x")
    assert set((await world.services.servers.of(SERVER)).lora_blocks) == {lora.id}
    ((entry),) = await log(world, action=AuditAction.BLOCK_LORA)
    assert entry.target == f"Komori #{lora.id}" and entry.person_id is None
