"""Finished pictures and the LoRAs they were painted with. They are recorded by `jobs.finish_job`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from inference.messages.request import GenerationRequest, LoraUse

RECORD = """
    INSERT INTO picture (job_id, position, path, width, height, seed, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id
"""
RECORD_LORA = "INSERT INTO picture_lora (picture_id, position, sha256, name, weight) VALUES (?, ?, ?, ?, ?)"
_PICTURE = """
    SELECT picture.*, job.person_id, (
        SELECT json_group_array(json_array(sha256, name, weight)) FROM (
            SELECT * FROM picture_lora WHERE picture_id = picture.id ORDER BY position
        )
    ) AS loras
"""
OF_JOB = f"{_PICTURE} FROM picture JOIN job ON job.id = picture.job_id WHERE job_id = ? ORDER BY position"

FILES_OF_PERSON = (
    "SELECT picture.id, path FROM job JOIN picture ON job_id = job.id WHERE person_id = ? ORDER BY picture.id"
)
RECORDED = """
    SELECT job.id AS job_id, request, checkpoint, picture.created_at, coalesce(private, 0) AS private,
        EXISTS (
            SELECT 1 FROM publication WHERE publication.job_id = job.id AND publication.position = picture.position
            AND state = 'posted' AND hidden = 0
        ) AS published,
        EXISTS (SELECT 1 FROM takedown WHERE takedown.job_id = job.id) AS removed
    FROM picture JOIN job ON job.id = picture.job_id LEFT JOIN delivery ON delivery.job_id = job.id
    WHERE picture.id = ?
"""


@dataclass(frozen=True)
class NewPicture:
    """A picture about to be recorded: `path` relative to the pictures folder, sizes in pixels."""

    path: str
    width: int
    height: int
    seed: int


@dataclass(frozen=True)
class RecordedPicture:
    """How a picture was generated and who sees it: the `request` as it is stored, and the time in unix ms.

    `private`: only its author sees the result. `published` in a server; `removed` by the staff of a server.
    """

    job_id: int
    request: str
    checkpoint: str
    created_at: int
    private: bool
    published: bool
    removed: bool


@dataclass(frozen=True)
class Picture:
    """A picture as recorded: `path` relative to the pictures folder, sizes in pixels, time in unix ms.

    `loras` say what was painted with; their trigger words stand in the job's request.
    """

    id: int
    job_id: int
    person_id: int
    position: int
    path: str
    width: int
    height: int
    seed: int
    created_at: int
    loras: tuple[LoraUse, ...]


async def record_pictures(
    db: Database, job_id: int, pictures: Sequence[NewPicture], request: GenerationRequest
) -> tuple[Picture, ...]:
    """Record a job's pictures in their order, each with the LoRAs it was painted with. Raises DatabaseError."""
    async with db.transaction():
        for position, new in enumerate(pictures):
            values = (job_id, position, new.path, new.width, new.height, new.seed, now_ms())
            (row,) = await db.write(RECORD, values)
            loras = request.only(position).loras if request.variants else request.loras
            for place, use in enumerate(loras):
                await db.fetch(RECORD_LORA, (row["id"], place, use.sha256, use.name, use.weight))
        return await pictures_of_job(db, job_id)


async def pictures_of_job(db: Database, job_id: int) -> tuple[Picture, ...]:
    """A job's pictures in their order. Raises DatabaseError."""
    return tuple(_picture(row) for row in await db.fetch(OF_JOB, (job_id,)))


async def find_picture(db: Database, job_id: int, position: int) -> Picture | None:
    """The picture at a place among those of a job, or None. Raises DatabaseError."""
    return next((each for each in await pictures_of_job(db, job_id) if each.position == position), None)


async def files_of_person(db: Database, person_id: int) -> tuple[tuple[int, str], ...]:
    """The ids and paths of a person's pictures, the oldest first. Raises DatabaseError."""
    return tuple((row["id"], row["path"]) for row in await db.fetch(FILES_OF_PERSON, (person_id,)))


async def recorded_picture(db: Database, picture_id: int) -> RecordedPicture | None:
    """The stored request of a picture, its time, and who sees it; None if there is no picture. Raises DatabaseError."""
    row = await db.fetch_one(RECORDED, (picture_id,))
    if row is None:
        return None
    seen = [bool(row[name]) for name in ("private", "published", "removed")]
    return RecordedPicture(row["job_id"], row["request"], row["checkpoint"], row["created_at"], *seen)


def _picture(row: sqlite3.Row) -> Picture:
    columns = dict(row)
    uses = json.loads(columns.pop("loras"))
    loras = tuple(LoraUse(sha256=sha256, name=name, weight=weight) for sha256, name, weight in uses)
    return Picture(**columns, loras=loras)
