"""Finds out whether a picture was generated here, after a preview, a crop or a screenshot too.

The data in a file does not prove it: anybody can copy it into another file, and a preview has none. So the picture's
perceptual hash is compared with those of all pictures that are stored here. Those that are near are then compared by
their pixels, because simple pictures have similar hashes. A deleted picture cannot be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aiosqlite
from PIL import Image

from bot.background import Pool
from bot.database.picture_hashes import Origin, count_pictures, origins_of, stored_hashes
from bot.pictures.input_gate import look_again
from bot.pictures.perceptual_hash import SAME_BELOW, Search, is_too_plain, read
from bot.pictures.pixel_comparison import shows
from inference.image_files import BROKEN

MOST_FILES = 30  # stored pictures whose pixels are compared, each in some 0.05 s

_COMPARING = Pool("origin", 1)  # one at a time, for the memory that a picture unpacks to


class NotComparable(Exception):
    """The file is no picture that can be read, or, if it is `plain`, so little is in it that others look the same."""

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__()
        self.plain = plain


@dataclass(frozen=True)
class MadeHere:
    """A picture that is stored here. The distance is below `SAME_BELOW`; 0 for the same picture."""

    origin: Origin
    distance: float


@dataclass(frozen=True)
class OriginAnswer:
    """The stored picture that a file shows; None if there is none among those that could be compared."""

    found: MadeHere | None
    not_compared: int  # stored pictures without a hash, too plain, or with a file that cannot be read


async def find_made_here(
    connection: aiosqlite.Connection, folder: Path, data: bytes, *, person_id: int | None = None
) -> OriginAnswer:
    """Look for the stored picture that a file shows: the most similar one, but first among those of `person_id`.

    `folder` is that of the stored pictures. Raises NotComparable or DatabaseError.
    """
    picture, search = await _COMPARING.run(_upload, data)
    near: dict[int, float] = {}
    compared = 0
    async for ids, stored in stored_hashes(connection):
        distances = await _COMPARING.run(search.distances, stored)
        near |= {ids[place]: float(distances[place]) for place in (distances < SAME_BELOW).nonzero()[0].tolist()}
        compared += int((distances >= 0).sum())
    origins = await origins_of(connection, near)
    candidates = sorted(origins, key=lambda each: (origins[each].person_id != person_id, near[each], each))
    for picture_id in candidates[:MOST_FILES]:
        origin = origins[picture_id]
        same = await _COMPARING.run(_shows, picture, folder / origin.path)
        if same:
            return OriginAnswer(MadeHere(origin, near[picture_id]), 0)
        compared -= same is None
    compared -= len(candidates[MOST_FILES:])
    return OriginAnswer(None, max(0, await count_pictures(connection) - compared))


def _upload(data: bytes) -> tuple[Image.Image, Search]:
    """Raises NotComparable."""
    try:
        picture = read(data)
        hashes = look_again(picture).all_hashes
    except BROKEN:
        raise NotComparable from None
    if is_too_plain(hashes):
        raise NotComparable(plain=True)
    return picture, Search(hashes)


def _shows(picture: Image.Image, file: Path) -> bool | None:
    """Whether the picture shows that of a file; None if the file cannot be read."""
    try:
        return shows(picture, read(file))
    except BROKEN:
        return None
