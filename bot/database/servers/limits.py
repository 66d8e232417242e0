"""Limits that staff have set: for a whole server, for everybody in it, for newcomers, for a role, for a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Json

from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement

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

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

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
    values: Json[LimitValues]


_HELD = 'SELECT holder, holder_id, name, limits AS "values" FROM server_limit WHERE server_id'
# All limits of a server except those of people.
SHARED_LIMITS = Query(HeldLimits, f"{_HELD} = ? AND holder IN ('server', 'everybody', 'newcomers', 'role')")
# A person who has all deleted keeps their limits by the keyed hash of the id; what is set anew takes its place.
LIMITS_OF = Query(
    HeldLimits,
    f"""
    {_HELD} = :server AND holder = :holder AND holder_id IN (:id, pseudonym(:id)) ORDER BY holder_id DESC LIMIT 1
    """,
)
LIMITS_OF_PEOPLE = Query(
    HeldLimits, f"{_HELD} = :server AND holder = 'person' ORDER BY holder_id LIMIT :limit OFFSET :offset"
)
COUNT_LIMITS = Query(int, "SELECT count(*) FROM server_limit WHERE server_id = ?")
SAVE_LIMITS = SqlStatement("""
    INSERT INTO server_limit (server_id, holder, holder_id, name, limits)
    VALUES (:server, :holder, :holder_id, :name, :limits)
    ON CONFLICT (server_id, holder, holder_id) DO UPDATE SET name = excluded.name, limits = excluded.limits
""")
DELETE_LIMITS = SqlStatement("""
    DELETE FROM server_limit WHERE server_id = :server AND holder = :holder AND holder_id IN (:id, pseudonym(:id))
""")


async def save_limits(db: Database, server_id: int, held: HeldLimits) -> None:
    """Store limits in place of the holder's earlier ones; the row is deleted if all limits are None."""
    async with db.transaction():
        await db.run(DELETE_LIMITS, server=server_id, holder=held.holder, id=held.holder_id)
        if held.values == LimitValues():
            return
        await people.remember_server(db, server_id)
        limits = held.values.model_dump_json(exclude_none=True)
        await db.run(
            SAVE_LIMITS, server=server_id, holder=held.holder, holder_id=held.holder_id, name=held.name, limits=limits
        )
