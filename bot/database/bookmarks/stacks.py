"""Stacks: named sets of LoRA uses, each LoRA named by its file, so that a stack means the same for whoever has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Json

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import name_key
from bot.database.people import people
from bot.database.query import Query, SqlStatement
from bot.database.search import storable
from bot.visible_text import is_blank
from inference.regions import RegionName

MAX_NAME = 60  # characters
MAX_STACKS = 200  # of one person


@dataclass(frozen=True)
class StackLora:
    """One use: the file, the name it had when the stack was saved, and the chosen words (None: the usual ones).

    `region` is the part of the picture that it is for; None: the whole picture.
    """

    sha256: str
    name: str
    weight: float
    trigger_words: tuple[str, ...] | None = None
    region: RegionName | None = None


@dataclass(frozen=True)
class Stack:
    """A person's stack. `code` is by which others get a copy, None while it is not shared. Time in unix ms."""

    id: int
    person_id: int
    name: str
    code: str | None
    created_at: int
    loras: Json[tuple[StackLora, ...]]


# All 17 digits of a weight: JSON has 15.
_STACK = """
    SELECT stack.*, (
        SELECT json_group_array(json_object(
            'sha256', sha256, 'name', name, 'weight', json(format('%!.17g', weight)),
            'trigger_words', json(trigger_words), 'region', region
        )) FROM (SELECT * FROM stack_lora WHERE stack_id = stack.id ORDER BY position)
    ) AS loras FROM stack
"""
FIND_STACK = Query(Stack, f"{_STACK} WHERE id = :id AND person_id = :person")
FIND_STACK_BY_NAME = Query(Stack, f"{_STACK} WHERE person_id = :person AND name_key = :name_key")
FIND_STACK_BY_CODE = Query(Stack, f"{_STACK} WHERE code = ?")
LIST_STACKS = Query(Stack, f"{_STACK} WHERE person_id = :person ORDER BY name_key LIMIT :limit OFFSET :offset")
COUNT_STACKS = Query(int, "SELECT count(*) FROM stack WHERE person_id = ?")
SAVE_STACK = Query(
    int,
    """
    INSERT INTO stack (person_id, name, name_key, created_at) VALUES (:person, :name, :name_key, :now)
    ON CONFLICT (person_id, name_key) DO NOTHING RETURNING id
    """,
)
ADD_STACK_LORA = SqlStatement("""
    INSERT INTO stack_lora (stack_id, position, sha256, name, weight, trigger_words, region)
    VALUES (:stack, :position, :sha256, :name, :weight, :trigger_words, :region)
""")
RENAME_STACK = SqlStatement(
    "UPDATE OR IGNORE stack SET name = :name, name_key = :name_key WHERE id = :id AND person_id = :person"
)
DELETE_STACK = SqlStatement("DELETE FROM stack WHERE id = :id AND person_id = :person")
SHARE_STACK = SqlStatement(
    "UPDATE OR IGNORE stack SET code = :code WHERE id = :id AND person_id = :person AND code IS NULL"
)
# Copies of others stay.
UNSHARE_STACK = SqlStatement("UPDATE stack SET code = NULL WHERE id = :id AND person_id = :person")
# Unknown codes that a person typed.
ADD_MISS = SqlStatement("INSERT INTO stack_miss (person_id, missed_at) VALUES (:person, :now)")
COUNT_MISSES = Query(int, "SELECT count(*) FROM stack_miss WHERE person_id = :person AND missed_at >= :since")
FORGET_MISSES = SqlStatement("DELETE FROM stack_miss WHERE person_id = :person AND missed_at < :before")


def stack_name(typed: str) -> str:
    """A name as it is kept: one line, at most MAX_NAME characters; "" when it displays nothing."""
    name = " ".join(storable(typed).split())[:MAX_NAME].strip()
    return "" if is_blank(name) else name


async def save_stack(db: Database, person_id: int, name: str, loras: Sequence[StackLora]) -> Stack | None:
    """Store a new stack; None when the person has one of this name, compared without case."""
    kept = stack_name(name)
    async with db.transaction():
        await people.remember_person(db, person_id)
        stack_id = await db.one(SAVE_STACK, person=person_id, name=kept, name_key=name_key(kept), now=now_ms())
        if stack_id is None:
            return None
        for position, lora in enumerate(loras):
            words = None if lora.trigger_words is None else json.dumps(lora.trigger_words)
            await db.run(
                ADD_STACK_LORA, stack=stack_id, position=position,
                sha256=lora.sha256, name=lora.name, weight=lora.weight, trigger_words=words, region=lora.region,
            )  # fmt: skip
        return await db.get(FIND_STACK, id=stack_id, person=person_id)


async def rename_stack(db: Database, person_id: int, stack_id: int, name: str) -> bool:
    """Give it another name. False when the person has one of that name or not this one."""
    kept = stack_name(name)
    return await db.run(RENAME_STACK, name=kept, name_key=name_key(kept), id=stack_id, person=person_id)


async def find_stack_by_name(db: Database, person_id: int, name: str) -> Stack | None:
    """The person's stack of this name, in whatever case, or None."""
    return await db.one(FIND_STACK_BY_NAME, person=person_id, name_key=name_key(stack_name(name)))


async def share_stack(db: Database, person_id: int, stack_id: int, code: str) -> str | None:
    """The code of a stack: the one it has, else `code`. None when `code` is another's."""
    async with db.transaction():
        await db.run(SHARE_STACK, code=code, id=stack_id, person=person_id)
        stack = await db.one(FIND_STACK, id=stack_id, person=person_id)
    return None if stack is None else stack.code


async def remember_miss(db: Database, person_id: int, *, since_ms: int) -> None:
    """Store that the person typed an unknown code; misses before `since_ms` are deleted."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        await db.run(FORGET_MISSES, person=person_id, before=since_ms)
        await db.run(ADD_MISS, person=person_id, now=now_ms())
