"""Perceptual hashes of the pictures that were painted here, and which pictures have none yet."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

from bot.database.database import Database
from bot.database.query import Query, SqlStatement

AT_ONCE = 2000
MANY_AT_ONCE = 10_000  # rows without paths, about 1 MB


@dataclass(frozen=True)
class HashedPicture:
    """A picture with its hash; None before it is computed, empty when its file cannot be read."""

    id: int
    job_id: int
    path: str
    hash: bytes | None


@dataclass(frozen=True)
class Origin:
    """The job that generated the picture `id`, its owner, the position in the job from 0, and the time in unix ms.

    `path` is relative to the folder of pictures. `given`: the job started from a user's picture, so a file may show
    that picture in place of the generated one.
    """

    id: int
    job_id: int
    person_id: int
    position: int
    created_at: int
    path: str
    given: bool


RECORD_HASH = SqlStatement(
    "INSERT INTO picture_hash (picture_id, hash) SELECT id, :hash FROM picture WHERE id = :id ON CONFLICT DO NOTHING"
)
ALL_PICTURES = Query(
    HashedPicture,
    """
    SELECT picture.id, job_id, path, hash FROM picture LEFT JOIN picture_hash ON picture_id = picture.id
    WHERE picture.id > :after ORDER BY picture.id LIMIT :limit
    """,
)
# Pictures without a hash and with ids above `after`, the oldest first.
PICTURES_WITHOUT_HASH = Query(
    HashedPicture,
    """
    SELECT id, job_id, path, NULL AS hash FROM picture
    WHERE id > :after AND NOT EXISTS (SELECT 1 FROM picture_hash WHERE picture_id = picture.id) ORDER BY id LIMIT :limit
    """,
)
HASHES_OF_JOB = Query(bytes, "SELECT hash FROM picture JOIN picture_hash ON picture_id = picture.id WHERE job_id = ?")
NEWEST_PICTURES_OF = Query(
    HashedPicture,
    """
    SELECT picture.id, job_id, path, hash FROM job
    CROSS JOIN picture ON picture.job_id = job.id CROSS JOIN picture_hash ON picture_id = picture.id
    WHERE person_id = :person ORDER BY job.id DESC LIMIT :limit
    """,
)
STORED_HASHES = Query(
    sqlite3.Row, "SELECT picture_id, hash FROM picture_hash WHERE picture_id > :after ORDER BY picture_id LIMIT :limit"
)
_COUNT_PICTURES = Query(int, "SELECT count(*) FROM picture")  # reads a whole index, as the search reads all hashes
# Where pictures come from, without those that are deleted.
ORIGINS_OF_PICTURES = Query(
    Origin,
    """
    SELECT picture.id, job_id, person_id, position, picture.created_at, path,
        request ->> '$.image' IS NOT NULL AND NOT coalesce(request ->> '$.image.painted', 0) AS given
    FROM picture JOIN job ON job.id = job_id WHERE picture.id IN (SELECT value FROM json_each(?))
        AND delete_at IS NULL
    """,
)
# The ids of the pictures with this exact hash, those of `person` first, then the oldest.
EQUAL_PICTURES = Query(
    int,
    """
    SELECT picture_id FROM picture_hash
    CROSS JOIN picture ON picture.id = picture_id CROSS JOIN job ON job.id = job_id
    WHERE hash = :hash AND delete_at IS NULL ORDER BY person_id IS :person DESC, picture_id LIMIT :limit
    """,
)


async def record_hashes(db: Database, hashes: Iterable[tuple[int, bytes]]) -> None:
    """Store the hashes of pictures by their ids, where the picture is still there."""
    async with db.transaction():
        for picture_id, hashed in hashes:
            await db.run(RECORD_HASH, hash=hashed, id=picture_id)


async def all_hashes(db: Database) -> AsyncGenerator[list[HashedPicture]]:
    """All pictures in portions, the oldest first."""
    last = 0
    while pictures := await db.all(ALL_PICTURES, after=last, limit=AT_ONCE):
        yield pictures
        last = pictures[-1].id


async def stored_hashes(db: Database) -> AsyncGenerator[tuple[list[int], list[bytes]]]:
    """Ids and hashes of all pictures with a hash, in portions, the oldest first."""
    last = 0
    while rows := await db.all(STORED_HASHES, after=last, limit=MANY_AT_ONCE):
        yield [row["picture_id"] for row in rows], [row["hash"] for row in rows]
        last = rows[-1]["picture_id"]


async def count_pictures(db: Database) -> int:
    """How many pictures there are, with and without hashes."""
    return await db.get(_COUNT_PICTURES)
