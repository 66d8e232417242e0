"""Limits that staff have set: for a whole server, for everybody in it, for newcomers, for a role, for a person."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.database.database import Database
from bot.database.people import people

SHARED = """
    SELECT * FROM server_limit WHERE server_id = ? AND holder IN ('server', 'everybody', 'newcomers', 'role')
"""
# A person who has all deleted keeps their limits by the keyed hash of the id; what is set anew takes its place.
FIND = """
    SELECT * FROM server_limit WHERE server_id = :server AND holder = :holder AND holder_id IN (:id, pseudonym(:id))
    ORDER BY holder_id DESC LIMIT 1
"""
OF_PEOPLE = """
    SELECT * FROM server_limit WHERE server_id = ? AND holder = 'person' ORDER BY holder_id LIMIT ? OFFSET ?
"""
COUNT = "SELECT count(*) FROM server_limit WHERE server_id = ?"
SAVE = """
    INSERT INTO server_limit (server_id, holder, holder_id, name, limits) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (server_id, holder, holder_id) DO UPDATE SET name = excluded.name, limits = excluded.limits
"""
DELETE = """
    DELETE FROM server_limit WHERE server_id = :server AND holder = :holder AND holder_id IN (:id, pseudonym(:id))
"""

MAX_QUOTA = 10**9
MAX_ADDED = 10**6


class LimitHolder(StrEnum):
    """For whom a limit was set. `operator` is in no row: its limits stand in config.toml."""

    OPERATOR = "operator"
    SERVER = "server"
    EVERYBODY = "everybody"
    NEWCOMERS = "newcomers"
    ROLE = "role"
    PERSON = "person"


class LimitName(StrEnum):
    """What is limited: the fields of `LimitValues`."""

    PICTURES_PER_DAY = "pictures_per_day"
    MEGAPIXEL_STEPS_PER_DAY = "megapixel_steps_per_day"
    COOLDOWN_SECONDS = "cooldown_seconds"
    WAITING_PER_PERSON = "waiting_per_person"
    WEIGHT = "weight"
    LORAS_PER_DAY = "loras_per_day"


class LimitValues(BaseModel):
    """Limits; None says nothing, so that others hold. 0 denies.

    Megapixel-steps are the size of a request's pictures times their steps. `weight` is that in the queue,
    `loras_per_day` are LoRAs that are added from outside in 24 hours.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    pictures_per_day: Annotated[int | None, Field(ge=0, le=MAX_QUOTA)] = None
    megapixel_steps_per_day: Annotated[int | None, Field(ge=0, le=MAX_QUOTA)] = None
    cooldown_seconds: Annotated[int | None, Field(ge=0, le=86_400)] = None
    waiting_per_person: Annotated[int | None, Field(ge=1, le=10_000)] = None
    weight: Annotated[float | None, Field(ge=0.1, le=10, allow_inf_nan=False)] = None
    loras_per_day: Annotated[int | None, Field(ge=0, le=MAX_ADDED)] = None

    def get(self, name: LimitName) -> float | None:
        """The value of a limit; None when it says nothing."""
        return getattr(self, name)


@dataclass(frozen=True)
class HeldLimits:
    """Limits and for whom they were set. `name` is that of the role, as it was called then."""

    holder: LimitHolder
    holder_id: int
    name: str
    values: LimitValues


async def shared_limits(db: Database, server_id: int) -> tuple[HeldLimits, ...]:
    """All limits of a server but those of single people. Raises DatabaseError."""
    return tuple(map(_held, await db.fetch(SHARED, (server_id,))))


async def find_limits(db: Database, server_id: int, holder: LimitHolder, holder_id: int = 0) -> HeldLimits | None:
    """The limits that were set for this holder, or None. Raises DatabaseError."""
    row = await db.fetch_one(FIND, {"server": server_id, "holder": holder, "id": holder_id})
    return None if row is None else _held(row)


async def limits_of_people(db: Database, server_id: int, *, limit: int, offset: int = 0) -> tuple[HeldLimits, ...]:
    """A page of the limits of single people. Raises DatabaseError."""
    return tuple(map(_held, await db.fetch(OF_PEOPLE, (server_id, limit, offset))))


async def count_limits(db: Database, server_id: int) -> int:
    """How many have limits of their own in a server: people, roles and the rest. Raises DatabaseError."""
    ((count,),) = await db.fetch(COUNT, (server_id,))
    return count


async def save_limits(db: Database, server_id: int, held: HeldLimits) -> None:
    """Store limits in place of the holder's earlier ones; such that say nothing are deleted. Raises DatabaseError."""
    key = (server_id, held.holder, held.holder_id)
    async with db.transaction():
        await db.write(DELETE, dict(zip(("server", "holder", "id"), key, strict=True)))
        if held.values == LimitValues():
            return
        await people.remember_server(db, server_id)
        await db.write(SAVE, (*key, held.name, held.values.model_dump_json(exclude_none=True)))


def _held(row: sqlite3.Row) -> HeldLimits:
    limits = LimitValues.model_validate_json(row["limits"])
    return HeldLimits(LimitHolder(row["holder"]), row["holder_id"], row["name"], limits)
