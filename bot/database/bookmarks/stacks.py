"""Stacks: named sets of LoRA uses, each LoRA named by its file, so that a stack means the same for whoever has it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import name_key
from bot.database.people import people
from bot.database.search import storable
from bot.visible_text import is_blank
from inference.regions import RegionName

MAX_NAME = 60  # characters
MAX_STACKS = 200  # of one person

SAVE = """
    INSERT INTO stack (person_id, name, name_key, created_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (person_id, name_key) DO NOTHING RETURNING *
"""
ADD_LORA = """
    INSERT INTO stack_lora (stack_id, position, sha256, name, weight, trigger_words, region)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
RENAME = "UPDATE OR IGNORE stack SET name = ?, name_key = ? WHERE id = ? AND person_id = ? RETURNING id"
DELETE = "DELETE FROM stack WHERE id = ? AND person_id = ? RETURNING id"
FIND = "SELECT * FROM stack WHERE id = ? AND person_id = ?"
BY_NAME = "SELECT * FROM stack WHERE person_id = ? AND name_key = ?"
BY_CODE = "SELECT * FROM stack WHERE code = ?"
OF_PERSON = "SELECT * FROM stack WHERE person_id = ? ORDER BY name_key LIMIT ? OFFSET ?"
COUNT = "SELECT count(*) FROM stack WHERE person_id = ?"
SHARE = "UPDATE OR IGNORE stack SET code = ? WHERE id = ? AND person_id = ? AND code IS NULL"
UNSHARE = "UPDATE stack SET code = NULL WHERE id = ? AND person_id = ?"
LORAS = """
    SELECT * FROM stack_lora WHERE stack_id IN (SELECT value FROM json_each(?)) ORDER BY stack_id, position
"""
MISSED = "INSERT INTO stack_miss (person_id, missed_at) VALUES (?, ?)"
MISSES = "SELECT count(*) FROM stack_miss WHERE person_id = ? AND missed_at >= ?"
FORGET_MISSES = "DELETE FROM stack_miss WHERE person_id = ? AND missed_at < ?"


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
    loras: tuple[StackLora, ...]


def stack_name(typed: str) -> str:
    """A name as it is kept: one line, at most MAX_NAME characters; "" when it displays nothing."""
    name = " ".join(storable(typed).split())[:MAX_NAME].strip()
    return "" if is_blank(name) else name


async def save_stack(db: Database, person_id: int, name: str, loras: Sequence[StackLora]) -> Stack | None:
    """Store a new stack; None when the person has one of this name, compared without case. Raises DatabaseError."""
    kept = stack_name(name)
    async with db.transaction():
        await people.remember_person(db, person_id)
        rows = await db.write(SAVE, (person_id, kept, name_key(kept), now_ms()))
        if not rows:
            return None
        await _write_loras(db, rows[0]["id"], loras)
        return (await _stacks(db, rows))[0]


async def rename_stack(db: Database, person_id: int, stack_id: int, name: str) -> bool:
    """Give it another name. False when the person has one of that name or not this one. Raises DatabaseError."""
    kept = stack_name(name)
    return bool(await db.write(RENAME, (kept, name_key(kept), stack_id, person_id)))


async def delete_stack(db: Database, person_id: int, stack_id: int) -> bool:
    """Delete it; its code becomes invalid. False when it is not the person's. Raises DatabaseError."""
    return bool(await db.write(DELETE, (stack_id, person_id)))


async def find_stack(db: Database, person_id: int, stack_id: int) -> Stack | None:
    """The person's stack of this id, or None. Raises DatabaseError."""
    return await _one(db, await db.fetch_one(FIND, (stack_id, person_id)))


async def find_stack_by_name(db: Database, person_id: int, name: str) -> Stack | None:
    """The person's stack of this name, in whatever case, or None. Raises DatabaseError."""
    return await _one(db, await db.fetch_one(BY_NAME, (person_id, name_key(stack_name(name)))))


async def find_stack_by_code(db: Database, code: str) -> Stack | None:
    """The stack shared by this code, whoever's it is, or None. Raises DatabaseError."""
    return await _one(db, await db.fetch_one(BY_CODE, (code,)))


async def list_stacks(db: Database, person_id: int, *, limit: int = MAX_STACKS, offset: int = 0) -> tuple[Stack, ...]:
    """A page of the person's stacks by name. Raises DatabaseError."""
    return tuple(await _stacks(db, await db.fetch(OF_PERSON, (person_id, limit, offset))))


async def count_stacks(db: Database, person_id: int) -> int:
    """How many stacks the person has. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT, (person_id,))
    return row[0]


async def share_stack(db: Database, person_id: int, stack_id: int, code: str) -> str | None:
    """The code of a stack: the one it has, else `code`. None when `code` is another's. Raises DatabaseError."""
    async with db.transaction():
        await db.write(SHARE, (code, stack_id, person_id))
        row = await db.fetch_one(FIND, (stack_id, person_id))
    return None if row is None else row["code"]


async def unshare_stack(db: Database, person_id: int, stack_id: int) -> None:
    """Remove the code; copies of others stay. Raises DatabaseError."""
    await db.write(UNSHARE, (stack_id, person_id))


async def remember_miss(db: Database, person_id: int, *, since_ms: int) -> None:
    """Store that the person typed an unknown code; misses before `since_ms` are deleted. Raises DatabaseError."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        await db.write(FORGET_MISSES, (person_id, since_ms))
        await db.write(MISSED, (person_id, now_ms()))


async def count_misses(db: Database, person_id: int, *, since_ms: int) -> int:
    """How many unknown codes the person typed since then. Raises DatabaseError."""
    (row,) = await db.fetch(MISSES, (person_id, since_ms))
    return row[0]


async def _write_loras(db: Database, stack_id: int, loras: Sequence[StackLora]) -> None:
    for position, lora in enumerate(loras):
        words = None if lora.trigger_words is None else json.dumps(lora.trigger_words)
        values = (stack_id, position, lora.sha256, lora.name, lora.weight, words, lora.region)
        await db.write(ADD_LORA, values)


async def _one(db: Database, row: sqlite3.Row | None) -> Stack | None:
    return None if row is None else (await _stacks(db, [row]))[0]


async def _stacks(db: Database, rows: Sequence[sqlite3.Row]) -> list[Stack]:
    """The stacks of these rows, in their order, with their LoRAs."""
    loras: dict[int, list[StackLora]] = {row["id"]: [] for row in rows}
    for row in await db.fetch(LORAS, (json.dumps(list(loras)),)):
        words = None if row["trigger_words"] is None else tuple(json.loads(row["trigger_words"]))
        region = None if row["region"] is None else RegionName(row["region"])
        loras[row["stack_id"]].append(StackLora(row["sha256"], row["name"], row["weight"], words, region))
    return [
        Stack(row["id"], row["person_id"], row["name"], row["code"], row["created_at"], tuple(loras[row["id"]]))
        for row in rows
    ]
