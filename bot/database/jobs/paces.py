"""Measured times: seconds of a step, of the rest of a job, and of loading a checkpoint."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bot.database.database import Database
from bot.database.query import Query, SqlStatement

_COLUMNS = "checkpoint, width, height, pictures, step_seconds, rest_seconds"
RECORD_PACE = SqlStatement(
    f"""
    INSERT INTO pace ({_COLUMNS}) VALUES (:checkpoint, :width, :height, :pictures, :step_seconds, :rest_seconds)
    ON CONFLICT DO UPDATE SET step_seconds = excluded.step_seconds, rest_seconds = excluded.rest_seconds
    """  # noqa: S608 - constants only
)
RECORD_LOAD = SqlStatement("""
    INSERT INTO load_time (checkpoint, seconds) VALUES (:checkpoint, :seconds)
    ON CONFLICT DO UPDATE SET seconds = excluded.seconds
""")
PACES = Query(sqlite3.Row, f"SELECT {_COLUMNS} FROM pace")  # noqa: S608 - constants only
LOADS = Query(sqlite3.Row, "SELECT * FROM load_time")


@dataclass(frozen=True, order=True)
class Shape:
    """What a step's time depends on: the checkpoint, the size in pixels and how many pictures are painted at once."""

    checkpoint: str
    width: int
    height: int
    pictures: int


@dataclass(frozen=True)
class MeasuredSeconds:
    """Seconds of one step, and of everything else that one job needs."""

    step_seconds: float
    rest_seconds: float


async def record_paces(db: Database, paces: Mapping[Shape, MeasuredSeconds], loads: Mapping[str, float]) -> None:
    """Store measurements, replacing older ones."""
    async with db.transaction():
        for shape, measured in paces.items():
            await db.run(RECORD_PACE, **asdict(shape), **asdict(measured))
        for checkpoint, seconds in loads.items():
            await db.run(RECORD_LOAD, checkpoint=checkpoint, seconds=seconds)


async def all_paces(db: Database) -> dict[Shape, MeasuredSeconds]:
    """Everything that was measured."""
    return {Shape(*row[:4]): MeasuredSeconds(*row[4:]) for row in await db.all(PACES)}


async def load_times(db: Database) -> dict[str, float]:
    """Seconds of loading each checkpoint."""
    return {row["checkpoint"]: row["seconds"] for row in await db.all(LOADS)}
