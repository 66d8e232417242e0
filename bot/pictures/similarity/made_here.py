"""Finds the stored picture that a file shows. Recognizes previews, crops and screenshots.

The data in a file does not prove its origin: anyone can copy it into another file, and a preview has none. So Easel
compares the file's perceptual hash with those of all stored pictures. Simple pictures have similar hashes, so Easel
also compares their pixels. Easel cannot find deleted pictures.

Before the comparison, Easel looks for its own signature in the file. Only this installation can make this signature. It
therefore proves the origin of deleted pictures too, and of pictures that are too plain to compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from PIL import Image

from bot.background import Pool
from bot.database.database import Database
from bot.database.pictures.hashes import (
    EQUAL_PICTURES,
    ORIGINS_OF_PICTURES,
    Origin,
    count_pictures,
    stored_hashes,
)
from bot.pictures.input_gate import look_again
from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.similarity.perceptual_hash import SAME_BELOW, Search, is_too_plain, picture_hash, read
from bot.pictures.similarity.pixel_comparison import shows
from inference.files.image_files import BROKEN, PictureTooLarge, TooManyParts

MAX_CANDIDATES = 30  # stored files that are compared by pixels for one upload; about 0.05 s each
MAX_EQUAL = 200  # stored pictures with the same hash whose signatures are compared with a signed file
_OWN_ADVANTAGE = 0.02  # a user's own picture comes first if its distance is at most this much larger

_COMPARING = Pool("origin", 1)  # one thread, because a decoded picture can take 160 MB


class Obstacle(Enum):
    """Reasons why a file cannot be compared with stored pictures."""

    BROKEN = auto()  # it is not a readable picture
    PARTS = auto()  # it has too many parts
    LARGE = auto()  # it has too many pixels
    PLAIN = auto()  # it has too little detail


@dataclass(frozen=True)
class _Upload:
    """The decoded picture of a file, its hash, and what searches for it; or why it cannot be compared."""

    obstacle: Obstacle | None = None
    hash: bytes = b""
    picture: Image.Image | None = None
    search: Search | None = None


@dataclass(frozen=True)
class MadeHere:
    """A stored picture and its distance to the file: 0 for an exact copy, always below `SAME_BELOW`."""

    origin: Origin
    distance: float


@dataclass(frozen=True)
class OriginAnswer:
    """Result of a search: `found` is None if no stored picture matches. `obstacle`: why the file was not compared.

    `not_compared` counts the stored pictures that have no hash, are too plain, or whose file cannot be read. It is 0 if
    a picture was found, or if the file was not compared. `signed`: the file's signature shows that it was made here.
    """

    found: MadeHere | None
    not_compared: int
    obstacle: Obstacle | None = None
    signed: bool = False


async def find_made_here(
    db: Database, attachments: SignedAttachments, folder: Path, data: bytes, *, person_id: int | None = None
) -> OriginAnswer:
    """Return the stored picture from which Easel made this signed file, or else the most similar stored picture.

    Of several equal pictures, one of `person_id` comes first. `folder` contains the stored pictures. A file with a
    signature by the present certificate is never taken for a picture that only looks like it. Raises DatabaseError.
    """
    upload = await _COMPARING.run(_decoded, data)
    equal = {folder / origin.path: origin for origin in await _equal_pictures(db, upload.hash, person_id)}
    source = await _COMPARING.run(attachments.source_of, data, equal)
    if source is not None:
        return OriginAnswer(MadeHere(equal[source], 0.0), 0, signed=True)
    if await _COMPARING.run(attachments.has_signed, data):
        return OriginAnswer(None, 0, signed=True)
    if upload.picture is None or upload.search is None:
        return OriginAnswer(None, 0, upload.obstacle)
    return await _compared(db, folder, upload.picture, upload.search, person_id)


async def _equal_pictures(db: Database, hashed: bytes, person_id: int | None) -> list[Origin]:
    """The stored pictures with this hash, those of `person_id` first."""
    equal = await db.all(EQUAL_PICTURES, hash=hashed, person=person_id, limit=MAX_EQUAL) if hashed else []
    origins = {origin.id: origin for origin in await db.all(ORIGINS_OF_PICTURES, equal)}
    return [origins[picture_id] for picture_id in equal if picture_id in origins]


async def _compared(
    db: Database, folder: Path, picture: Image.Image, search: Search, person_id: int | None
) -> OriginAnswer:
    """Compare the picture with the stored pictures. Raises DatabaseError."""
    near: dict[int, float] = {}
    compared = 0
    async for ids, stored in stored_hashes(db):
        distances = await _COMPARING.run(search.distances, stored)
        near |= {ids[index]: float(distances[index]) for index in (distances < SAME_BELOW).nonzero()[0].tolist()}
        compared += int((distances >= 0).sum())  # NaN where nothing can be compared
    origins = {each.id: each for each in await db.all(ORIGINS_OF_PICTURES, [*near])}

    def rank(picture_id: int) -> tuple[float, int]:
        is_own = person_id is not None and origins[picture_id].person_id == person_id
        return near[picture_id] - _OWN_ADVANTAGE * is_own, picture_id

    candidates = sorted(origins, key=rank)
    for picture_id in candidates[:MAX_CANDIDATES]:
        origin = origins[picture_id]
        matches = await _COMPARING.run(_matches_file, picture, folder / origin.path)
        if matches:
            return OriginAnswer(MadeHere(origin, near[picture_id]), 0)
        compared -= matches is None
    compared -= len(candidates[MAX_CANDIDATES:])
    return OriginAnswer(None, max(0, await count_pictures(db) - compared))


def _decoded(data: bytes) -> _Upload:
    """Decode and hash the file."""
    try:
        picture = read(data)
        hashes = look_again(picture).all_hashes
    except TooManyParts:
        return _Upload(Obstacle.PARTS)
    except (PictureTooLarge, Image.DecompressionBombError):
        return _Upload(Obstacle.LARGE)
    except BROKEN:
        return _Upload(Obstacle.BROKEN)
    if is_too_plain(hashes):
        return _Upload(Obstacle.PLAIN, picture_hash(picture))
    return _Upload(None, picture_hash(picture), picture, Search(hashes))


def _matches_file(picture: Image.Image, file: Path) -> bool | None:
    """Compare the picture with a stored file. Return None if the file cannot be read."""
    try:
        return shows(picture, read(file))
    except BROKEN:
        return None
