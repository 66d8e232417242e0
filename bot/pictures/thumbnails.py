"""Thumbnails for messages: WebP files, made once, named by the SHA-256 of the original picture."""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from bot.background import Pool
from bot.pictures.attachments import PictureFile
from inference.files.image_files import BROKEN, opened, reduced

log = logging.getLogger(__name__)

MAX_SOURCE_BYTES = 32 * 2**20  # larger files are not read
FORMATS = ("PNG", "JPEG", "WEBP")
QUALITIES = (82, 65, 45, 25)


@dataclass(frozen=True)
class Box:
    """The bounds of a thumbnail: the longer side in pixels, the file in bytes."""

    side: int
    limit: int


LIST = Box(side=192, limit=20_000)  # beside an entry of a list, where Discord shows at most 85 points
GALLERY = Box(side=768, limit=200_000)


class Thumbnails:
    """Stores thumbnails in `folder`; an empty file stands for a picture that cannot be decoded.

    `pictures` is the folder of the pictures that were painted here.
    """

    def __init__(self, folder: Path, pictures: Path) -> None:
        self._folder = folder
        self._pictures = pictures
        self._decoding = Pool("thumbnails", 1)  # one at a time, for the memory that a picture unpacks to

    async def of(self, picture: Path, box: Box = LIST) -> PictureFile | None:
        """The thumbnail of `picture` within `box`, under a unique name; None when it cannot be decoded."""
        try:
            kept = await asyncio.to_thread(self._place, picture, box)
            if kept is None:
                return None
            data = await asyncio.to_thread(_read, kept)
            if data is None:
                data = await self._decoding.run(self._make, picture, kept, box)
        except OSError as problem:
            log.warning("no thumbnail of %s: %s", picture, problem)
            return None
        return PictureFile(kept.name, data) if data else None

    async def of_painted(self, path: str, box: Box = LIST) -> PictureFile | None:
        """The thumbnail of a picture that was painted here, by its stored path."""
        return await self.of(self._pictures / path, box)

    def forget(self, picture: Path) -> None:
        """Delete all that is kept beside `picture`, which is about to be deleted. Raises OSError."""
        if picture.exists():
            any_of_it = self.beside(picture, "")
            for kept in any_of_it.parent.glob(f"{any_of_it.name}*"):
                kept.unlink(missing_ok=True)

    def _place(self, picture: Path, box: Box) -> Path | None:
        """Return the path of a thumbnail; None if the picture is too large for thumbnails. Raises OSError."""
        return self.beside(picture, f"{box.side}.webp") if picture.stat().st_size <= MAX_SOURCE_BYTES else None

    def beside(self, picture: Path, name: str) -> Path:
        """Return the path of a file that is made of `picture` and deleted with it. Raises OSError."""
        stat = picture.stat()
        digest = _digest(picture, stat.st_size, stat.st_mtime_ns)
        return self._folder / digest[:2] / f"{digest[:32]}-{name}"

    def _make(self, picture: Path, kept: Path, box: Box) -> bytes:
        if (made := _read(kept)) is not None:  # made for another caller while this one waited
            return made
        try:
            data = shrink(picture.read_bytes(), box)
        except BROKEN as problem:
            log.warning("%s cannot be shown: %s", picture, problem)
            data = b""
        kept.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=kept.parent)  # atomically: another caller may make the same
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(partial).replace(kept)
        return data


def _read(kept: Path) -> bytes | None:
    return kept.read_bytes() if kept.is_file() else None


@lru_cache(maxsize=4096)
def _digest(picture: Path, size: int, mtime_ns: int) -> str:  # pyright: ignore[reportUnusedParameter]
    """Cached: a file of the same size and time is taken to have the same bytes."""
    return hashlib.sha256(picture.read_bytes()).hexdigest()


def shrink(source: bytes, box: Box) -> bytes:
    """The picture as WebP within `box`, without metadata. Raises one of BROKEN."""
    with opened(source, FORMATS, side=box.side) as image:
        plain = reduced(image, box.side)
    if max(plain.size) <= box.side and len(data := _webp(plain, lossless=True)) <= box.limit:
        return data
    side = box.side
    while True:
        plain.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            if len(data := _webp(plain, quality)) <= box.limit:
                return data
        side //= 2


def _webp(image: Image.Image, quality: int = 100, *, lossless: bool = False) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, lossless=lossless, exif=b"", icc_profile=None)
    return buffer.getvalue()
