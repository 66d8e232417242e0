"""Perceptual hashes of the pictures that were painted here, and which pictures have none yet."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

from bot.database.database import Database

RECORD = "INSERT INTO picture_hash (picture_id, hash) SELECT id, ? FROM picture WHERE id = ? ON CONFLICT DO NOTHING"
HASHED = """
    SELECT picture.id, job_id, path, hash FROM picture LEFT JOIN picture_hash ON picture_id = picture.id
    WHERE picture.id > ? ORDER BY picture.id LIMIT ?
"""
WITHOUT = """
    SELECT id, job_id, path, NULL AS hash FROM picture
    WHERE id > ? AND NOT EXISTS (SELECT 1 FROM picture_hash WHERE picture_id = picture.id) ORDER BY id LIMIT ?
"""
OF_JOB = "SELECT hash FROM picture JOIN picture_hash ON picture_id = picture.id WHERE job_id = ?"
NEWEST_OF = """
    SELECT picture.id, job_id, path, hash FROM job
    CROSS JOIN picture ON picture.job_id = job.id CROSS JOIN picture_hash ON picture_id = picture.id
    WHERE person_id = ? ORDER BY job.id DESC LIMIT ?
"""
STORED = "SELECT picture_id, hash FROM picture_hash WHERE picture_id > ? ORDER BY picture_id LIMIT ?"
_COUNT = "SELECT count(*) AS pictures FROM picture"  # reads a whole index, as the search reads all hashes
ORIGINS = """
    SELECT picture.id, job_id, person_id, position, picture.created_at, path,
        request ->> '$.image' IS NOT NULL AND NOT coalesce(request ->> '$.image.painted', 0) AS given
    FROM picture JOIN job ON job.id = job_id WHERE picture.id IN (SELECT value FROM json_each(?))
"""
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
    """The job that generated a picture, its owner, the picture's position in it from 0, and the time in unix ms.

    `path` is relative to the folder of pictures. `given`: the job started from a user's picture, so a file may show
    that picture in place of the generated one.
    """

    job_id: int
    person_id: int
    position: int
    created_at: int
    path: str
    given: bool


async def record_hashes(db: Database, hashes: Iterable[tuple[int, bytes]]) -> None:
    """Store the hashes of pictures by their ids, where the picture is still there. Raises DatabaseError."""
    async with db.transaction():
        for picture_id, hashed in hashes:
            await db.write(RECORD, (hashed, picture_id))


async def hashes_of_job(db: Database, job_id: int) -> tuple[bytes, ...]:
    """The hashes of a job's pictures, as far as they are computed. Raises DatabaseError."""
    return tuple(row["hash"] for row in await db.fetch(OF_JOB, (job_id,)))


async def newest_hashes_of(db: Database, person_id: int) -> tuple[HashedPicture, ...]:
    """The user's newest AT_ONCE pictures. Raises DatabaseError."""
    return tuple(HashedPicture(**dict(row)) for row in await db.fetch(NEWEST_OF, (person_id, AT_ONCE)))


async def all_hashes(db: Database) -> AsyncGenerator[list[HashedPicture]]:
    """All pictures in portions, the oldest first. Raises DatabaseError."""
    last = 0
    while rows := await db.fetch(HASHED, (last, AT_ONCE)):
        yield [HashedPicture(**dict(row)) for row in rows]
        last = rows[-1]["id"]


async def stored_hashes(db: Database) -> AsyncGenerator[tuple[list[int], list[bytes]]]:
    """Ids and hashes of all pictures with a hash, in portions, the oldest first. Raises DatabaseError."""
    last = 0
    while rows := await db.fetch(STORED, (last, MANY_AT_ONCE)):
        yield [row["picture_id"] for row in rows], [row["hash"] for row in rows]
        last = rows[-1]["picture_id"]


async def count_pictures(db: Database) -> int:
    """How many pictures there are, with and without hashes. Raises DatabaseError."""
    row = await db.fetch_one(_COUNT)
    return 0 if row is None else row["pictures"]


async def origins_of(db: Database, picture_ids: Iterable[int]) -> dict[int, Origin]:
    """Where pictures come from, by id, without those that are deleted. Raises DatabaseError."""
    rows = await db.fetch(ORIGINS, (json.dumps([*picture_ids]),))
    return {
        row["id"]: Origin(
            row["job_id"], row["person_id"], row["position"], row["created_at"], row["path"], bool(row["given"])
        )
        for row in rows
    }


async def pictures_without_hash(db: Database, *, after: int, limit: int) -> tuple[HashedPicture, ...]:
    """The oldest pictures without a hash, with ids above `after`. Raises DatabaseError."""
    return tuple(HashedPicture(**dict(row)) for row in await db.fetch(WITHOUT, (after, limit)))
