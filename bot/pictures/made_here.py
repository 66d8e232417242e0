"""Finds out whether a picture was generated here, after a preview, a crop or a screenshot too.

The data in a file does not prove it: anybody can copy it into another file, and a preview has none. So the picture's
perceptual hash is compared with those of all pictures that are stored here. A deleted picture cannot be found.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from bot.background import Pool
from bot.database.picture_hashes import Origin, count_pictures, origin_of, stored_hashes
from bot.pictures.input_gate import look_again
from bot.pictures.perceptual_hash import SAME_BELOW, Search, is_too_plain, read
from inference.image_files import BROKEN

_COMPARING = Pool("origin", 1)  # one at a time, for the memory that a picture unpacks to


class NotComparable(Exception):
    """The file is no picture that can be read, or, if it is `plain`, so little is in it that others look the same."""

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__()
        self.plain = plain


@dataclass(frozen=True)
class MadeHere:
    """The most similar picture that is stored here. The distance is below `SAME_BELOW`; 0 for the same picture."""

    origin: Origin
    distance: float


@dataclass(frozen=True)
class OriginAnswer:
    """The stored picture that a file shows; None if there is none among those that could be compared."""

    found: MadeHere | None
    not_compared: int  # stored pictures without a hash, or too plain


async def find_made_here(connection: aiosqlite.Connection, data: bytes) -> OriginAnswer:
    """Look for the picture of this installation that a file shows.

    Raises NotComparable or DatabaseError.
    """
    search = await _COMPARING.run(_search, data)
    near: dict[int, float] = {}
    compared = 0
    async for ids, stored in stored_hashes(connection):
        distances = await _COMPARING.run(search.distances, stored)
        near |= {ids[place]: float(distances[place]) for place in (distances < SAME_BELOW).nonzero()[0].tolist()}
        compared += int((distances >= 0).sum())
    nearest = min(near, key=near.__getitem__, default=None)
    origin = None if nearest is None else await origin_of(connection, nearest)
    found = None if nearest is None or origin is None else MadeHere(origin, near[nearest])
    return OriginAnswer(found, max(0, await count_pictures(connection) - compared))


def _search(data: bytes) -> Search:
    """Raises NotComparable."""
    try:
        hashes = look_again(read(data)).all_hashes
    except BROKEN:
        raise NotComparable from None
    if is_too_plain(hashes):
        raise NotComparable(plain=True)
    return Search(hashes)
