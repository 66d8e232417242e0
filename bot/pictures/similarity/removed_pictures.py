"""Refuses copies of pictures that were removed because somebody who is shown in them asked for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from operator import itemgetter
from pathlib import Path

from bot.background import Pool
from bot.database.database import Database
from bot.database.pictures.hashes import PICTURES_WITHOUT_HASH, record_hashes
from bot.database.privacy.takedown_cases import KEPT_HASHES, RAISE_REFUSALS, KeptHashes
from bot.errors.pictures import RemovedPicture
from bot.pictures.similarity.perceptual_hash import REFUSED_BELOW, distances, hash_file
from bot.pictures.similarity.picture_verdicts import PictureVerdicts

AT_ONCE = 20  # pictures that are hashed in a row
PAUSE_SECONDS = 0.5  # after them, so that new pictures and people do not wait

log = logging.getLogger(__name__)


class RemovedPictures:
    """Compares pictures with hashes of confirmed takedowns. `verdicts` compares them with decisions of staff."""

    def __init__(self, db: Database) -> None:
        self.verdicts = PictureVerdicts(db)
        self._db = db
        self._hashing = Pool("hashing", 1)  # one at a time, for the memory that a picture unpacks to

    async def hashes(self, pictures: Sequence[Path]) -> tuple[bytes, ...]:
        """The hash of each file; empty for one that cannot be read."""
        return tuple([await self._hashing.run(hash_file, path) for path in pictures])

    async def hash_older(self, folder: Path) -> None:
        """Store the hashes of the pictures in `folder` that have none: what was painted before hashes were kept.

        It goes on where an earlier run stopped. Raises DatabaseError.
        """
        last = 0
        while pictures := await self._db.all(PICTURES_WITHOUT_HASH, after=last, limit=AT_ONCE):
            hashes = await self.hashes([folder / picture.path for picture in pictures])
            await record_hashes(self._db, zip((picture.id for picture in pictures), hashes, strict=True))
            last = pictures[-1].id
            await asyncio.sleep(PAUSE_SECONDS)

    async def check(self, hashes: Iterable[bytes]) -> None:
        """Refuse copies, and count them for the operators. Raises RemovedPicture or DatabaseError."""
        kept = await self._db.all(KEPT_HASHES)
        # A thousand cases take a fifth of a second.
        found = await self._hashing.run(_nearest, kept, list(hashes))
        if found is not None and found[1] < REFUSED_BELOW:
            log.info("refused a picture: its distance to case %s is %.3f", *found)
            await self._db.run(RAISE_REFUSALS, found[0])
            raise RemovedPicture


def _nearest(kept: Sequence[KeptHashes], hashes: Sequence[bytes]) -> tuple[int, float] | None:
    """The case that one of the pictures is most like, and the distance; None where there is nothing to compare."""
    found = [(each.case_id, distance) for each in kept for distance in distances(each.hashes, hashes)]
    return min(found, key=itemgetter(1), default=None)
