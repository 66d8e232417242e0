"""The gate for pictures from outside: each one is judged here before it is kept, whatever it is for.

A stored picture is compared again when someone starts from it, because staff may have decided meanwhile.

Four things are asked of a picture: whether it is a copy of one that was removed, what staff decided about a picture
that it looks like, whether a photographed face is in it, and whether its name breaks a rule on words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import TextKind
from bot.pictures.faces import FaceFinder
from bot.pictures.similarity.perceptual_hash import notice_hashes, upload_hashes
from bot.pictures.similarity.removed_pictures import RemovedPictures
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE


@dataclass(frozen=True)
class GateFacts:
    """What was found in a picture: hashes, and whether a photographed face is in it.

    `hashes` are those of the picture and of its parts. `sections` are those of its crops, and of larger pictures of
    which it may be a crop.
    """

    hashes: bytes
    sections: bytes
    face: bool

    @property
    def all_hashes(self) -> bytes:
        """The hashes of the picture, its parts and its sections, to find the picture that it was made of."""
        return self.hashes + self.sections


class InputGate:
    """Judges pictures from outside. Without a face finder no face is found, and each server's own rules apply."""

    def __init__(self, removed: RemovedPictures, faces: FaceFinder | None = None) -> None:
        self._removed = removed
        self._faces = faces

    def look(self, picture: Image.Image) -> GateFacts:
        """Examine a picture in RGB. Takes up to a second, so call it in a thread."""
        face = self._faces is not None and self._faces.shows_face(picture)
        return replace(look_again(picture), face=face)

    async def check(self, facts: GateFacts, place: int) -> ContentRating | None:
        """Refuse copies of removed pictures, and of those that staff deleted or hid in the server `place`.

        Return the rating that staff gave to a picture which looks like this one; None without one. Raises
        RemovedPicture, PictureDeletedByStaff, PictureHiddenByStaff or DatabaseError.
        """
        await self._removed.check([facts.hashes])
        return await self._removed.verdicts.check(facts.all_hashes, place)

    async def check_own(self, hashed: bytes) -> ContentRating | None:
        """Check a picture of ours as `check` does, for it may have been removed meanwhile."""
        await self._removed.check([hashed])
        return await self._removed.verdicts.check(hashed, EVERYWHERE)

    async def jobs_of(self, hashed: bytes, hashes: bytes, person_id: int) -> Sequence[int]:
        """As `PictureVerdicts.jobs_of`."""
        return await self._removed.verdicts.jobs_of(hashed, hashes, person_id)


def look_again(picture: Image.Image) -> GateFacts:
    """Hash a picture in RGB that has passed the gate; whether a face is in it is known. Blocks."""
    return GateFacts(upload_hashes(picture), notice_hashes(picture), face=False)


async def check_name(words: WordRules, file_name: str, description: str | None) -> None:
    """Raise what rules on words refuse in a picture's file name and description."""
    await words.check(f"{file_name}, {description or ''}", TextKind.PICTURE_NAME)
