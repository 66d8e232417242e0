"""The gate for pictures from outside: each one is judged here before it is kept, whatever it is for.

Four things are asked of a picture: whether it is a copy of one that was removed, whether a photographed face is in it,
how the classifier rates it, and whether its name breaks a rule on words.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import TextKind
from bot.pictures.faces import FaceFinder
from bot.pictures.perceptual_hash import upload_hashes
from bot.pictures.removed_pictures import RemovedPictures


@dataclass(frozen=True)
class GateFacts:
    """What was found in a picture: the hashes of it and its parts, and whether a photographed face is in it."""

    hashes: bytes
    face: bool


class InputGate:
    """Judges pictures from outside. Without a face finder no face is found, and each server's own rules apply."""

    def __init__(self, removed: RemovedPictures, faces: FaceFinder | None = None) -> None:
        self._removed = removed
        self._faces = faces

    @property
    def finds_faces(self) -> bool:
        """Whether there is a face finder."""
        return self._faces is not None

    def look(self, picture: Image.Image) -> GateFacts:
        """Examine a picture in RGB. Takes up to a second, so call it in a thread."""
        return GateFacts(upload_hashes(picture), self._faces is not None and self._faces.shows_face(picture))

    async def check(self, facts: GateFacts) -> None:
        """Refuse copies of removed pictures. Raises RemovedPicture or DatabaseError."""
        await self._removed.check([facts.hashes])

    async def check_own(self, hashed: bytes) -> None:
        """Refuse a picture of ours that was removed meanwhile. Raises RemovedPicture or DatabaseError."""
        await self._removed.check([hashed])


async def check_name(words: WordRules, file_name: str, description: str | None) -> None:
    """Raise what rules on words refuse in a picture's file name and description."""
    await words.check(f"{file_name}, {description or ''}", TextKind.PICTURE_NAME)
