"""Finds out whether a picture was generated here, after a preview, a crop or a screenshot too.

The data in a file does not prove it: anybody can copy it into another file, and a preview has none. So the picture's
perceptual hash is compared with those of all pictures that are stored here. A deleted picture cannot be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import aiosqlite

from bot.background import Pool
from bot.database.picture_hashes import Origin, origin_of, stored_hashes
from bot.pictures.input_gate import look_again
from bot.pictures.perceptual_hash import HASH_BYTES, SAME_BELOW, Search, is_too_plain, read
from inference.image_files import BROKEN, TooManyParts

_COMPARING = Pool("origin", 1)  # one at a time, for the memory that a picture unpacks to


class Obstacle(Enum):
    """Why a file cannot be compared with pictures."""

    BROKEN = auto()  # no picture that can be read
    PARTS = auto()  # it consists of too many parts
    PLAIN = auto()  # so little is in the picture that others look the same


class NotComparable(Exception):
    """A file cannot be compared with pictures."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__()
        self.obstacle = obstacle


@dataclass(frozen=True)
class MadeHere:
    """The most similar picture that is stored here. The distance is below `SAME_BELOW`; 0 for the same picture."""

    origin: Origin
    distance: float


async def find_made_here(connection: aiosqlite.Connection, data: bytes) -> MadeHere | None:
    """The picture of this installation that a file shows; None if there is none.

    Raises NotComparable or DatabaseError.
    """
    search, least, picture_id = await _COMPARING.run(_search, data), SAME_BELOW, None
    async for ids, stored in stored_hashes(connection, HASH_BYTES):
        place, distance = await _COMPARING.run(search.nearest, stored)
        if distance < least:
            least, picture_id = distance, ids[place]
    origin = None if picture_id is None else await origin_of(connection, picture_id)
    return None if origin is None else MadeHere(origin, least)


def _search(data: bytes) -> Search:
    """Raises NotComparable."""
    try:
        hashes = look_again(read(data)).all_hashes
    except TooManyParts:
        raise NotComparable(Obstacle.PARTS) from None
    except BROKEN:
        raise NotComparable(Obstacle.BROKEN) from None
    if is_too_plain(hashes):
        raise NotComparable(Obstacle.PLAIN)
    return Search(hashes)
