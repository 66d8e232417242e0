"""Stacks in the database: names of a person are one whatever their case, codes belong to one stack."""

from __future__ import annotations

from bot.database.bookmarks.stacks import (
    COUNT_MISSES,
    COUNT_STACKS,
    DELETE_STACK,
    FIND_STACK,
    FIND_STACK_BY_CODE,
    LIST_STACKS,
    MAX_STACKS,
    UNSHARE_STACK,
    StackLora,
    find_stack_by_name,
    remember_miss,
    rename_stack,
    save_stack,
    share_stack,
    stack_name,
)
from bot.database.database import Database
from inference.regions import RegionName
from tests.bot.database.conftest import NOBODY, erase, sha

ADA, GRACE = 1, 2
FAMILY = "\U0001f469\u200d\U0001f467"  # one emoji of two
LORAS = [StackLora(sha("a"), "Owl", 0.1 + 0.2), StackLora(sha("b"), "Wash", -0.5, ("wet", "paint"), RegionName.LEFT)]


async def test_a_stack_comes_back_as_it_was_saved(db: Database) -> None:
    saved = await save_stack(db, ADA, "  Evening\n light ", LORAS)
    assert saved is not None and saved.name == "Evening light" and saved.loras == tuple(LORAS)
    assert await find_stack_by_name(db, ADA, "EVENING  LIGHT") == saved
    assert await db.one(FIND_STACK, id=saved.id, person=ADA) == saved


async def test_a_persons_names_are_one_in_whatever_case_and_nobody_elses(db: Database) -> None:
    assert await save_stack(db, ADA, "Evening", LORAS)
    assert await save_stack(db, ADA, "EVENING", LORAS) is None
    assert await save_stack(db, GRACE, "evening", LORAS)
    assert [stack.name for stack in await db.all(LIST_STACKS, person=ADA, limit=MAX_STACKS, offset=0)] == ["Evening"]


async def test_names_are_bounded() -> None:
    assert stack_name("x" * 500) == "x" * 60
    for unseen in (" \0\n", "\u3164", "\u200b\u2800"):
        assert stack_name(unseen) == ""
    assert stack_name(FAMILY) == FAMILY, "joiners matter in emoji"


async def test_another_persons_stack_cannot_be_touched(db: Database) -> None:
    saved = await save_stack(db, ADA, "Evening", LORAS)
    assert saved is not None
    assert await db.one(FIND_STACK, id=saved.id, person=GRACE) is None
    assert not await rename_stack(db, GRACE, saved.id, "mine")
    assert not await db.run(DELETE_STACK, id=saved.id, person=GRACE)
    assert await share_stack(db, GRACE, saved.id, "CODE") is None
    assert await db.one(FIND_STACK, id=saved.id, person=ADA) == saved


async def test_renaming_does_not_take_a_name_that_is_there(db: Database) -> None:
    first = await save_stack(db, ADA, "one", LORAS)
    await save_stack(db, ADA, "two", LORAS)
    assert first is not None
    assert not await rename_stack(db, ADA, first.id, "TWO")
    assert await rename_stack(db, ADA, first.id, "One")


async def test_a_code_stays_until_it_is_taken_away(db: Database) -> None:
    first = await save_stack(db, ADA, "one", LORAS)
    second = await save_stack(db, GRACE, "two", LORAS)
    assert first is not None and second is not None
    assert await share_stack(db, ADA, first.id, "AAAA") == "AAAA"
    assert await share_stack(db, ADA, first.id, "BBBB") == "AAAA"
    assert await share_stack(db, GRACE, second.id, "AAAA") is None  # it is another's: ask for a new one
    found = await db.one(FIND_STACK_BY_CODE, "AAAA")
    assert found is not None and found.id == first.id
    await db.run(UNSHARE_STACK, id=first.id, person=ADA)
    assert await db.one(FIND_STACK_BY_CODE, "AAAA") is None


async def test_misses_are_counted_since_a_time_and_then_forgotten(db: Database) -> None:
    for _ in range(3):
        await remember_miss(db, ADA, since_ms=0)
    assert await db.get(COUNT_MISSES, person=ADA, since=0) == 3
    assert await db.get(COUNT_MISSES, person=GRACE, since=0) == 0
    await remember_miss(db, ADA, since_ms=2**50)
    assert await db.get(COUNT_MISSES, person=ADA, since=0) == 1


async def test_stacks_go_with_their_person(db: Database) -> None:
    await save_stack(db, ADA, "one", LORAS)
    await erase(db, ADA)
    assert await db.get(COUNT_STACKS, ADA) == await db.get(COUNT_STACKS, NOBODY) == 0
