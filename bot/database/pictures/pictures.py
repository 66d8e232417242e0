"""Finished pictures and the LoRAs they were painted with. They are recorded by `jobs.finish_job`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Json

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from inference.messages.request import GenerationRequest, LoraUse


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
    loras: Json[tuple[LoraUse, ...]]


@dataclass(frozen=True)
class PicturePath:
    """The id of a picture, and its path relative to the pictures folder."""

    id: int
    path: str


RECORD_PICTURE = Query(
    int,
    """
    INSERT INTO picture (job_id, position, path, width, height, seed, created_at)
    VALUES (:job, :position, :path, :width, :height, :seed, :now) RETURNING id
    """,
)
RECORD_LORA = SqlStatement("""
    INSERT INTO picture_lora (picture_id, position, sha256, name, weight)
    VALUES (:picture, :position, :sha256, :name, :weight)
""")
_PICTURE = """
    SELECT picture.*, job.person_id, (
        SELECT json_group_array(json_object('sha256', sha256, 'name', name, 'weight', weight)) FROM (
            SELECT * FROM picture_lora WHERE picture_id = picture.id ORDER BY position
        )
    ) AS loras
    FROM picture JOIN job ON job.id = picture.job_id
"""
PICTURES_OF_JOB = Query(Picture, f"{_PICTURE} WHERE job_id = ? ORDER BY position")
# By its place among the pictures of a job.
FIND_PICTURE = Query(Picture, f"{_PICTURE} WHERE job_id = :job AND position = :position")
PATHS_OF_PERSON = Query(
    PicturePath,
    "SELECT picture.id, path FROM job JOIN picture ON job_id = job.id WHERE person_id = ? ORDER BY picture.id",
)
RECORDED_PICTURE = Query(
    RecordedPicture,
    """
    SELECT job.id AS job_id, request, checkpoint, picture.created_at, coalesce(private, 0) AS private,
        EXISTS (
            SELECT 1 FROM publication WHERE publication.job_id = job.id AND publication.position = picture.position
            AND state = 'posted' AND hidden = 0
        ) AS published,
        EXISTS (SELECT 1 FROM takedown WHERE takedown.job_id = job.id) AS removed
    FROM picture JOIN job ON job.id = picture.job_id LEFT JOIN delivery ON delivery.job_id = job.id
    WHERE picture.id = ?
    """,
)


async def record_pictures(
    db: Database, job_id: int, pictures: Sequence[NewPicture], request: GenerationRequest
) -> list[Picture]:
    """Record a job's pictures in their order, each with the LoRAs it was painted with."""
    async with db.transaction():
        for position, new in enumerate(pictures):
            picture_id = await db.get(
                RECORD_PICTURE, job=job_id, position=position,
                path=new.path, width=new.width, height=new.height, seed=new.seed, now=now_ms(),
            )  # fmt: skip
            loras = request.only(position).loras if request.variants else request.loras
            for place, use in enumerate(loras):
                await db.run(
                    RECORD_LORA, picture=picture_id, position=place, sha256=use.sha256, name=use.name, weight=use.weight
                )
        return await db.all(PICTURES_OF_JOB, job_id)
