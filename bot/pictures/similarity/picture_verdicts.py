"""Compares pictures with the verdicts on earlier ones. A copy keeps the verdict: hidden, deleted or rated higher.

A verdict stores one hash. For an upload, Easel compares the hashes of many sections and parts, because the upload may
be a crop of the earlier picture, or have a frame around it. For a generated picture, one hash is enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from bot.background import Pool
from bot.database.database import Database
from bot.database.pictures.hashes import AT_ONCE, HASHES_OF_JOB, NEWEST_PICTURES_OF, HashedPicture
from bot.database.pictures.verdicts import (
    JOBS_WITH_HASH,
    REPORTED_HASHES,
    VERDICTS_REVISION,
    PictureVerdict,
    ReportedHash,
    VerdictReason,
    inherit_verdicts,
    verdicts_in_force,
)
from bot.errors.pictures import PictureDeletedByStaff, PictureHiddenByStaff, PictureReported
from bot.pictures.similarity.perceptual_hash import REFUSED_BELOW, Search
from inference.content_rating import ContentRating

REPAINTED_BELOW = 0.1  # a generated picture equals the earlier one; others of the same prompt are farther apart
MAX_EXACT = 10  # jobs with the very same picture


class PictureVerdicts:
    """The verdicts of a database, kept in memory until one changes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._comparing = Pool("verdicts", 2)
        self._reading = asyncio.Lock()
        self._revision = -1
        self._verdicts: Sequence[PictureVerdict] = ()

    async def on(self, hashes: bytes, below: float = REFUSED_BELOW) -> tuple[PictureVerdict, ...]:
        """Return the verdicts on pictures that are closer than `below`.

        `hashes` starts with the hash of the picture. Hashes of parts and sections may follow. Raises DatabaseError.
        """
        verdicts = await self._in_force()
        if not verdicts or not hashes:
            return ()
        return await self._comparing.run(_alike, verdicts, hashes, below)

    async def on_painted(self, hashes: Iterable[bytes]) -> tuple[PictureVerdict, ...]:
        """The verdicts that new pictures inherit. Raises PictureDeletedByStaff, and DatabaseError."""
        found = [verdict for each in hashes for verdict in await self.on(each, REPAINTED_BELOW)]
        if any(verdict.reason is VerdictReason.DELETED for verdict in found):
            raise PictureDeletedByStaff
        return tuple(found)

    async def check(self, hashes: bytes, place: int) -> ContentRating | None:
        """Return the rating that a picture must have at least, by the verdicts of any server; None without one.

        `place` is the server where the picture is to be used, or EVERYWHERE outside of servers. Raises
        PictureReported, PictureDeletedByStaff or PictureHiddenByStaff, and DatabaseError.
        """
        if await self.reports_hiding([hashes], REFUSED_BELOW):
            raise PictureReported
        found = await self.on(hashes)
        for verdict in found:
            if verdict.blocks_in(place):
                deleted = verdict.reason is VerdictReason.DELETED
                raise PictureDeletedByStaff if deleted else PictureHiddenByStaff
        return max((verdict.rating for verdict in found if verdict.rating is not None), default=None)

    async def reports_hiding(self, hashes: Iterable[bytes], below: float = REPAINTED_BELOW) -> tuple[int, ...]:
        """Ids of the open reports that hide pictures which look like one of these. Raises DatabaseError."""
        reported = await self._db.all(REPORTED_HASHES)
        if not reported:
            return ()
        return await self._comparing.run(_reports_alike, reported, tuple(filter(None, hashes)), below)

    async def check_painted(self, job_id: int, place: int) -> None:
        """Before a publication, check the job's pictures against verdicts that are newer than the pictures.

        The job inherits these verdicts, as a new job does. Raises PictureReported, PictureDeletedByStaff
        or PictureHiddenByStaff, and DatabaseError.
        """
        for hashes in await self._db.all(HASHES_OF_JOB, job_id):
            await inherit_verdicts(self._db, job_id, await self.on(hashes))
            await self.check(hashes, place)

    async def jobs_of(self, hashed: bytes, hashes: bytes, person_id: int) -> Sequence[int]:
        """Return the ids of jobs with this exact `picture_hash`, and of the user's own jobs with a similar picture.

        `hashes` contains the hashes of the picture, of its parts and of its sections.
        """
        if not hashed:
            return ()
        exact = await self._db.all(JOBS_WITH_HASH, hash=hashed, limit=MAX_EXACT)
        own = await self._db.all(NEWEST_PICTURES_OF, person=person_id, limit=AT_ONCE)
        near = await self._comparing.run(_jobs_alike, own, hashes)
        return tuple(dict.fromkeys((*exact, *near)))

    async def _in_force(self) -> Sequence[PictureVerdict]:
        async with self._reading:
            revision = await self._db.get(VERDICTS_REVISION)
            if revision != self._revision:
                self._verdicts, self._revision = await verdicts_in_force(self._db), revision
            return self._verdicts


def _reports_alike(reported: Sequence[ReportedHash], hashes: Sequence[bytes], below: float) -> tuple[int, ...]:
    stored = [each.hash for each in reported]
    near = {place for each in hashes for place in Search(each).near(stored, below)}
    return tuple(dict.fromkeys(reported[place].report_id for place in sorted(near)))


def _jobs_alike(pictures: Sequence[HashedPicture], hashes: bytes) -> list[int]:
    near = Search(hashes).near([each.hash or b"" for each in pictures], REFUSED_BELOW)
    return [pictures[place].job_id for place in near]


def _alike(verdicts: Sequence[PictureVerdict], hashes: bytes, below: float) -> tuple[PictureVerdict, ...]:
    near = Search(hashes).near([verdict.hash for verdict in verdicts], below)
    return tuple(verdicts[place] for place in near)
